"""What the panels of a dashboard ask, as HTTP GETs to the datasources themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from plugins.dashboards.document import Dashboard, Panel, Target, named
from plugins.dashboards.logql import is_log_query
from plugins.dashboards.results import (
    Kind,
    LogLine,
    Question,
    Result,
    Series,
    TraceSummary,
    parse,
)
from plugins.dashboards.substitution import Values, Window, substitute

__all__ = [
    "ASKABLE",
    "LogLine",
    "Question",
    "Result",
    "Series",
    "TraceSummary",
    "parse",
    "path_of",
    "questions",
]

_LINES = 50
_TRACES = 20


@dataclass(frozen=True)
class _Request:
    """What is asked of a datasource, and where."""

    kind: Kind
    expr: str
    path: str


def path_of(path: str, **parameters: object) -> str:
    """A path with its query, escaped so that no shell and no URL reads it another way."""
    given = {key: value for key, value in parameters.items() if value != ""}
    return f"{path}?{urlencode(given, quote_via=quote, safe='')}"


def _prometheus(panel: Panel, target: Target, values: Values, window: Window) -> _Request:
    expr = substitute(target.expr, values, window)
    if target.instant and not target.raw.get("range"):
        return _Request("instant", expr, path_of("/api/v1/query", query=expr, time=window.end))
    span = {"start": window.start, "end": window.end, "step": window.step}
    return _Request("range", expr, path_of("/api/v1/query_range", query=expr, **span))


def _limit(said: str, most: int) -> int:
    return min(int(said), most) if said.isdecimal() else most


def _loki(panel: Panel, target: Target, values: Values, window: Window) -> _Request:
    expr = substitute(target.expr, values, window)
    base = "/loki/api/v1"
    lines = is_log_query(expr)
    if target.instant and not lines:
        return _Request("instant", expr, path_of(f"{base}/query", query=expr, time=window.end))
    limit = _limit(str(target.raw.get("maxLines")), _LINES) if lines else ""
    step = "" if lines else window.step
    span = {"start": f"{window.start}000000000", "end": f"{window.end}000000000"}
    path = path_of(f"{base}/query_range", query=expr, **span, limit=limit, step=step)
    return _Request("logs" if lines else "range", expr, path)


def _jaeger(panel: Panel, target: Target, values: Values, window: Window) -> _Request:
    def said(key: str) -> str:
        return substitute(str(target.raw.get(key) or ""), values, window)

    if target.expr and target.raw.get("queryType") != "search":
        trace = said("query").strip()
        return _Request("traces", trace, f"/api/traces/{quote(trace, safe='')}" if trace else "")
    keys = ("service", "operation", "tags", "minDuration", "maxDuration")
    asked = {key: said(key) for key in keys}
    limit = _limit(said("limit"), _TRACES)
    span = {"start": f"{window.start}000000", "end": f"{window.end}000000"}
    words = " ".join(f"{key}={value}" for key, value in asked.items() if value)
    return _Request("traces", words, path_of("/api/traces", **asked, **span, limit=limit))


_ASK: Mapping[str, Callable[[Panel, Target, Values, Window], _Request]] = {
    "prometheus": _prometheus,
    "loki": _loki,
    "jaeger": _jaeger,
}
ASKABLE = frozenset(_ASK)


def questions(
    dashboard: Dashboard, values: Values, start: int, end: int, step: int
) -> tuple[Question, ...]:
    """What the panels of a dashboard ask; nothing for datasources that this does not know.

    Args:
        dashboard: As the site has it.
        values: Variable to its value; those that have none stay in the query as written.
        start: Unix seconds.
        end: Unix seconds.
        step: Seconds between two points.
    """
    window = Window(start, end, step)
    return tuple(
        _question(dashboard, panel, target, values, window)
        for panel in dashboard.panels
        for target in panel.targets
        if target.datasource in _ASK
    )


def _question(
    dashboard: Dashboard, panel: Panel, target: Target, values: Values, window: Window
) -> Question:
    made = _ASK[target.datasource](panel, target, values, window)
    mentioned = named(" ".join(str(each) for each in target.raw.values()))
    asked = {each.name for each in dashboard.variables if each.type == "query"}
    missing = tuple(sorted(name for name in mentioned & asked if not values.get(name)))
    return Question(
        dashboard.uid,
        panel.id,
        target.ref,
        target.datasource,
        made.expr,
        made.path,
        made.kind,
        substitute(target.legend, values, window),
        target.uid,
        missing,
    )
