"""Whether the service lives, is ready, and what it depends on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

Check = Callable[[], Awaitable[bool | None]]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Registered:
    check: Check
    timeout: float
    required: bool


@dataclass(frozen=True)
class HealthReport:
    """The results of all checks of one moment."""

    checks: Mapping[str, bool]
    ready: bool


class Health:
    """Named checks, asked side by side, each for a bounded time."""

    def __init__(self, *, service: str, version: str, timeout: float = 1.0) -> None:
        self.service = service
        self.version = version
        self._timeout = timeout
        self._checks: dict[str, _Registered] = {}
        self._failing: set[str] = set()
        self._started = time.monotonic()

    @property
    def uptime_seconds(self) -> float:
        """Since when this process serves."""
        return time.monotonic() - self._started

    def add(
        self, name: str, check: Check, *, timeout: float | None = None, required: bool = True
    ) -> None:
        """Register a check.

        Args:
            name: Its name in the answers.
            check: Fails by raising, by returning False, or by taking too long.
            timeout: Seconds, where the default of the settings does not fit.
            required: Whether the service is not ready without it.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._checks:
            raise ValueError(f"health check {name!r} is registered already; use another name")
        seconds = self._timeout if timeout is None else timeout
        self._checks[name] = _Registered(check, seconds, required)

    async def report(self) -> HealthReport:
        """Ask every check now."""
        names = list(self._checks)
        results = await asyncio.gather(*(self._ask(name) for name in names))
        checks = dict(zip(names, results, strict=True))
        ready = all(ok for name, ok in checks.items() if self._checks[name].required)
        return HealthReport(checks=checks, ready=ready)

    async def _ask(self, name: str) -> bool:
        registered = self._checks[name]
        task = asyncio.ensure_future(registered.check())
        # Not wait_for: it waits for a check that does not heed its cancellation.
        done, _ = await asyncio.wait({task}, timeout=registered.timeout)
        if not done:
            task.cancel()
            task.add_done_callback(_forget)
            self._tell(name, f"no answer within {registered.timeout:g} s")
            return False
        if task.cancelled():
            self._tell(name, "cancelled")
            return False
        if (error := task.exception()) is not None:
            self._tell(name, f"{type(error).__name__}: {error}")
            return False
        if task.result() is False:
            self._tell(name, "told so")
            return False
        if name in self._failing:
            self._failing.discard(name)
            _LOG.info("health check %s holds again", name)
        return True

    def _tell(self, name: str, reason: str) -> None:
        # Once, and not on every probe while it lasts.
        if name not in self._failing:
            self._failing.add(name)
            _LOG.warning("health check %s fails: %s", name, reason)


def _forget(task: asyncio.Future[bool | None]) -> None:
    if not task.cancelled():
        task.exception()


def timestamp() -> str:
    """Now, as answers and log entries write it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
