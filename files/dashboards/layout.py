"""Where panels stand: from left to right, 24 columns, the next line below the tallest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from files.dashboards.model import COLUMNS, Panel, Row


class LayoutError(Exception):
    """A panel does not fit."""


@dataclass(frozen=True)
class Place:
    """A rectangle of the grid."""

    x: int
    y: int
    w: int
    h: int


def flow(panels: Sequence[Panel], top: int) -> Iterator[tuple[Panel, Place]]:
    """Panels and their places below a line.

    Raises:
        LayoutError: A panel is wider than the grid.
    """
    x, y, tallest = 0, top, 0
    for panel in panels:
        if not 0 < panel.width <= COLUMNS:
            raise LayoutError(f"{panel.title}: is {panel.width} wide. The grid has {COLUMNS}")
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        yield panel, Place(x, y, panel.width, panel.height)
        x, tallest = x + panel.width, max(tallest, panel.height)


def arrange(rows: Sequence[Row]) -> Iterator[tuple[Row, Place, list[tuple[Panel, Place]]]]:
    """Rows with the places of their headings and panels."""
    y = 0
    for row in rows:
        heading = Place(0, y, COLUMNS, 1)
        placed = list(flow(row.panels, y + 1))
        y = max((place.y + place.h for _, place in placed), default=y + 1)
        yield row, heading, placed
