"""Panels over time: lines, filled areas, bars and points, with thresholds and a legend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource
from bokeh.models.annotations import BoxAnnotation, Span

from plugins.preview import axes, charts, legends
from plugins.preview.axes import Axis
from plugins.preview.colours import colour
from plugins.preview.drawn import Drawn
from plugins.preview.fields import field, options
from plugins.preview.lines import Line, largest, lines, stacked
from plugins.preview.report import View

# With more lines than this, a tooltip tells of the one that is pointed at, not of all.
_MOST_TOLD = 12
# From this density on an area is read as an amount, which begins at zero.
_DENSE = 0.15
_WHOLE = {"percent": 100.0, "percentunit": 1.0}
_DASHES = {"dash": "dashed", "dot": "dotted"}


def _points(line: Line) -> tuple[Any, Any]:
    return np.array(line.times) * 1000, np.array(line.tops, dtype=np.float32)


def _areas(line: Line) -> tuple[list[float], list[float]]:
    """The outline of what is filled, one polygon between gaps, apart by NaN."""
    base = line.base or (0.0,) * len(line.times)
    xs: list[float] = []
    ys: list[float] = []
    part: list[tuple[float, float, float]] = []
    for at, top, below in [*zip(line.times, line.tops, base, strict=True), (0, math.nan, 0)]:
        if not math.isnan(top):
            part.append((at * 1000, top, below))
        elif part:
            before = [math.nan] if xs else []
            xs += [*before, *(x for x, _, _ in part), *(x for x, _, _ in reversed(part))]
            ys += [*before, *(y for _, y, _ in part), *(y for _, _, y in reversed(part))]
            part = []
    return xs, ys


def _filled(line: Line) -> float:
    """How dense the area under a line is, 0 to 1."""
    return float(line.field.custom.get("fillOpacity") or 0) / 100


def _width(line: Line) -> float:
    """How wide a line is, in pixels; 0 draws the area below it alone."""
    said = float(line.field.custom.get("lineWidth", 1))
    return said + 0.2 if said else 0.0


def _style(line: Line) -> str:
    return str(line.field.custom.get("drawStyle") or "line")


def _lonely(line: Line) -> Iterator[tuple[float, float]]:
    """Points without a neighbour, of which no line is seen."""
    tops = line.tops
    for number, (at, top) in enumerate(zip(line.times, tops, strict=True)):
        beside = (*tops[max(number - 1, 0) : number], *tops[number + 1 : number + 2])
        if not math.isnan(top) and all(math.isnan(each) for each in beside):
            yield at * 1000, top


def _draw_lines(made: Any, drawn: Sequence[Line], extra: dict[str, Any]) -> None:
    for dash in sorted({_dash(line) for line in drawn}):
        some = [line for line in drawn if _dash(line) == dash]
        points = [_points(line) for line in some]
        source = {
            "xs": [x for x, _ in points],
            "ys": [y for _, y in points],
            "name": [line.name for line in some],
            "colour": [line.colour for line in some],
            "width": [_width(line) for line in some],
        }
        if any(line.base for line in some):
            # What is stacked is told without what is below it.
            bases = (line.base or (0.0,) * len(line.times) for line in some)
            source["below"] = [np.array(base, dtype=np.float32) for base in bases]
        glyph = made.multi_line(
            "xs",
            "ys",
            source=ColumnDataSource(source),
            line_color="colour",
            line_width="width",
            line_dash=dash,
            line_join="round",
            hover_line_width=3,
            **extra,
        )
        unit = some[0].field.unit
        tip = charts.hover(
            f"$snap_y{{{unit or 'none'}}}",
            "$snap_x{%F %T}",
            renderers=[glyph],
            line_policy="nearest",
            mode="vline" if len(drawn) <= _MOST_TOLD else "mouse",
            formatters={
                "$snap_x": "datetime",
                "$snap_y": charts.in_unit(unit, glyph.data_source),
            },
        )
        made.add_tools(tip)


def _dash(line: Line) -> str:
    return _DASHES.get(str((line.field.custom.get("lineStyle") or {}).get("fill")), "solid")


def _draw_dots(made: Any, drawn: Sequence[Line], extra: dict[str, Any]) -> None:
    """Points: of lines that are drawn so, and of those too lonely for a line."""
    for line in drawn:
        if _style(line) == "points":
            points = [(at * 1000, top) for at, top in zip(line.times, line.tops, strict=True)]
        else:
            points = list(_lonely(line))
        if points:
            source = ColumnDataSource({"x": [x for x, _ in points], "y": [y for _, y in points]})
            made.scatter(
                "x",
                "y",
                source=source,
                size=5,
                color=line.colour,
                **extra,
            )


def _draw_bars(made: Any, line: Line, extra: dict[str, Any]) -> None:
    apart = min((b - a for a, b in pairwise(line.times)), default=60.0)
    base = line.base or (0.0,) * len(line.times)
    source = {
        "x": np.array(line.times) * 1000,
        "top": np.array(line.tops, dtype=np.float32),
        "bottom": np.array(base, dtype=np.float32),
    }
    made.vbar(
        x="x",
        top="top",
        bottom="bottom",
        source=ColumnDataSource(source),
        width=apart * 1000 * 0.8,
        fill_color=line.colour,
        fill_alpha=max(_filled(line), 0.3),
        line_color=line.colour,
        **extra,
    )


def _draw(made: Any, drawn: Sequence[Line], extra: dict[str, Any]) -> None:
    filled = [line for line in drawn if _style(line) == "line" and _filled(line)]
    if filled:
        areas = [_areas(line) for line in filled]
        source = {
            "xs": [np.array(x) for x, _ in areas],
            "ys": [np.array(y, dtype=np.float32) for _, y in areas],
            "colour": [line.colour for line in filled],
            "dense": [_filled(line) for line in filled],
        }
        made.patches(
            "xs",
            "ys",
            source=ColumnDataSource(source),
            fill_color="colour",
            fill_alpha="dense",
            line_color=None,
            **extra,
        )
    for line in drawn:
        if _style(line) == "bars":
            _draw_bars(made, line, extra)
    _draw_dots(made, drawn, extra)
    ruled = [line for line in drawn if _style(line) == "line"]
    if ruled:
        _draw_lines(made, ruled, extra)


def _scale(view: View, drawn: Sequence[Line]) -> Axis:
    """The axis of lines of one unit."""
    first = drawn[0].field
    values = [value for line in drawn for value in line.tops]
    low = min((f.minimum for f in _fields(drawn) if f.minimum is not None), default=None)
    high = max((f.maximum for f in _fields(drawn) if f.maximum is not None), default=None)
    zero = any(line.base or _filled(line) >= _DENSE or _style(line) == "bars" for line in drawn)
    start, end = axes.limits(values, low, high, zero)
    whole = _WHOLE.get(first.unit)
    if whole is not None and high is None and all(not value > whole for value in values):
        # More than all of it is not expected, so that no room is kept for it.
        end = min(end, whole)
    count = charts.ticks_for(view.panel.grid.h)
    if (first.custom.get("scaleDistribution") or {}).get("type") == "log":
        there = [value for value in values if value > 0]
        return axes.powers(min(there, default=1.0), max(there, default=10.0), first.unit)
    exact = (low is not None, high is not None)
    return axes.axis(start, end, first.unit, count, first.decimals, exact)


def _fields(drawn: Sequence[Line]) -> Iterator[Any]:
    return (line.field for line in drawn)


def _sides(drawn: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Lines of the left axis and of the right one: what is said, or what has another unit."""
    first = drawn[0].field.unit
    right = [
        line
        for line in drawn
        if line.field.custom.get("axisPlacement") == "right"
        or (line.field.unit != first and line.field.custom.get("axisPlacement") != "left")
    ]
    left = [line for line in drawn if line not in right]
    return (left, right) if left else (right, [])


def _thresholds(made: Any, view: View, axis: Axis) -> None:
    """Lines and areas from a threshold on, as far as the axis shows them."""
    shown = field(view.panel)
    mode = str((shown.custom.get("thresholdsStyle") or {}).get("mode") or "off")
    for low, high, name in shown.thresholds.spans(axis.start, axis.end):
        if "area" in mode and colour(name) != "transparent":
            made.add_layout(
                BoxAnnotation(
                    bottom=low,
                    top=high,
                    fill_color=colour(name),
                    fill_alpha=0.08,
                    line_color=None,
                    level="underlay",
                )
            )
        if ("line" in mode or "dash" in mode) and low > axis.start:
            made.add_layout(
                Span(
                    location=low,
                    dimension="width",
                    line_color=colour(name),
                    line_dash="dashed" if "dash" in mode else "solid",
                    line_width=1.2,
                    line_alpha=0.8,
                )
            )


def timeseries(view: View) -> Drawn:
    """Lines over time, as Grafana's panels ``timeseries`` and ``graph``."""
    every = lines(view)
    kept = largest(every)
    drawn = stacked(kept)
    left, right = _sides(drawn)
    axis = _scale(view, left)
    log = (left[0].field.custom.get("scaleDistribution") or {}).get("type") == "log"
    made = charts.over_time(view, axis, **({"y_axis_type": "log"} if log else {}))
    _thresholds(made, view, axis)
    _draw(made, left, {})
    if right:
        charts.second_axis(made, "right", _scale(view, right))
        _draw(made, right, {"y_range_name": "right"})
    note = f"{len(kept)} of {len(every)} series, those with the largest values"
    legend = legends.legend(options(view.panel).get("legend") or {}, kept)
    return Drawn(legend, charts.finished(made), note if len(every) > len(kept) else "")
