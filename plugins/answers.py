"""What a host answers to its checks: one fact, one command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from plugins.scripts import script


class Asked(NamedTuple):
    """One request that a host sends.

    Attributes:
        want: ``body``, or ``status`` where nothing else is looked at.
        url: Where to.
        username: Who logs in; empty for nobody.
        password_file: Path on the host of the password.
        body: JSON to post; empty for a GET. It stands in an argument: never a secret.
    """

    want: str
    url: str
    username: str = ""
    password_file: str = ""
    body: str = ""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; status 0 means there was none and the body holds curl's words."""

    status: int
    body: str


@dataclass(frozen=True)
class Answers:
    """What one host said.

    Attributes:
        units: Unit to its active state and automatic restarts, for example ``active (running)``.
        answers: In the order the URLs were asked.
    """

    units: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()


def parse_answers(lines: list[str]) -> Answers:
    """Read the output of ``check.sh``.

    Raises:
        FactProcessError: The output was cut off.
    """
    if not lines or lines[-1] != "#end":
        raise FactProcessError("the answers of the host were cut off: the connection broke?")
    units: dict[str, str] = {}
    shown: dict[str, str] = {}
    answers: list[tuple[int, list[str]]] = []
    for line in lines[1:-1]:
        if line.startswith("#answer "):
            status = line.split()[2:3]
            # Without curl there are words of the shell where the status belongs.
            answers.append((int(status[0]) if status and status[0].isdigit() else 0, []))
        elif answers:
            answers[-1][1].append(line[1:])
        elif line:
            key, _, value = line.partition("=")
            shown[key] = value
        if shown.keys() >= {"Id", "ActiveState", "SubState", "NRestarts"}:
            units[shown["Id"]] = f"{shown['ActiveState']} ({shown['SubState']})"
            shown = {}
    return Answers(units, tuple(Answer(status, "\n".join(body)) for status, body in answers))


class StackwatchAnswers(FactBase[Answers]):
    """
    Returns what a host's units and HTTP endpoints say, read in one command.

    + asked: what is sent, as :class:`Asked`, or the first words of it
    """

    default: Callable[[], Answers] = staticmethod(Answers)

    def command(self, asked: tuple[tuple[str, ...], ...] = ()) -> str:
        """The script with its arguments."""
        words = (word for each in asked for word in Asked(*each))
        said = " ".join(shlex.quote(word) for word in words)
        return f"set -- {said}\n{script('login')}{script('check')}"

    def process(self, output: list[str]) -> Answers:
        """Parse the script's output."""
        return parse_answers(output)
