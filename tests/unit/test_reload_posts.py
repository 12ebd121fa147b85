"""A reload by posting to a component's own addresses: what travels, and the shell that does it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from plugins.model import Credentials, Endpoint, EndpointKind, Reload
from plugins.runtimes.systemd import Unit
from plugins.scripts import script
from plugins.state import HostState
from tests.unit.container_states import ALPHA, alpha
from tests.unit.sites import components, lone
from tests.unit.test_payload import members, sent, variables

HARD = "p$a\"s\\s:w`o`rd '$(id)' ü"
API = Endpoint("alpha", "mon1", EndpointKind.API, "10.0.0.1", 3000)
LOGIN = Credentials("ad min", "/etc/stackwatch/alpha/live/secrets/password")


class Answering(ThreadingHTTPServer):
    """Answers a status that is the last part of the path, and keeps what it was asked."""

    asked: list[tuple[str, str, str]]


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_POST(self) -> None:
        login = self.headers.get("Authorization", "").removeprefix("Basic ")
        self.server.asked.append((self.command, self.path, base64.b64decode(login).decode()))
        status = int(self.path.rpartition("/")[2])
        body = json.dumps({"message": "bad title\nin panel 3"}, indent=1).encode()
        self.send_response(status)
        self.send_header("Location", "/200")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


POSTED = re.search(r"^posted\(\) \{.*?^\}", script("converge"), re.MULTILINE | re.DOTALL)


def posted(folder: Path, *lines: str, path: str = "/usr/bin:/bin") -> str:
    """What a host says of posts that failed; nothing of posts that were accepted."""
    assert POSTED
    (folder / "posts").write_text("".join(f"{line}\n" for line in lines))
    functions = f"{script('login')}{POSTED[0]}"
    shell = f"PATH={path} box={folder} disturbed=no\n{functions}\n"
    shell += "posted || printf '%s\\n' \"$seen\"\necho $disturbed >$box/disturbed"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("statuses", "disturbed"), [((500,), "no"), ((200, 500), "yes"), ((200,), "yes")]
)
def test_what_took_over_some_of_it_is_no_longer_what_it_was(
    statuses: tuple[int, ...], disturbed: str, server: Answering, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    posted(tmp_path, *(f"{url}/{status}" for status in statuses))
    assert (tmp_path / "disturbed").read_text().strip() == disturbed


def test_every_address_is_posted_to_in_order(server: Answering, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    assert posted(tmp_path, f"{url}/a/200", f"{url}/b/204") == ""
    assert server.asked == [("POST", "/a/200", ""), ("POST", "/b/204", "")]


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_another_answer_fails_and_nothing_more_is_posted(
    status: int, server: Answering, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    said = posted(tmp_path, f"{url}/a/{status}", f"{url}/b/200")
    assert said.startswith(f"POST {url}/a/{status}: status {status}: ")
    assert '"message": "bad title\\nin panel 3"' in said
    assert said.count("\n") == 1
    assert [path for _, path, _ in server.asked] == [f"/a/{status}"]


def test_nobody_there(tmp_path: Path) -> None:
    said = posted(tmp_path, "http://127.0.0.1:1/x")
    assert said.startswith("POST http://127.0.0.1:1/x: status 000: curl: (7)")


def test_it_is_logged_in_with_what_the_file_on_the_host_says(
    server: Answering, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(f"{HARD}\n")
    url = f"http://127.0.0.1:{server.server_port}/200"
    assert posted(tmp_path, f"{url} {tmp_path}/password ad min") == ""
    assert server.asked == [("POST", "/200", f"ad min:{HARD}")]


def test_the_password_is_no_argument_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("plain-secret")
    curl = tmp_path / "bin" / "curl"
    curl.parent.mkdir()
    curl.write_text(f"#!/bin/sh\nps -ww -eo args >{tmp_path}/seen\ncat >{tmp_path}/read\nexit 7\n")
    curl.chmod(0o755)
    line = f"http://x/ {tmp_path}/password admin"
    said = posted(tmp_path, line, path=f"{curl.parent}:/usr/bin:/bin")
    seen = (tmp_path / "seen").read_text()
    assert "http://x/" in seen
    assert "plain-secret" not in seen + said
    assert "plain-secret" in (tmp_path / "read").read_text()


def test_a_password_that_cannot_be_read(server: Answering, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{server.server_port}/200"
    said = posted(tmp_path, f"{url} /nowhere/password admin")
    assert said == f"POST {url}: cannot read the password in /nowhere/password\n"
    assert server.asked == []


def with_reload(reload: Reload | None) -> Unit:
    component = components(lone(), "mon1")["prometheus"]
    return Unit(replace(component, service=replace(component.service, reload=reload)))


@pytest.mark.parametrize(
    ("reload", "lines", "signal"),
    [
        (None, "", ""),
        (Reload("HUP"), "", "HUP"),
        (
            Reload("", posts=(API.at("/api/a"), replace(API.at("/b?c=d"), credentials=LOGIN))),
            "http://127.0.0.1:3000/api/a\n"
            "http://127.0.0.1:3000/b?c=d /etc/stackwatch/alpha/live/secrets/password ad min\n",
            "",
        ),
        (Reload("USR1", posts=(API,)), "http://127.0.0.1:3000/\n", "USR1"),
        (
            Reload("", posts=(replace(API, bind="10.9.9.9"),)),
            "http://10.9.9.9:3000/\n",
            "",
        ),
    ],
)
def test_what_travels(reload: Reload | None, lines: str, signal: str) -> None:
    made = sent(with_reload(reload), HostState())
    assert members(made)["posts"] == lines
    assert variables(made)["reload_signal"] == signal
    assert "secrets/password" not in made.command


def test_a_unit_without_a_signal_has_no_reload_of_its_own() -> None:
    assert "ExecReload=" not in with_reload(Reload("", posts=(API,))).unit_text
    assert "ExecReload=/bin/kill -HUP $MAINPID" in with_reload(Reload(posts=(API,))).unit_text


def test_a_container_is_posted_to_as_its_health_is_asked() -> None:
    component = alpha()
    service = replace(component.service, reload=Reload("", posts=(component.service.health,)))
    container = replace(ALPHA, component=replace(component, service=service))
    assert members(sent(container, HostState()))["posts"] == f"{service.health.local_url}\n"


def test_addresses_are_no_reason_to_restart() -> None:
    one, other = (with_reload(Reload("", posts=posts)) for posts in ((API,), (API.at("/b"),)))
    assert one.spec == other.spec


def test_a_reload_must_be_told_somehow() -> None:
    with pytest.raises(ValueError, match="needs a signal or an address"):
        Reload("")
