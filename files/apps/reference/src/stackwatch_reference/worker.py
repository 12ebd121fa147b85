"""The worker: takes jobs from the queue and continues their traces, in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from socket import gethostname
from typing import TYPE_CHECKING

import psycopg
from opentelemetry import propagate
from opentelemetry.trace import SpanKind
from redis.exceptions import RedisError
from stackwatch_instrumentation import RequestContext, Telemetry, instrument, request_context
from starlette.applications import Starlette

from stackwatch_reference import storage
from stackwatch_reference.database import Database
from stackwatch_reference.jobs import QUEUE, Job, JobQueue

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from prometheus_client import Counter, Histogram

    from stackwatch_reference.settings import Settings

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_DEPTH_SECONDS = 2.0
_TASKS = ("prepare", "compute", "store")
_AGENT = "writer"


class JobError(Exception):
    """The job cannot be done, however often it is tried."""


class Worker:
    """Takes one job after the other."""

    def __init__(self, telemetry: Telemetry, database: Database, queue: JobQueue) -> None:
        self._telemetry = telemetry
        self._metrics = telemetry.metrics
        self._database = database
        self._queue = queue
        for status in ("completed", "failed"):
            # Zero, and not absent, before the first one: a ratio needs both.
            self._metrics.jobs.processed.labels(QUEUE, status)

    async def run(self) -> None:
        """Work until cancelled; without Redis, wait for it."""
        away = True
        while True:
            try:
                if away:
                    # What was taken before the connection broke was not told to be done.
                    recovered = await self._queue.recover()
                    _LOG.info("taking jobs; %d were left over", recovered)
                    away = False
                if (text := await self._queue.take()) is not None:
                    await self.work(text)
            except (RedisError, OSError) as error:
                if not away:
                    _LOG.warning("the queue does not answer: %s", error)
                away = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def measure(self) -> None:
        """Keep the depths of the queue up to date until cancelled."""
        while True:
            with suppress(RedisError, OSError):
                for state, number in (await self._queue.depths()).items():
                    self._metrics.jobs.in_queue.labels(QUEUE, state).set(number)
            await asyncio.sleep(_DEPTH_SECONDS)

    async def work(self, text: str) -> None:
        """Do one job, as a part of the trace that it comes from."""
        try:
            job = Job.from_json(text)
        except ValueError:
            _LOG.exception("something in the queue is not a job")
            self._metrics.jobs.processed.labels(QUEUE, "failed").inc()
            await self._queue.failed(text)
            return
        span = self._telemetry.tracing.tracer.start_as_current_span(
            f"process {job.type}",
            context=propagate.extract(dict(job.trace)),
            kind=SpanKind.CONSUMER,
            attributes={"messaging.system": "redis", "messaging.destination.name": QUEUE},
        )
        request = RequestContext(
            request_id=job.request_id, entity_id=job.entity_id, user_id=job.user_id
        )
        with request_context(request), span as current:
            try:
                with self._metrics.jobs.processing(QUEUE):
                    await self._process(job)
            except JobError as error:
                current.record_exception(error)
                current.set_attribute("error.type", "JobError")
                _LOG.exception("process %d failed", job.process_id)
                await self._database.end_process(job.process_id, "failed")
                await self._queue.failed(text)
            except psycopg.OperationalError:
                _LOG.exception("process %d met no database", job.process_id)
                if not await self._queue.again(text, job):
                    _LOG.error("process %d was tried enough", job.process_id)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await self._queue.done(text)
                _LOG.info("process %d is done", job.process_id)

    async def _process(self, job: Job) -> None:
        business = self._metrics.business
        with (
            self._counted(business.workflows, business.workflow_duration, job.type),
            self._measured(job.type),
        ):
            for task in _TASKS:
                with (
                    self._telemetry.tracing.workflow(f"task {task}", process_id=job.process_id),
                    self._counted(business.tasks, business.task_duration, task),
                ):
                    await self._task(job, task)

    async def _task(self, job: Job, task: str) -> None:
        if task == "store":
            await self._database.end_process(job.process_id, "completed")
            return
        await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - a delay, no secret
        if task == "compute":
            business = self._metrics.business
            with (
                business.agents_active.track_inprogress(),
                self._counted(business.agent_runs, None, _AGENT),
            ):
                if job.fail:
                    raise JobError(f"process {job.process_id} was made to fail")

    @contextmanager
    def _measured(self, kind: str) -> Iterator[None]:
        """Count what has families of its own."""
        business = self._metrics.business
        families = {
            "character": (business.characters_created, business.character_creation_duration),
            "level_up": (business.level_ups, business.level_up_duration),
            "export": (business.exports, business.export_duration),
        }
        if kind not in families:
            yield
            return
        with self._counted(*families[kind]):
            yield

    @contextmanager
    def _counted(
        self, counter: Counter, duration: Histogram | None, *labels: str
    ) -> Iterator[None]:
        started = time.perf_counter()
        status = "failure"
        try:
            yield
            status = "success"
        finally:
            counter.labels(*labels, status).inc()
            if duration is not None:
                timed = duration.labels(*labels) if labels else duration
                timed.observe(time.perf_counter() - started)


def create_worker(settings: Settings, *, exporter: SpanExporter | None = None) -> Starlette:
    """The worker as an application that serves /metrics and /health while it works.

    Raises:
        SettingsError: A password file cannot be read.
        OSError: The log file cannot be opened.
    """
    redis = storage.connect(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.open()
        tasks = [asyncio.create_task(worker.run()), asyncio.create_task(worker.measure())]
        telemetry.health.add("worker", partial(_runs, tasks))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await database.close()
            await redis.aclose()

    app = Starlette(lifespan=lifespan)
    telemetry = instrument(app, settings.instrumentation(worker=True), exporter=exporter)
    database = Database(settings, telemetry.metrics.database)
    queue = JobQueue(redis, settings.namespace, worker=f"{gethostname()}:{settings.worker_port}")
    worker = Worker(telemetry, database, queue)
    telemetry.health.add("database", database.check)
    telemetry.health.add("redis", partial(storage.check, redis))
    return app


async def _runs(tasks: list[asyncio.Task[None]]) -> bool:
    return not any(task.done() for task in tasks)
