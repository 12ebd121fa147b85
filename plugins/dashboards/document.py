"""A dashboard file, read: Grafana's classic JSON, with what this project says beside it.

https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from plugins.dashboards.model import (
    GENERAL,
    OWN_KEY,
    Dashboard,
    Grid,
    Panel,
    Target,
    Threshold,
    Variable,
    flattened,
    named,
    own_words,
    source,
)
from plugins.dashboards.shape import loaded, misshapen
from plugins.problem import Problem

__all__ = [
    "GENERAL",
    "LIBRARY",
    "OWN_KEY",
    "Dashboard",
    "DashboardError",
    "Grid",
    "Panel",
    "Target",
    "Threshold",
    "Variable",
    "flattened",
    "library",
    "named",
    "own_words",
    "parse",
    "read",
    "read_raw",
]

LIBRARY = Path(__file__).parents[2] / "files" / "dashboards" / "json"
# https://github.com/grafana/grafana/blob/v12.3.0/pkg/util/shortid_generator.go#L20
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class DashboardError(Exception):
    """A file is no dashboard; carries every reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


def _strings(said: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in said or ())


class _Reader:
    """Reads one file and collects what is wrong with it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.types: Mapping[str, str] = {}

    def blame(self, what: str, remedy: str, place: str = "") -> None:
        """Record a problem of the file, or of a place in it."""
        where = f"{self.file}: {place}" if place else str(self.file)
        self.problems.append(Problem(where, what, remedy))

    def content(self, text: str) -> Mapping[str, Any]:
        """The JSON object that a file is.

        Raises:
            DashboardError: It is none, or one of another kind.
        """
        try:
            raw = loaded(text)
        except ValueError as error:
            self.blame(f"is no valid JSON: {error}", "Correct the file, or export it again")
            raise DashboardError(self.problems) from error
        if not isinstance(raw, dict):
            self.blame("is no dashboard but " + type(raw).__name__, "Export the dashboard as JSON")
        elif isinstance(raw.get("dashboard"), dict) and "panels" not in raw:
            self.blame(
                "is an answer of Grafana's API, not a dashboard",
                "Keep only what stands under its key `dashboard`",
            )
        elif "spec" in raw or "elements" in raw:
            self.blame("is written in Grafana's new schema", "Export it as a classic dashboard")
        elif not isinstance(raw.get("panels"), list):
            self.blame("is no dashboard: it has no list `panels`", "Export the dashboard as JSON")
        elif raw.get("__inputs"):
            names = ", ".join(str(each.get("name")) for each in raw["__inputs"])
            self.blame(
                f"wants to be asked for {names} when it is imported, and nobody is",
                "Export it without `share externally`",
            )
        if self.problems:
            raise DashboardError(self.problems)
        return raw  # type: ignore[no-any-return]

    def identity(self, raw: Mapping[str, Any]) -> None:
        """Whether a dashboard says what it is."""
        uid, title = raw.get("uid"), raw.get("title")
        if not isinstance(uid, str) or not _UID.fullmatch(uid):
            what = "has no uid" if not uid else f"has the uid {uid!r}, which Grafana refuses"
            self.blame(what, 'Write "uid": up to 40 letters, digits, - and _')
        if not isinstance(title, str) or not title.strip():
            self.blame("has no title", 'Write "title"')

    def target(self, raw: Mapping[str, Any], panel: Mapping[str, Any]) -> Target:
        """One query."""
        own = source(raw.get("datasource"), self.types)
        kind, uid = own if any(own) else source(panel.get("datasource"), self.types)
        return Target(
            str(raw.get("refId") or ""),
            kind,
            uid,
            str(raw.get("expr") or raw.get("query") or ""),
            str(raw.get("legendFormat") or ""),
            bool(raw.get("instant")) or raw.get("queryType") == "instant",
            str(raw.get("format") or "time_series"),
            raw,
        )

    def panel(self, raw: Mapping[str, Any], number: int) -> Panel:
        """One panel."""
        grid = raw.get("gridPos") or {}
        defaults = (raw.get("fieldConfig") or {}).get("defaults") or {}
        steps = (defaults.get("thresholds") or {}).get("steps") or []
        return Panel(
            raw.get("id") or number,
            str(raw.get("title") or ""),
            str(raw["type"]),
            str(raw.get("description") or ""),
            str(defaults.get("unit") or ""),
            tuple(self.target(each, raw) for each in raw.get("targets") or ()),
            Grid(*(int(grid.get(key, 0)) for key in "xywh")),
            _strings(own_words(raw).get("needs")),
            str(own_words(raw).get("empty") or ""),
            tuple(Threshold(step.get("value"), str(step.get("color"))) for step in steps),
            raw,
        )

    def variable(self, raw: Mapping[str, Any]) -> Variable:
        """One variable."""
        query = raw.get("query")
        if isinstance(query, Mapping):
            query = query.get("query") or query.get("label") or ""
        return Variable(
            str(raw.get("name") or ""),
            str(raw.get("type") or ""),
            str(query or ""),
            str(raw.get("regex") or ""),
            bool(raw.get("multi")),
            bool(raw.get("includeAll")),
            raw,
        )

    def variables(self, raw: Mapping[str, Any]) -> tuple[Variable, ...]:
        """Its variables; which datasource each names is known afterwards."""
        listed = (raw.get("templating") or {}).get("list") or []
        made = tuple(self.variable(each) for each in listed)
        self.types = {each.name: each.query for each in made if each.type == "datasource"}
        return made


def parse(text: str, file: Path, folder: str = GENERAL) -> Dashboard:
    """Read a dashboard.

    Args:
        text: Its content.
        file: Where it stands, for messages.
        folder: Where people find it, unless it says so itself.

    Raises:
        DashboardError: It is no dashboard; with every reason, file and panel.
    """
    return read_raw(_Reader(file).content(text), file, folder)


def read_raw(raw: Mapping[str, Any], file: Path, folder: str = GENERAL) -> Dashboard:
    """Read a dashboard's JSON object, see :func:`parse`.

    Raises:
        DashboardError: A part of it is none; with every reason, file and panel.
    """
    reader = _Reader(file)
    reader.identity(raw)
    for place, what in misshapen(raw):
        reader.blame(what, "Correct it, or export the dashboard again", place)
    if reader.problems:
        raise DashboardError(reader.problems)
    variables = reader.variables(raw)
    panels = [reader.panel(each, n) for n, each in enumerate(flattened(raw["panels"]), 1)]
    own = own_words(raw)
    return Dashboard(
        raw["uid"],
        raw["title"],
        str(own.get("folder") or folder),
        _strings(raw.get("tags")),
        _strings(own.get("needs")),
        variables,
        tuple(panel for panel in panels if panel.type != "row"),
        tuple(panel for panel in panels if panel.type == "row"),
        raw,
        file,
    )


def read(path: Path) -> Dashboard:
    """Read a dashboard file.

    Raises:
        DashboardError: It cannot be read, or is no dashboard; with every reason.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DashboardError([Problem(str(path), f"cannot be read: {error}", "Check it")]) from None
    return parse(text, path)


@cache
def library() -> tuple[Dashboard, ...]:
    """The project's own dashboards, by uid.

    Raises:
        DashboardError: One is none: a programmer's mistake.
    """
    return tuple(read(path) for path in sorted(LIBRARY.glob("*.json")))
