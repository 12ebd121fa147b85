"""Bars of what is, without time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bokeh.models import ColumnDataSource, FactorRange, Range1d
from bokeh.transform import dodge

from plugins.preview import axes, charts
from plugins.preview.drawn import Drawn
from plugins.preview.fields import field, options
from plugins.preview.frames import TIME, Frame
from plugins.preview.legends import swatch
from plugins.preview.markup import element
from plugins.preview.numbers import numbers
from plugins.preview.report import View
from plugins.preview.tables import labels_of, table_frames

MOST = 40


def _frame(view: View) -> Frame:
    """What the bars show: a table, or the last numbers of series."""
    targets = {target.format for target in view.panel.targets}
    if "table" in targets or view.panel.raw.get("transformations"):
        made, _ = table_frames(view)
        return max(made, key=lambda frame: len(frame.rows), default=Frame((), ()))
    rows = tuple({"Name": each.name, "Value": each.value} for each in numbers(view))
    return Frame(("Name", "Value"), rows)


def barchart(view: View) -> Drawn:
    """A group of bars for each row, a bar for each column of numbers."""
    frame, said = _frame(view), options(view.panel)
    columns = [name for name in frame.columns if frame.numeric(name)]
    by = str(said.get("xField") or "")
    rows = frame.rows[:MOST]
    names = _distinct([str(row.get(by) or labels_of(row) or row.get(TIME) or "") for row in rows])
    first = field(view.panel, columns[0] if columns else "", frame.ref)
    values = [
        float(cell)
        for row in rows
        for name in columns
        if isinstance(cell := row.get(name), float | int)
    ]
    low, high = axes.limits(values, first.minimum, first.maximum, zero=True)
    count = charts.ticks_for(view.panel.grid.h)
    axis = axes.axis(low, high, first.unit, count, first.decimals)
    upright = said.get("orientation") != "horizontal"
    ends = Range1d(start=axis.start, end=axis.end)
    factors = FactorRange(*(names if upright else reversed(names)))
    across, up = (factors, ends) if upright else (ends, factors)
    made = charts.plain(tools="", x_range=across, y_range=up)
    charts.ticked(made.yaxis[0] if upright else made.xaxis[0], axis)
    width = 0.8 / max(len(columns), 1)
    entries = []
    for number, column in enumerate(columns):
        shown = field(view.panel, column, frame.ref)
        cells = [row.get(column) for row in rows]
        there = [float(cell) if isinstance(cell, float | int) else math.nan for cell in cells]
        colours = [shown.colour(value, number, column) for value in there]
        title = shown.named or column
        entries.append(element("li", swatch(shown.colour(None, number, column)), title))
        words = [shown.words(value) for value in there]
        source = ColumnDataSource(
            {"at": names, "value": there, "colour": colours, "name": names, "words": words}
        )
        place = dodge("at", (number - (len(columns) - 1) / 2) * width, range=factors)
        look = {"fill_color": "colour", "fill_alpha": 0.8, "line_color": None, "source": source}
        if upright:
            glyph = made.vbar(x=place, top="value", width=width * 0.9, **look)
        else:
            glyph = made.hbar(y=place, right="value", height=width * 0.9, **look)
        made.add_tools(charts.hover("@words", renderers=[glyph]))
    if upright and len(names) > 6:
        made.xaxis.major_label_orientation = math.pi / 4
    left = len(frame.rows) - MOST
    note = f"{left} more rows are left out" if left > 0 else ""
    legend = element("ul", *(entries if len(entries) > 1 else ()), class_="legend")
    return Drawn(legend, charts.finished(made), note)


def _distinct(names: Sequence[str]) -> list[str]:
    """The same names, those that are there twice with a number."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return made
