"""Links between dashboards, and what they carry along: the time, and what was chosen."""

from __future__ import annotations

from files.dashboards.model import Link

# Dashboards, as links at the top of others: variables of the same name keep their values.
APPLICATION = Link("Application Overview", "/d/stackwatch-application")
ENTITIES = Link("Entity", "/d/stackwatch-entity")
EXPERIENCE = Link("User experience", "/d/stackwatch-experience")
BUSINESS = Link("Business", "/d/stackwatch-business")
OBJECTIVES = Link("SLO", "/d/stackwatch-slo")
ALL_LOGS = Link("Logs", "/d/stackwatch-logs")
ALL_TRACES = Link("Traces", "/d/stackwatch-traces")
SYSTEM = Link("System", "/d/stackwatch-system")
CONTAINERS = Link("Containers and Kubernetes", "/d/stackwatch-containers")
ALL_ALERTS = Link("Alerts and notifications", "/d/stackwatch-alerts")
STACK = Link("Stack Overview", "/d/stackwatch-stack")


def _to(title: str, uid: str, *carried: str) -> Link:
    return Link(title, f"/d/{uid}?" + "&".join(["${__url_time_range}", *carried]))


# From a series or a cell to what belongs to it, at the same time.
LOGS = _to("Logs of this time", "stackwatch-logs", "${service:queryparam}")
JOB_LOGS = _to("Logs of this service", "stackwatch-logs", "var-service=${__field.labels.job}")
JOB_TRACES = _to("Traces of this service", "stackwatch-traces", "var-service=${__field.labels.job}")
TIME_TRACES = _to("Traces of this time", "stackwatch-traces")
SPAN_LOGS = _to("Logs of this service", "stackwatch-logs", "${service:queryparam}")
HOST_LOGS = _to("Logs of this host", "stackwatch-logs", "var-host=${__field.labels.host}")
LINE_LOGS = _to("Logs of this service", "stackwatch-logs", "var-service=${__field.labels.service}")
ENTITY = _to("This entity", "stackwatch-entity", "var-entity_id=${__field.labels.entity_id}")
HOST = _to("This host", "stackwatch-system", "var-host=${__value.text}")
ONE_TRACE = _to("This trace", "stackwatch-traces", "var-traceId=${__value.text}")
TRACE_LOGS = _to("Logs of this trace", "stackwatch-logs", "var-traceId=${__value.text}")
ONE_REQUEST = _to("This request", "stackwatch-logs", "var-requestId=${__value.text}")
ALERTS = _to("Alerts", "stackwatch-alerts")
