"""Mistakes that people make in inventories, told with place and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake in an inventory: where it stands, what is wrong, and what to do.

    Attributes:
        where: File and key, for example ``inventories/group_data/all.py: prometheus.port``.
        what: What is wrong.
        remedy: What to change.
        host: The host it concerns, if one.
    """

    where: str
    what: str
    remedy: str
    host: str | None = None

    def __str__(self) -> str:
        at = f" (host {self.host})" if self.host else ""
        return f"{self.where}{at}: {self.what}. {self.remedy}"


class SiteError(Exception):
    """The inventory has mistakes; carries all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class ArtifactError(Exception):
    """An artifact could not be obtained or verified; says which, why, and the remedy."""


def suggestion(word: str, known: Iterable[str], what: str) -> str:
    """A remedy for a misspelt name: the nearest known one, and all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    listed = f"Known {what}: {', '.join(names)}"
    return f"Did you mean {near[0]!r}? {listed}" if near else listed
