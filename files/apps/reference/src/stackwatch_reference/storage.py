"""Redis: the client that the cache and the queue share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.instrumentation.utils import suppress_instrumentation
from redis.asyncio import Redis

from stackwatch_reference.settings import password

if TYPE_CHECKING:
    from stackwatch_reference.settings import Settings

_CONNECT_TIMEOUT = 1.0
# More than the longest blocking command asks for.
_TIMEOUT = 4.0


def connect(settings: Settings) -> Redis:
    """A client; it connects with its first command, and anew after each failure."""
    client: Redis = Redis.from_url(
        settings.redis_url,
        password=password(settings.redis_password_file),
        decode_responses=True,
        socket_connect_timeout=_CONNECT_TIMEOUT,
        socket_timeout=_TIMEOUT,
    )
    return client


async def check(client: Redis) -> bool:
    """Whether Redis answers."""
    with suppress_instrumentation():
        return bool(await client.ping())
