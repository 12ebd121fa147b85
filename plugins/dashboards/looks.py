"""Rules of how a dashboard looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from plugins.dashboards.document import Dashboard, Panel
from plugins.dashboards.examples import LANGUAGES
from plugins.dashboards.findings import Found, Library, place
from plugins.dashboards.grid import COLUMNS
from plugins.dashboards.logql import is_log_query

# What shows numbers, and what shows none.
_NUMBERS = frozenset(
    {
        "barchart",
        "bargauge",
        "gauge",
        "heatmap",
        "histogram",
        "piechart",
        "stat",
        "status-history",
        "timeseries",
        "trend",
        "xychart",
    }
)
# https://grafana.com/docs/grafana/latest/developers/angular_deprecation/angular-plugins/
DEPRECATED: Mapping[str, str] = {
    "graph": "timeseries",
    "grafana-piechart-panel": "piechart",
    "grafana-singlestat-panel": "stat",
    "grafana-worldmap-panel": "geomap",
    "heatmap-old": "heatmap",
    "natel-discrete-panel": "state-timeline",
    "singlestat": "stat",
    "table-old": "table",
}


def unit(dashboard: Dashboard, library: Library) -> Found:
    """What shows numbers says what they are."""
    for panel in dashboard.panels:
        overrides = (panel.raw.get("fieldConfig") or {}).get("overrides") or ()
        of_columns = any(
            p.get("id") == "unit" for o in overrides for p in o.get("properties") or ()
        )
        wanted = panel.type in _NUMBERS or (panel.type == "table" and not of_columns)
        if wanted and not panel.unit:
            yield place(panel), "has no unit; `short` is one, for counts"


def description(dashboard: Dashboard, library: Library) -> Found:
    """Every panel says what it shows."""
    for panel in dashboard.panels:
        if panel.type != "text" and not panel.description.strip():
            yield place(panel), "has no description: say what it shows, and what to make of it"


def legend(dashboard: Dashboard, library: Library) -> Found:
    """Every series is called something."""
    for panel in dashboard.panels:
        for target in panel.targets:
            counted = target.datasource == "prometheus" or not is_log_query(target.expr)
            named_otherwise = target.format == "table" or target.raw.get("hide")
            in_language = target.datasource in LANGUAGES
            shown = panel.type in _NUMBERS and target.legend in ("", "__auto")
            if in_language and counted and shown and not named_otherwise:
                yield place(panel, target), "has no legend: `{{label}}`, or words"


def ids(dashboard: Dashboard, library: Library) -> Found:
    """Panels, and queries of a panel, are told apart."""
    counted = Counter(panel.id for panel in (*dashboard.rows, *dashboard.panels))
    for panel in (*dashboard.rows, *dashboard.panels):
        if counted[panel.id] > 1 or panel.id < 1:
            yield place(panel), f"has the id {panel.id}, which is no number of its own"
        letters = Counter(target.ref for target in panel.targets)
        for letter, times in letters.items():
            if times > 1 or not letter:
                yield place(panel), f"has {times} queries with the refId {letter!r}"


def _spaces(dashboard: Dashboard) -> Iterator[list[Panel]]:
    """Panels that share a grid: those of a collapsed row have one of their own."""
    inside: dict[int, int] = {}
    for row in dashboard.rows:
        inside |= {id(raw): row.id for raw in row.raw.get("panels") or ()}
    spaces: dict[int, list[Panel]] = {}
    for panel in (*dashboard.rows, *dashboard.panels):
        spaces.setdefault(inside.get(id(panel.raw), 0), []).append(panel)
    return iter(spaces.values())


def grid(dashboard: Dashboard, library: Library) -> Found:
    """No panel stands outside of the grid, or on another."""
    for space in _spaces(dashboard):
        for number, panel in enumerate(space):
            at = panel.grid
            if min(at.x, at.y) < 0 or min(at.w, at.h) < 1 or at.x + at.w > COLUMNS:
                yield place(panel), f"stands outside of the {COLUMNS} columns, or has no size"
            for other in space[:number]:
                if _overlap(panel, other):
                    yield place(panel), f"overlaps {place(other)}"


def _overlap(one: Panel, other: Panel) -> bool:
    a, b = one.grid, other.grid
    beside = a.x + a.w <= b.x or b.x + b.w <= a.x
    below = a.y + a.h <= b.y or b.y + b.h <= a.y
    return not (beside or below)


def deprecated(dashboard: Dashboard, library: Library) -> Found:
    """No panel type that Grafana drops."""
    for panel in dashboard.panels:
        if panel.type in DEPRECATED:
            instead = DEPRECATED[panel.type]
            yield place(panel), f"has the deprecated type {panel.type!r}: take {instead!r}"


def titles(dashboard: Dashboard, library: Library) -> Found:
    """Dashboards, and panels below one heading, are told apart."""
    same = [each for each in library.dashboards if each.title == dashboard.title]
    if len(same) > 1:
        yield "", f"has the title {dashboard.title!r} of another dashboard"
    for space in _below_rows(dashboard):
        counted = Counter(panel.title for panel in space)
        for title, times in counted.items():
            if not title.strip() or times > 1:
                yield f"panel {title!r}", f"is the title of {times} panels of a row"


def _below_rows(dashboard: Dashboard) -> Iterator[list[Panel]]:
    """Panels by the heading they stand below."""
    rows = sorted((row.grid.y, row.id) for row in dashboard.rows)
    spaces: dict[int, list[Panel]] = {}
    for panel in dashboard.panels:
        above = [number for y, number in rows if y <= panel.grid.y]
        spaces.setdefault(above[-1] if above else 0, []).append(panel)
    return iter(spaces.values())
