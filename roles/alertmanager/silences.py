"""Silences of an Alertmanager, or of a cluster of them: every member knows them all.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from plugins.backup.kept import Copy, FromApi, Plan, Step, Wish, got, shaped
from plugins.calls import Ask, Call

_FILE = "silences.json"
_IN_FORCE = ("active", "pending")
_OPERATORS = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}


class Matcher(FromApi):
    """One label that alerts must have, or must not have."""

    name: str
    value: str
    is_regex: bool = Field(alias="isRegex")
    # Alertmanagers before 0.22 know no others.
    is_equal: bool = Field(True, alias="isEqual")

    def __str__(self) -> str:
        return f'{self.name}{_OPERATORS[self.is_equal, self.is_regex]}"{self.value}"'


class Silence(FromApi):
    """Alerts that nobody is told of, for a time."""

    matchers: list[Matcher]
    starts: datetime = Field(alias="startsAt")
    ends: datetime = Field(alias="endsAt")
    author: str = Field(alias="createdBy")
    comment: str

    @property
    def identity(self) -> tuple[object, ...]:
        """Two with the same silence the same alerts for the same reason, as long."""
        return frozenset(self.matchers), self.comment, self.ends

    def __str__(self) -> str:
        return (
            f"silence of {', '.join(map(str, self.matchers))} until {self.ends:%Y-%m-%d %H:%M} UTC"
        )


def _in_force(ask: Ask) -> list[dict[str, Any]]:
    (found,) = got(ask, Call("/api/v2/silences"))
    return [each for each in found if each["status"]["state"] in _IN_FORCE]


def read(ask: Ask) -> Copy:
    """The silences that are in force, or will be.

    Raises:
        ApiError: They cannot be read.
    """
    (status,) = got(ask, Call("/api/v2/status"))
    found = [shaped(Silence, each, "/api/v2/silences") for each in _in_force(ask)]
    kept = [silence.model_dump(by_alias=True, mode="json") for silence in found]
    kept.sort(key=lambda each: (each["endsAt"], each["comment"], str(each["matchers"])))
    return Copy(status["versionInfo"]["version"], {"silences": len(kept)}, {_FILE: kept})


def plan(copy: Copy, ask: Ask, wish: Wish) -> Plan:
    """The silences of a copy that have not ended and are not there.

    Raises:
        ApiError: What is there cannot be read.
    """
    there = {shaped(Silence, each, "/api/v2/silences").identity for each in _in_force(ask)}
    steps, left, same = [], [], 0
    for kept in copy.files[_FILE]:
        silence = shaped(Silence, kept, _FILE)
        if silence.ends <= wish.now:
            left.append(f"{silence}: it has ended")
        elif silence.identity in there:
            same += 1
        else:
            there.add(silence.identity)
            body = silence.model_dump(by_alias=True, mode="json")
            steps.append(Step(str(silence), Call("/api/v2/silences", "POST", body)))
    return Plan(tuple(steps), tuple(left), same)
