"""Deliver one synthetic alert, for real: into an Alertmanager, out of its webhook, back here.

The Alertmanager's configuration holds a receiver on a loopback port of its own host. For
the time of the check that port is forwarded over the SSH connection to this process, which
is the receiver. Nothing has to be installed and nothing stays behind.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import gevent
from gevent.server import StreamServer
from paramiko import SSHException
from pyinfra.api import FactBase, Host, StringCommand
from pyinfra.context import ctx_host, ctx_state

from plugins.checks import CheckResult
from plugins.model import Check
from plugins.runtimes.rendered import Rendered
from plugins.scripts import script

ALERT = "StackwatchSmoke"
_DEADLINE_SECONDS = 45
_LARGEST_BODY = 1 << 20


@dataclass
class Inbox:
    """What arrived in this run.

    Attributes:
        token: Marks the alert of this run, so that two runs never confirm each other.
        received: Tokens that arrived.
    """

    token: str = field(default_factory=lambda: uuid4().hex[:12])
    received: set[str] = field(default_factory=set)

    def take(self, body: bytes) -> None:
        """Record the alerts of one webhook call.

        Raises:
            ValueError: It is none.
        """
        try:
            tokens = [alert["labels"].get("run", "") for alert in json.loads(body)["alerts"]]
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("not a call of Alertmanager's webhook") from error
        self.received.update(str(token) for token in tokens)


class Connection(Protocol):
    """A socket or an SSH channel."""

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty at the end."""

    def sendall(self, data: bytes) -> None:
        """Send all of it."""

    def close(self) -> None:
        """End it."""


def _body(connection: Connection) -> bytes:
    """The body of one HTTP request with a Content-Length (Alertmanager always sends one)."""
    head, received = b"", b""
    while b"\r\n\r\n" not in received and len(received) < _LARGEST_BODY:
        part = connection.recv(65536)
        if not part:
            return b""
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":", 1)[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < min(length, _LARGEST_BODY):
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return body


def _serve(connection: Connection, inbox: Inbox) -> None:
    try:
        inbox.take(_body(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    except (ValueError, OSError):
        # Something else than Alertmanager knocked: no delivery, which the check then says.
        pass
    finally:
        connection.close()


class Received(FactBase[str]):
    """
    Returns a body that was posted to a port of a service's own network, or nothing.

    + busybox: what runs a busybox there
    + port: the port
    + word: stands in the body that is waited for
    + seconds: how long
    """

    default: Callable[[], str] = staticmethod(str)

    def command(self, busybox: str, port: int, word: str, seconds: int) -> str:
        """The script with its arguments."""
        words = shlex.join([busybox, str(port), word, str(seconds)])
        return f"set -- {words}\n{script('receive')}"

    def process(self, output: list[str]) -> str:
        """The body."""
        return "\n".join(output)


class Dismissed(FactBase[str]):
    """
    Returns nothing; ends a :class:`Received` that waits for what another member has delivered.

    + busybox: what runs a busybox there
    + port: the port
    + word: what it waits for
    """

    default: Callable[[], str] = staticmethod(str)

    def command(self, busybox: str, port: int, word: str) -> str:
        """Post the word itself."""
        url = f"http://127.0.0.1:{port}/"
        return f"{busybox} wget -q -T 5 -O /dev/null --post-data {shlex.quote(word)} {url} || true"

    def process(self, output: list[str]) -> str:
        """Nothing."""
        return ""


@contextmanager
def _inside(busybox: str, port: int, inbox: Inbox) -> Iterator[None]:
    """Receive in the network of a container: nothing of this process can listen there."""

    # What pyinfra knows belongs to a greenlet, and the one that waits is another.
    run, whose = ctx_state.get(), ctx_host.get()

    told = {"busybox": busybox, "port": port, "word": inbox.token}

    def wait() -> None:
        with ctx_state.use(run), ctx_host.use(whose):
            body = whose.get_fact(Received, **told, seconds=_DEADLINE_SECONDS + 2)
        # No JSON where it was dismissed, nothing where nothing came.
        with suppress(ValueError):
            inbox.take(body.encode())

    waiting = gevent.spawn(wait)
    try:
        yield
    finally:
        if not waiting.ready():
            whose.get_fact(Dismissed, **told)
        waiting.join()


@contextmanager
def receiver(host: Host, port: int, inbox: Inbox, busybox: str = "") -> Iterator[None]:
    """Receive on a loopback port of a host for the time of the block.

    Args:
        host: A connected host.
        port: The port on its loopback address.
        inbox: Takes what arrives.
        busybox: What runs a busybox in the service's network; empty where that is the host's.

    Raises:
        OSError: The port cannot be had there, or the connection cannot forward.
    """
    if busybox:
        with _inside(busybox, port, inbox):
            yield
        return
    client = getattr(host.connector, "client", None)
    if client is None:
        with _local_receiver(host, port, inbox):
            yield
        return
    transport = client.get_transport()

    def accept(channel: Any, origin: Any, server: Any) -> None:
        gevent.spawn(_serve, channel, inbox)

    try:
        transport.request_port_forward("127.0.0.1", port, accept)
    except SSHException as error:
        raise OSError(
            f"sshd refuses to forward 127.0.0.1:{port} ({error}): "
            "allow AllowTcpForwarding for this user, or end what uses the port"
        ) from error
    try:
        yield
    finally:
        transport.cancel_port_forward("127.0.0.1", port)


@contextmanager
def _local_receiver(host: Host, port: int, inbox: Inbox) -> Iterator[None]:
    if host.connector_cls.__name__ != "LocalConnector":
        raise OSError(f"no way to receive from {host.name}: it is reached without SSH")
    server = StreamServer(("127.0.0.1", port), lambda connection, _: _serve(connection, inbox))
    server.start()
    try:
        yield
    finally:
        server.stop()


def _post(url: str, token: str) -> str:
    """The command that puts the alert into an Alertmanager; its own host's clock ends it."""
    alert = [
        {
            "labels": {"alertname": ALERT, "run": token, "severity": "none"},
            "annotations": {"summary": "A smoke check of stackwatch; nothing is wrong"},
            "endsAt": "END",
        }
    ]
    body = shlex.quote(json.dumps(alert))
    return (
        f"end=$(date -u -d '+60 seconds' +%Y-%m-%dT%H:%M:%SZ); "
        f'printf %s {body} | sed "s/END/$end/" | '
        f"curl -fsS -m 10 -H 'Content-Type: application/json' --data-binary @- {shlex.quote(url)}"
    )


def _wait(arrived: Callable[[], bool]) -> float | None:
    started = time.monotonic()
    while time.monotonic() - started < _DEADLINE_SECONDS:
        if arrived():
            return time.monotonic() - started
        gevent.sleep(0.05)
    return None


def deliver_alert(host: Host, inbox: Inbox, rendered: Rendered, check: Check) -> CheckResult:
    """Send one alert through the Alertmanager of a host and wait for it to arrive here.

    Members of a cluster get the same alert; one delivery by any of them confirms all.

    Args:
        host: A connected host that runs an Alertmanager.
        inbox: Shared by all hosts of the run.
        rendered: The Alertmanager.
        check: Its endpoint takes alerts; ``expected`` holds the receiver's port.
    """
    port = int(check.expected[0])

    def result(ok: bool, seen: str) -> CheckResult:
        wanted = f"one alert delivered to 127.0.0.1:{port}"
        where = check.endpoint.url
        component = check.endpoint.component
        return CheckResult(host.name, component, check.name, ok, where, wanted, seen)

    try:
        with receiver(host, port, inbox, rendered.busybox):
            command = StringCommand(_post(check.endpoint.local_url, inbox.token))
            sent, output = host.run_shell_command(command)
            if not sent:
                return result(False, f"the alert was not taken: {output.output[:200]}")
            seconds = _wait(lambda: inbox.token in inbox.received)
    except OSError as error:
        return result(False, str(error))
    if seconds is None:
        return result(False, f"nothing arrived within {_DEADLINE_SECONDS} s")
    return result(True, f"arrived after {seconds:.1f} s")
