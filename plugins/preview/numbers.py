"""Panels of single numbers: stat, gauge, bar gauge and pie, as HTML and SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from plugins.preview import reducing
from plugins.preview.colours import colour
from plugins.preview.drawn import Drawn
from plugins.preview.fields import Field, field, options
from plugins.preview.frames import TIME
from plugins.preview.legends import swatch
from plugins.preview.lines import name_of, with_gaps
from plugins.preview.markup import Markup, element, joined
from plugins.preview.report import View
from plugins.preview.tables import labels_of, table_frames
from plugins.preview.units import written

MOST = 60
_RADIUS, _WIDTH = 80.0, 22.0


@dataclass(frozen=True)
class Number:
    """One number as it is shown.

    Attributes:
        name: What it is of.
        value: None if there is none.
        words: As it is shown.
        colour: By its value.
        field: How it is shown.
        past: Values over time, for a small line.
    """

    name: str
    value: float | None
    words: str
    colour: str
    field: Field
    past: tuple[float | None, ...]


def _of_tables(view: View) -> list[Number]:
    """Every number of every row."""
    made: list[Number] = []
    for frame in table_frames(view)[0]:
        for name in frame.columns:
            if name == TIME or not frame.numeric(name):
                continue
            shown = field(view.panel, name, frame.ref)
            for row in frame.rows:
                cell = row.get(name)
                value = float(cell) if isinstance(cell, float | int) else None
                title = labels_of(row) or shown.named or name
                shade = shown.colour(value, len(made), title)
                made.append(Number(title, value, shown.words(value), shade, shown, ()))
    return made


def numbers(view: View) -> list[Number]:
    """The numbers of a panel: one a series, reduced as its options say."""
    targets = {target.ref: target.format for target in view.panel.targets}
    if "table" in targets.values() or view.panel.raw.get("transformations"):
        return _of_tables(view)
    said = options(view.panel).get("reduceOptions") or {}
    calculation = str((said.get("calcs") or ("lastNotNull",))[0])
    made: list[Number] = []
    for result in view.results:
        for series in result.series:
            name = name_of(series)
            shown = field(view.panel, name, result.question.ref)
            _, past = with_gaps(series)
            value = reducing.reduced(calculation, past)
            shade = shown.colour(value, len(made), name)
            title = shown.named or name
            made.append(Number(title, value, shown.words(value), shade, shown, past))
    return made


def _spark(past: Sequence[float | None], colour: str) -> Markup:
    """A small line of what was before, without axes."""
    there = [value for value in past if value is not None]
    if len(there) < 3:
        return Markup("")
    low, span = min(there), (max(there) - min(there)) or 1.0
    points = [
        (n * 100 / (len(past) - 1), 29 - (value - low) / span * 26)
        for n, value in enumerate(past)
        if value is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{points[0][0]:.1f},30 {line} {points[-1][0]:.1f},30"
    return element(
        "svg",
        element("polygon", points=area, fill=colour, fill_opacity="0.18"),
        element(
            "polyline",
            points=line,
            fill="none",
            stroke=colour,
            stroke_width="1.5",
            vector_effect="non-scaling-stroke",
        ),
        viewBox="0 0 100 30",
        preserveAspectRatio="none",
        class_="spark",
        aria_hidden="true",
    )


def _note(shown: Sequence[Number]) -> str:
    return f"{len(shown) - MOST} more are left out" if len(shown) > MOST else ""


def stat(view: View) -> Drawn:
    """Large numbers, with a small line of what was before if the panel wants one."""
    every, said = numbers(view), options(view.panel)
    mode = str(said.get("textMode") or "auto")
    boxes = []
    for number in every[:MOST]:
        words = number.name if mode == "name" else number.words
        titled = mode in ("value_and_name", "auto") and (len(every) > 1 or mode != "auto")
        filled = str(said.get("colorMode") or "value").startswith("background")
        spark = (
            _spark(number.past, "#ffffff" if filled else number.colour)
            if said.get("graphMode", "area") == "area"
            else Markup("")
        )
        name = element("span", number.name, title=number.name) if titled else Markup("")
        strong = element("strong", words, style=f"--letters:{max(len(words), 4)}")
        boxes.append(
            element(
                "div",
                element("div", name, strong),
                spark,
                class_="filled" if filled else "tint",
                style=f"--c:{number.colour}",
            )
        )
    return Drawn(element("div", *boxes, class_="stat"), note=_note(every))


def _span(number: Number, every: Sequence[Number]) -> tuple[float, float]:
    """From where to where a gauge goes."""
    there = [each.value for each in every if each.value is not None]
    low, high = number.field.minimum, number.field.maximum
    if low is None:
        low = min(0.0, *there) if there else 0.0
    if high is None:
        whole = {"percent": 100.0, "percentunit": 1.0}.get(number.field.unit)
        high = max(there, default=100.0) if whole is None else whole
    return low, high if high > low else low + 1


def _share(number: Number, every: Sequence[Number]) -> float:
    low, high = _span(number, every)
    value = low if number.value is None else number.value
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _arc(start: float, end: float, radius: float) -> str:
    """A part of a half circle from left to right, as a path."""

    def point(share: float) -> str:
        angle = math.pi * (1 - share)
        return f"{100 + radius * math.cos(angle):.2f} {95 - radius * math.sin(angle):.2f}"

    return f"M {point(start)} A {radius:g} {radius:g} 0 0 1 {point(end)}"


def _gauge(number: Number, every: Sequence[Number]) -> Markup:
    low, high = _span(number, every)
    arcs = [
        element("path", d=_arc(0, 1, _RADIUS), class_="track", stroke_width=f"{_WIDTH:g}"),
        element(
            "path",
            d=_arc(0, _share(number, every), _RADIUS),
            stroke=number.colour,
            fill="none",
            stroke_width=f"{_WIDTH:g}",
        ),
    ]
    for first, last, name in number.field.thresholds.spans(low, high):
        path = _arc((first - low) / (high - low), (last - low) / (high - low), 95)
        arcs.append(element("path", d=path, stroke=colour(name), fill="none", stroke_width="4"))
    words = element("text", number.words, x="100", y="92", style=f"--c:{number.colour}")
    drawing = element("svg", *arcs, words, viewBox="0 -4 200 106", role="img")
    return element("div", drawing, element("span", number.name, title=number.name))


def gauge(view: View) -> Drawn:
    """Half circles that are filled as far as their values go."""
    every = numbers(view)
    body = element("div", *(_gauge(each, every) for each in every[:MOST]), class_="gauges")
    return Drawn(body, note=_note(every))


def bargauge(view: View) -> Drawn:
    """Bars beside their names, the longest for the largest."""
    every = numbers(view)
    rows = [
        element(
            "tr",
            element("th", each.name, title=each.name),
            element(
                "td",
                element(
                    "span",
                    element("b", style=f"width:{_share(each, every):.1%};background:{each.colour}"),
                    class_="bar",
                ),
            ),
            element("td", each.words, class_="tint", style=f"--c:{each.colour}"),
        )
        for each in every[:MOST]
    ]
    return Drawn(element("table", joined(rows), class_="bars"), note=_note(every))


def _slice(start: float, end: float, inner: float) -> str:
    """A part of a ring from one share of the whole to another, as a path."""
    # A whole ring has no beginning and no end, which an arc must have.
    end = min(end, start + 0.9999)

    def point(share: float, radius: float) -> str:
        angle = 2 * math.pi * share
        return f"{100 + radius * math.sin(angle):.2f} {100 - radius * math.cos(angle):.2f}"

    large = int(end - start > 0.5)
    return (
        f"M {point(start, 98)} A 98 98 0 {large} 1 {point(end, 98)} "
        f"L {point(end, inner)} A {inner:g} {inner:g} 0 {large} 0 {point(start, inner)} Z"
    )


def piechart(view: View) -> Drawn:
    """Slices of a whole, with a legend that tells their values and shares."""
    every = [each for each in numbers(view) if each.value and each.value > 0]
    whole = math.fsum(each.value or 0 for each in every) or 1.0
    inner = 55.0 if options(view.panel).get("pieType") == "donut" else 0.0
    at, slices, entries = 0.0, [], []
    for each in every[:MOST]:
        share = (each.value or 0) / whole
        words = f"{each.name}: {each.words}"
        path = _slice(at, at + share, inner)
        slices.append(element("path", element("title", words), d=path, fill=each.colour))
        at += share
        percent = element("em", written(share, "percentunit", 0))
        entries.append(
            element("li", swatch(each.colour), each.name, element("em", each.words), percent)
        )
    body = element(
        "div",
        element("svg", *slices, viewBox="0 0 200 200", role="img"),
        element("ul", *entries, class_="legend"),
        class_="pie",
    )
    return Drawn(body, note=_note(every))
