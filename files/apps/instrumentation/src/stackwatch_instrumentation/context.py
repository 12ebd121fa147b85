"""What is known of the request that is being served, for every log entry of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """One request, or one job.

    Not frozen: an endpoint in a thread works on a copy of the context variables, and what it
    binds there must still be in the entry that the middleware writes at the end.
    """

    request_id: str | None = None
    entity_id: str | None = None
    user_id: str | None = None
    path: str | None = None
    method: str | None = None


_CURRENT: ContextVar[RequestContext | None] = ContextVar("stackwatch_request", default=None)


def current() -> RequestContext | None:
    """The request being served, if there is one."""
    return _CURRENT.get()


def bind(*, entity_id: str | None = None, user_id: str | None = None) -> None:
    """Tell who this request is for, once it is known; entries from now on carry it."""
    context = _CURRENT.get()
    if context is None:
        return
    if entity_id is not None:
        context.entity_id = entity_id
    if user_id is not None:
        context.user_id = user_id


@contextmanager
def request_context(context: RequestContext) -> Iterator[RequestContext]:
    """Make this the current request inside the block."""
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)
