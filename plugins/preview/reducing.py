"""One number from many, by the names that Grafana has for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, pstdev, variance

Values = Sequence[float | None]


def _last(values: Values) -> float | None:
    return values[-1] if values else None


def _present(reduce: Callable[[list[float]], float]) -> Callable[[Values], float | None]:
    """Reduce what is there; nothing if nothing is."""

    def reduced(values: Values) -> float | None:
        there = [value for value in values if value is not None and not math.isnan(value)]
        return reduce(there) if there else None

    return reduced


# https://grafana.com/docs/grafana/latest/panels-visualizations/query-transform-data/calculation-types/
CALCULATIONS: Mapping[str, tuple[str, Callable[[Values], float | None]]] = {
    "lastNotNull": ("Last", _present(lambda there: there[-1])),
    "last": ("Last", _last),
    "firstNotNull": ("First", _present(lambda there: there[0])),
    "first": ("First", _present(lambda there: there[0])),
    "min": ("Min", _present(min)),
    "max": ("Max", _present(max)),
    "mean": ("Mean", _present(fmean)),
    "median": ("Median", _present(lambda there: sorted(there)[(len(there) - 1) // 2])),
    "sum": ("Total", _present(math.fsum)),
    "count": ("Count", _present(lambda there: float(len(there)))),
    "range": ("Range", _present(lambda there: max(there) - min(there))),
    "diff": ("Difference", _present(lambda there: there[-1] - there[0])),
    "delta": (
        "Delta",
        _present(lambda there: math.fsum(max(b - a, 0.0) for a, b in pairwise(there))),
    ),
    "stdDev": ("StdDev", _present(pstdev)),
    "variance": ("Variance", _present(lambda there: variance(there) if there[1:] else 0.0)),
    "distinctCount": ("Distinct", _present(lambda there: float(len(set(there))))),
}


def name(calculation: str) -> str:
    """What a calculation is called in a legend."""
    return CALCULATIONS[calculation][0] if calculation in CALCULATIONS else calculation


def reduced(calculation: str, values: Values) -> float | None:
    """The result of a calculation; an unknown one is the last value."""
    return CALCULATIONS.get(calculation, CALCULATIONS["lastNotNull"])[1](values)
