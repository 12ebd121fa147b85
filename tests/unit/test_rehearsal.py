"""What is done for a role whose program could not be had: rendered, asked, told."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from plugins import run as run_module
from plugins.answers import Answer
from plugins.artifacts import Lock
from plugins.compiler import rehearsals_of
from plugins.experiment import stand_in
from plugins.model import ArtifactError, SiteError
from plugins.rehearsal import Rehearsal, RehearsalAnswers, configuration, judged, rehearsed
from plugins.report import component_table, left_out
from plugins.run import Run, begin
from plugins.site import Site
from tests.unit.grafana_site import HARD, PASSWORD, grafana_site
from tests.unit.sites import PROGRAMS, artifact, on, written

HEADER = 'Bearer "t$\\x'
LOKI = "http://10.0.0.1:3100/loki/api/v1/query?query=vector(1)%2Bvector(1)"


def asked(site: Site) -> dict[str, Rehearsal]:
    (placement,) = site.placed("grafana")
    left = site.without([("grafana", "amd64")])
    made = rehearsals_of(left, placement, stand_in(Lock.load(), "grafana"))
    return {each.name: each for each in made if each.name.startswith("datasource")}


def test_every_datasource_is_asked_as_its_own_health_check_would() -> None:
    found = asked(grafana_site())
    assert {name: each.url for name, each in found.items()} == {
        "datasource alertmanager-mon1 answers": "http://10.0.0.1:9093/api/v2/status",
        "datasource jaeger-mon1 answers": "http://10.0.0.1:16686/api/services",
        "datasource loki-mon1 answers": LOKI,
        "datasource prometheus-mon1 answers": "http://10.0.0.1:9090/api/v1/query?query=1%2B1",
    }
    assert all(each.json for each in found.values())


def declared(**said: Any) -> Rehearsal:
    entry = {"name": "Own", "type": "elasticsearch", "url": "https://es:9200/", **said}
    return asked(grafana_site(datasources=[entry]))["datasource elasticsearch-own answers"]


def test_a_declared_datasource_is_asked_with_its_login_and_headers() -> None:
    found = declared(
        basicAuth=True,
        basicAuthUser="reader",
        jsonData={"httpHeaderName1": "X-Token", "tlsSkipVerify": True},
        secureJsonData={
            "basicAuthPassword": SecretStr(HARD),
            "httpHeaderValue1": SecretStr(HEADER),
        },
    )
    assert found.url == "https://es:9200/_cluster/health?wait_for_status=yellow"
    assert (found.username, found.insecure, found.unasked) == ("reader", True, "")
    assert found.password
    assert found.password.get_secret_value() == HARD
    assert found.headers["X-Token"].get_secret_value() == HEADER
    assert HARD not in repr(found)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"url": "db:5432"}, "its address is no URL that can be called"),
        ({"url": ""}, "its address is no URL that can be called"),
        ({"url": "https://${ES}/"}, "its address or user stands in a variable"),
        ({"secureJsonData": {"tlsCACert": SecretStr("x")}}, "it has certificates of its own"),
    ],
)
def test_what_cannot_be_asked_says_why(said: dict[str, Any], why: str) -> None:
    found = declared(**said)
    assert found.unasked.startswith(why)
    (result,) = judged("mon1", "grafana", [found], [])
    assert (result.ok, result.seen) == (True, f"not asked: {found.unasked}")


ONE = Rehearsal("one", "http://a/")
TWO = Rehearsal("two", "http://b/")


@pytest.mark.parametrize(
    ("answer", "ok", "seen"),
    [
        (Answer(200, "fine"), True, "HTTP 200"),
        (Answer(503, "not\nready"), False, "HTTP 503 not ready"),
        (Answer(0, "curl: (7) refused"), False, "curl: (7) refused"),
        (Answer(0, ""), False, "no answer"),
    ],
)
def test_answers_are_judged_as_those_of_a_program_that_is_not_there(
    answer: Answer, ok: bool, seen: str
) -> None:
    (result, other) = judged("mon1", "grafana", [ONE, TWO], [answer])
    assert (result.component, result.name) == ("grafana (not installed)", "one")
    assert (result.ok, result.seen, result.where) == (ok, seen, "http://a/")
    assert (other.ok, other.seen) == (False, "not asked")


@pytest.mark.parametrize(
    ("body", "ok", "seen"),
    [
        ('\n{"data": [', True, "HTTP 200"),
        ("[]", True, "HTTP 200"),
        ("<!doctype html>", False, "no JSON: HTTP 200 <!doctype html>"),
        ("", False, "no JSON: HTTP 200"),
    ],
)
def test_a_page_is_no_answer_of_a_store(body: str, ok: bool, seen: str) -> None:
    asked = Rehearsal("one", "http://a/", json=True)
    (result,) = judged("mon1", "grafana", [asked], [Answer(200, body)])
    assert (result.ok, result.seen, result.expected) == (ok, seen, "HTTP 2xx with JSON")


class MockBackend(BaseHTTPRequestHandler):
    """Stands in for a datasource; answers with what it was sent."""

    def do_GET(self) -> None:
        told = {key: self.headers.get(key) for key in ("Authorization", "X-Token")}
        body = json.dumps({"path": self.path, **told}).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), MockBackend) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def sent(*rehearsals: Rehearsal, path: str = "") -> tuple[Answer, ...]:
    fact = RehearsalAnswers()
    lines = [line for each in rehearsals for line in configuration(each)]
    command = fact.command().replace(" PATH=", f" PATH={path}:") if path else fact.command()
    done = subprocess.run(
        ["sh", "-c", command],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr, done.stderr
    return () if path else fact.process(done.stdout.splitlines())


def test_requests_are_sent_with_their_secrets_as_they_are(url: str) -> None:
    secret = Rehearsal(
        "a", f"{url}/a?q=[1]", "reader", SecretStr(HARD), {"X-Token": SecretStr(HEADER)}
    )
    said = sent(secret, Rehearsal("b", f"{url}/missing"), Rehearsal("c", "http://127.0.0.1:1/"))
    assert [answer.status for answer in said] == [200, 404, 0]
    told = json.loads(said[0].body)
    login = base64.b64decode(told["Authorization"].removeprefix("Basic ")).decode()
    assert login == f"reader:{HARD}"
    assert (told["path"], told["X-Token"]) == ("/a?q=[1]", HEADER)
    assert "connect" in said[2].body.lower()


def test_no_secret_stands_in_an_argument(url: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    curl = programs / "curl"
    curl.write_text(f"#!/bin/sh\nps -ww -eo args >{tmp_path}/seen\ncat >{tmp_path}/read\n")
    curl.chmod(0o755)
    sent(Rehearsal("a", url, "reader", SecretStr("sentinel")), path=str(programs))
    assert "sentinel" not in (tmp_path / "seen").read_text()
    assert "curl" in (tmp_path / "seen").read_text()
    assert "sentinel" in (tmp_path / "read").read_text()


def test_what_is_sent_is_not_shown_by_who_sends_it() -> None:
    shown: list[str] = []

    class Host:
        name = "mon1"

        def get_fact(self, fact: type, **given: Any) -> tuple[Answer, ...]:
            shown.append(repr(given))
            assert 'user = "reader:sentinel"' in given["_stdin"]
            return (Answer(200, ""),)

    one = Rehearsal("a", "http://a/", "reader", SecretStr("sentinel"))
    host: Any = Host()
    (result,) = rehearsed(host, {"grafana": [one]})
    assert result.ok
    assert "sentinel" not in shown[0]


def begun(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Run:
    """A run on a site whose Grafana cannot be had, and everything else can."""
    missing = ArtifactError("grafana could not be obtained: nowhere")

    def obtain(lock: Lock, wanted: list[tuple[str, str]], *rest: object) -> dict[Any, Any]:
        return {
            (name, arch): replace(artifact(name), architecture=arch)
            if name in PROGRAMS and name != "grafana"
            else missing
            for name, arch in wanted
        }

    monkeypatch.setattr(run_module, "obtain", obtain)
    said = {"admin_password": PASSWORD, **settings}
    site = {"name": "test", "allow_missing": ["grafana"]}
    inventory = written(
        on("mon1", "grafana", "prometheus", grafana=said, address="10.0.0.1"),
        on("web1", address="10.0.0.2"),
        everyone={"site": site},
    )
    return begin(inventory, {}, ("mon1", "web1"), lambda line: None)


def test_a_run_without_the_program_rehearses_on_its_host_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = begun(monkeypatch)
    assert run.left_out.keys() == {"grafana"}
    assert {each.name for each in run.rendered("mon1")} == {"node_exporter", "prometheus"}
    (found,) = run.rehearsals("mon1").values()
    assert [each.name for each in found][:1] == ["datasource prometheus-mon1 answers"]
    assert run.rehearsals("web1") == {}


def test_mistakes_in_what_is_not_installed_are_told_before_any_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SiteError, match="is a secret in plain text"):
        begun(monkeypatch, native={"smtp": {"password": "hunter2"}})


def test_a_report_says_plainly_what_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(monkeypatch)
    (found,) = run.rehearsals("mon1").values()
    run.results += judged("mon1", "grafana", found, [Answer(200, "{}")] * (len(found) - 1))
    reason, instead = left_out(run)
    assert reason == "Left out: grafana: grafana could not be obtained: nowhere"
    assert "grafana was NOT installed and does NOT run" in instead
    assert f"{len(found) - 1} of {len(found)} checks hold" in instead
    table = component_table(run, ["mon1", "web1"])
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    (row,) = (row for row in rows if row[1] == "grafana")
    assert row[0] == "mon1"
    assert "not installed" in str(row[2])
    assert f"1 of {len(found)} checks fail" in str(row[4])
