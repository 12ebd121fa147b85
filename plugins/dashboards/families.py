"""Families of metrics: what a panel may need of a site beside its roles.

A role's name stands for what the role itself tells. What applications and other people's programs
tell is named here, so that roles and users' services can say it in one word.
"""

from __future__ import annotations

from collections.abc import Mapping

EXPOSED: Mapping[str, str] = {
    "application": "requests answered: `<ns>_http_*`",
    "business": "what the business counts: processes, insights, users, page views",
    "ai": "requests to AI providers: `<ns>_ai_*`",
    "feedback": "what users say of it: `<ns>_nps_score`, `<ns>_onboarding_*`",
    "jobs": "background jobs: `<ns>_jobs_*`, and the workflows and characters they make",
    "auth": "log-ins: `<ns>_auth_*`",
    "database_client": "queries as the application sees them: `<ns>_db_*`",
    "cache_client": "look-ups as the application sees them: `<ns>_cache_*`",
    "postgresql": "PostgreSQL, as postgres_exporter tells it",
    "redis": "Redis, as redis_exporter tells it",
    "nats": "NATS, as its exporter tells it",
    "kubernetes": "Kubernetes, as kube-state-metrics tells it",
    "elasticsearch": "Elasticsearch, as its exporter tells it",
    "systemd": "systemd units, as node_exporter tells them",
    "engine": "the container engine's own metrics",
}
