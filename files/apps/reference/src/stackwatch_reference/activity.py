"""Who used the service of late: the gauges of active users, entities and sessions."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from stackwatch_instrumentation.metrics import BusinessMetrics

    from stackwatch_reference.database import User

_WINDOW_SECONDS = 300.0
_SESSION_SECONDS = 1800.0
_MOST = 10_000
_FAILURES = 5
_FAILURE_SECONDS = 60.0

Clock = Callable[[], float]
Key = TypeVar("Key")


class Activity:
    """Entities and users seen within five minutes; as many as memory may hold."""

    def __init__(
        self, metrics: BusinessMetrics, entities: frozenset[str], clock: Clock = time.monotonic
    ) -> None:
        self._clock = clock
        self._entities = entities
        self._entity_seen: dict[str, float] = {}
        self._user_seen: dict[tuple[str, str], float] = {}
        metrics.active_entities.set_function(lambda: float(len(_recent(self._entity_seen, clock))))
        metrics.active_users.set_function(self._users)
        for entity in entities:
            metrics.users_per_entity.labels(entity).set_function(partial(self._users, entity))

    def seen(self, entity_id: str | None, user_id: str | None) -> None:
        """Remember one request."""
        now = self._clock()
        entity = entity_id if entity_id in self._entities else ""
        if entity:
            self._entity_seen[entity] = now
        if user_id is not None and len(self._user_seen) < _MOST:
            self._user_seen[entity, user_id] = now

    def _users(self, entity: str | None = None) -> float:
        recent = _recent(self._user_seen, self._clock)
        return float(len({user for of, user in recent if entity is None or of == entity}))


def _recent(seen: dict[Key, float], clock: Clock) -> list[Key]:
    oldest = clock() - _WINDOW_SECONDS
    for key in [k for k, at in tuple(seen.items()) if at < oldest]:
        seen.pop(key, None)
    return list(seen)


@dataclass(frozen=True)
class _Session:
    user: User
    until: float


class Sessions:
    """Sessions of users who logged in; they end with the process."""

    def __init__(self, metrics: BusinessMetrics, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        metrics.active_sessions.set_function(lambda: float(self._open()))

    def _open(self) -> int:
        now = self._clock()
        for token in [t for t, s in tuple(self._sessions.items()) if s.until < now]:
            self._sessions.pop(token, None)
        return len(self._sessions)

    def begin(self, user: User) -> str:
        """A new session; returns its token."""
        if self._open() >= _MOST:
            self._sessions.pop(next(iter(self._sessions)))
        token = secrets.token_urlsafe(32)
        self._sessions[token] = _Session(user, self._clock() + _SESSION_SECONDS)
        return token

    def user(self, token: str) -> User | None:
        """Whose session this is, if it is open."""
        session = self._sessions.get(token)
        return session.user if session is not None and session.until >= self._clock() else None

    def end(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(token, None)


class LoginLimit:
    """Five failed logins a minute for each user, then none is looked at."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[int, deque[float]] = {}

    def refuses(self, user_id: int) -> bool:
        """Whether this user has to wait."""
        failures = self._failures.get(user_id, ())
        recent = [at for at in failures if at > self._clock() - _FAILURE_SECONDS]
        return len(recent) >= _FAILURES

    def failed(self, user_id: int) -> None:
        """Remember a failure."""
        if len(self._failures) >= _MOST:
            self._failures.clear()
        self._failures.setdefault(user_id, deque(maxlen=_FAILURES)).append(self._clock())
