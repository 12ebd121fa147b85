"""The project's own panels. A board is a table of them.

Each function fixes what is the same everywhere (panel type, unit, scale, colours, exemplars,
links), so that a board says only what is shown, of what, and what to make of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from files.dashboards import promql
from files.dashboards.model import Column, Panel, Query, Transformation

GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"
UP = {"0": ("down", RED), "1": ("up", GREEN)}
PLAIN = ((None, BLUE),)
Steps = tuple[tuple[float | None, str], ...]


def limits(warn: float, critical: float) -> Steps:
    """Green, yellow from the first value on, red from the second."""
    return ((None, GREEN), (warn, YELLOW), (critical, RED))


def floors(critical: float, warn: float) -> Steps:
    """Red below the first value, yellow below the second, green above."""
    return ((None, RED), (critical, YELLOW), (warn, GREEN))


def one(queries: Query | str | Sequence[Query], legend: str = "") -> tuple[Query, ...]:
    """Queries of a panel, however few were written."""
    if isinstance(queries, str):
        return (Query(queries, legend),)
    return (queries,) if isinstance(queries, Query) else tuple(queries)


def lines(
    title: str, about: str, queries: Query | str | Sequence[Query], legend: str = "", **more: Any
) -> Panel:
    """Values over time.

    Args:
        title: Above the panel.
        about: Its description.
        queries: One expression, or queries.
        legend: Of one expression.
        more: Further fields of the panel; the unit is "short" unless said.
    """
    more.setdefault("unit", "short")
    return Panel(kind="timeseries", title=title, about=about, queries=one(queries, legend), **more)


def rate(title: str, about: str, expr: str, legend: str, **more: Any) -> Panel:
    """How often something happens, per second, stacked."""
    more = {"unit": "reqps", "stacked": True, "minimum": 0.0, **more}
    return lines(title, about, expr, legend, **more)


def errors(title: str, about: str, bad: str, all_of: str, *labels: str, **more: Any) -> Panel:
    """The share that went wrong, by labels, against 0.5, 2 and 5 %.

    Args:
        title: Above the panel.
        about: Its description.
        bad: Selector of the counter's series that are errors.
        all_of: Selector of all of them.
        labels: To tell apart.
        more: Further fields of the panel.
    """
    expr = promql.share(promql.rate(bad, *labels), promql.rate(all_of, *labels))
    legend = " ".join(f"{{{{{label}}}}}" for label in labels) or "errors"
    steps = ((None, GREEN), (0.005, YELLOW), (0.02, ORANGE), (0.05, RED))
    more = {"unit": "percentunit", "minimum": 0.0, "steps": steps, "shown": "dashed", **more}
    return lines(title, about, expr, legend, **more)


def duration(
    title: str,
    about: str,
    histogram: str,
    matchers: str,
    *labels: str,
    quantiles: Sequence[float] = (0.5, 0.95, 0.99),
    **more: Any,
) -> Panel:
    """Quantiles of a histogram, with exemplars that lead to traces.

    Args:
        title: Above the panel.
        about: Its description.
        histogram: Its name without ``_bucket``.
        matchers: ``{...}`` behind the name.
        labels: To tell apart.
        quantiles: p50, p95 and p99 unless said.
        more: Further fields of the panel.
    """
    names = " ".join(f"{{{{{label}}}}}" for label in labels)
    queries = tuple(
        Query(
            promql.quantile(each, f"{histogram}_bucket{matchers}", *labels),
            f"p{each * 100:g} {names}".strip(),
            exemplars=True,
        )
        for each in quantiles
    )
    return lines(title, about, queries, **{"unit": "s", "minimum": 0.0, **more})


def saturation(
    title: str,
    about: str,
    expr: str,
    legend: str,
    *,
    warn: float = 0.8,
    critical: float = 0.9,
    **more: Any,
) -> Panel:
    """How much of what there is is used: 0 to 100 %."""
    fixed = {"unit": "percentunit", "minimum": 0.0, "maximum": 1.0, "shown": "dashed"}
    return lines(title, about, expr, legend, **{**fixed, "steps": limits(warn, critical), **more})


def stat(
    title: str,
    about: str,
    queries: Query | str | Sequence[Query],
    legend: str = "",
    *,
    trend: bool = False,
    **more: Any,
) -> Panel:
    """One number of now, large.

    Args:
        title: Above the panel.
        about: Its description.
        queries: One expression, or queries.
        legend: Of one expression; the title unless said.
        trend: Also draw what it was before. Only for what always has a value: of what has ended,
            Grafana would go on showing the last number of the chosen time as that of now.
        more: Further fields of the panel.
    """
    more = {"unit": "short", "width": 4, "height": 4, "steps": PLAIN, **more}
    asked = (
        (Query(queries, legend or title, instant=not trend),)
        if isinstance(queries, str)
        else one(queries)
    )
    return Panel(kind="stat", title=title, about=about, queries=asked, **more)


def gauge(title: str, about: str, expr: str, legend: str, **more: Any) -> Panel:
    """One number between two ends, with colours."""
    more = {"unit": "short", "width": 6, "height": 6, **more}
    query = Query(expr, legend, instant=True)
    return Panel(kind="gauge", title=title, about=about, queries=(query,), **more)


def bars(title: str, about: str, expr: str, legend: str, **more: Any) -> Panel:
    """Numbers of now as bars, the largest of many beside each other."""
    more = {"unit": "short", "steps": PLAIN, "minimum": 0.0, **more}
    query = Query(expr, legend, instant=True)
    return Panel(kind="bargauge", title=title, about=about, queries=(query,), **more)


def states(title: str, about: str, expr: str, legend: str, **more: Any) -> Panel:
    """What was up or down, and when."""
    more = {"unit": "short", "width": 24, "words": UP, **more}
    return Panel(kind="state-timeline", title=title, about=about, queries=one(expr, legend), **more)


def table(
    title: str,
    about: str,
    queries: Sequence[str],
    columns: Mapping[str, str],
    *,
    show: Sequence[Column] = (),
    sort: str = "",
    descending: bool = False,
    **more: Any,
) -> Panel:
    """Instant answers side by side, a row for each set of labels.

    Args:
        title: Above the panel.
        about: Its description.
        queries: Their values become the columns ``Value #A``, ``Value #B``, ...
        columns: Which columns are shown, in their order, and how they are called.
        show: How columns are shown, by their new names.
        sort: Which column is sorted by.
        descending: Whether the largest comes first.
        more: Further fields of the panel.
    """
    asked = tuple(Query(expr, instant=True, format="table") for expr in queries)
    # With one query Grafana calls the column "Value", with several "Value #A".
    named = {
        ("Value" if len(asked) == 1 and key == "Value #A" else key): name
        for key, name in columns.items()
    }
    options = {"sortBy": [{"displayName": sort, "desc": descending}]} if sort else {}
    steps = (Transformation("merge"),) if len(asked) > 1 else ()
    return Panel(
        kind="table",
        title=title,
        about=about,
        queries=asked,
        transformations=(*steps, _organized(named)),
        columns=tuple(show),
        options=options,
        **{"unit": "short", **more},
    )


def tabled(
    title: str,
    about: str,
    query: Query,
    columns: Mapping[str, str],
    *,
    show: Sequence[Column] = (),
    before: Sequence[Transformation] = (),
    **more: Any,
) -> Panel:
    """Lines of logs, or traces, as a table.

    Args:
        title: Above the panel.
        about: Its description.
        query: What is asked.
        columns: Which columns are shown, in their order, and how they are called.
        show: How columns are shown, by their new names.
        before: What is done before columns are chosen.
        more: Further fields of the panel.
    """
    return Panel(
        kind="table",
        title=title,
        about=about,
        queries=(query,),
        transformations=(*before, _organized(columns)),
        columns=tuple(show),
        **{"unit": "none", "width": 24, **more},
    )


def _organized(columns: Mapping[str, str]) -> Transformation:
    """The step that keeps these columns, in this order, by these names."""
    return Transformation(
        "organize",
        {
            "excludeByName": {} if "Time" in columns else {"Time": True},
            "includeByName": dict.fromkeys(columns, True),
            "indexByName": {key: place for place, key in enumerate(columns)},
            "renameByName": dict(columns),
        },
    )


def heatmap(title: str, about: str, buckets: str, **more: Any) -> Panel:
    """How many observations fell into which bucket, over time, with exemplars."""
    query = Query(promql.rate(buckets, "le"), "{{le}}", format="heatmap", exemplars=True)
    more = {"unit": "s", **more}
    return Panel(kind="heatmap", title=title, about=about, queries=(query,), **more)


def logs(title: str, about: str, expr: str, **more: Any) -> Panel:
    """Lines of logs, the newest first."""
    query = Query(expr, source="loki", native={"maxLines": 500})
    more = {"unit": "none", "width": 24, "height": 12, **more}
    return Panel(kind="logs", title=title, about=about, queries=(query,), **more)


def traces(title: str, about: str, trace: str, **more: Any) -> Panel:
    """One trace as a waterfall."""
    more = {"unit": "none", "width": 24, "height": 12, **more}
    query = Query(trace, source="jaeger")
    return Panel(kind="traces", title=title, about=about, queries=(query,), **more)


def listing(
    kind: Literal["alertlist", "dashlist", "text"],
    title: str,
    about: str,
    options: Mapping[str, object],
    **more: Any,
) -> Panel:
    """A panel that asks no datasource: lists of alerts and dashboards, or text."""
    more = {"unit": "none", **more}
    return Panel(kind=kind, title=title, about=about, options=options, **more)
