"""Heatmaps: how many observations fell into which bucket, over time."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from bokeh.models import LinearColorMapper

from plugins.dashboards.queries import Series
from plugins.preview import charts
from plugins.preview.axes import Axis
from plugins.preview.colours import mixed
from plugins.preview.drawn import Drawn
from plugins.preview.fields import field
from plugins.preview.lines import name_of
from plugins.preview.markup import element
from plugins.preview.report import View
from plugins.preview.units import written

_COLOURS = ("#3d3a5c", "#5b3a8e", "#a0307a", "#e0524a", "#fb9f3a", "#fde725")
_SHADES = 64


def _limit(series: Series) -> float:
    """The upper limit of a bucket, from its label or its name."""
    try:
        return float(series.labels.get("le", name_of(series)))
    except ValueError:
        return math.inf


def buckets(view: View) -> tuple[list[float], list[float], Any]:
    """Moments, upper limits, and the number of observations between two limits (row by limit).

    Prometheus' buckets hold all that are below; with the format ``heatmap`` they are told apart.
    """
    every = [(result.question.ref, series) for result in view.results for series in result.series]
    every.sort(key=lambda pair: _limit(pair[1]))
    moments = sorted({at for _, series in every for at in series.times})
    place = {at: number for number, at in enumerate(moments)}
    counts = np.full((len(every), len(moments)), np.nan)
    for row, (_, series) in enumerate(every):
        for at, value in zip(series.times, series.values, strict=True):
            counts[row, place[at]] = np.nan if value is None else value
    formats = {target.ref: target.format for target in view.panel.targets}
    if every and formats.get(every[0][0]) == "heatmap":
        below = np.vstack([np.zeros(len(moments)), np.nan_to_num(counts[:-1])])
        counts = np.maximum(counts - below, 0)
    return moments, [_limit(series) for _, series in every], counts


def _vertical(limits: list[float], unit: str, height: int) -> Axis:
    """A tick at the upper limit of every bucket that there is room for."""
    every = max(1, math.ceil(len(limits) / (2 * charts.ticks_for(height))))
    ticks = [
        (float(number + 1), written(limit, unit))
        for number, limit in enumerate(limits)
        if (len(limits) - 1 - number) % every == 0
    ]
    return Axis(0.0, float(len(limits)), tuple(ticks))


def heatmap(view: View) -> Drawn:
    """Buckets from below to above, the fuller the lighter; empty ones are left out."""
    moments, limits, counts = buckets(view)
    said = field(view.panel)
    unit = _axis_unit(view) or said.unit
    made = charts.over_time(view, _vertical(limits, unit, view.panel.grid.h))
    counts[counts == 0] = np.nan
    step = min((b - a for a, b in pairwise(moments)), default=60.0)
    most = float(np.nanmax(counts)) if np.isfinite(counts).any() else 1.0
    palette = [mixed(_COLOURS, n / (_SHADES - 1)) for n in range(_SHADES)]
    grid, first = _even(moments, counts, step)
    glyph = made.image(
        image=[grid.astype(np.float32)],
        x=first * 1000,
        y=0,
        dw=step * 1000 * grid.shape[1],
        dh=len(limits),
        color_mapper=LinearColorMapper(
            palette=palette, low=0, high=most, nan_color="rgba(0,0,0,0)"
        ),
    )
    formats = {"$x": "datetime"}
    made.add_tools(
        charts.hover("@image{0.[000]}", "$x{%F %T}", renderers=[glyph], formatters=formats)
    )
    made.ygrid.grid_line_color = None
    ramp = f"background:linear-gradient(to right,{','.join(_COLOURS)})"
    words = (element("li", written(0)), element("li", written(most)))
    scale = element("ul", words[0], element("i", style=ramp), words[1], class_="legend scale")
    return Drawn(scale, charts.finished(made))


def _even(moments: list[float], counts: Any, step: float) -> tuple[Any, float]:
    """The counts with a column for every step of time, also where an answer left some out."""
    first = moments[0]
    columns = [round((at - first) / step) for at in moments]
    grid = np.full((counts.shape[0], columns[-1] + 1), np.nan)
    grid[:, columns] = counts
    # A bucket's column stands for the step that ended at its moment.
    return grid, first - step


def _axis_unit(view: View) -> str:
    said = view.panel.raw.get("options") or {}
    return str((said.get("yAxis") or {}).get("unit") or "")
