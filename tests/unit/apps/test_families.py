"""Names, labels and buckets of the metrics: what rules and dashboards are written against."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from stackwatch_instrumentation import Metrics, families
from stackwatch_instrumentation.families import Family

_GROUPS = {
    "http": families.HTTP,
    "business": families.BUSINESS,
    "ai": families.AI,
    "jobs": families.JOBS,
    "auth": families.AUTH,
    "database": families.DATABASE,
    "cache": families.CACHE,
}
_JOB_SECONDS = (1, 5, 10, 30, 60, 120, 300, 600)
_EXPECTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "ns_http_requests_total": ("counter", ("method", "path", "status", "entity_id")),
    "ns_http_request_duration_seconds": ("histogram", ("method", "path")),
    "ns_http_requests_in_flight": ("gauge", ()),
    "ns_http_response_size_bytes": ("histogram", ("method", "path")),
    "ns_processes_created_total": ("counter", ("entity_id", "type")),
    "ns_insights_generated_total": ("counter", ("entity_id", "type", "severity")),
    "ns_active_entities": ("gauge", ()),
    "ns_users_per_entity": ("gauge", ("entity_id",)),
    "ns_characters_created_total": ("counter", ("status",)),
    "ns_character_creation_duration_seconds": ("histogram", ()),
    "ns_level_ups_total": ("counter", ("status",)),
    "ns_level_up_duration_seconds": ("histogram", ()),
    "ns_exports_total": ("counter", ("status",)),
    "ns_export_duration_seconds": ("histogram", ()),
    "active_users_current": ("gauge", ()),
    "active_sessions_current": ("gauge", ()),
    "page_views_total": ("counter", ("page_name", "user_type")),
    "ns_workflows_total": ("counter", ("workflow", "status")),
    "ns_workflow_duration_seconds": ("histogram", ("workflow",)),
    "ns_tasks_total": ("counter", ("task", "status")),
    "ns_task_duration_seconds": ("histogram", ("task",)),
    "ns_agent_runs_total": ("counter", ("agent", "status")),
    "ns_agents_active": ("gauge", ()),
    "ns_ai_requests_total": ("counter", ("provider", "model", "status")),
    "ns_ai_request_duration_seconds": ("histogram", ("provider", "model")),
    "ns_jobs_processed_total": ("counter", ("queue", "status")),
    "ns_jobs_in_queue": ("gauge", ("queue", "state")),
    "ns_job_processing_duration_seconds": ("histogram", ("queue",)),
    "ns_auth_attempts_total": ("counter", ("method",)),
    "ns_auth_failures_total": ("counter", ("method", "reason")),
    "ns_auth_rate_limit_hits_total": ("counter", ("method",)),
    "ns_db_connections_active": ("gauge", ()),
    "ns_db_pool_size": ("gauge", ()),
    "ns_db_query_duration_seconds": ("histogram", ("operation",)),
    "ns_db_query_errors_total": ("counter", ("operation",)),
    "ns_cache_requests_total": ("counter", ("cache", "result")),
    "cache_hit_ratio": ("gauge", ()),
}


def _declared() -> dict[str, Family]:
    return {
        family.name.format(ns="ns"): family
        for group in _GROUPS.values()
        for family in group.values()
    }


def test_names_kinds_and_labels() -> None:
    found = {name: (family.kind, family.labels) for name, family in _declared().items()}
    assert found == _EXPECTED


@pytest.mark.parametrize(
    ("name", "buckets"),
    [
        ("ns_http_request_duration_seconds", (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10)),
        ("ns_ai_request_duration_seconds", (0.5, 1, 2, 5, 10, 30, 60)),
        ("ns_job_processing_duration_seconds", _JOB_SECONDS),
        ("ns_character_creation_duration_seconds", _JOB_SECONDS),
        ("ns_level_up_duration_seconds", _JOB_SECONDS),
    ],
)
def test_buckets(name: str, buckets: tuple[float, ...]) -> None:
    assert _declared()[name].buckets == buckets


def test_every_family_stands_on_the_page_once_it_is_used() -> None:
    metrics = Metrics("ns")
    assert b"\nns_" not in b"\n" + generate_latest(metrics.registry)
    for group, declared in _GROUPS.items():
        for key in declared:
            getattr(getattr(metrics, group), key)
    page = generate_latest(metrics.registry).decode()
    for name, (kind, _) in _EXPECTED.items():
        assert f"# TYPE {name} {kind}\n" in page
    assert "_created" not in page.replace("_created_total", "")


def test_entity_ids_are_bounded() -> None:
    listed = Metrics("ns", entity_ids=frozenset({"acme"})).http
    assert [listed.entity_label(e) for e in ("acme", "evil", "", None)] == ["acme", "other", "", ""]
    assert Metrics("ns").http.entity_label("acme") == ""


def test_methods_are_bounded() -> None:
    metrics = Metrics("ns")
    for number in range(5):
        metrics.http.observe(
            method=f"X{number}", path="/", status=405, entity_id=None, seconds=0, size=0
        )
    page = generate_latest(metrics.registry).decode()
    assert 'ns_http_requests_total{entity_id="",method="other",path="/",status="405"} 5.0' in page


def test_queries_and_look_ups() -> None:
    metrics = Metrics("ns")
    with pytest.raises(OSError, match="gone"), metrics.database.query("select"):
        raise OSError("gone")
    for hit in (True, True, True, False):
        metrics.cache.lookup("users", hit=hit)
    sample = metrics.registry.get_sample_value
    assert sample("ns_db_query_errors_total", {"operation": "select"}) == 1
    assert sample("ns_db_query_duration_seconds_count", {"operation": "select"}) == 1
    assert sample("cache_hit_ratio") == 0.75
