"""PostgreSQL: the service's tables, and going on without it until it is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from opentelemetry.instrumentation.utils import suppress_instrumentation
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from stackwatch_reference.settings import password

if TYPE_CHECKING:
    from stackwatch_instrumentation.metrics import DatabaseMetrics

    from stackwatch_reference.settings import Settings

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_POOL_TIMEOUT = 2.0
_CONNECT_TIMEOUT = 2
_STATEMENT_TIMEOUT_MILLIS = 15_000
USERS = 100

# The lock: several processes may create the tables at once, and IF NOT EXISTS races.
_SCHEMA: tuple[LiteralString, ...] = (
    "SELECT pg_advisory_xact_lock(7283461)",
    """CREATE TABLE IF NOT EXISTS users (
        id integer PRIMARY KEY, name text NOT NULL, administrator boolean NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS processes (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entity_id text NOT NULL,
        type text NOT NULL, status text NOT NULL DEFAULT 'waiting',
        created_at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz)""",
    "CREATE INDEX IF NOT EXISTS processes_created_at ON processes (created_at)",
)
_SEED = """INSERT INTO users SELECT n, 'User ' || n, n = 1 FROM generate_series(1, %s) AS n
    ON CONFLICT DO NOTHING"""

Row = dict[str, Any]


@dataclass(frozen=True)
class User:
    """A user of the service."""

    id: int
    name: str
    administrator: bool


class Database:
    """The pool, and every query there is."""

    def __init__(self, settings: Settings, metrics: DatabaseMetrics) -> None:
        self._metrics = metrics
        self._prepared = False
        self._keeper: asyncio.Task[None] | None = None
        arguments: dict[str, Any] = {
            "row_factory": dict_row,
            "connect_timeout": _CONNECT_TIMEOUT,
            "application_name": settings.service or "reference",
            "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MILLIS}",
        }
        if (secret := password(settings.database_password_file)) is not None:
            arguments["password"] = secret
        self._pool = AsyncConnectionPool(
            settings.database_url,
            kwargs=arguments,
            # None is held ready: with the server away the pool would wait longer and longer
            # between its attempts, so that each request tries anew instead.
            min_size=0,
            max_size=settings.database_connections,
            timeout=_POOL_TIMEOUT,
            reconnect_timeout=_POOL_TIMEOUT,
            check=_check,
            open=False,
            name="database",
        )
        metrics.pool_size.set(settings.database_connections)
        metrics.connections_active.set_function(self._active)

    def _active(self) -> float:
        stats = self._pool.get_stats()
        return float(stats.get("pool_size", 0) - stats.get("pool_available", 0))

    async def open(self) -> None:
        """Begin to connect, and create the tables as soon as the server is there."""
        await self._pool.open(wait=False)
        self._keeper = asyncio.create_task(self._prepare())

    async def close(self) -> None:
        """Let all connections go."""
        if self._keeper is not None:
            self._keeper.cancel()
        await self._pool.close(timeout=_POOL_TIMEOUT)

    async def _prepare(self) -> None:
        told = False
        while not self._prepared:
            try:
                with suppress_instrumentation():
                    async with self._pool.connection() as connection:
                        for statement in _SCHEMA:
                            await connection.execute(statement)
                        await connection.execute(_SEED, (USERS,))
                self._prepared = True
                _LOG.info("the database is prepared")
            except psycopg.Error as error:
                if not told:
                    _LOG.warning("the database cannot be prepared yet: %s", error)
                    told = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def check(self) -> bool:
        """Whether queries can be answered."""
        if not self._prepared:
            return False
        with suppress_instrumentation():
            async with self._pool.connection() as connection:
                await connection.execute("SELECT 1")
        return True

    @asynccontextmanager
    async def _query(
        self, operation: str, statement: LiteralString, *arguments: object
    ) -> AsyncIterator[psycopg.AsyncCursor[Row]]:
        with self._metrics.query(operation):
            async with self._pool.connection() as connection:
                yield await connection.execute(statement, arguments)

    async def user(self, user_id: int) -> User | None:
        """The user with this id."""
        statement = "SELECT id, name, administrator FROM users WHERE id = %s"
        async with self._query("select_user", statement, user_id) as cursor:
            row = await cursor.fetchone()
        return User(**row) if row else None

    async def insert_process(self, entity_id: str, kind: str) -> int:
        """A new process that waits; returns its id."""
        statement = "INSERT INTO processes (entity_id, type) VALUES (%s, %s) RETURNING id"
        async with self._query("insert_process", statement, entity_id, kind) as cursor:
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - RETURNING always has a row
        return int(row["id"])

    async def process(self, process_id: int) -> Row | None:
        """The process with this id."""
        statement = "SELECT id, entity_id, type, status FROM processes WHERE id = %s"
        async with self._query("select_process", statement, process_id) as cursor:
            return await cursor.fetchone()

    async def end_process(self, process_id: int, status: str) -> None:
        """Write down how a process ended."""
        statement = "UPDATE processes SET status = %s, ended_at = now() WHERE id = %s"
        async with self._query("update_process", statement, status, process_id):
            pass

    async def outcomes(self, entity_id: str) -> Sequence[Row]:
        """How many processes of an entity ended how within a day, by type."""
        statement = """SELECT type, status, count(*) AS number FROM processes
            WHERE entity_id = %s AND created_at > now() - interval '1 day' GROUP BY type, status"""
        async with self._query("select_outcomes", statement, entity_id) as cursor:
            return await cursor.fetchall()

    async def sleep(self, seconds: float) -> None:
        """A query that takes this long."""
        async with self._query("sleep", "SELECT pg_sleep(%s)", seconds):
            pass


async def _check(connection: psycopg.AsyncConnection[Any]) -> None:
    # A server that was restarted has left dead connections in the pool.
    with suppress_instrumentation():
        await AsyncConnectionPool.check_connection(connection)
