"""Panels of rows and columns."""

from __future__ import annotations

from collections.abc import Mapping

from plugins.preview.colours import colour
from plugins.preview.drawn import NOTHING, Drawn
from plugins.preview.fields import Field, field, mapping, options
from plugins.preview.frames import TIME, Cell, Frame, frames
from plugins.preview.markup import Markup, element, joined
from plugins.preview.report import View
from plugins.preview.transformations import transformed

MOST_ROWS = 200
# What is not longer, such as a time, stays in one line.
_SHORT = 34


def table_frames(view: View) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
    """The tables of a panel after its transformations, and the ids of unknown ones."""
    formats = {target.ref: target.format for target in view.panel.targets}
    return transformed(frames(view.results, formats), view.panel.raw.get("transformations") or ())


def _gauge(shown: Field, value: float, column: list[float], shade: str) -> Markup:
    low = shown.minimum if shown.minimum is not None else min(0.0, *column)
    high = shown.maximum if shown.maximum is not None else max(column)
    share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    bar = element("b", style=f"width:{share:.1%};background:{shade}")
    return element("span", bar, class_="bar")


def _cell(shown: Field, cell: Cell, column: list[float], *, text: bool) -> Markup:
    """One cell, coloured if its column wants it, and where those of its column are."""
    said = shown.custom.get("cellOptions") or {}
    kind = str(said.get("type") or shown.custom.get("displayMode") or "auto")
    words = shown.words(cell)
    if isinstance(cell, str):
        named = mapping(shown.mappings, cell).get("color") if kind.startswith("color") else None
        style = f"--c:{colour(str(named))}" if named else None
        kinds = ["text", *(["short"] if len(words) <= _SHORT else []), *(["tint"] if style else [])]
        return element("td", words, style=style, class_=" ".join(kinds))
    if cell is None:
        return element("td", words, class_="text" if text else None)
    shade = shown.colour(float(cell), 0)
    if kind == "gauge":
        return element("td", _gauge(shown, float(cell), column, shade), words, class_="gauge")
    if kind == "color-background":
        return element("td", words, class_="filled", style=f"--c:{shade}")
    if kind == "color-text":
        return element("td", words, class_="tint", style=f"--c:{shade}")
    return element("td", words)


def _table(view: View, frame: Frame) -> Drawn:
    shown = {
        name: field(view.panel, name, frame.ref, frame.numeric(name)) for name in frame.columns
    }
    columns = [
        name
        for name in frame.columns
        if not shown[name].custom.get("hidden") and name != "__name__"
    ]
    numbers = {name: _numbers(frame, name) for name in columns}
    head = element(
        "thead",
        element(
            "tr",
            *(
                element("th", shown[n].named or n, class_=None if frame.numeric(n) else "text")
                for n in columns
            ),
        ),
    )
    rows = [
        element(
            "tr",
            *(_cell(shown[n], row.get(n), numbers[n], text=not frame.numeric(n)) for n in columns),
        )
        for row in frame.rows[:MOST_ROWS]
    ]
    body = element("table", head, element("tbody", joined(rows)), class_="data")
    left = len(frame.rows) - MOST_ROWS
    return Drawn(body, note=f"{left} more rows are left out" if left > 0 else "")


def _numbers(frame: Frame, name: str) -> list[float]:
    cells = (row.get(name) for row in frame.rows)
    return [float(cell) for cell in cells if isinstance(cell, float | int)] or [0.0]


def table(view: View) -> Drawn:
    """A table; of several that no transformation made one, one below the other."""
    made, unknown = table_frames(view)
    sort = [
        {"field": each.get("displayName"), "desc": each.get("desc")}
        for each in options(view.panel).get("sortBy") or ()
    ]
    if sort:
        made, _ = transformed(made, ({"id": "sortBy", "options": {"sort": sort}},))
    drawn = [_table(view, frame) for frame in made if frame.rows]
    notes = [each.note for each in drawn if each.note]
    if unknown:
        notes.append(f"not done here: transformation {', '.join(unknown)}")
    body = joined(each.body for each in drawn) if drawn else NOTHING
    return Drawn(body, note="; ".join(notes))


def labels_of(row: Mapping[str, Cell]) -> str:
    """What a row is called: its text, without its time."""
    said = (str(v) for k, v in row.items() if isinstance(v, str) and k not in (TIME, "__name__"))
    return " ".join(said)
