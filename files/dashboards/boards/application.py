"""Application Overview: is the application well, and where is it slow or wrong."""

from files.dashboards.model import Board, Column, Row
from files.dashboards.pages import (
    ALL_LOGS,
    ALL_TRACES,
    ENTITIES,
    ENTITY,
    EXPERIENCE,
    JOB_LOGS,
    JOB_TRACES,
    LOGS,
    OBJECTIVES,
    TIME_TRACES,
)
from files.dashboards.panels import (
    bars,
    duration,
    errors,
    heatmap,
    limits,
    lines,
    rate,
    stat,
    table,
)
from files.dashboards.promql import increase, quantile, share
from files.dashboards.promql import rate as per_second
from files.dashboards.variables import ENVIRONMENT, NAMESPACE, SERVICE

OF = '{environment=~"$environment",job=~"$service"}'
FAILED = '{environment=~"$environment",job=~"$service",status=~"5.."}'
# What workers and others count is not theirs alone whom people choose as a service.
AMONG = '{environment=~"$environment"}'
REQUESTS = "${namespace}_http_requests_total"
DURATION = "${namespace}_http_request_duration_seconds"
AI = "${namespace}_ai_requests_total"

NOW = Row(
    "Now",
    (
        stat("Requests", "Requests answered per second.", per_second(REQUESTS + OF), unit="reqps"),
        stat(
            "Errors",
            "Share of requests answered with 5xx. The objective is less than 0.1 %.",
            share(per_second(REQUESTS + FAILED), per_second(REQUESTS + OF)),
            unit="percentunit",
            steps=limits(0.005, 0.05),
            empty="no request within the last minutes",
        ),
        stat(
            "p95",
            "95 of 100 requests are faster. The objective is 200 ms.",
            # Without requests it is no number.
            quantile(0.95, f"{DURATION}_bucket{OF}") + " >= 0",
            unit="s",
            steps=limits(0.2, 1),
            empty="no request within the last minutes",
        ),
        stat(
            "In flight",
            "Requests being served now. A number that only grows is a service that hangs.",
            f"sum(${{namespace}}_http_requests_in_flight{OF})",
        ),
        stat(
            "Active entities",
            "Entities with a request within the last minutes.",
            f"sum(${{namespace}}_active_entities{AMONG})",
            needs=("business",),
        ),
        stat(
            "Processes in 24 h",
            "Processes created within the last day.",
            increase(f"${{namespace}}_processes_created_total{AMONG}", window="24h"),
            decimals=0,
            needs=("business",),
        ),
    ),
)

REQUEST = Row(
    "Requests",
    (
        rate(
            "Request rate by status",
            "Requests per second by HTTP status. 5xx are the service's own failures.",
            per_second(REQUESTS + OF, "status"),
            "{{status}}",
            links=(LOGS,),
        ),
        errors(
            "Errors",
            "Share of requests answered with 5xx, by service. Alerts: 2 % and 5 % for 5 min.",
            REQUESTS + FAILED,
            REQUESTS + OF,
            "job",
            links=(JOB_LOGS, JOB_TRACES),
        ),
        duration(
            "Duration",
            "How long requests take, of all paths. The points are traces: choose one to open it.",
            DURATION,
            OF,
            links=(LOGS, TIME_TRACES),
        ),
        duration(
            "p95 by path",
            "95 of 100 requests to a path are faster. Alerts: 1 s and 2 s for 5 min.",
            DURATION,
            OF,
            "path",
            quantiles=(0.95,),
            links=(LOGS, TIME_TRACES),
        ),
        table(
            "Paths",
            "Requests and quantiles of their duration in the chosen time, the slowest first.",
            (
                per_second(REQUESTS + OF, "path", window="$__range"),
                *(
                    quantile(each, f"{DURATION}_bucket{OF}", "path", window="$__range")
                    for each in (0.5, 0.95, 0.99)
                ),
            ),
            {
                "path": "Path",
                "Value #A": "Requests",
                "Value #B": "p50",
                "Value #C": "p95",
                "Value #D": "p99",
            },
            show=(
                Column("Requests", "reqps"),
                Column("p50", "s"),
                Column("p95", "s", steps=limits(1, 2)),
                Column("p99", "s"),
            ),
            sort="p95",
            descending=True,
            unit="s",
            width=24,
        ),
    ),
)

WORK = Row(
    "Work in progress",
    (
        lines(
            "In flight",
            "Requests being served, by service.",
            f"sum by (job) (${{namespace}}_http_requests_in_flight{OF})",
            "{{job}}",
            width=8,
            minimum=0.0,
        ),
        lines(
            "Queue depth",
            "Jobs in queues by state. Alert: more than 1000 waiting for 10 min.",
            f"sum by (queue, state) (${{namespace}}_jobs_in_queue{AMONG})",
            "{{queue}} {{state}}",
            width=8,
            minimum=0.0,
            steps=limits(1000, 5000),
            shown="dashed",
            needs=("jobs",),
        ),
        bars(
            "Users by entity",
            "Users of each entity with a request within the last minutes.",
            f"sum by (entity_id) (${{namespace}}_users_per_entity{AMONG})",
            "{{entity_id}}",
            width=8,
            links=(ENTITY,),
            needs=("business",),
        ),
    ),
)

ASSISTANT = Row(
    "AI",
    (
        rate(
            "AI requests",
            "Requests to AI providers by model and outcome. Alert: more than 10 % fail for 5 min.",
            per_second(AI + AMONG, "provider", "model", "status"),
            "{{provider}} {{model}} {{status}}",
            needs=("ai",),
        ),
        heatmap(
            "AI latency",
            "How long requests to AI providers take. The points are traces.",
            f"${{namespace}}_ai_request_duration_seconds_bucket{AMONG}",
            needs=("ai",),
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-application",
    title="Application Overview",
    about="Requests, errors, durations and work of one application, of all entities.",
    folder="Applications",
    needs=("application",),
    variables=(NAMESPACE, ENVIRONMENT, SERVICE),
    links=(ENTITIES, EXPERIENCE, OBJECTIVES, ALL_LOGS, ALL_TRACES),
    rows=(NOW, REQUEST, WORK, ASSISTANT),
)
