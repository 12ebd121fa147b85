"""Links between dashboards, and what they carry along: the time, and what was chosen."""

from __future__ import annotations

from files.dashboards.model import Link

_TIME = "${__url_time_range}"


def _to(uid: str, *carried: str) -> str:
    return f"/d/{uid}?" + "&".join([_TIME, *carried])


# From a series of an application to what it wrote and did in the same time.
LOGS = Link("Logs of this time", _to("stackwatch-logs", "${service:queryparam}"))
TRACES = Link("Traces of this time", _to("stackwatch-traces", "var-service=${__field.labels.job}"))
HOST_LOGS = Link("Logs of this host", _to("stackwatch-logs", "var-host=${__field.labels.host}"))
ENTITY = Link("This entity", _to("stackwatch-entity", "var-entity_id=${__field.labels.entity_id}"))
ONE_TRACE = Link("This trace", _to("stackwatch-traces", "var-traceId=${__value.text}"))
ONE_REQUEST = Link("This request", _to("stackwatch-logs", "var-requestId=${__value.text}"))
TRACE_LOGS = Link("Logs of this trace", _to("stackwatch-logs", "var-traceId=${__value.text}"))
HOST = Link("This host", _to("stackwatch-system", "var-host=${__data.fields.host}"))
ALERTS = Link("Alerts", _to("stackwatch-alerts"))
