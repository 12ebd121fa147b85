"""Loki's schema periods: what is stored under one must be read under the same for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import yaml

Period = dict[str, Any]


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
