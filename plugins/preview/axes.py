"""Where an axis begins and ends, and what its ticks say: in Python, so that nothing moves later."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from plugins.preview import units

# Steps that people count in, by what one of the next unit has.
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_MOST_TICKS = 40


@dataclass(frozen=True)
class Axis:
    """One axis of numbers.

    Attributes:
        start: Its lower end.
        end: Its upper end.
        ticks: Positions and what stands there.
    """

    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]


def _step(rough: float) -> float:
    """The next round number."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * each for each in _ROUND if power * each >= rough * 0.999)


def _labels(positions: Iterable[float], name: str, decimals: int | None, step: float) -> list[str]:
    """What stands at the ticks: all in one step of the unit, with as many decimals as differ."""
    unit, listed = units.unit(name), list(positions)
    if unit.words is not None:
        return [unit.words(value, decimals) for value in listed]
    largest = unit.step(max(abs(value) for value in listed))
    apart = step / largest.divisor
    needed = next(
        (
            places
            for places in range(6)
            if abs(apart * 10**places - round(apart * 10**places)) < 1e-6 * apart * 10**places
        ),
        6,
    )
    return [
        units.fixed(value / largest.divisor, needed) + largest.suffix
        if abs(value) > apart * 1e-9
        else units.written(0, name)
        for value in listed
    ]


def limits(
    values: Iterable[float], minimum: float | None, maximum: float | None, zero: bool
) -> tuple[float, float]:
    """The range that shows values.

    Args:
        values: All that is drawn.
        minimum: Where it must begin, if said.
        maximum: Where it must end, if said.
        zero: Whether zero belongs to it, as for bars and filled areas.
    """
    there = [value for value in values if math.isfinite(value)]
    low, high = (min(there), max(there)) if there else (0.0, 1.0)
    if zero or 0 <= low <= 0.5 * high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = (low, low + 1) if low == 0 else (low - abs(low) * 0.1, high + abs(high) * 0.1)
        low = max(low, 0.0) if there and min(there) >= 0 else low
    if maximum is None:
        # A line along the upper edge is hardly seen.
        high += 0.03 * (high - low)
    low = low if minimum is None else minimum
    high = high if maximum is None else max(maximum, low)
    return (low, high) if high > low else (low, low + 1)


def axis(
    low: float,
    high: float,
    unit: str,
    count: int,
    decimals: int | None = None,
    exact: tuple[bool, bool] = (False, False),
) -> Axis:
    """An axis over a range with about ``count`` ticks.

    Args:
        low: Lower end of what is shown.
        high: Upper end.
        unit: Grafana's id of the unit.
        count: About how many ticks there is room for.
        decimals: Of durations in words.
        exact: Whether the lower and the upper end stay as they are, not widened to a tick.
    """
    # Ticks are round in the unit that is written: 512 MiB, not 500000000 B; 30 min, not 2000 s.
    divisor = units.unit(unit).step(max(abs(low), abs(high))).divisor
    apart = _step((high - low) / divisor / max(count, 1)) * divisor
    first = math.floor(low / apart + 1e-9) * apart
    last = math.ceil(high / apart - 1e-9) * apart
    number = min(round((last - first) / apart), _MOST_TICKS)
    start, end = low if exact[0] else first, high if exact[1] else last
    slack = (end - start) * 1e-9
    positions = [
        position
        for position in (round(first / apart + n) * apart for n in range(number + 1))
        if start - slack <= position <= end + slack
    ]
    return Axis(start, end, _ticks(positions or [start, end], unit, decimals, apart))


def _ticks(
    positions: list[float], unit: str, decimals: int | None, apart: float
) -> tuple[tuple[float, str], ...]:
    return tuple(zip(positions, _labels(positions, unit, decimals, apart), strict=True))


def powers(low: float, high: float, unit: str) -> Axis:
    """A logarithmic axis, with a tick at every power of ten."""
    first = math.floor(math.log10(low)) if low > 0 else 0
    last = max(math.ceil(math.log10(high)) if high > 0 else 1, first + 1)
    positions = [10.0**power for power in range(first, last + 1)]
    return Axis(positions[0], positions[-1], tuple((p, units.written(p, unit)) for p in positions))
