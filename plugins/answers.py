"""What a host answers to its checks: one fact, one command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from plugins.scripts import script


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

    + asked: pairs of ``status`` or ``body`` and a URL
    """

    default: Callable[[], Answers] = staticmethod(Answers)

    def command(self, asked: tuple[tuple[str, str], ...] = ()) -> str:
        """The script with its arguments."""
        words = (word for pair in asked for word in pair)
        return f"set -- {' '.join(shlex.quote(word) for word in words)}\n{script('check')}"

    def process(self, output: list[str]) -> Answers:
        """Parse the script's output."""
        return parse_answers(output)
