"""What of a component no file can say: looked at through its API once it runs, and made so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from plugins.answers import Answer
from plugins.calls import Ask, Call
from plugins.endpoint import Endpoint

# It was made by another meanwhile.
_CONFLICT = 409


@dataclass(frozen=True)
class Wish:
    """One thing.

    Attributes:
        name: What it is, in words.
        endpoint: The API, with its login.
        look: The call whose answer tells how it is.
        lacking: From that answer's JSON to the calls that make it as wished; none where it is.
    """

    name: str
    endpoint: Endpoint
    look: Call
    lacking: Callable[[Any], tuple[Call, ...]]


class WishError(Exception):
    """The API did not do as it was asked; says which wish, and its words."""


def _words(answer: Answer) -> str:
    words = " ".join(answer.body.split())[:200]
    return f"HTTP {answer.status} {words}".strip() if answer.status else words or "no answer"


def _lacking(wish: Wish, answer: Answer) -> tuple[Call, ...]:
    """What is to be called for one wish.

    Raises:
        WishError: How it is was not told.
    """
    try:
        if answer.status == 200:
            return wish.lacking(json.loads(answer.body))
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise WishError(f"{wish.name}: {_words(answer)}")


def fulfil(wishes: Sequence[Wish], asker: Callable[[Endpoint], Ask]) -> Iterator[str]:
    """Make what is not as wished; tells each wish for which something was done.

    Args:
        wishes: Of one component; they have one endpoint.
        asker: Gives what sends calls to an endpoint.

    Raises:
        WishError: The API refused.
    """
    if not wishes:
        return
    ask = asker(wishes[0].endpoint)
    answers = ask([wish.look for wish in wishes])
    for wish, answer in zip(wishes, answers, strict=True):
        calls = _lacking(wish, answer)
        if not calls:
            continue
        for done in ask(calls):
            if not 200 <= done.status < 300 and done.status != _CONFLICT:
                raise WishError(f"{wish.name}: {_words(done)}")
        yield wish.name
