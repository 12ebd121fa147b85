"""Durations: people write Prometheus' form, some programs only know Go's."""

from __future__ import annotations

import re

_UNITS = {
    "y": 365 * 86400,
    "w": 7 * 86400,
    "d": 86400,
    "h": 3600,
    "m": 60,
    "s": 1,
}
_PART = re.compile(r"(\d+)(ms|[ywdhms])")


def milliseconds(duration: str) -> int:
    """How long a duration is.

    Args:
        duration: In Prometheus' form, as settings validate it.
    """
    return sum(
        int(number) * (1 if unit == "ms" else 1000 * _UNITS[unit])
        for number, unit in _PART.findall(duration)
    )


def go_duration(duration: str, times: int = 1) -> str:
    """A duration such as ``30d`` as Go's time.ParseDuration takes it: ``720h0m0s``.

    Args:
        duration: In Prometheus' form, as settings validate it.
        times: What it is multiplied by.
    """
    seconds, rest = divmod(times * milliseconds(duration), 1000)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    fraction = f".{rest:03}" if rest else ""
    return f"{hours}h{minutes}m{seconds}{fraction}s"
