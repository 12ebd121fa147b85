"""The requests of checks as hosts send them: the very script, against a server on loopback."""

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

from plugins.answers import Answer, Asked, StackwatchAnswers

HARD = "p$a\"s\\s:w`o`rd '$(id)' ü"
WANTED = "Basic " + base64.b64encode(f"admin:{HARD}".encode()).decode()


class MockServer(BaseHTTPRequestHandler):
    """Stands in for a program that asks for a login; answers with what was posted."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        posted = self.rfile.read(length).decode()
        open_to_all = self.path.startswith("/open")
        welcome = open_to_all or self.headers.get("Authorization") == WANTED
        told = {"method": self.command, "path": self.path, "posted": posted}
        body = json.dumps(told).encode()
        self.send_response(200 if welcome else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815  # the server's own names

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), MockServer) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(HARD)
    return str(file)


def asked(*questions: tuple[str, ...]) -> tuple[Answer, ...]:
    fact = StackwatchAnswers()
    done = subprocess.run(
        ["sh", "-c", fact.command(questions)], capture_output=True, text=True, check=True
    )
    assert not done.stderr, done.stderr
    return fact.process(done.stdout.splitlines()).answers


def test_logins_bodies_and_plain_questions_stand_beside_each_other(url: str, password: str) -> None:
    body = json.dumps({"it's": '"quoted" $HOME `id` \\n', "list": [1]})
    said = asked(
        ("body", f"{url}/open?a=[1]"),
        Asked("body", f"{url}/api", "admin", password, body),
        Asked("status", f"{url}/api", "admin", password),
        ("status", f"{url}/api"),
        ("body", f"{url}/open"),
    )
    assert [answer.status for answer in said] == [200, 200, 200, 401, 200]
    assert json.loads(said[0].body) == {"method": "GET", "path": "/open?a=[1]", "posted": ""}
    posted = json.loads(said[1].body)
    assert (posted["method"], json.loads(posted["posted"])) == ("POST", json.loads(body))


def test_a_password_that_is_not_there_is_told_and_nothing_is_sent(url: str) -> None:
    (said,) = asked(Asked("body", f"{url}/api", "admin", "/nowhere/password"))
    assert (said.status, said.body.strip()) == (
        0,
        "the password cannot be read from /nowhere/password",
    )


def test_the_password_stands_in_no_argument(url: str, password: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    curl = programs / "curl"
    curl.write_text(f"#!/bin/sh\nps -ww -eo args >{tmp_path}/seen\ncat >{tmp_path}/read\n")
    curl.chmod(0o755)
    command = StackwatchAnswers().command((Asked("body", f"{url}/x", "admin", password),))
    subprocess.run(["sh", "-c", command.replace(" PATH=", f" PATH={programs}:")], check=True)
    seen = (tmp_path / "seen").read_text()
    assert f"{url}/x" in seen
    assert "p$a" not in seen
    assert "p$a" in (tmp_path / "read").read_text()
