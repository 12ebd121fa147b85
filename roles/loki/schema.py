"""Loki's schema periods: what is stored under one must be read under the same for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import yaml

Period = dict[str, Any]


def day(value: str) -> str:
    """A day as Loki takes it, for a setting."""
    try:
        found = date.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.isoformat() != value:
        raise ValueError("is no day such as 2024-04-01")
    return value


def in_order(days: Sequence[str]) -> None:
    """Refuse periods of which one hides another, or none is in force.

    Args:
        days: First day of each, as they stand in the settings.
    """
    for first, following in pairwise(days):
        if first == following:
            raise ValueError(f"two periods start on {first}: take one out")
        if first > following:
            raise ValueError(f"{following} stands after {first}: write the oldest first")
    if days and days[0] > datetime.now(UTC).date().isoformat():
        raise ValueError(
            f"the first one starts on {days[0]}: until then nothing could be stored. Put the one "
            "that is in force before it"
        )


def _periods(content: str) -> dict[str, Period]:
    loaded = yaml.safe_load(content)
    configs = loaded.get("schema_config", {}).get("configs", []) if isinstance(loaded, dict) else []
    return {str(period["from"]): period for period in configs}


def refusal(live: str, wanted: str) -> str | None:
    """Why a change of the schema would lose what is stored; None if it would not.

    Args:
        live: The ``loki.yml`` in force.
        wanted: The one that is to replace it.
    """
    today = datetime.now(UTC).date().isoformat()
    # Under a period to come nothing is stored yet.
    before = {start: p for start, p in _periods(live).items() if start <= today}
    after = _periods(wanted)
    for start, period in before.items():
        if start not in after:
            return (
                f"the schema period from {start} is gone, and with it everything stored since. "
                "Put it back; a new form of storage is one more period, from a day to come"
            )
        changed = sorted(
            key for key in {*period, *after[start]} if period.get(key) != after[start].get(key)
        )
        if changed:
            return (
                f"{', '.join(changed)} of the schema period from {start} is another than what "
                "its entries were stored with: they would not be found again. Put it back, and "
                "add a period from a day to come to loki.periods"
            )
    for start in after.keys() - before.keys():
        if before and start <= today:
            return (
                f"the new schema period starts on {start}, but entries of that day are stored "
                "already: let it start after today"
            )
    return None
