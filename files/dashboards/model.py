"""What a dashboard is made of, before the SDK sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["prometheus", "loki", "jaeger"]
Kind = Literal[
    "timeseries",
    "stat",
    "gauge",
    "bargauge",
    "table",
    "heatmap",
    "logs",
    "traces",
    "alertlist",
    "dashlist",
    "text",
    "state-timeline",
]
Format = Literal["time_series", "table", "heatmap"]
COLUMNS = 24


@dataclass(frozen=True)
class Query:
    """One question to a datasource.

    Attributes:
        expr: PromQL, LogQL, or a trace id for Jaeger.
        legend: How its series are called, with ``{{label}}``.
        source: Type of the datasource, and the name of the variable that holds it.
        instant: Whether it asks for the end of the time range only.
        format: What the panel makes of the answer.
        exemplars: Whether traces are shown beside the values.
        native: Keys of the datasource's own, for what is no expression.
    """

    expr: str
    legend: str = ""
    source: Source = "prometheus"
    instant: bool = False
    format: Format = "time_series"
    exemplars: bool = False
    native: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """From a panel or a dashboard to another page; the URL knows variables and fields."""

    title: str
    url: str


@dataclass(frozen=True)
class Column:
    """How one column of a table is shown, by its name.

    Attributes:
        name: The column, after renaming.
        unit: Its unit, if it is a number.
        links: Where its cells lead.
        words: Text and colour for values.
        steps: Colours from these values on.
    """

    name: str
    unit: str = ""
    links: tuple[Link, ...] = ()
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    steps: tuple[tuple[float | None, str], ...] = ()


@dataclass(frozen=True)
class Transformation:
    """A step between answer and panel, in Grafana's words."""

    id: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        kind: Grafana's panel type.
        title: What stands above it.
        about: What a person reads at its corner: what is shown, and what to make of it.
        unit: Grafana's name of the unit.
        queries: What it asks.
        needs: Families a site must have for it, beside the datasources of its queries.
        empty: Why it may rightly show nothing.
        width: Of 24 columns.
        height: In rows of about 30 pixels.
        steps: Colours from values on; the first one's value is None.
        minimum: Lower end of the axis.
        maximum: Upper end of the axis.
        decimals: Digits after the point.
        stacked: Whether series are put on each other.
        shown: Where thresholds are drawn.
        words: Text and colour instead of values.
        links: Where its series lead.
        columns: How columns of a table are shown.
        transformations: Between answer and panel.
        options: The panel type's own options, over those of the layer.
    """

    kind: Kind
    title: str
    about: str
    unit: str
    queries: tuple[Query, ...] = ()
    needs: tuple[str, ...] = ()
    empty: str = ""
    width: int = 12
    height: int = 8
    steps: tuple[tuple[float | None, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    decimals: float | None = None
    stacked: bool = False
    shown: Literal["off", "line", "dashed"] = "off"
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    columns: tuple[Column, ...] = ()
    transformations: tuple[Transformation, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A heading and the panels below it."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable.

    Attributes:
        kind: Where its values come from.
        name: As queries call it.
        label: As people read it.
        about: What it does.
        values: The query for its values, or the list of them, or the text's default.
        source: Datasource of the query.
        regex: Which part of a value counts.
        multi: Whether several may be chosen, and all.
        whole: What "All" stands for.
        default: Chosen at first, of a list.
    """

    kind: Literal["query", "custom", "textbox"]
    name: str
    label: str
    about: str
    values: str
    source: Source = "prometheus"
    regex: str = ""
    multi: bool = False
    whole: str = ".+"
    default: str = ""


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard.

    Attributes:
        uid: Its id in URLs and the name of its file.
        title: Its name.
        about: What it answers.
        folder: Where people find it.
        needs: Families a site must have for any of it.
        variables: In their order, without those of datasources: they follow from the queries.
        rows: Its content.
        links: To what people look at next.
        since: How far back it looks at first.
        refresh: How often it asks again.
        sources: Datasources that panels without a query know.
    """

    uid: str
    title: str
    about: str
    folder: str
    rows: Sequence[Row]
    needs: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    links: tuple[Link, ...] = ()
    since: str = "now-1h"
    refresh: str = "30s"
    sources: tuple[Source, ...] = ()

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Its panels in their order."""
        return tuple(panel for row in self.rows for panel in row.panels)
