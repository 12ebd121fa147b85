"""Where panels stand in the page: as in Grafana, with every row opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from plugins.dashboards.document import Dashboard, Grid, Panel


def _inner(raw: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The panels within a row that is shut in Grafana."""
    return raw.get("panels") or ()


def _height(raw: Mapping[str, Any]) -> int:
    """How much a row grows when it is opened."""
    places = [each.get("gridPos") or {} for each in _inner(raw)]
    top = min((int(place.get("y", 0)) for place in places), default=0)
    return max((int(p.get("y", 0)) + int(p.get("h", 0)) for p in places), default=top) - top


def _shifts(panels: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Panel id to how far below its place it stands, since rows above it are open."""
    shifts: dict[int, int] = {}
    opened = 0
    ordered = sorted(panels, key=lambda raw: (raw.get("gridPos") or {}).get("y", 0))
    for raw in ordered:
        shifts[raw.get("id", 0)] = opened
        inner = _inner(raw)
        if inner:
            own = int((raw.get("gridPos") or {}).get("y", 0))
            top = min(int((each.get("gridPos") or {}).get("y", 0)) for each in inner)
            for each in inner:
                shifts[each.get("id", 0)] = opened + own + 1 - top
            opened += _height(raw)
    return shifts


def placed(dashboard: Dashboard) -> Iterator[tuple[Panel, Grid]]:
    """The panels and rows of a dashboard from above to below, each with its place."""
    shifts = _shifts(dashboard.raw.get("panels") or ())
    every = (*dashboard.rows, *dashboard.panels)
    grids = [(p, replace(p.grid, y=p.grid.y + shifts.get(p.id, 0))) for p in every]
    yield from sorted(grids, key=lambda pair: (pair[1].y, pair[1].x))
