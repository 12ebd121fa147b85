"""The reference service and its worker, with mocks of the drivers of database and Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.exceptions import ConnectionError as RedisConnectionError
from stackwatch_instrumentation import start
from stackwatch_reference.api import create_app
from stackwatch_reference.database import Database, User
from stackwatch_reference.jobs import Job, JobQueue
from stackwatch_reference.settings import Settings, SettingsError, from_environment
from stackwatch_reference.state import Service
from stackwatch_reference.worker import Worker

from tests.unit.apps.asgi import ask, entries, one, post


class MockRedis:
    """Lists and strings; away when told so."""

    def __init__(self) -> None:
        self.strings: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        self.away = False

    def _there(self) -> None:
        if self.away:
            raise RedisConnectionError("connection refused")

    async def ping(self) -> bool:
        self._there()
        return True

    async def get(self, key: str) -> str | None:
        self._there()
        return self.strings.get(key)

    async def set(self, key: str, value: str, *, ex: int) -> None:
        self._there()
        self.strings[key] = value

    async def rpush(self, key: str, value: str) -> None:
        self._there()
        self.lists.setdefault(key, []).append(value)


class MockDatabase(Database):
    """The queries the tests need, without a server."""

    def __init__(self, settings: Settings, *, away: bool = False) -> None:
        self.away = away
        self.ended: dict[int, str] = {}
        self.asked = 0

    def _there(self) -> None:
        if self.away:
            raise psycopg.OperationalError("no server")

    async def check(self) -> bool:
        self._there()
        return True

    async def user(self, user_id: int) -> User | None:
        self._there()
        self.asked += 1
        return User(user_id, f"User {user_id}", user_id == 1) if user_id <= 100 else None

    async def insert_process(self, entity_id: str, kind: str) -> int:
        self._there()
        return 41

    async def end_process(self, process_id: int, status: str) -> None:
        self._there()
        self.ended[process_id] = status


class MockQueue(JobQueue):
    """Remembers what became of the jobs."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def done(self, text: str) -> None:
        self.told.append("done")

    async def failed(self, text: str) -> None:
        self.told.append("failed")

    async def again(self, text: str, job: Job) -> bool:
        self.told.append("again")
        return True


class Site:
    """The service with mocks behind it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.redis = MockRedis()
        self.database = MockDatabase(Settings())
        self.spans = InMemorySpanExporter()
        modules = "stackwatch_reference.api."
        monkeypatch.setattr(f"{modules}storage.connect", lambda _: self.redis)
        monkeypatch.setattr(f"{modules}Database", lambda *_: self.database)
        self.app: FastAPI = create_app(Settings(**settings), exporter=self.spans)
        service: Service = self.app.state.service
        self.sample: Callable[..., float | None] = (
            service.telemetry.metrics.registry.get_sample_value
        )


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def test_a_user_comes_from_the_database_then_from_the_cache(site: Site) -> None:
    answers = ask(site.app, ("GET", "/users/7"), ("GET", "/users/7"), ("GET", "/users/999"))
    assert [a.status_code for a in answers] == [200, 200, 404]
    assert answers[1].json()["name"] == "User 7"
    assert site.database.asked == 2
    assert site.sample("cache_hit_ratio") == pytest.approx(1 / 3)


def test_without_redis_users_are_read_and_the_service_is_ready(site: Site) -> None:
    site.redis.away = True
    user, ready, process = ask(
        site.app, ("GET", "/users/7"), ("GET", "/health/ready"), post("/processes", {})
    )
    assert (user.status_code, ready.status_code, process.status_code) == (200, 200, 503)
    assert ready.json()["checks"] == {"database": True, "redis": False}


def test_without_the_database_the_service_lives_and_is_not_ready(site: Site) -> None:
    site.database.away = True
    answers = ask(
        site.app,
        ("GET", "/health/live"),
        ("GET", "/metrics"),
        ("GET", "/health/ready"),
        ("GET", "/users/7"),
    )
    assert [a.status_code for a in answers] == [200, 200, 503, 503]
    site.database.away = False
    assert ask(site.app, ("GET", "/health/ready"))[0].status_code == 200


def test_a_process_is_a_job_with_the_trace_of_its_request(site: Site) -> None:
    request = post("/processes", {"type": "character"}, **{"X-Entity-ID": "acme"})
    (answer,) = ask(site.app, request)
    assert (answer.status_code, answer.json()["id"]) == (202, 41)
    (text,) = site.redis.lists["reference:jobs:processes:waiting"]
    job = Job.from_json(text)
    server = next(s for s in site.spans.get_finished_spans() if s.name == "POST /processes")
    assert job.trace["traceparent"].split("-")[1] == f"{server.context.trace_id:032x}"
    assert (job.type, job.entity_id) == ("character", "acme")
    assert job.request_id == answer.headers["x-request-id"]
    labels = {"entity_id": "acme", "type": "character"}
    assert site.sample("reference_processes_created_total", labels) == 1
    assert site.sample("reference_processes_created_total", labels | {"type": "export"}) == 0


def test_a_wrong_password_is_told_and_never_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(monkeypatch)
    wrong = "n0t 'the one"
    login = post("/login", {"user_id": 7, "password": wrong})
    (answer,) = ask(site.app, login)
    assert answer.status_code == 401
    output = capsys.readouterr().out
    assert wrong not in output
    assert "the one" not in output
    found = entries(output)
    refused = one(found, logger="stackwatch_reference.people")
    assert refused["form"] == {"password": "[REDACTED]"}
    assert "password=" in refused["message"]
    event = one(found, audit="authentication")
    assert (event["outcome"], event["details"]["reason"]) == ("failure", "wrong_password")
    labels = {"method": "password", "reason": "wrong_password"}
    assert site.sample("reference_auth_failures_total", labels) == 1


def test_failed_logins_are_limited(site: Site) -> None:
    wrong = post("/login", {"user_id": 7, "password": "x"})
    answers = ask(site.app, *[wrong] * 6)
    assert [a.status_code for a in answers] == [401] * 5 + [429]
    assert site.sample("reference_auth_rate_limit_hits_total", {"method": "password"}) == 1


def test_only_the_administrator_configures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(monkeypatch)
    statuses = []
    for user in (7, 1):
        body = {"user_id": user, "password": f"reference-{user}"}
        (login,) = ask(site.app, post("/login", body))
        headers = {"Authorization": f"Bearer {login.json()['token']}"}
        url = "http://app/configuration/greeting"
        put = httpx.Request("PUT", url, json={"text": "hello"}, headers=headers)
        statuses += [a.status_code for a in ask(site.app, put)]
        assert login.json()["token"] not in capsys.readouterr().out or user == 1
    assert statuses == [403, 200]
    assert site.sample("active_sessions_current") == 2
    assert site.sample("active_users_current") == 2


def test_failures_and_questions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(monkeypatch)
    answers = ask(
        site.app,
        ("GET", "/fail"),
        post("/ai/answers", {"text": "hello"}),
        post("/ai/answers", {"text": "hello", "fail": True}),
        ("GET", "/pages/home"),
        ("GET", "/pages/unknown"),
    )
    assert [a.status_code for a in answers] == [500, 200, 502, 200, 422]
    labels = {"provider": "local", "model": "echo", "status": "error"}
    assert site.sample("reference_ai_requests_total", labels) == 1
    stack = one(entries(capsys.readouterr().out), path="/fail")["stack"]
    assert "this endpoint always fails" in stack


@pytest.mark.parametrize(
    ("fail", "away", "told", "ended"),
    [
        (False, False, "done", {41: "completed"}),
        (True, False, "failed", {41: "failed"}),
        (False, True, "again", {}),
    ],
)
def test_a_job_continues_its_trace(
    monkeypatch: pytest.MonkeyPatch,
    fail: bool,
    away: bool,
    told: str,
    ended: dict[int, str],
) -> None:
    async def at_once(_: float) -> None:
        return None

    monkeypatch.setattr("stackwatch_reference.worker.asyncio.sleep", at_once)
    spans = InMemorySpanExporter()
    telemetry = start(Settings().instrumentation(worker=True), exporter=spans)
    database, queue = MockDatabase(Settings(), away=away), MockQueue()
    worker = Worker(telemetry, database, queue)
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    text = Job(process_id=41, type="character", entity_id="acme", trace=parent, fail=fail).to_json()
    asyncio.run(worker.work(text))
    assert queue.told == [told]
    assert database.ended == ended
    traces = {f"{s.context.trace_id:032x}" for s in spans.get_finished_spans()}
    assert traces == {"0af7651916cd43dd8448eb211c80319c"}
    status = "completed" if told == "done" else "failed"
    sample = telemetry.metrics.registry.get_sample_value
    labels = {"queue": "processes", "status": status}
    assert sample("reference_jobs_processed_total", labels) == 1
    assert sample("reference_character_creation_duration_seconds_count") == 1
    assert sample("active_users_current") is None


def test_something_else_in_the_queue_is_put_aside() -> None:
    telemetry = start(Settings().instrumentation(worker=True), exporter=InMemorySpanExporter())
    queue = MockQueue()
    worker = Worker(telemetry, MockDatabase(Settings()), queue)
    for text in ("no JSON", json.dumps({"unknown": 1}), json.dumps([1])):
        asyncio.run(worker.work(text))
    assert queue.told == ["failed"] * 3


def test_settings_come_from_the_environment() -> None:
    settings = from_environment(
        {
            "REFERENCE_PORT": "9000",
            "REFERENCE_ENTITY_IDS": "a, b",
            "REFERENCE_LOG_STDOUT": "true",
            "REFERENCE_OTLP_ENDPOINT": "",
            "HOME": "/root",
        }
    )
    assert (settings.port, settings.entity_ids) == (9000, frozenset({"a", "b"}))
    assert settings.external == "http://127.0.0.1:9000/health/live"
    assert settings.otlp_endpoint is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REFERENCE_PORT", "99999"),
        ("REFERENCE_PROT", "8000"),
        ("REFERENCE_SAMPLE_RATIO", "2"),
        ("REFERENCE_NAMESPACE", "my-shop"),
        ("REFERENCE_DATABASE_URL", "postgresql://ann:hunter2@db/x"),
        ("REFERENCE_REDIS_URL", "redis://:hunter2@cache"),
    ],
)
def test_mistakes_are_told_by_variable_and_without_the_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as told:
        from_environment({name: value})
    assert name in str(told.value).upper()
    assert "hunter2" not in str(told.value)
