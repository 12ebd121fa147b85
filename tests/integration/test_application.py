"""A real instrumented application: one request seen as metric, log, trace and health."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests import hosts
from tests.hosts import TestHost
from tests.integration.conftest import restored
from tests.integration.machine import get, on, until
from tests.integration.project import Project
from tests.integration.runtime import kill
from tests.integration.signals import Line, lines, send_span, trace


@pytest.fixture
def mon1(shop: Project) -> TestHost:
    return shop.machines["mon1"]


@pytest.fixture
def app1(shop: Project) -> TestHost:
    return shop.machines["app1"]


def request(app1: TestHost, path: str, *more: str, trace_id: str = "") -> tuple[int, Any]:
    """Ask the application; its status and its answer."""
    words = list(more)
    if trace_id:
        words += ["-H", f"'traceparent: 00-{trace_id}-00f067aa0ba902b7-01'"]
    words += ["-w", r"'\n%{http_code}'", f"http://127.0.0.1:8000{path}"]
    body, _, status = on(app1, f"curl -sS -m 10 {' '.join(words)}").rpartition("\n")
    try:
        return int(status), json.loads(body)
    except ValueError:
        return int(status), body


def posted(body: Mapping[str, object]) -> tuple[str, ...]:
    return "-X", "POST", "-H", "'content-type: application/json'", "-d", f"'{json.dumps(body)}'"


def asked(mon1: TestHost, path: str, **parameters: str) -> Any:
    """The JSON answer of Prometheus' API."""
    words = " ".join(f"--data-urlencode '{k}={v}'" for k, v in parameters.items())
    return json.loads(on(mon1, f"curl -fsS -G http://127.0.0.1:9090/api/v1/{path} {words}"))["data"]


def number(mon1: TestHost, query: str) -> float | None:
    """The value of a query with one series; None without any."""
    result = asked(mon1, "query", query=query)["result"]
    return float(result[0]["value"][1]) if result else None


def logged(mon1: TestHost, trace_id: str) -> list[Line]:
    return lines(mon1, f'{{service="reference_app"}} | traceId="{trace_id}"', days=0.1)


def spans(mon1: TestHost, trace_id: str) -> set[str]:
    """Operation names of a trace."""
    return {span["operationName"] for span in trace(mon1, trace_id)}


def test_one_request_is_one_trace_one_log_line_and_an_exemplar(
    mon1: TestHost, app1: TestHost
) -> None:
    trace_id = uuid4().hex
    status, user = request(app1, "/users/17", trace_id=trace_id)
    assert (status, user["id"]) == (200, 17)
    # Cache asked, database asked, cache filled.
    wanted = {"GET /users/:id", "GET", "SELECT", "SET"}
    until(lambda: wanted <= spans(mon1, trace_id), 20, "every span of the request")
    tags = {
        span["operationName"]: {tag["key"]: tag["value"] for tag in span["tags"]}
        for span in trace(mon1, trace_id)
    }
    assert tags["GET /users/:id"]["span.kind"] == "server"
    systems = {
        name: found.get("db.system") or found.get("db.system.name") for name, found in tags.items()
    }
    assert (systems["GET"], systems["SELECT"]) == ("redis", "postgresql")

    def accesses() -> list[Line]:
        found = logged(mon1, trace_id)
        return [line for line in found if json.loads(line.text)["logger"] == "access"]

    (access,) = until(accesses, 20, "the log line of the request")
    assert access.labels["path"] == "/users/17"
    assert access.labels["version"] == json.loads(access.text)["version"]
    until(lambda: trace_id in exemplars(mon1), 20, "the exemplar of the request")


def exemplars(mon1: TestHost) -> set[str]:
    """Trace ids beside the buckets of the latency histogram."""
    now = int(on(mon1, "date +%s"))
    data = asked(
        mon1,
        "query_exemplars",
        query="reference_http_request_duration_seconds_bucket",
        start=str(now - 600),
        end=str(now + 60),
    )
    return {e["labels"]["trace_id"] for series in data for e in series["exemplars"]}


def test_a_job_continues_the_trace_of_the_request_that_made_it(
    mon1: TestHost, app1: TestHost
) -> None:
    trace_id = uuid4().hex
    body = {"entity_id": "acme", "type": "report"}
    status, _ = request(app1, "/processes", *posted(body), trace_id=trace_id)
    assert status in (200, 201, 202)

    def services() -> set[str]:
        body = on(mon1, f"curl -sS http://127.0.0.1:16686/api/traces/{trace_id}")
        data = json.loads(body).get("data") or []
        return {p["serviceName"] for found in data for p in found["processes"].values()}

    until(lambda: services() == {"reference_app", "reference_worker"}, 30, "both services")
    query = 'sum(reference_jobs_processed_total{job="reference_worker"})'
    until(lambda: (number(mon1, query) or 0) >= 1, 30, "the job counted")


def test_failures_and_paths_are_counted_by_route(mon1: TestHost, app1: TestHost) -> None:
    for user in (1, 2, 3):
        assert request(app1, f"/users/{user}")[0] == 200
    assert request(app1, "/fail")[0] == 500
    query = 'sum(reference_http_requests_total{{path="{}", status="{}"}})'
    until(lambda: (number(mon1, query.format("/users/:id", 200)) or 0) >= 3, 20)
    until(lambda: (number(mon1, query.format("/fail", 500)) or 0) >= 1, 20)
    assert number(mon1, 'count(reference_http_requests_total{path=~"/users/[0-9].*"})') is None


def test_a_refused_login_is_an_audit_event_without_the_password(
    mon1: TestHost, app1: TestHost
) -> None:
    trace_id, password = uuid4().hex, f"pa55{uuid4().hex}"
    body = {"user_id": 3, "password": password}
    assert request(app1, "/login", *posted(body), trace_id=trace_id)[0] == 401

    def audited() -> list[Line]:
        return [line for line in logged(mon1, trace_id) if line.labels["class"] == "audit"]

    (event,) = until(audited, 15, "the audit event")
    assert event.labels["audit"] == "authentication"
    assert json.loads(event.text)["outcome"] == "failure"
    found = logged(mon1, trace_id)
    assert any("refused login" in line.text for line in found)
    assert not any(password in line.text for line in found)


def test_traces_outlive_a_restart_of_jaeger(shop: Project, mon1: TestHost, app1: TestHost) -> None:
    trace_id = uuid4().hex
    assert request(app1, "/users/18", trace_id=trace_id)[0] == 200
    until(lambda: len(spans(mon1, trace_id)) >= 4, 20, "the trace")
    before = shop.runtime.process(mon1, "jaeger")
    shop.runtime.restart(mon1, "jaeger")
    assert shop.runtime.process(mon1, "jaeger") != before
    health = "curl -fs http://127.0.0.1:14133/status"
    until(lambda: hosts.run(mon1, ["sh", "-c", health])[0] == 0, 60, "Jaeger healthy")
    assert {"GET /users/:id", "SELECT"} <= spans(mon1, trace_id)


def test_a_trace_sent_while_jaeger_is_down_arrives_when_it_is_back(
    shop: Project, mon1: TestHost, app1: TestHost
) -> None:
    trace_id = uuid4().hex
    shop.runtime.stop(mon1, "jaeger")
    send_span(app1, trace_id)
    kill(shop.runtime, app1, "otelcol")
    shop.runtime.start(mon1, "jaeger")
    until(lambda: spans(mon1, trace_id) == {"by hand"}, 60, "the trace that had to wait")


def test_the_application_answers_while_its_collector_is_down(shop: Project, app1: TestHost) -> None:
    shop.runtime.stop(app1, "otelcol")
    try:
        answered = [request(app1, f"/users/{user}")[0] for user in range(1, 101)]
        slowest = "for i in $(seq 20); do curl -s -o /dev/null -w '%{time_total}\\n' "
        slowest += "http://127.0.0.1:8000/users/1; done | sort -n | tail -1"
        assert answered == [200] * 100
        assert float(on(app1, slowest)) < 1
    finally:
        shop.runtime.start(app1, "otelcol")


def test_readiness_probe_and_alert_follow_the_database(mon1: TestHost, app1: TestHost) -> None:
    assert request(app1, "/health/ready")[0] == 200
    on(app1, "systemctl stop postgresql.service")
    try:
        status, body = until(
            lambda: (got := request(app1, "/health/ready"))[0] == 503 and got, 15, "not ready"
        )
        assert (status, body["checks"]["database"]) == (503, False)
        assert request(app1, "/health/live") == (200, {"status": "alive"})
        probe = 'probe_success{component="reference_app"}'
        until(lambda: number(mon1, probe) == 0, 30, "the probe to fail")
        path = "/api/v2/alerts?filter=alertname%3D%22HealthProbeFailed%22"

        def firing() -> bool:
            found = get(mon1, path, 9093)
            return any(alert["labels"]["component"] == "reference_app" for alert in found)

        until(firing, 120, "the alert in Alertmanager")
    finally:
        on(app1, "systemctl start postgresql.service")
    until(lambda: request(app1, "/health/ready")[0] == 200, 30, "ready again by itself")
    until(lambda: number(mon1, probe) == 1, 30, "the probe to succeed")


def test_service_performance_is_measured_from_spans(mon1: TestHost, app1: TestHost) -> None:
    assert request(app1, "/users/5")[0] == 200
    query = (
        'sum(traces_span_metrics_calls_total{service_name="reference_app", '
        'span_name="GET /users/:id"})'
    )
    until(lambda: (number(mon1, query) or 0) >= 1, 90, "calls in Prometheus")
    path = (
        "/api/metrics/calls?service=reference_app&spanKind=server&lookback=600000"
        "&ratePer=600000&step=30000"
    )
    until(lambda: get(mon1, path, 16686)["metrics"], 60, "what Jaeger shows of it")


@pytest.fixture
def changed(shop: Project) -> Iterator[Project]:
    """The site; what a test changes in its settings is undone afterwards."""
    yield from restored(shop)


def test_logs_of_database_and_cache_are_shipped_when_said(changed: Project, mon1: TestHost) -> None:
    changed.everyone["logs"] = [
        {"name": "postgresql", "files": ["/var/log/postgresql/*.log"], "format": "postgresql"},
    ]
    changed.deploy("--data", "prove=quick")
    found = until(lambda: lines(mon1, '{service="postgresql"}'), 20, "PostgreSQL's log")
    assert {line.labels["level"] for line in found} <= {"info", "error", "fatal", "warn"}
    assert any("database system is ready" in line.text for line in found)
    # Its own times, not those of reading it.
    assert len({line.time for line in found}) > 1
