"""The JSON of the boards as files: which of them are not as the boards say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from files.dashboards.boards import boards
from files.dashboards.drawing import text

FOLDER = Path(__file__).parent / "json"


@dataclass(frozen=True)
class Difference:
    """What has to be done to a folder so that it holds the boards and nothing else.

    Attributes:
        written: Names and texts of files that are missing or differ.
        removed: Names of files of boards that are gone.
    """

    written: Mapping[str, str]
    removed: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every file that is stale."""
        return tuple(sorted([*self.written, *self.removed]))


def _content(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def compare(folder: Path) -> Difference:
    """How a folder differs from the boards."""
    wanted = {f"{board.uid}.json": text(board) for board in boards()}
    present = {path.name for path in folder.glob("*.json")}
    written = {name: body for name, body in wanted.items() if _content(folder / name) != body}
    return Difference(written, tuple(sorted(present - wanted.keys())))


def apply(difference: Difference, folder: Path) -> None:
    """Make a folder hold the boards and nothing else."""
    folder.mkdir(exist_ok=True)
    for name, body in difference.written.items():
        (folder / name).write_text(body)
    for name in difference.removed:
        (folder / name).unlink()
