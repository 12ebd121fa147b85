"""Traces: a provider that never stands in a request's way, and spans of the usual clients.

Spans wait in a bounded queue and leave by a thread of their own. With the receiver away the
oldest are dropped; requests notice nothing.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from stackwatch_instrumentation.span_redaction import RedactingExporter

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from stackwatch_instrumentation.settings import Settings

_TRACES_PATH = "/v1/traces"
_BATCH = 512
_SCHEDULE_MILLIS = 1000
# Library: module and class of its instrumentor.
_CLIENTS = {
    "psycopg": ("opentelemetry.instrumentation.psycopg", "PsycopgInstrumentor"),
    "redis": ("opentelemetry.instrumentation.redis", "RedisInstrumentor"),
    "httpx": ("opentelemetry.instrumentation.httpx", "HTTPXClientInstrumentor"),
}


def endpoint_url(base: str) -> str:
    """The URL that spans are sent to, from the base URL of the receiver."""
    return base if urlsplit(base).path.strip("/") else base.rstrip("/") + _TRACES_PATH


class Tracing:
    """The tracer provider of this process and its way out."""

    def __init__(self, settings: Settings, *, exporter: SpanExporter | None = None) -> None:
        """Make the provider.

        Args:
            settings: Names the service, the receiver and the share of traces to keep.
            exporter: Takes each span at once instead of the receiver, in tests for example.
        """
        # The stable names of attributes; the instrumentations still default to older ones.
        os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
        self._timeout = settings.export_timeout
        self.provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.name": settings.service,
                    "service.version": settings.version,
                    "deployment.environment": settings.environment,
                    "deployment.environment.name": settings.environment,
                }
            ),
            sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
            # `shutdown` below does it, and in bounded time.
            shutdown_on_exit=False,
        )
        processor = _batches(settings) if exporter is None else _at_once(exporter)
        if processor is not None:
            self.provider.add_span_processor(processor)
        self.tracer = self.provider.get_tracer("stackwatch_instrumentation")

    def make_global(self) -> None:
        """Let `opentelemetry.trace.get_tracer` of the application's own code come here, too."""
        # The first one stays: the API refuses a second, with a warning.
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(self.provider)

    def instrument_clients(self) -> tuple[str, ...]:
        """Have calls of the database, cache and HTTP clients that are installed make spans.

        Returns:
            The libraries whose calls make spans now.
        """
        return tuple(
            library
            for library, (module, name) in _CLIENTS.items()
            if self._instrument(library, module, name)
        )

    def _instrument(self, library: str, module: str, name: str) -> bool:
        try:
            importlib.import_module(library)
            instrumentor = getattr(importlib.import_module(module), name)()
        except ImportError:
            return False
        if not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(tracer_provider=self.provider)
        return bool(instrumentor.is_instrumented_by_opentelemetry)

    @contextmanager
    def workflow(self, name: str, **attributes: str | int | float | bool) -> Iterator[Span]:
        """A span around a step of the business that no library makes one for."""
        with self.tracer.start_as_current_span(name, attributes=attributes) as span:
            yield span

    def shutdown(self) -> None:
        """Send what is still queued, within the time of one export and a second."""
        # The SDK would try for half a minute while the receiver is away.
        last = threading.Thread(target=self.provider.shutdown, name="last-export", daemon=True)
        last.start()
        last.join(self._timeout + 1.0)


def _at_once(exporter: SpanExporter) -> SpanProcessor:
    return SimpleSpanProcessor(RedactingExporter(exporter))


def _batches(settings: Settings) -> SpanProcessor | None:
    if settings.otlp_endpoint is None:
        return None
    exporter = OTLPSpanExporter(
        endpoint=endpoint_url(settings.otlp_endpoint), timeout=settings.export_timeout
    )
    return BatchSpanProcessor(
        RedactingExporter(exporter),
        max_queue_size=settings.export_queue,
        max_export_batch_size=min(_BATCH, settings.export_queue),
        schedule_delay_millis=_SCHEDULE_MILLIS,
    )
