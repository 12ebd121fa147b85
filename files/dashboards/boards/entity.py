"""Entity: what one customer, team or tenant does, and meets."""

from files.dashboards.model import Board, Row
from files.dashboards.pages import ALL_LOGS, APPLICATION, JOB_LOGS
from files.dashboards.panels import bars, errors, lines, rate, stat
from files.dashboards.promql import increase, share
from files.dashboards.promql import rate as per_second
from files.dashboards.variables import ENVIRONMENT, NAMESPACE, of_label

OF = '{environment=~"$environment",entity_id=~"$entity_id"}'
FAILED = '{environment=~"$environment",entity_id=~"$entity_id",status=~"5.."}'
REQUESTS = "${namespace}_http_requests_total"
PROCESSES = f"${{namespace}}_processes_created_total{OF}"
INSIGHTS = f"${{namespace}}_insights_generated_total{OF}"

ENTITY_ID = of_label(
    "entity_id",
    "Entity",
    "Of which entities; requests without one are left out",
    '${namespace}_http_requests_total{entity_id!=""}',
)

NOW = Row(
    "Now",
    (
        stat(
            "Requests",
            "Requests per second of the chosen entities.",
            per_second(REQUESTS + OF),
            unit="reqps",
            width=6,
        ),
        stat(
            "Errors",
            "Share of their requests answered with 5xx.",
            share(per_second(REQUESTS + FAILED), per_second(REQUESTS + OF)),
            unit="percentunit",
            width=6,
            empty="no request within the last minutes",
        ),
        stat(
            "Users",
            "Their users with a request within the last minutes.",
            f"sum(${{namespace}}_users_per_entity{OF})",
            width=6,
            needs=("business",),
        ),
        stat(
            "Processes",
            "Processes they created in the chosen time.",
            increase(PROCESSES),
            decimals=0,
            width=6,
            needs=("business",),
        ),
    ),
)

REQUEST = Row(
    "Requests",
    (
        rate(
            "Request rate by path",
            "Requests per second of the chosen entities, by normalised path.",
            per_second(REQUESTS + OF, "path"),
            "{{path}}",
        ),
        errors(
            "Errors",
            "Share of requests answered with 5xx, by entity and service.",
            REQUESTS + FAILED,
            REQUESTS + OF,
            "entity_id",
            "job",
            links=(JOB_LOGS,),
        ),
    ),
)

BUSINESS = Row(
    "What they do",
    (
        lines(
            "Users per entity",
            "Users of each entity with a request within the last minutes.",
            f"sum by (entity_id) (${{namespace}}_users_per_entity{OF})",
            "{{entity_id}}",
            minimum=0.0,
            width=8,
            needs=("business",),
        ),
        bars(
            "Processes by type",
            "Processes created in the chosen time, by type.",
            increase(PROCESSES, "type"),
            "{{type}}",
            decimals=0,
            width=8,
            needs=("business",),
        ),
        lines(
            "Insights by severity",
            "Insights generated per hour, by severity.",
            increase(INSIGHTS, "severity", window="1h"),
            "{{severity}}",
            minimum=0.0,
            decimals=0,
            width=8,
            needs=("business",),
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-entity",
    title="Entity",
    about="Requests, users, processes and insights of chosen entities.",
    folder="Applications",
    needs=("application",),
    variables=(NAMESPACE, ENVIRONMENT, ENTITY_ID),
    links=(APPLICATION, ALL_LOGS),
    rows=(NOW, REQUEST, BUSINESS),
)
