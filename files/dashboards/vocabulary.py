"""What several boards ask and show the same way: alerts."""

from __future__ import annotations

from collections.abc import Mapping

from files.dashboards.model import Query

PRIORITIES = ("P0", "P1", "P2", "P3")
COLORS: Mapping[str, tuple[str, str]] = {
    "P0": ("P0", "red"),
    "P1": ("P1", "orange"),
    "P2": ("P2", "yellow"),
    "P3": ("P3", "blue"),
}
# An alert about no host in particular has no environment.
_OF = 'environment=~"$environment|"'
# These two fire to prove something, not to be looked at.
_REAL = 'alertname!~"Watchdog|InfoInhibitor"'
FIRING = f'ALERTS{{alertstate="firing",{_REAL},{_OF}}}'
PENDING = f'ALERTS{{alertstate="pending",{_REAL},{_OF}}}'
WATCHDOG = 'ALERTS{alertstate="firing",alertname="Watchdog"}'
# Grafana's own list: of every datasource that has alert rules.
ALERT_LIST: Mapping[str, object] = {
    "alertName": "",
    "alertInstanceLabelFilter": "",
    "dashboardAlerts": False,
    "groupMode": "custom",
    "groupBy": ["priority"],
    "maxItems": 50,
    "sortOrder": 3,
    "viewMode": "list",
    "stateFilter": {
        "error": True,
        "firing": True,
        "noData": False,
        "normal": False,
        "pending": True,
    },
}


def priorities(alerts: str) -> tuple[Query, ...]:
    """How many alerts of each priority there are, 0 for none.

    Args:
        alerts: The selector of alerts, closed by a brace.
    """
    open_end = alerts.removesuffix("}")
    return tuple(
        Query(f'count({open_end},priority="{each}"}}) or vector(0)', each) for each in PRIORITIES
    )
