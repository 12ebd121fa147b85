"""What a program that could not be obtained would ask of others, asked from its host without it.

Its role renders everything, so mistakes are told; and whether its wiring holds is seen by asking
what it would ask, from where it would, with the logins it would have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr
from pyinfra.api import FactBase, Host

from plugins.answers import Answer, parse_answers
from plugins.checks import CheckResult
from plugins.scripts import script

_UNFIT = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True)
class Rehearsal:
    """One request that a program would send.

    Attributes:
        name: What is asked, in words, unique within the role.
        url: Where to.
        username: Who logs in; empty for nobody.
        password: With what; None for nothing.
        headers: What is sent along.
        insecure: True where the program would not verify the server.
        unasked: Why it cannot be asked from here; empty where it can.
        json: True where only JSON is an answer: some stores have a page for every path.
    """

    name: str
    url: str
    username: str = ""
    password: SecretStr | None = None
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    insecure: bool = False
    unasked: str = ""
    json: bool = False


class Unseen(str):
    """A line that is sent and never shown: pyinfra's ``--debug`` tells what a fact is given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'...'"


def _quoted(text: str) -> str:
    """A value of curl's configuration, on one line whatever is in it."""
    plain = _UNFIT.sub("", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def configuration(rehearsal: Rehearsal) -> Iterator[str]:
    """Lines of curl's configuration, which goes to the host by standard input: it holds secrets.

    Args:
        rehearsal: What is asked.
    """
    yield f"url = {_quoted(rehearsal.url)}"
    if rehearsal.username:
        password = rehearsal.password.get_secret_value() if rehearsal.password else ""
        yield f"user = {_quoted(f'{rehearsal.username}:{password}')}"
    for name, value in rehearsal.headers.items():
        yield f"header = {_quoted(f'{name}: {value.get_secret_value()}')}"
    if rehearsal.insecure:
        yield "insecure"
    # What ends one request and begins another.
    yield ""


class RehearsalAnswers(FactBase[tuple[Answer, ...]]):
    """Returns what was answered to the requests on standard input."""

    default: Callable[[], tuple[Answer, ...]] = staticmethod(tuple)

    def command(self) -> str:
        """The script."""
        return script("rehearse")

    def process(self, output: list[str]) -> tuple[Answer, ...]:
        """Parse the script's output."""
        return parse_answers(output).answers


def component_name(role: str) -> str:
    """What results of a role that was left out stand under.

    Args:
        role: Its name.
    """
    return f"{role} (not installed)"


def _seen(rehearsal: Rehearsal, answer: Answer) -> tuple[bool, str]:
    words = " ".join(answer.body.split())[:200]
    seen = f"HTTP {answer.status}" if answer.status else ""
    if not 200 <= answer.status < 300:
        return False, f"{seen} {words}".strip() or "no answer"
    # No more than its beginning is read.
    if rehearsal.json and not words.startswith(("{", "[")):
        return False, f"no JSON: {seen} {words}".strip()
    return True, seen


def judged(
    host: str, role: str, rehearsals: Sequence[Rehearsal], answers: Sequence[Answer]
) -> tuple[CheckResult, ...]:
    """Judge the answers to what a role would ask.

    Args:
        host: Inventory name.
        role: The role that was left out.
        rehearsals: All of them, also those that cannot be asked.
        answers: To those that can, in order.
    """
    results, left = [], iter(answers)
    for each in rehearsals:
        if each.unasked:
            ok, seen = True, f"not asked: {each.unasked}"
        else:
            answer = next(left, Answer(0, "not asked"))
            ok, seen = _seen(each, answer)
        name = component_name(role)
        wanted = "HTTP 2xx with JSON" if each.json else "HTTP 2xx"
        results.append(CheckResult(host, name, each.name, ok, each.url, wanted, seen))
    return tuple(results)


def rehearsed(host: Host, wanted: Mapping[str, Sequence[Rehearsal]]) -> tuple[CheckResult, ...]:
    """Ask what the roles left out of a host would ask, in one command, and judge it.

    Args:
        host: A connected host.
        wanted: Role to what it would ask.
    """
    asked = [each for own in wanted.values() for each in own if not each.unasked]
    answers: tuple[Answer, ...] = ()
    if asked:
        lines = [Unseen(line) for each in asked for line in configuration(each)]
        answers = host.get_fact(RehearsalAnswers, _stdin=lines)
    results: list[CheckResult] = []
    for role, own in wanted.items():
        count = sum(not each.unasked for each in own)
        results += judged(host.name, role, own, answers[:count])
        answers = answers[count:]
    return tuple(results)
