"""Requests to an API: sent by the script that hosts run, to a real HTTP server on loopback."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from plugins.answers import Answer
from plugins.calls import Call, HttpAnswers, asker
from tests.unit.calling import endpoint, sent

HARD = "p$a\"s\\s:w`o`rd '$(id)' ü"


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        told = {
            "method": self.command,
            "path": self.path,
            "login": self.headers.get("Authorization"),
            "type": self.headers.get("Content-Type"),
            "body": self.rfile.read(length).decode(),
        }
        body = json.dumps(told, indent=1).encode()
        self.send_response(404 if "missing" in self.path else 200)
        # One that breaks off in the middle promises more than it sends.
        more = 10 if "broken" in self.path else 0
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the server's own names

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_method_path_and_body_arrive_as_they_were_meant(port: int) -> None:
    body = {"words": "a 'quoted' \"line\"\nand another, ünïcode\\n", "list": [1, None, True]}
    said = sent(
        [Call("/a?b=%5Bc%5D"), Call("/d", "POST", body), Call("/e", "DELETE")], endpoint(port)
    )
    told = [json.loads(answer.body) for answer in said]
    assert [(each["method"], each["path"]) for each in told] == [
        ("GET", "/a?b=%5Bc%5D"),
        ("POST", "/d"),
        ("DELETE", "/e"),
    ]
    assert json.loads(told[1]["body"]) == body
    assert told[1]["type"] == "application/json"
    assert [each["login"] for each in told] == [None, None, None]


def test_a_body_may_be_larger_than_any_argument(port: int) -> None:
    body = {"text": "x" * 300_000}
    (said,) = sent([Call("/", "POST", body)], endpoint(port))
    assert json.loads(json.loads(said.body)["body"]) == body


def test_calls_stand_below_the_path_of_the_endpoint(port: int) -> None:
    (said,) = sent([Call("/api/health")], endpoint(port, "/grafana/"))
    assert json.loads(said.body)["path"] == "/grafana/api/health"


def test_the_password_is_read_on_the_host_and_survives_any_character(
    port: int, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(HARD + "\n")
    (said,) = sent([Call("/")], endpoint(port), "ad min", file)
    scheme, _, encoded = json.loads(said.body)["login"].partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", f"ad min:{HARD}")


def test_the_password_goes_to_curl_by_its_input_and_not_as_an_argument(tmp_path: Path) -> None:
    file, programs = tmp_path / "password", tmp_path / "bin"
    file.write_text("plain-secret")
    programs.mkdir()
    curl = programs / "curl"
    curl.write_text(f"#!/bin/sh\nps -ww -eo args >{tmp_path}/seen\ncat >{tmp_path}/read\n")
    curl.chmod(0o755)
    script = HttpAnswers().command("admin", str(file)).replace(" PATH=", f" PATH={programs}:")
    subprocess.run(["sh", "-c", script], input="GET http://x/\n", text=True, check=True)
    seen = (tmp_path / "seen").read_text()
    assert "http://x/" in seen
    assert "plain-secret" not in seen
    assert "plain-secret" in (tmp_path / "read").read_text()


def test_a_password_that_cannot_be_read_is_told_and_nothing_is_sent(port: int) -> None:
    (said,) = sent([Call("/")], endpoint(port), "admin", Path("/nowhere/password"))
    assert (said.status, said.body.strip()) == (
        0,
        "the password cannot be read from /nowhere/password",
    )


def test_errors_of_the_api_are_answers(port: int) -> None:
    said = sent([Call("/missing"), Call("/there")], endpoint(port))
    assert [answer.status for answer in said] == [404, 200]
    assert json.loads(said[0].body)["path"] == "/missing"


def test_half_an_answer_is_none(port: int) -> None:
    (said,) = sent([Call("/broken")], endpoint(port))
    assert said.status == 0
    assert "bytes remaining" in said.body


def test_nobody_there_is_told_in_curls_words() -> None:
    (said,) = sent([Call("/")], endpoint(1))
    assert said.status == 0
    assert "connect" in said.body.lower()


class MockHost:
    """Stands in for pyinfra's host; loses its connection at one of the commands."""

    def __init__(self, lost: int) -> None:
        self.sent: list[int] = []
        self.lost = lost

    def get_fact(self, fact: type[HttpAnswers], _stdin: list[str], **_: str) -> tuple[Answer, ...]:
        self.sent.append(len(_stdin))
        return () if len(self.sent) == self.lost else (Answer(200, "{}"),) * len(_stdin)


def test_what_a_lost_connection_carried_was_not_answered() -> None:
    host = MockHost(lost=2)
    ask = asker(host, endpoint(1))  # type: ignore[arg-type]
    statuses = [answer.status for answer in ask([Call("/x")] * 250)]
    assert host.sent == [100, 100, 50]
    assert statuses == [200] * 100 + [0] * 100 + [200] * 50
