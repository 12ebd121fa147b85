"""Requests to the HTTP API of a component, sent from its own host and logged in there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyinfra.api import FactBase, Host

from plugins.answers import Answer, parse_answers
from plugins.endpoint import Endpoint
from plugins.scripts import assigned, script

# One command carries so many requests: their answers are in memory all at once.
_BATCH = 100


@dataclass(frozen=True)
class Call:
    """One request to an API.

    Attributes:
        path: Path and query, encoded, below the endpoint's own.
        method: HTTP method.
        body: Sent as JSON; None for none.
    """

    path: str
    method: str = "GET"
    body: Any = None

    def line(self, endpoint: Endpoint) -> str:
        """The line that ``request.sh`` reads."""
        base = endpoint.local_url.rstrip("/")
        # ASCII on one line, whatever is in it.
        sent = "" if self.body is None else json.dumps(self.body)
        return f"{self.method} {base}{self.path} {sent}".rstrip()


Ask = Callable[[Sequence[Call]], tuple[Answer, ...]]


class HttpAnswers(FactBase[tuple[Answer, ...]]):
    """
    Returns what an HTTP API answered to the requests on standard input.

    + username: who logs in; empty for nobody
    + password_file: path on the host of the password
    """

    default: Callable[[], tuple[Answer, ...]] = staticmethod(tuple)

    def command(self, username: str = "", password_file: str = "") -> str:
        """The script with its variables in front."""
        variables = assigned({"user": username, "password_file": password_file})
        return f"{variables}{script('login')}{script('request')}"

    def process(self, output: list[str]) -> tuple[Answer, ...]:
        """Parse the script's output."""
        return parse_answers(output).answers


def asker(host: Host, endpoint: Endpoint) -> Ask:
    """What sends calls to an endpoint from a host, with the endpoint's credentials.

    Args:
        host: A connected host that the endpoint is on.
        endpoint: Where the API is.
    """

    def batches(calls: Sequence[Call]) -> Iterator[Answer]:
        for start in range(0, len(calls), _BATCH):
            some = calls[start : start + _BATCH]
            login = endpoint.credentials
            answers = host.get_fact(
                HttpAnswers,
                username=login.username if login else "",
                password_file=login.password_file if login else "",
                _stdin=[call.line(endpoint) for call in some],
            )
            # What the connection lost was not answered.
            yield from answers or (Answer(0, "the host did not answer"),) * len(some)

    return lambda calls: tuple(batches(calls))
