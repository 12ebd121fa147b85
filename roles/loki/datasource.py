"""How Grafana reads a Loki: lines lead to the trace that their structured metadata names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugins.datasources import DatasourceType, Linked, Signal


def _options(settings: Any, linked: Linked) -> Mapping[str, Any]:
    made: dict[str, Any] = {"maxLines": 1000, "manageAlerts": True}
    if linked.alerts:
        made["alertmanagerUid"] = linked.alerts
    if linked.traces:
        made["derivedFields"] = [
            {
                "name": "Trace",
                "matcherType": "label",
                "matcherRegex": "traceId",
                "datasourceUid": linked.traces,
                "url": "${__value.raw}",
                "urlDisplayLabel": "Trace",
            }
        ]
    return made


DATASOURCE = DatasourceType(
    "loki", "Loki", Signal.LOGS, "/loki/api/v1/query?query=vector(1)%2Bvector(1)", _options
)
