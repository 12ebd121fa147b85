"""Close the holes that panels leave which a site does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

COLUMNS = 24
Raw = dict[str, Any]


def _position(panel: Mapping[str, Any]) -> Mapping[str, int]:
    return {"x": 0, "y": 0, "w": COLUMNS, "h": 1, **(panel.get("gridPos") or {})}


def _bands(panels: Iterable[Raw]) -> Iterator[list[Raw]]:
    """Panels by what stands side by side, from the top."""
    band: list[Raw] = []
    bottom = 0
    for panel in sorted(panels, key=lambda each: (_position(each)["y"], _position(each)["x"])):
        at = _position(panel)
        if band and at["y"] >= bottom:
            yield band
            band = []
        bottom = max(bottom, at["y"] + at["h"]) if band else at["y"] + at["h"]
        band.append(panel)
    if band:
        yield band


def _lines(panels: Sequence[Raw]) -> Iterator[list[Raw]]:
    """Panels in lines of one height that are no wider than the grid."""
    line: list[Raw] = []
    for panel in panels:
        at = _position(panel)
        width = sum(_position(each)["w"] for each in line)
        if line and (width + at["w"] > COLUMNS or at["h"] != _position(line[0])["h"]):
            yield line
            line = []
        line.append(panel)
    if line:
        yield line


def _stretched(line: Sequence[Raw], y: int) -> Iterator[Raw]:
    """A line over the whole width, its panels as wide to each other as they were."""
    total = sum(_position(panel)["w"] for panel in line)
    before = 0
    for panel in line:
        at = _position(panel)
        left, right = (round(w * COLUMNS / total) for w in (before, before + at["w"]))
        before += at["w"]
        yield {**panel, "gridPos": {"x": left, "y": y, "w": right - left, "h": at["h"]}}


def _section(panels: Sequence[Raw], kept: frozenset[int], y: int) -> tuple[list[Raw], int]:
    """What stands between two rows' headings, without what goes; and where it ends."""
    placed: list[Raw] = []
    loose: list[Raw] = []

    def settle() -> None:
        nonlocal y
        for line in _lines(loose):
            placed.extend(_stretched(line, y))
            y += _position(line[0])["h"]
        loose.clear()

    for band in _bands(panels):
        if not all(id(panel) in kept for panel in band):
            loose += [panel for panel in band if id(panel) in kept]
            continue
        settle()
        top = _position(band[0])["y"]
        for panel in band:
            at = _position(panel)
            placed.append({**panel, "gridPos": {**at, "y": at["y"] - top + y}})
        y += max(_position(panel)["y"] + _position(panel)["h"] for panel in band) - top
    settle()
    return placed, y


def _sections(panels: Sequence[Raw]) -> Iterator[tuple[Raw | None, list[Raw]]]:
    """Headings with the panels below them; first those that stand below none."""
    heading: Raw | None = None
    section: list[Raw] = []
    for panel in panels:
        if panel.get("type") != "row":
            section.append(panel)
            continue
        yield heading, section
        heading, section = panel, []
    yield heading, section


def compacted(panels: Sequence[Raw], kept: frozenset[int]) -> list[Raw]:
    """The panels that are kept, without holes between them, in their order.

    What stands side by side and is whole stays as it is; the rest fills the width. A row's
    heading goes with the last of its panels.

    Args:
        panels: As written, in their order.
        kept: ``id()`` of the panels to keep, headings and panels in collapsed rows too.
    """
    found: list[Raw] = []
    y = 0
    for heading, section in _sections(panels):
        inner = heading.get("panels") or [] if heading else []
        if heading is not None:
            if id(heading) not in kept or not any(id(each) in kept for each in (*section, *inner)):
                continue
            made = {**heading, "gridPos": {**_position(heading), "x": 0, "y": y, "w": COLUMNS}}
            y += 1
            if inner:
                made["panels"] = _section(inner, kept, y)[0]
            found.append(made)
        placed, y = _section(section, kept, y)
        found += placed
    return found
