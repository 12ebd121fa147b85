"""Expressions that every dashboard writes the same way."""

from __future__ import annotations

from collections.abc import Sequence

RATE = "$__rate_interval"


def by(labels: Sequence[str]) -> str:
    """The clause that keeps these labels, empty for none."""
    return f" by ({', '.join(labels)})" if labels else ""


def rate(selector: str, *labels: str, window: str = RATE) -> str:
    """How often per second a counter counts, summed by labels."""
    return f"sum{by(labels)} (rate({selector}[{window}]))"


def increase(selector: str, *labels: str, window: str = "$__range") -> str:
    """How much a counter grew, summed by labels."""
    return f"sum{by(labels)} (increase({selector}[{window}]))"


def share(part: str, whole: str) -> str:
    """A part of a whole, both summed by the same labels.

    It is 0 where the part has no series, and nothing while the whole stands still.
    """
    return f"({part} or {whole} * 0) / ({whole} > 0)"


def quantile(share_of: float, buckets: str, *labels: str, window: str = RATE) -> str:
    """A quantile of a histogram, by labels.

    Args:
        share_of: 0.95 for p95.
        buckets: Selector of the ``_bucket`` series.
        labels: To keep.
        window: To look at.
    """
    return f"histogram_quantile({share_of}, {rate(buckets, *labels, 'le', window=window)})"


def average(histogram: str, matchers: str, *labels: str, window: str = RATE) -> str:
    """The mean of a histogram; nothing while nothing is observed."""
    total = rate(f"{histogram}_sum{matchers}", *labels, window=window)
    count = rate(f"{histogram}_count{matchers}", *labels, window=window)
    return f"{total} / ({count} > 0)"
