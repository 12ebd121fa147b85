"""A module for each dashboard; each has a ``BOARD``. They are found, not listed."""

from __future__ import annotations

import importlib
import pkgutil

from files.dashboards.model import Board


class BoardError(Exception):
    """Two boards are called the same."""


def boards() -> tuple[Board, ...]:
    """Every board, by uid.

    Raises:
        BoardError: Two have the same uid.
    """
    found: dict[str, Board] = {}
    for module in pkgutil.iter_modules(__path__):
        board: Board = importlib.import_module(f"{__name__}.{module.name}").BOARD
        if board.uid in found:
            raise BoardError(f"{module.name}: {board.uid} is the uid of another board. Rename one")
        found[board.uid] = board
    return tuple(board for _, board in sorted(found.items()))
