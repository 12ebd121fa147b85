"""Users kept in Redis for a while; without Redis the database is asked each time."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from stackwatch_reference.database import User

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from stackwatch_instrumentation.metrics import CacheMetrics

_LOG = logging.getLogger(__name__)
_SECONDS = 60
_CACHE = "users"


class UserCache:
    """Users by their id."""

    def __init__(self, client: Redis, prefix: str, metrics: CacheMetrics) -> None:
        self._client = client
        self._prefix = prefix
        self._metrics = metrics

    def _key(self, user_id: int) -> str:
        return f"{self._prefix}:user:{user_id}"

    async def get(self, user_id: int) -> User | None:
        """The user, if the cache has it and answers."""
        try:
            text = await self._client.get(self._key(user_id))
        except RedisError as error:
            _LOG.warning("the cache does not answer: %s", error)
            return None
        self._metrics.lookup(_CACHE, hit=text is not None)
        return User(**json.loads(text)) if text is not None else None

    async def put(self, user: User) -> None:
        """Keep a user; nothing is lost if that fails."""
        try:
            await self._client.set(self._key(user.id), json.dumps(asdict(user)), ex=_SECONDS)
        except RedisError as error:
            _LOG.warning("the cache does not answer: %s", error)
