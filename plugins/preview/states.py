"""What was in which state, and when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from bokeh.models import ColumnDataSource

from plugins.preview import charts
from plugins.preview.axes import Axis
from plugins.preview.drawn import Drawn
from plugins.preview.legends import swatch
from plugins.preview.lines import Line, lines
from plugins.preview.markup import element
from plugins.preview.report import View

MOST = 60
_NAME_CHARACTERS = 34


def _spans(line: Line) -> Iterator[tuple[float, float, float]]:
    """From when to when a value stayed the same."""
    step = min((b - a for a, b in pairwise(line.times)), default=60.0)
    begun: tuple[float, float] | None = None
    last = 0.0
    for at, value in zip(line.times, line.values, strict=True):
        if begun is not None and value != begun[1]:
            yield begun[0], at if value is not None else last + step, begun[1]
            begun = None
        if begun is None and value is not None:
            begun = (at, value)
        last = at
    if begun is not None:
        yield begun[0], last + step, begun[1]


def _short(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"


def timeline(view: View) -> Drawn:
    """A bar over time for each series, in the colour of its state."""
    every = lines(view)
    drawn = every[:MOST]
    count = len(drawn)
    names = tuple((count - number - 0.5, _short(line.name)) for number, line in enumerate(drawn))
    made = charts.over_time(view, Axis(0.0, float(count), names))
    data: dict[str, list[float | str]] = {
        key: [] for key in ("left", "right", "bottom", "top", "colour", "name", "state")
    }
    states: dict[str, str] = {}
    for number, line in enumerate(drawn):
        for start, end, value in _spans(line):
            words = line.field.words(value)
            colour = line.field.colour(value, int(value) if abs(value) < 1e6 else 0, words)
            states.setdefault(words, colour)
            cells: tuple[float | str, ...] = (
                start * 1000,
                min(end, view.report.end) * 1000,
                count - number - 0.9,
                count - number - 0.1,
                colour,
                line.name,
                words,
            )
            for key, cell in zip(data, cells, strict=True):
                data[key].append(cell)
    glyph = made.quad(
        "left",
        "right",
        "top",
        "bottom",
        source=ColumnDataSource(data),
        fill_color="colour",
        fill_alpha=0.85,
        line_color=None,
    )
    when = "@left{%F %T} to @right{%T}"
    formats = {"@left": "datetime", "@right": "datetime"}
    made.add_tools(charts.hover("@state", when, renderers=[glyph], formatters=formats))
    made.ygrid.grid_line_color = None
    entries = [element("li", swatch(colour), words) for words, colour in sorted(states.items())]
    note = f"{count} of {len(every)} series" if len(every) > count else ""
    body = element("ul", *entries[:12], class_="legend")
    return Drawn(body, charts.finished(made), note)
