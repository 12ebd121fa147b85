"""LogQL, judged by Loki's own tool: what it refuses in a rule is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from plugins.dashboards.judges import UnjudgedError, judge, judged
from plugins.site import Site

_REFUSED = re.compile(r"could not parse expression for alert '(\d+)' in group '\w+': (.*?)\" file=")


def is_log_query(expression: str) -> bool:
    """Whether an expression finds lines, not numbers that are made of them."""
    return expression.lstrip().lstrip("(").lstrip().startswith("{")


def as_metric(expression: str) -> str:
    """An expression that is a number: rules, and counts, are made of nothing else."""
    return f"count_over_time({expression} [1m])" if is_log_query(expression) else expression


def lokitool(site: Site | None = None) -> Path:
    """Loki's tool for this machine, see :func:`plugins.dashboards.judges.judge`.

    Raises:
        UnjudgedError: It cannot be had.
    """
    return judge("loki", "lokitool", site)


def faults(expressions: Sequence[str], tool: Path) -> Mapping[str, str]:
    """Expressions that are no LogQL, each with the reason.

    Args:
        expressions: Of any kind.
        tool: Where lokitool is.

    Raises:
        UnjudgedError: It does not run here.
    """
    left = {str(number): text for number, text in enumerate(dict.fromkeys(expressions))}
    refused: dict[str, str] = {}
    # It stops at the first mistake.
    while left:
        found = _first_fault(tuple(left.items()), tool)
        if found is None:
            break
        number, reason = found
        refused[left.pop(number)] = reason
    return refused


def _first_fault(numbered: tuple[tuple[str, str], ...], tool: Path) -> tuple[str, str] | None:
    """The first expression that the tool refuses, by its number, and why."""
    metrics = tuple((number, as_metric(text)) for number, text in numbered)
    code, words = judged((str(tool), "rules", "check"), metrics)
    if code == 0:
        return None
    told = _REFUSED.search(words.replace('\\"', "'"))
    if told is None:
        raise UnjudgedError(f"{tool} failed: {' '.join(words.split())[:300]}")
    return told[1], told[2].replace("\\n", " ")
