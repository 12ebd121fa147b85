"""The metrics of a service as objects to count with."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

from opentelemetry import trace
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.gc_collector import GCCollector

from stackwatch_instrumentation import families
from stackwatch_instrumentation.families import Family

OTHER = "other"
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_LOOKUPS = 1000

M = TypeVar("M", bound=Counter | Gauge | Histogram)


def trace_exemplar() -> dict[str, str] | None:
    """The current trace as an exemplar, if the trace is kept at all."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid or not span.trace_flags.sampled:
        return None
    return {"trace_id": f"{span.trace_id:032x}"}


class _Family(Generic[M]):
    """A family that is registered when it is first used.

    A worker must not tell of 0 active users: only what a process counts stands on its /metrics.
    """

    def __init__(self, kind: type[M]) -> None:
        self._kind = kind
        self._key = ""

    def __set_name__(self, owner: type[_Group], name: str) -> None:
        self._key = name

    def __get__(self, group: _Group, owner: type[_Group]) -> M:
        family = group.family(self._key)
        if not isinstance(family, self._kind):
            raise TypeError(f"{self._key} is declared as {type(family).__name__}")
        return family


class _Group:
    """Some families under one namespace."""

    def __init__(
        self, registry: CollectorRegistry, namespace: str, group: Mapping[str, Family]
    ) -> None:
        self._registry = registry
        self._namespace = namespace
        self._group = group
        self._lock = threading.Lock()
        self._families: dict[str, Counter | Gauge | Histogram] = {}

    def family(self, key: str) -> Counter | Gauge | Histogram:
        """The family declared under this key, registered by now."""
        with self._lock:
            if key not in self._families:
                self._families[key] = self._register(self._group[key])
            return self._families[key]

    def _register(self, family: Family) -> Counter | Gauge | Histogram:
        name = family.name.format(ns=self._namespace)
        if family.kind == "histogram":
            return Histogram(
                name,
                family.help,
                family.labels,
                registry=self._registry,
                buckets=family.buckets,
            )
        kind = Counter if family.kind == "counter" else Gauge
        return kind(name, family.help, family.labels, registry=self._registry)


class HttpMetrics(_Group):
    """Requests to this service."""

    requests = _Family(Counter)
    duration = _Family(Histogram)
    in_flight = _Family(Gauge)
    response_size = _Family(Histogram)

    def __init__(
        self, registry: CollectorRegistry, namespace: str, entity_ids: frozenset[str]
    ) -> None:
        super().__init__(registry, namespace, families.HTTP)
        self._entity_ids = entity_ids

    def entity_label(self, entity_id: str | None) -> str:
        """The label's value for this entity; there are only as many as the settings list."""
        if not entity_id or not self._entity_ids:
            return ""
        return entity_id if entity_id in self._entity_ids else OTHER

    def observe(
        self,
        *,
        method: str,
        path: str,
        status: int,
        entity_id: str | None,
        seconds: float,
        size: int,
    ) -> None:
        """Count one request that was answered."""
        known = method if method in _METHODS else OTHER
        self.requests.labels(known, path, str(status), self.entity_label(entity_id)).inc()
        self.duration.labels(known, path).observe(seconds, exemplar=trace_exemplar())
        self.response_size.labels(known, path).observe(size)


class BusinessMetrics(_Group):
    """What the users' business is."""

    processes_created = _Family(Counter)
    insights_generated = _Family(Counter)
    active_entities = _Family(Gauge)
    users_per_entity = _Family(Gauge)
    characters_created = _Family(Counter)
    character_creation_duration = _Family(Histogram)
    level_ups = _Family(Counter)
    level_up_duration = _Family(Histogram)
    exports = _Family(Counter)
    export_duration = _Family(Histogram)
    active_users = _Family(Gauge)
    active_sessions = _Family(Gauge)
    page_views = _Family(Counter)
    workflows = _Family(Counter)
    workflow_duration = _Family(Histogram)
    tasks = _Family(Counter)
    task_duration = _Family(Histogram)
    agent_runs = _Family(Counter)
    agents_active = _Family(Gauge)

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        super().__init__(registry, namespace, families.BUSINESS)


class AiMetrics(_Group):
    """Requests to AI providers."""

    requests = _Family(Counter)
    duration = _Family(Histogram)

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        super().__init__(registry, namespace, families.AI)

    @contextmanager
    def request(self, provider: str, model: str) -> Iterator[None]:
        """Count and time a request; one that raises counts as an error."""
        started = time.perf_counter()
        status = "error"
        try:
            yield
            status = "success"
        finally:
            self.requests.labels(provider, model, status).inc()
            self.duration.labels(provider, model).observe(
                time.perf_counter() - started, exemplar=trace_exemplar()
            )


class JobMetrics(_Group):
    """Jobs in queues."""

    processed = _Family(Counter)
    in_queue = _Family(Gauge)
    duration = _Family(Histogram)

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        super().__init__(registry, namespace, families.JOBS)

    @contextmanager
    def processing(self, queue: str) -> Iterator[None]:
        """Count and time a job; one that raises counts as failed."""
        started = time.perf_counter()
        status = "failed"
        try:
            yield
            status = "completed"
        finally:
            self.processed.labels(queue, status).inc()
            self.duration.labels(queue).observe(
                time.perf_counter() - started, exemplar=trace_exemplar()
            )


class AuthMetrics(_Group):
    """Logins."""

    attempts = _Family(Counter)
    failures = _Family(Counter)
    rate_limit_hits = _Family(Counter)

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        super().__init__(registry, namespace, families.AUTH)


class DatabaseMetrics(_Group):
    """Queries and the pool of connections."""

    connections_active = _Family(Gauge)
    pool_size = _Family(Gauge)
    query_duration = _Family(Histogram)
    query_errors = _Family(Counter)

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        super().__init__(registry, namespace, families.DATABASE)

    @contextmanager
    def query(self, operation: str) -> Iterator[None]:
        """Time a query; one that raises is counted as an error, too."""
        started = time.perf_counter()
        try:
            yield
        except Exception:
            self.query_errors.labels(operation).inc()
            raise
        finally:
            self.query_duration.labels(operation).observe(
                time.perf_counter() - started, exemplar=trace_exemplar()
            )


class CacheMetrics(_Group):
    """Look-ups in caches."""

    requests = _Family(Counter)
    hit_ratio = _Family(Gauge)

    def __init__(self, registry: CollectorRegistry, namespace: str) -> None:
        super().__init__(registry, namespace, families.CACHE)
        self._lookups: deque[bool] = deque(maxlen=_LOOKUPS)

    def lookup(self, cache: str, *, hit: bool) -> None:
        """Count one look-up."""
        self.requests.labels(cache, "hit" if hit else "miss").inc()
        self._lookups.append(hit)
        self.hit_ratio.set(sum(self._lookups) / len(self._lookups))


class Metrics:
    """Every family of a service, in a registry of its own, with those of its process."""

    def __init__(self, namespace: str, *, entity_ids: frozenset[str] = frozenset()) -> None:
        # A series more for each counter and histogram, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.http = HttpMetrics(self.registry, namespace, entity_ids)
        self.business = BusinessMetrics(self.registry, namespace)
        self.ai = AiMetrics(self.registry, namespace)
        self.jobs = JobMetrics(self.registry, namespace)
        self.auth = AuthMetrics(self.registry, namespace)
        self.database = DatabaseMetrics(self.registry, namespace)
        self.cache = CacheMetrics(self.registry, namespace)
