"""The values of a backup: what was copied of one store, and what it takes to put it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from plugins.answers import Answer
from plugins.backup.pulled import Pulled
from plugins.calls import Ask, Call
from plugins.endpoint import Endpoint

_SHOWN = 200
M = TypeVar("M", bound=BaseModel)


class FromApi(BaseModel):
    """Of an answer of an API, what is used here; also the form in which it is kept."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class ApiError(Exception):
    """An API did not answer, or not what was asked; says what was asked and what it said."""


@dataclass(frozen=True)
class Copy:
    """What was read of one store, or is to be put back into it.

    Attributes:
        version: Of the program it was read from.
        counts: Words to numbers, for people.
        files: Path below the store's folder to its content, as JSON has it.
    """

    version: str
    counts: Mapping[str, int]
    files: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One thing to put back: what it is, in words, and the request that does it."""

    what: str
    call: Call


@dataclass(frozen=True)
class Plan:
    """What a restore does with one store.

    Attributes:
        steps: In the order they are done.
        left: What is not restored, each with its reason.
        same: How many things are there already, as they were.
    """

    steps: tuple[Step, ...]
    left: tuple[str, ...]
    same: int


@dataclass(frozen=True)
class Restored:
    """What became of one store.

    Attributes:
        host: Through which host.
        plan: What was to be done.
        failed: What of it was refused, each with its reason.
    """

    host: str
    plan: Plan
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """How to restore.

    Attributes:
        now: What ended before is left out.
        overwrite: Whether what differs from the backup is replaced by it.
        source: Which backup it comes from, in words.
    """

    now: datetime
    overwrite: bool
    source: str


@dataclass(frozen=True)
class Kind:
    """A program that people make things in by hand.

    Attributes:
        read: Everything to keep, read through the API. Raises :class:`ApiError`.
        plan: What of a copy is not there, and how it gets there. Raises :class:`ApiError`.
        pull: A dashboard by its uid or title, as a file. Raises :class:`ApiError` and
            :class:`plugins.backup.pulled.PullError`. None where there are no dashboards.
    """

    read: Callable[[Ask], Copy]
    plan: Callable[[Copy, Ask, Wish], Plan]
    pull: Callable[[Ask, str], Pulled] | None = None


@dataclass(frozen=True)
class Store:
    """Where things made by hand are: one program, or several that share what they know.

    Attributes:
        name: Its folder in a backup.
        role: Whose it is.
        kind: What it is.
        members: Its APIs; each knows everything.
    """

    name: str
    role: str
    kind: Kind
    members: tuple[Endpoint, ...]


def refused(call: Call, answer: Answer) -> str:
    """What was asked and what was said, in words."""
    try:
        said = json.loads(answer.body)
        words = str(said["message"])
    except (ValueError, TypeError, KeyError):
        words = " ".join(answer.body.split())
    status = f"HTTP {answer.status}" if answer.status else "no answer"
    asked = call.path.partition("?")[0]
    return f"{call.method} {asked}: {status}: {words[:_SHOWN] or 'nothing else'}"


def parsed(call: Call, answer: Answer) -> Any:
    """What a successful answer holds.

    Raises:
        ApiError: The status is none of success, or the body is not JSON.
    """
    if not 200 <= answer.status < 300:
        raise ApiError(refused(call, answer))
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise ApiError(
            f"{call.method} {call.path}: no JSON but {answer.body[:_SHOWN]!r}: "
            "does another program have this port?"
        ) from error


def got(ask: Ask, *calls: Call) -> Sequence[Any]:
    """The answers to calls of which each must succeed, parsed.

    Raises:
        ApiError: One does not.
    """
    answers = ask(calls)
    return [parsed(call, answer) for call, answer in zip(calls, answers, strict=True)]


def shaped(model: type[M], values: Any, what: str) -> M:
    """An answer, or a part of one, in the form that is expected.

    Raises:
        ApiError: It has another.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ApiError(f"{what}: {where}: {error.errors()[0]['msg']}") from error
