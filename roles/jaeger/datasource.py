"""How Grafana reads a Jaeger: spans lead to their lines, and to the metrics of their service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugins.datasources import DatasourceType, Linked, Signal

# What the connector spanmetrics counts, by service and operation.
_PERFORMANCE = {
    "Calls": "sum by (span_name) (rate(traces_span_metrics_calls_total{$__tags}[5m]))",
    "Duration, p95": "histogram_quantile(0.95, sum by (le, span_name) "
    "(rate(traces_span_metrics_duration_milliseconds_bucket{$__tags}[5m])))",
}
_AROUND = {"spanStartTimeShift": "-1m", "spanEndTimeShift": "1m"}


def _options(settings: Any, linked: Linked) -> Mapping[str, Any]:
    made: dict[str, Any] = {"nodeGraph": {"enabled": True}}
    if linked.logs:
        made["tracesToLogsV2"] = {
            "datasourceUid": linked.logs,
            **_AROUND,
            "tags": [{"key": "service.name", "value": "service"}],
            # Lines name their trace in structured metadata, which a filter of text does not see.
            "customQuery": True,
            "query": '{${__tags}} | traceId="${__span.traceId}"',
        }
    if linked.metrics:
        made["tracesToMetrics"] = {
            "datasourceUid": linked.metrics,
            **_AROUND,
            "tags": [{"key": "service.name", "value": "service_name"}],
            "queries": [{"name": name, "query": query} for name, query in _PERFORMANCE.items()],
        }
    return made


DATASOURCE = DatasourceType(
    "jaeger", "Jaeger", Signal.TRACES, "/api/services", _options, proxied=True
)
