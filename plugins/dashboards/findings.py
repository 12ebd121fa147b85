"""What is found wrong with a dashboard, and by which kind of rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from plugins.dashboards.document import Dashboard, Panel, Target


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: file, panel (or what else stands in it), rule, words."""

    file: Path
    panel: str
    rule: str
    words: str

    def __str__(self) -> str:
        place = f": {self.panel}" if self.panel else ""
        return f"{self.file}{place}: {self.rule}: {self.words}"


@dataclass(frozen=True)
class Library:
    """The dashboards that are looked at, and those that links may lead to."""

    dashboards: tuple[Dashboard, ...]
    known: frozenset[str]


Found = Iterator[tuple[str, str]]
Rule = Callable[[Dashboard, Library], Found]


def place(panel: Panel, target: Target | None = None) -> str:
    """A panel, or one of its queries, in words."""
    query = f", query {target.ref or '?'}" if target else ""
    return f"panel {(panel.title or panel.id)!r}{query}"
