"""Which panel type is drawn by what, and what is said where there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from plugins.preview import bars, heatmap, lists, numbers, states, tables, timeseries
from plugins.preview.drawn import NOTHING, Drawn
from plugins.preview.markup import Markup, element
from plugins.preview.report import View, unchosen

Draw = Callable[[View], Drawn]
DRAWN: Mapping[str, Draw] = MappingProxyType(
    {
        "timeseries": timeseries.timeseries,
        "graph": timeseries.timeseries,
        "stat": numbers.stat,
        "gauge": numbers.gauge,
        "bargauge": numbers.bargauge,
        "table": tables.table,
        "heatmap": heatmap.heatmap,
        "state-timeline": states.timeline,
        "status-history": states.timeline,
        "barchart": bars.barchart,
        "piechart": numbers.piechart,
        "logs": lists.logs,
        "traces": lists.traces,
        "alertlist": lists.alertlist,
        "dashlist": lists.dashlist,
        "text": lists.text,
    }
)
# They show what they were told, not what they asked.
_ASK_NOTHING = frozenset({"dashlist", "text"})


def _has_something(view: View) -> bool:
    return any(
        result.lines
        or result.traces
        or any(value is not None for series in result.series for value in series.values)
        for result in view.results
    )


def _why_empty(view: View) -> Markup:
    """Why a panel shows nothing."""
    if view.panel.empty:
        return element("p", "Nothing: ", view.panel.empty, class_="empty")
    missing = sorted({name for result in view.results for name in result.question.missing})
    if missing:
        words = f"there is nothing to choose for {', '.join(missing)}"
        return element("p", "No data: ", words, class_="empty")
    if any(map(unchosen, view.results)):
        return element("p", "Nothing is chosen", class_="empty")
    if not view.results:
        what = "it has no query" if not view.panel.targets else "its queries were not asked"
        return element("p", "No data: ", what, class_="empty")
    asked = " and ".join(dict.fromkeys(result.question.expr for result in view.results))
    said = element("code", asked) if asked else NOTHING
    return element("p", "No data: nothing was found for", said, class_="empty")


def draw(view: View) -> Drawn:
    """A panel as it is shown; an empty one says why."""
    errors = dict.fromkeys(
        result.error for result in view.results if result.error and not unchosen(result)
    )
    if view.panel.type not in DRAWN:
        words = f"Panels of type {view.panel.type} are shown by Grafana only"
        return Drawn(element("p", words, class_="empty"))
    if view.panel.type not in _ASK_NOTHING and not _has_something(view):
        if errors:
            words = "; ".join(errors)
            return Drawn(element("p", "No answer: ", words, class_="empty failed"))
        return Drawn(_why_empty(view))
    drawn = DRAWN[view.panel.type](view)
    if not errors:
        return drawn
    note = "; ".join(filter(None, (drawn.note, f"no answer for a part: {'; '.join(errors)}")))
    return replace(drawn, note=note)
