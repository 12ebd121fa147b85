"""A dashboard as values: what of Grafana's JSON the rest of the project looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Our own words about a dashboard or panel; they never reach a host.
OWN_KEY = "stackwatch"
# Grafana's top, which is no folder.
GENERAL = "General"
_VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}|\$(\w+)|\[\[(\w+)[^\]]*\]\]")


@dataclass(frozen=True)
class Grid:
    """Where a panel stands: 24 columns, rows as high as its content."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class Target:
    """One query of a panel.

    Attributes:
        ref: Its letter, unique in the panel.
        datasource: Type of its datasource, empty where nothing tells it.
        uid: The datasource as written: ``${variable}``, a uid, a name, or empty for the default.
        expr: PromQL, LogQL, or what another datasource takes as text.
        legend: How series are called.
        instant: Whether it asks for one moment and not for a span of time.
        format: What is made of the answer: ``time_series``, ``table`` or ``heatmap``.
        raw: As written.
    """

    ref: str
    datasource: str
    uid: str
    expr: str
    legend: str
    instant: bool
    format: str
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Threshold:
    """From which value on a colour stands; None for the one that stands below all."""

    value: float | None
    color: str


@dataclass(frozen=True)
class Panel:
    """One panel, or the heading of a row.

    Attributes:
        id: Unique in the dashboard.
        title: What stands above it.
        type: Grafana's panel type.
        description: What a person reads at its corner.
        unit: Grafana's name of its unit.
        targets: Its queries.
        grid: Where it stands.
        needs: Families that a site must have, ``a|b`` for one of several.
        empty: Why it may rightly show nothing; empty if it must not.
        thresholds: Its colours, from the lowest.
        raw: As written.
    """

    id: int
    title: str
    type: str
    description: str
    unit: str
    targets: tuple[Target, ...]
    grid: Grid
    needs: tuple[str, ...]
    empty: str
    thresholds: tuple[Threshold, ...]
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Variable:
    """One variable of a dashboard.

    Attributes:
        name: As queries call it.
        type: ``query``, ``custom``, ``interval``, ``datasource``, ``constant``, ``textbox``...
        query: What is asked for its values; of a datasource variable, the datasource's type.
        regex: Which of them, and which part.
        multi: Whether several may be chosen.
        include_all: Whether "All" may be.
        raw: As written.
    """

    name: str
    type: str
    query: str
    regex: str
    multi: bool
    include_all: bool
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Dashboard:
    """One dashboard.

    Attributes:
        uid: Its id in URLs.
        title: Its name.
        folder: Where people find it.
        tags: As written.
        needs: Families that a site must have for any of it.
        variables: In their order.
        panels: In their order, those in rows too, without the rows' headings.
        rows: The headings.
        raw: As written.
        file: Where it was read.
    """

    uid: str
    title: str
    folder: str
    tags: tuple[str, ...]
    needs: tuple[str, ...]
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]
    rows: tuple[Panel, ...]
    raw: Mapping[str, Any] = field(repr=False)
    file: Path


def named(text: str) -> frozenset[str]:
    """Names of the variables that a text mentions, Grafana's own ones (``__...``) too."""
    return frozenset(next(filter(None, found)) for found in _VARIABLE.findall(text))


def source(said: Any, types: Mapping[str, str]) -> tuple[str, str]:
    """Type and uid of a datasource, as written at a panel, a query, a variable or an annotation.

    Args:
        said: As written.
        types: Variables of datasources, and their types.
    """
    if isinstance(said, str):
        kind, uid = "", said
    elif isinstance(said, Mapping):
        kind, uid = str(said.get("type") or ""), str(said.get("uid") or "")
    else:
        return "", ""
    for name in named(uid):
        kind = kind or types.get(name, "")
    return kind, uid


def flattened(panels: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Panels as written, in their order, those of a collapsed row after its heading."""
    for panel in panels:
        yield panel
        yield from panel.get("panels") or ()


def own_words(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What this project says of a dashboard or panel."""
    said = raw.get(OWN_KEY)
    return said if isinstance(said, Mapping) else {}
