"""Which metrics there can be: for components that a site does not have, and cannot be asked for.

``files/dashboards/metrics/<family>.yml`` names those of a family, with their types; ``{ns}`` is the
namespace of an application.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

METRICS = Path(__file__).parents[2] / "files" / "dashboards" / "metrics"
# A family's type to what its series' names have behind the family's.
_SUFFIXES = {"histogram": "(_bucket|_sum|_count)?", "summary": "(_sum|_count)?"}


@cache
def _patterns(folder: Path) -> tuple[re.Pattern[str], ...]:
    made = []
    for file in sorted(folder.glob("*.yml")):
        metrics = yaml.safe_load(file.read_text())["metrics"]
        for name, kind in metrics.items():
            written = re.escape(name).replace(re.escape("{ns}"), "[a-z][a-z0-9_]*")
            made.append(re.compile(written + _SUFFIXES.get(kind, "")))
    return tuple(made)


def uncatalogued(names: Iterable[str], folder: Path = METRICS) -> tuple[str, ...]:
    """Names that no family has.

    Args:
        names: Of metrics.
        folder: Where the families' files are.
    """
    patterns = _patterns(folder)
    return tuple(sorted(n for n in names if not any(each.fullmatch(n) for each in patterns)))
