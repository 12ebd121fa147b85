"""How Grafana reads a Prometheus: no finer than it scrapes, exemplars lead to traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugins.datasources import DatasourceType, Linked, Signal


def _options(settings: Any, linked: Linked) -> Mapping[str, Any]:
    made: dict[str, Any] = {
        "httpMethod": "POST",
        "prometheusType": "Prometheus",
        "timeInterval": settings.scrape_interval,
        # Its rules are shown beside Grafana's own.
        "manageAlerts": True,
    }
    if linked.alerts:
        made["alertmanagerUid"] = linked.alerts
    if linked.traces:
        made["exemplarTraceIdDestinations"] = [
            {"name": "trace_id", "datasourceUid": linked.traces, "urlDisplayLabel": "Trace"}
        ]
    return made


DATASOURCE = DatasourceType(
    "prometheus", "Prometheus", Signal.METRICS, "/api/v1/query?query=1%2B1", _options
)
