"""An instrumented application: its metrics, log entries, spans and health, and how they link."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from stackwatch_instrumentation import Settings, SettingsError, Telemetry, audit, bind, instrument

from tests.unit.apps.asgi import ask, entries, one

_OPENMETRICS = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
_LOG = logging.getLogger("shop")


class Shop:
    """An application of a user, with what it tells."""

    def __init__(self, **settings: object) -> None:
        self.app = FastAPI()
        self.spans = InMemorySpanExporter()
        values = {"namespace": "shop", "service": "shop", "version": "1.2.3", **settings}
        if "otlp_endpoint" in values:
            self.telemetry: Telemetry = instrument(self.app, Settings(**values))  # type: ignore[arg-type]
        else:
            self.telemetry = instrument(self.app, Settings(**values), exporter=self.spans)  # type: ignore[arg-type]

        @self.app.get("/users/{id}")
        async def user(id: int) -> int:
            bind(user_id="ann")
            _LOG.info("reading %s", {"id": id, "token": "t0p"})
            return id

        @self.app.get("/fail")
        def fail() -> None:
            raise RuntimeError("broken, password=hunter2")


def _openmetrics(shop: Shop) -> str:
    async def run() -> str:
        import httpx  # noqa: PLC0415

        transport = httpx.ASGITransport(shop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            answer = await client.get("/metrics", headers=_OPENMETRICS)
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        return answer.text

    return asyncio.run(run())


def test_a_request_is_one_line_with_everything_that_links_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop = Shop(environment="test")
    before = datetime.now(UTC)
    (answer,) = ask(shop.app, ("GET", "/users/7?token=t0p"))
    found = entries(capsys.readouterr().out)
    (span,) = shop.spans.get_finished_spans()
    entry = one(found, logger="access")
    assert (
        entry
        | {
            "level": "info",
            "service": "shop",
            "version": "1.2.3",
            "environment": "test",
            "message": "GET /users/7 200",
            "requestId": answer.headers["x-request-id"],
            "traceId": f"{span.context.trace_id:032x}",
            "spanId": f"{span.context.span_id:016x}",
            "userId": "ann",
            "path": "/users/7",
            "method": "GET",
            "status": 200,
            "route": "/users/:id",
        }
        == entry
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])
    assert before <= datetime.fromisoformat(entry["time"]) <= datetime.now(UTC)
    inner = one(found, logger="shop")
    assert inner["message"] == "reading {'id': 7, 'token': '[REDACTED]'}"
    assert inner["traceId"] == entry["traceId"]


def test_ids_from_outside_are_taken_only_if_they_are_plain(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import httpx  # noqa: PLC0415

    shop = Shop(entity_ids=frozenset({"acme"}))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    good = {"X-Request-ID": "r-1", "X-Entity-ID": "acme", "traceparent": parent}
    bad = {"X-Request-ID": 'x" {}', "X-Entity-ID": "a b"}
    answers = ask(
        shop.app,
        httpx.Request("GET", "http://app/users/1", headers=good),
        httpx.Request("GET", "http://app/users/2", headers=bad),
    )
    found = entries(capsys.readouterr().out)
    first = one(found, logger="access", path="/users/1")
    assert (first["requestId"], first["entityId"]) == ("r-1", "acme")
    assert first["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    second = one(found, logger="access", path="/users/2")
    assert re.fullmatch(r"[0-9a-f]{32}", second["requestId"])
    assert "entityId" not in second
    assert answers[1].headers["x-request-id"] == second["requestId"]


def test_an_exception_is_one_entry_with_its_stack_redacted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop = Shop()
    (answer,) = ask(shop.app, ("GET", "/fail"))
    assert answer.status_code == 500
    output = capsys.readouterr().out
    assert "hunter2" not in output
    entry = one(entries(output), level="error")
    assert entry["message"] == "GET /fail 500"
    assert entry["stack"].startswith("Traceback (most recent call last):\n")
    assert entry["stack"].endswith("RuntimeError: broken, password=[REDACTED]")
    (span,) = shop.spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "hunter2" not in span.to_json()
    sample = shop.telemetry.metrics.registry.get_sample_value
    labels = {"method": "GET", "path": "/fail", "status": "500", "entity_id": ""}
    assert sample("shop_http_requests_total", labels) == 1


def test_a_request_has_one_server_span_without_its_secrets() -> None:
    shop = Shop()
    ask(shop.app, ("GET", "/users/7?access_token=t0p"))
    (span,) = shop.spans.get_finished_spans()
    assert (span.kind, span.name) == (SpanKind.SERVER, "GET /users/:id")
    assert span.attributes is not None
    assert span.attributes["http.route"] == "/users/:id"
    assert span.attributes["url.query"] == "access_token=[REDACTED]"
    resource = span.resource.attributes
    assert (resource["service.name"], resource["service.version"]) == ("shop", "1.2.3")
    assert resource["deployment.environment"] == "development"


def test_whatever_is_asked_for_the_paths_stay_few() -> None:
    shop = Shop()
    ask(shop.app, *(("GET", f"/users/{n}") for n in range(50)))
    ask(shop.app, *(("GET", f"/no/such/{n}") for n in range(50)), ("GET", "/health"))
    page = _openmetrics(shop)
    assert set(re.findall(r'path="([^"]*)"', page)) == {"/users/:id", "unmatched"}


def test_the_latency_has_the_trace_as_an_exemplar() -> None:
    shop = Shop()
    ask(shop.app, ("GET", "/users/7"))
    (span,) = shop.spans.get_finished_spans()
    exemplars = re.findall(
        r'^shop_http_request_duration_seconds_bucket\{[^}]*path="/users/:id"\} \S+'
        r' # \{trace_id="([0-9a-f]{32})"\}',
        _openmetrics(shop),
        re.MULTILINE,
    )
    assert exemplars == [f"{span.context.trace_id:032x}"]


def test_a_trace_that_is_not_kept_is_no_exemplar() -> None:
    shop = Shop(sample_ratio=0.0)
    ask(shop.app, ("GET", "/users/7"))
    assert shop.spans.get_finished_spans() == ()
    assert "trace_id" not in _openmetrics(shop)


def test_health_follows_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(check_timeout=0.05)
    ok = True

    async def database() -> bool:
        return ok

    async def cache() -> None:
        raise ConnectionError("away, token=t0p")

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return

    shop.telemetry.health.add("database", database)
    shop.telemetry.health.add("cache", cache, required=False)
    (ready,) = ask(shop.app, ("GET", "/health/ready"))
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["checks"] == {"database": True, "cache": False}
    shop.telemetry.health.add("search", stubborn)
    ok = False
    for path in ("/health/ready", "/health/readiness"):
        (not_ready,) = ask(shop.app, ("GET", path))
        assert not_ready.status_code == 503
        assert not_ready.json()["checks"] == {"database": False, "cache": False, "search": False}
    (overview,) = ask(shop.app, ("GET", "/health"))
    assert overview.status_code == 200
    body = overview.json()
    assert set(body) == {"status", "timestamp", "version", "components", "uptime_seconds"}
    assert (body["status"], body["version"]) == ("degraded", "1.2.3")
    assert body["components"]["database"] == "failing"
    for path in ("/health/live", "/health/liveness"):
        (live,) = ask(shop.app, ("GET", path))
        assert (live.status_code, live.json()) == (200, {"status": "alive"})
    (details,) = ask(shop.app, ("GET", "/health/details"))
    assert details.json()["memory"]["resident_bytes"] > 1_000_000
    assert details.json()["versions"]["python"].startswith("3.")
    output = capsys.readouterr().out
    assert "t0p" not in output
    assert sum("health check cache fails" in e["message"] for e in entries(output)) == 1


def test_a_health_check_is_registered_once() -> None:
    shop = Shop()

    async def check() -> None:
        return None

    shop.telemetry.health.add("database", check)
    with pytest.raises(ValueError, match="registered already"):
        shop.telemetry.health.add("database", check)


def test_audit_events(capsys: pytest.CaptureFixture[str]) -> None:
    Shop()
    audit.authentication("ann", outcome="failure", method="password")
    audit.authorisation_failure("ann", action="read", resource="invoices/1")
    audit.data_access("users/1")
    audit.configuration_change("smtp_password", before="old0ne", after="n3w")
    output = capsys.readouterr().out
    found = entries(output)
    assert [(e["audit"], e["outcome"], e["level"]) for e in found] == [
        ("authentication", "failure", "warn"),
        ("authorisation_failure", "failure", "warn"),
        ("data_access", "success", "info"),
        ("configuration_change", "success", "info"),
    ]
    assert found[0]["details"] == {"subject": "ann", "method": "password"}
    assert "n3w" not in output
    assert "old0ne" not in output


@pytest.mark.parametrize(
    ("number", "name"),
    [(10, "debug"), (20, "info"), (30, "warn"), (40, "error"), (50, "fatal"), (25, "info")],
)
def test_levels(capsys: pytest.CaptureFixture[str], number: int, name: str) -> None:
    Shop(log_level="debug")
    _LOG.log(number, "x")
    assert one(entries(capsys.readouterr().out), logger="shop")["level"] == name


def test_an_entry_is_written_whatever_it_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    Shop()
    _LOG.info(
        "%d of\n%s", "x", object, extra={"ratio": float("inf"), "path_": "\udcff", "n": {1: 2}}
    )
    entry = one(entries(capsys.readouterr().out), logger="shop")
    assert (entry["ratio"], entry["n"]) == ("inf", {"1": 2})


def test_a_log_file_gets_the_same_lines(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("logs") / "shop.log"
    Shop(log_file=file, log_stdout=False)
    _LOG.info("hello")
    assert capsys.readouterr().out == ""
    assert one(entries(file.read_text(encoding="utf-8")))["message"] == "hello"


def test_requests_are_answered_while_the_receiver_of_traces_is_away() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        shop = Shop(otlp_endpoint=f"http://127.0.0.1:{port}", export_timeout=0.2, export_queue=4)
        started = time.monotonic()
        answers = ask(shop.app, *(("GET", f"/users/{n}") for n in range(100)))
        shop.telemetry.shutdown()
    assert {a.status_code for a in answers} == {200}
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"namespace": "my-shop"}, "namespace"),
        ({"service": ""}, "service"),
        ({"log_level": "loud"}, "log_level"),
        ({"log_stdout": False}, "log_file"),
        ({"sample_ratio": 2.0}, "sample_ratio"),
        ({"otlp_endpoint": "collector:4318"}, "otlp_endpoint"),
        ({"check_timeout": 0.0}, "check_timeout"),
        ({"export_queue": 0}, "export_queue"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], told: str) -> None:
    values = {"namespace": "shop", "service": "shop", **settings}
    with pytest.raises(SettingsError, match=told):
        Settings(**values)  # type: ignore[arg-type]
