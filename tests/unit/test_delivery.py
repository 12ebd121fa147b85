"""Delivering an alert: one HTTP request read from a connection, in whatever pieces it comes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from plugins.delivery import Inbox, _body, _post, _serve

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
