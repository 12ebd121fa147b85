"""How Grafana reads an Alertmanager: its alerts, not those of its own rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugins.datasources import DatasourceType, Linked, Signal


def _options(settings: Any, linked: Linked) -> Mapping[str, Any]:
    return {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}


DATASOURCE = DatasourceType(
    "alertmanager", "Alertmanager", Signal.ALERTS, "/api/v2/status", _options, proxied=True
)
