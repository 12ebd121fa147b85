"""Calls as a host sends them: the very script, run on this machine against its loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from plugins.answers import Answer
from plugins.calls import Ask, Call, HttpAnswers
from plugins.endpoint import Endpoint, EndpointKind

LOOPBACK = "127.0.0.1"


def endpoint(port: int, path: str = "/") -> Endpoint:
    """An API on this machine's loopback."""
    return Endpoint("api", "here", EndpointKind.API, LOOPBACK, port, path, bind=LOOPBACK)


def sent(
    calls: Sequence[Call], where: Endpoint, user: str = "", password_file: Path = Path()
) -> tuple[Answer, ...]:
    """What is answered to calls; fails if the script says anything else than answers."""
    fact = HttpAnswers()
    done = subprocess.run(
        ["sh", "-c", fact.command(user, str(password_file))],
        input="".join(f"{call.line(where)}\n" for call in calls),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr, done.stderr
    return fact.process(done.stdout.splitlines())


def asking(where: Endpoint, user: str = "", password_file: Path = Path()) -> Ask:
    """What sends calls to an API here, as :func:`plugins.calls.asker` does from a host."""
    return lambda calls: sent(calls, where, user, password_file)
