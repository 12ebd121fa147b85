"""The service's application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import httpx
import psycopg
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from stackwatch_instrumentation import instrument

from stackwatch_reference import business, faults, people, storage
from stackwatch_reference.activity import Activity, Sessions
from stackwatch_reference.business import NO_ENTITY, ProcessType
from stackwatch_reference.cache import UserCache
from stackwatch_reference.database import Database
from stackwatch_reference.jobs import JobQueue
from stackwatch_reference.settings import version
from stackwatch_reference.state import Service

if TYPE_CHECKING:
    from fastapi import Request
    from opentelemetry.sdk.trace.export import SpanExporter

    from stackwatch_reference.settings import Settings

_EXTERNAL_TIMEOUT = 2.0


def create_app(settings: Settings, *, exporter: SpanExporter | None = None) -> FastAPI:
    """The application, ready to be served.

    Args:
        settings: Where everything is.
        exporter: Takes the spans instead of the OTLP receiver, in tests for example.

    Raises:
        SettingsError: A password file cannot be read.
        OSError: The log file cannot be opened.
    """
    app = FastAPI(title="reference", version=version(), lifespan=_lifespan)
    telemetry = instrument(app, settings.instrumentation(), exporter=exporter)
    metrics = telemetry.metrics
    redis = storage.connect(settings)
    database = Database(settings, metrics.database)
    app.state.redis = redis
    app.state.service = Service(
        settings=settings,
        telemetry=telemetry,
        database=database,
        cache=UserCache(redis, settings.namespace, metrics.cache),
        queue=JobQueue(redis, settings.namespace),
        # trust_env: a proxy of the environment is not meant for a neighbour.
        client=httpx.AsyncClient(timeout=_EXTERNAL_TIMEOUT, trust_env=False),
        activity=Activity(metrics.business, settings.entity_ids),
        sessions=Sessions(metrics.business),
    )
    telemetry.health.add("database", database.check)
    # Zero, and not absent, before the first one: rules on "none within an hour" need a series.
    for entity, kind in product(sorted({*settings.entity_ids, NO_ENTITY}), ProcessType):
        metrics.business.processes_created.labels(entity, kind)
    # Without Redis users are still read, from the database.
    telemetry.health.add("redis", partial(storage.check, redis), required=False)
    for router in (people.router, business.router, faults.router):
        app.include_router(router)
    app.add_exception_handler(psycopg.OperationalError, _unavailable)
    app.add_exception_handler(RedisError, _unavailable)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    await service.database.open()
    try:
        yield
    finally:
        await service.client.aclose()
        await service.database.close()
        await app.state.redis.aclose()


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    # 503 and not 500: the request was all right, and may be sent again.
    return JSONResponse(
        {"detail": f"a backend does not answer: {type(error).__name__}"},
        status_code=503,
        headers={"Retry-After": "2"},
    )
