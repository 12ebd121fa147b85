"""Delivering an alert: one HTTP request read from a connection, in whatever pieces it comes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import gevent
import pytest
from gevent.event import Event
from pyinfra.api import Host
from pyinfra.context import ctx_host, ctx_state

from plugins.delivery import Dismissed, Inbox, Received, _body, _post, _serve, receiver

CALL = json.dumps({"alerts": [{"labels": {"run": "abc", "alertname": "StackwatchSmoke"}}]})


def request(body: str, length: int | None = None, header: str = "Content-Length") -> bytes:
    size = len(body) if length is None else length
    return f"POST / HTTP/1.1\r\nHost: x\r\n{header}: {size}\r\n\r\n{body}".encode()


@dataclass
class Pieces:
    """A connection that hands out what it got in pieces, and keeps what is sent."""

    parts: list[bytes]
    sent: bytes = b""
    closed: bool = False
    asked: int = field(default=0)

    def recv(self, _size: int) -> bytes:
        self.asked += 1
        return self.parts.pop(0) if self.parts else b""

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True


def cut(whole: bytes, size: int) -> Pieces:
    return Pieces([whole[at : at + size] for at in range(0, len(whole), size)])


@pytest.mark.parametrize("size", [1, 7, 60, 65536])
@pytest.mark.parametrize("header", ["Content-Length", "content-length", "CONTENT-LENGTH"])
def test_the_body_of_a_request_in_pieces(size: int, header: str) -> None:
    assert _body(cut(request(CALL, header=header), size)) == CALL.encode()


@pytest.mark.parametrize(
    ("whole", "body"),
    [
        (b"", b""),
        (b"POST / HTTP/1.1\r\nHost", b""),
        (request("abc", length=9), b"abc"),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
    ],
)
def test_the_body_of_half_a_request(whole: bytes, body: bytes) -> None:
    assert _body(cut(whole, 5)) == body


def test_no_more_is_waited_for_than_is_announced() -> None:
    connection = cut(request(CALL), 65536)
    _body(connection)
    assert connection.asked == 1


def test_an_endless_head_is_not_read_for_ever() -> None:
    connection = Pieces([b"x" * 65536] * 100)
    _body(connection)
    assert connection.asked <= 17


def test_an_alert_of_this_run_is_taken_and_answered() -> None:
    inbox, connection = Inbox("abc"), cut(request(CALL), 11)
    _serve(connection, inbox)
    assert inbox.token in inbox.received
    assert connection.sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert connection.closed


@pytest.mark.parametrize(
    ("body", "received"),
    [
        ('{"alerts": [{"labels": {"run": "a"}}, {"labels": {"run": "b"}}]}', {"a", "b"}),
        ('{"alerts": [{"labels": {}}]}', {""}),
        ('{"alerts": []}', set()),
    ],
)
def test_what_a_call_brings(body: str, received: set[str]) -> None:
    inbox = Inbox("abc")
    inbox.take(body.encode())
    assert inbox.received == received


@pytest.mark.parametrize(
    "whole",
    [
        b"",
        request("no json"),
        request("[]"),
        request("{}"),
        request("5"),
        request('{"alerts": null}'),
        request('{"alerts": [5]}'),
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n{}",
        b"\x16\x03\x01 TLS\r\n\r\n",
    ],
)
def test_whoever_else_knocks_is_sent_away(whole: bytes) -> None:
    inbox, connection = Inbox("abc"), cut(whole, 65536)
    _serve(connection, inbox)
    assert inbox.received == set()
    assert connection.sent == b""
    assert connection.closed


def test_runs_never_confirm_each_other() -> None:
    tokens = {Inbox().token for _ in range(100)}
    assert len(tokens) == 100
    assert "'" + json.dumps("abc") not in _post("http://h/", "abc")
    assert '"run": "abc"' in _post("http://h/", "abc")


BUSYBOX = "docker exec stackwatch-alertmanager /busybox"


@dataclass
class MockHost:
    """No host: answers facts as it is told, as pyinfra would after a round trip."""

    says: Callable[[], str]
    asked: list[tuple[type, dict[str, Any]]] = field(default_factory=list)
    dismissed: Event = field(default_factory=Event)

    def get_fact(self, fact: type, **told: Any) -> str:
        self.asked.append((fact, told))
        if fact is Dismissed:
            self.dismissed.set()
            return ""
        # What waits is another greenlet: it knows whom pyinfra speaks to.
        assert ctx_host.get() is self
        return str(self.says())


def received(mock: MockHost, inbox: Inbox) -> None:
    """Wait inside a container of a mock host until what was posted is there."""
    within = receiver(cast("Host", mock), 19093, inbox, BUSYBOX)
    with ctx_state.use("a run"), ctx_host.use(mock), within:
        gevent.sleep(0)


def test_mock_host_inside_a_container_takes_what_arrived_there() -> None:
    mock, inbox = MockHost(lambda: CALL), Inbox("abc")
    received(mock, inbox)
    assert inbox.received == {"abc"}
    told = {"busybox": BUSYBOX, "port": 19093, "word": "abc", "seconds": 47}
    assert mock.asked == [(Received, told)]


@pytest.mark.parametrize("seen", ["", "abc", "no json at all"])
def test_mock_host_whoever_still_waits_inside_is_dismissed(
    seen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mock, inbox = MockHost(lambda: ""), Inbox("abc")

    def wait() -> str:
        assert mock.dismissed.wait(10)
        return seen

    mock.says = wait
    received(mock, inbox)
    assert [fact for fact, _ in mock.asked] == [Received, Dismissed]
    # What goes wrong in a greenlet is only ever printed.
    assert capsys.readouterr().err == ""
    assert mock.asked[1][1] == {"busybox": BUSYBOX, "port": 19093, "word": "abc"}
    assert inbox.received == set()


def test_commands_of_the_receiver_inside_a_container() -> None:
    waits = Received().command(BUSYBOX, 19093, "abc", 47)
    assert waits.startswith(f"set -- {shlex.quote(BUSYBOX)} 19093 abc 47\n")
    ends = Dismissed().command(BUSYBOX, 19093, "a b")
    assert ends == (
        f"{BUSYBOX} wget -q -T 5 -O /dev/null --post-data 'a b' http://127.0.0.1:19093/ || true"
    )
    assert Received().process(["a", "b"]) == "a\nb"
