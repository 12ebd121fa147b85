"""Charts of Bokeh: what they all have in common. https://docs.bokeh.org/en/latest/docs/reference.html

They are drawn in the browser by BokehJS, from JSON made here. Colours of axes, grid and tooltips
are CSS variables of the page (``page.css``), so that they follow light and dark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bokeh.document import Document
from bokeh.model import Model
from bokeh.models import (
    CustomJSHover,
    DatetimeTickFormatter,
    FixedTicker,
    HoverTool,
    LinearAxis,
    PlainText,
    Range1d,
)
from bokeh.plotting import figure
from bokeh.resources import Resources

from plugins.preview import units
from plugins.preview.axes import Axis
from plugins.preview.report import View

# What one unit of a panel's height is, and what its heading takes, as in page.css.
ROW, GAP, HEADING = 30, 8, 40
_CLOCK = "%H:%M"
_FONT = "11px"
# Where BokehJS gets what draws formulas, icons and maps, which no chart here has.
_ELSEWHERE = re.compile(r"https?://(?:cdn|maps)\.[^\s\"'`]+")
# Within a tooltip the page's own style does not hold. Several things have one time.
_TIP = (
    ".bk-tooltip-content>div{margin:0!important;border:0!important;font-size:12px}"
    "i{display:inline-block;width:10px;height:4px;margin-right:6px;vertical-align:middle}"
    "small{opacity:.7}div+div>div>small{display:none}"
)


@dataclass(frozen=True)
class Chart:
    """A chart as the page holds it: JSON of Bokeh, ids counted from 1."""

    content: Mapping[str, Any]


@cache
def library() -> str:
    """BokehJS, which the page carries in itself."""
    scripts: list[str] = Resources(mode="inline", components=["bokeh"], minified=True).js_raw
    library = "\n".join(scripts)
    for address in _ELSEWHERE.findall(library):
        library = library.replace(address, "about:blank")
    # Words within it must not end the element that it stands in.
    return library.replace("</script", "<\\/script")


def _renumbered(value: Any, known: dict[str, str]) -> Any:
    """The same with ids counted from 1: Bokeh counts on through a process."""
    if isinstance(value, dict):
        return {
            key: known.setdefault(each, f"m{len(known) + 1}")
            if key in ("id", "root_id") and isinstance(each, str)
            else _renumbered(each, known)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_renumbered(each, known) for each in value]
    return value


def finished(model: Model) -> Chart:
    """A chart as JSON."""
    # What bokeh.embed.json_item makes, without its walks through the model: half of its time.
    document = Document(title="")
    document.add_root(model)
    content = {"root_id": model.id, "doc": document.to_json(deferred=False)}
    return Chart(_renumbered(content, {}))


def ticks_for(height: int) -> int:
    """How many ticks a panel of a height, in units of the grid, has room for."""
    return max(2, min(6, (height * (ROW + GAP) - 2 * HEADING) // 36))


def plain(**options: Any) -> Any:
    """A figure without decoration, as large as its panel."""
    made = figure(
        toolbar_location=None,
        sizing_mode="stretch_both",
        min_border=0,
        min_border_right=12,
        outline_line_color=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        lod_threshold=None,
        **options,
    )
    for each in made.axis:
        dressed(each)
    made.xgrid.grid_line_color = None
    return made


def dressed(axis: Any) -> None:
    """The look of an axis; its colours are the page's."""
    axis.update(
        axis_line_color=None,
        major_tick_line_color=None,
        minor_tick_line_color=None,
        major_label_text_font_size=_FONT,
        major_label_standoff=4,
    )


def over_time(view: View, vertical: Axis, **options: Any) -> Any:
    """A figure with the report's time as its horizontal axis, in UTC."""
    report = view.report
    made = plain(
        x_axis_type="datetime",
        x_range=Range1d(start=report.start * 1000, end=report.end * 1000),
        y_range=Range1d(start=vertical.start, end=vertical.end),
        tools="xbox_zoom",
        **options,
    )
    made.xaxis.formatter = DatetimeTickFormatter(
        seconds="%H:%M:%S",
        minsec="%H:%M:%S",
        minutes=_CLOCK,
        hourmin=_CLOCK,
        hours=_CLOCK,
        days="%m-%d",
        months="%Y-%m",
    )
    made.xaxis.ticker.desired_num_ticks = max(2, min(10, view.panel.grid.w // 2))
    ticked(made.yaxis[0], vertical)
    return made


def ticked(axis: Any, numbers: Axis) -> None:
    """Give an axis its ticks and what stands there."""
    axis.ticker = FixedTicker(ticks=[position for position, _ in numbers.ticks])
    # Bokeh takes a label with $$ in it for TeX, unless it is told that it is plain.
    axis.major_label_overrides = {
        position: PlainText(text=label) if "$$" in label or "\\" in label else label
        for position, label in numbers.ticks
    }


def second_axis(made: Any, name: str, numbers: Axis) -> None:
    """An axis at the right."""
    made.extra_y_ranges = {
        **made.extra_y_ranges,
        name: Range1d(start=numbers.start, end=numbers.end),
    }
    axis = LinearAxis(y_range_name=name)
    dressed(axis)
    ticked(axis, numbers)
    made.add_layout(axis, "right")


def in_unit(unit: str, source: Any) -> CustomJSHover:
    """Writes a number of a tooltip in a unit: the same table as everywhere, read by ``page.js``.

    Args:
        unit: Grafana's id.
        source: What is drawn; its column ``below`` holds what each number stands on.
    """
    steps = [[step.limit, step.divisor, step.suffix] for step in units.unit(unit).steps]
    code = "return window.inUnit(value - window.below(source, special_vars), steps)"
    return CustomJSHover(args={"steps": steps, "source": source}, code=code)


def hover(what: str, when: str = "", **options: Any) -> HoverTool:
    """A tooltip: a line for each thing that is pointed at, and below the first of them when.

    Args:
        what: Bokeh's words for one thing, which has the columns ``colour`` and ``name``.
        when: Likewise for its time; empty for none.
        options: Of Bokeh's tool.
    """
    mark = '<i style="background:@colour"></i>@name&ensp;' if "@image" not in what else ""
    time = f"<small>{when} UTC</small>" if when else ""
    return HoverTool(
        # Bokeh keeps what a browser takes for the body: a style must stand within something.
        tooltips=f"<div><style>{_TIP}</style>{time}<div>{mark}<b>{what}</b></div></div>",
        show_arrow=False,
        **options,
    )
