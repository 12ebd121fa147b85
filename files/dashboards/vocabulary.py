"""What several boards ask the same way: which alerts fire."""

from __future__ import annotations

from files.dashboards.model import Query

# These two fire to prove something, not to be looked at.
ALWAYS = "Watchdog|InfoInhibitor"
FIRING = f'ALERTS{{alertstate="firing",alertname!~"{ALWAYS}",environment=~"$environment|"}}'
PRIORITIES = ("P0", "P1", "P2", "P3")


def priorities(alerts: str) -> tuple[Query, ...]:
    """How many alerts of each priority there are, 0 for none.

    Args:
        alerts: The selector of alerts, closed by a brace.
    """
    return tuple(
        Query(f'count({alerts.removesuffix("}")},priority="{priority}"}}) or vector(0)', priority)
        for priority in PRIORITIES
    )
