"""Legends, as text of the page: they can be read, searched and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plugins.preview import reducing
from plugins.preview.drawn import NOTHING
from plugins.preview.lines import Line
from plugins.preview.markup import Markup, element, joined


def swatch(colour: str) -> Markup:
    """The mark in a series' colour."""
    return element("i", style=f"background:{colour}")


def _list(drawn: Sequence[Line], calculations: Sequence[str]) -> Markup:
    entries = []
    for line in drawn:
        said = [
            element("em", reducing.name(each), " ", line.field.words(_of(line, each)))
            for each in calculations
        ]
        entries.append(element("li", swatch(line.colour), line.name, *said, title=line.name))
    return element("ul", *entries, class_="legend")


def _of(line: Line, calculation: str) -> float | None:
    return reducing.reduced(calculation, line.values)


def _table(drawn: Sequence[Line], calculations: Sequence[str]) -> Markup:
    heads = [element("th", "Name"), *(element("th", reducing.name(c)) for c in calculations)]
    rows = [
        element(
            "tr",
            element("td", swatch(line.colour), line.name, title=line.name),
            *(element("td", line.field.words(_of(line, each))) for each in calculations),
        )
        for line in drawn
    ]
    head = element("thead", element("tr", *heads))
    return element("table", head, element("tbody", joined(rows)), class_="legend")


def legend(said: Mapping[str, Any], drawn: Sequence[Line]) -> Markup:
    """The legend of lines, as the panel's options want it; nothing if they want none."""
    if said.get("showLegend") is False or said.get("displayMode") == "hidden":
        return NOTHING
    shown = [line for line in drawn if not (line.field.custom.get("hideFrom") or {}).get("legend")]
    sort, calculations = str(said.get("sortBy") or ""), list(said.get("calcs") or ())
    by = next((each for each in calculations if reducing.name(each) == sort), "")
    if by:
        shown.sort(key=lambda line: _of(line, by) or 0.0, reverse=bool(said.get("sortDesc", True)))
    if said.get("displayMode") == "table":
        return _table(shown, calculations)
    return _list(shown, calculations)
