"""Jobs in Redis lists: waiting, active at one worker, failed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, cast

from opentelemetry import propagate
from opentelemetry.instrumentation.utils import suppress_instrumentation
from stackwatch_instrumentation.context import current

if TYPE_CHECKING:
    from redis.asyncio import Redis

QUEUE = "processes"
_BLOCK_SECONDS = 1
_FAILED_KEPT = 1000
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work for the worker, with the trace and the request that it comes from."""

    process_id: int
    type: str
    entity_id: str
    fail: bool = False
    attempt: int = 1
    request_id: str | None = None
    user_id: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_request(cls, *, process_id: int, kind: str, entity_id: str, fail: bool) -> Job:
        """A job for the request being served now."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        request = current()
        return cls(
            process_id=process_id,
            type=kind,
            entity_id=entity_id,
            fail=fail,
            request_id=request.request_id if request else None,
            user_id=request.user_id if request else None,
            trace=carrier,
        )

    def to_json(self) -> str:
        """The job as it lies in the queue."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job that lies in the queue.

        Raises:
            ValueError: It is none.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"not a job: {error}") from error


class JobQueue:
    """One queue; a job is in exactly one of its lists, whenever a process dies."""

    def __init__(self, client: Redis, prefix: str, *, worker: str = "") -> None:
        self._client = client
        self._waiting = f"{prefix}:jobs:{QUEUE}:waiting"
        self._failed = f"{prefix}:jobs:{QUEUE}:failed"
        # Each worker has its own, so that one that starts again takes back only what it had.
        self._active = f"{prefix}:jobs:{QUEUE}:active:{worker}"

    async def push(self, job: Job) -> None:
        """Put a job at the end of the queue."""
        await _answer(self._client.rpush(self._waiting, job.to_json()))

    async def take(self) -> str | None:
        """Wait a moment for a job; it is active from then on."""
        # Empty polls would be one trace a second.
        with suppress_instrumentation():
            taken = await _answer(
                self._client.blmove(self._waiting, self._active, _BLOCK_SECONDS, "LEFT", "RIGHT")
            )
        return None if taken is None else str(taken)

    async def recover(self) -> int:
        """Put back what this worker had when it was cut off; returns how many."""
        number = 0
        with suppress_instrumentation():
            while await _answer(self._client.lmove(self._active, self._waiting, "RIGHT", "LEFT")):
                number += 1
        return number

    async def done(self, text: str) -> None:
        """The job has ended well."""
        await _answer(self._client.lrem(self._active, 1, text))

    async def failed(self, text: str) -> None:
        """The job has ended badly; the last thousand of them are kept to look at."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.lrem(self._active, 1, text)
            pipe.rpush(self._failed, text)
            pipe.ltrim(self._failed, -_FAILED_KEPT, -1)
            await pipe.execute()

    async def again(self, text: str, job: Job) -> bool:
        """Let the job be tried once more, at the end of the queue; False if it was tried enough."""
        if job.attempt >= _ATTEMPTS:
            await self.failed(text)
            return False
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.lrem(self._active, 1, text)
            pipe.rpush(self._waiting, replace(job, attempt=job.attempt + 1).to_json())
            await pipe.execute()
        return True

    async def depths(self) -> dict[str, int]:
        """How many jobs are in which state."""
        with suppress_instrumentation():
            async with self._client.pipeline(transaction=False) as pipe:
                for key in (self._waiting, self._active, self._failed):
                    pipe.llen(key)
                lengths = await pipe.execute()
        return dict(zip(("waiting", "active", "failed"), map(int, lengths), strict=True))


async def _answer(answer: object) -> object:
    # The client's stubs say "awaitable or not"; the asynchronous one always is.
    return await cast("Awaitable[object]", answer)
