"""The metric families of a service, each declared once with its labels and buckets.

Names with `{ns}` carry the namespace; the others are shared by every service and told apart by
the labels of their target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

HTTP_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)
AI_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
JOB_SECONDS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
# The objectives are 0.1 s and 0.5 s, the alerts 1 s and 5 s: each is a limit of a bucket.
DATABASE_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RESPONSE_BYTES = (100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0)


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family as it stands on /metrics."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(kind="counter", name=name, help=text, labels=labels)


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(kind="gauge", name=name, help=text, labels=labels)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Family:
    return Family(kind="histogram", name=name, help=text, labels=labels, buckets=buckets)


HTTP: Mapping[str, Family] = {
    "requests": _counter(
        "{ns}_http_requests_total", "Requests answered", "method", "path", "status", "entity_id"
    ),
    "duration": _histogram(
        "{ns}_http_request_duration_seconds",
        "Time to the last byte of the answer",
        HTTP_SECONDS,
        "method",
        "path",
    ),
    "in_flight": _gauge("{ns}_http_requests_in_flight", "Requests being served now"),
    "response_size": _histogram(
        "{ns}_http_response_size_bytes", "Size of the body", RESPONSE_BYTES, "method", "path"
    ),
}

BUSINESS: Mapping[str, Family] = {
    "processes_created": _counter(
        "{ns}_processes_created_total", "Processes created", "entity_id", "type"
    ),
    "insights_generated": _counter(
        "{ns}_insights_generated_total", "Insights generated", "entity_id", "type", "severity"
    ),
    "active_entities": _gauge("{ns}_active_entities", "Entities with a request of late"),
    "users_per_entity": _gauge(
        "{ns}_users_per_entity", "Users with a request of late, by entity", "entity_id"
    ),
    "characters_created": _counter(
        "{ns}_characters_created_total", "Characters created, or failed to be", "status"
    ),
    "character_creation_duration": _histogram(
        "{ns}_character_creation_duration_seconds", "Time to create a character", JOB_SECONDS
    ),
    "level_ups": _counter("{ns}_level_ups_total", "Characters levelled up, or not", "status"),
    "level_up_duration": _histogram(
        "{ns}_level_up_duration_seconds", "Time to level a character up", JOB_SECONDS
    ),
    "exports": _counter("{ns}_exports_total", "Exports made, or failed", "status"),
    "export_duration": _histogram(
        "{ns}_export_duration_seconds", "Time to make an export", JOB_SECONDS
    ),
    "active_users": _gauge("active_users_current", "Users with a request of late"),
    "active_sessions": _gauge("active_sessions_current", "Sessions that are open"),
    "page_views": _counter("page_views_total", "Pages viewed", "page_name", "user_type"),
    "workflows": _counter("{ns}_workflows_total", "Workflows ended", "workflow", "status"),
    "workflow_duration": _histogram(
        "{ns}_workflow_duration_seconds", "Time of a workflow", JOB_SECONDS, "workflow"
    ),
    "tasks": _counter("{ns}_tasks_total", "Tasks of workflows ended", "task", "status"),
    "task_duration": _histogram(
        "{ns}_task_duration_seconds", "Time of a task", JOB_SECONDS, "task"
    ),
    "agent_runs": _counter("{ns}_agent_runs_total", "Runs of agents ended", "agent", "status"),
    "agents_active": _gauge("{ns}_agents_active", "Agents running now"),
}

AI: Mapping[str, Family] = {
    "requests": _counter(
        "{ns}_ai_requests_total", "Requests to AI providers", "provider", "model", "status"
    ),
    "duration": _histogram(
        "{ns}_ai_request_duration_seconds",
        "Time of a request to an AI provider",
        AI_SECONDS,
        "provider",
        "model",
    ),
}

JOBS: Mapping[str, Family] = {
    "processed": _counter("{ns}_jobs_processed_total", "Jobs ended", "queue", "status"),
    "in_queue": _gauge("{ns}_jobs_in_queue", "Jobs in a queue", "queue", "state"),
    "duration": _histogram(
        "{ns}_job_processing_duration_seconds", "Time to process a job", JOB_SECONDS, "queue"
    ),
}

AUTH: Mapping[str, Family] = {
    "attempts": _counter("{ns}_auth_attempts_total", "Attempts to log in", "method"),
    "failures": _counter(
        "{ns}_auth_failures_total", "Attempts to log in that failed", "method", "reason"
    ),
    "rate_limit_hits": _counter(
        "{ns}_auth_rate_limit_hits_total", "Attempts to log in refused unseen", "method"
    ),
}

DATABASE: Mapping[str, Family] = {
    "connections_active": _gauge("{ns}_db_connections_active", "Connections in use"),
    "pool_size": _gauge("{ns}_db_pool_size", "Connections that the pool may open"),
    "query_duration": _histogram(
        "{ns}_db_query_duration_seconds", "Time of a query", DATABASE_SECONDS, "operation"
    ),
    "query_errors": _counter("{ns}_db_query_errors_total", "Queries that failed", "operation"),
}

CACHE: Mapping[str, Family] = {
    "requests": _counter("{ns}_cache_requests_total", "Look-ups in a cache", "cache", "result"),
    "hit_ratio": _gauge("cache_hit_ratio", "Share of the last 1000 look-ups that were hits"),
}
