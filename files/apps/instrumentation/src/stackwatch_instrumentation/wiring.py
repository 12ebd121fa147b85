"""One call that gives an application its metrics, logs, traces and health endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackwatch_instrumentation.health import Health
from stackwatch_instrumentation.logs import configure_logging
from stackwatch_instrumentation.metrics import Metrics
from stackwatch_instrumentation.middleware import TelemetryMiddleware
from stackwatch_instrumentation.operations import Operations
from stackwatch_instrumentation.traces import Tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from starlette.applications import Starlette

    from stackwatch_instrumentation.settings import Settings


class Telemetry:
    """Everything that one process tells of itself."""

    def __init__(self, settings: Settings, *, exporter: SpanExporter | None = None) -> None:
        self.settings = settings
        self.metrics = Metrics(settings.namespace, entity_ids=settings.entity_ids)
        self.health = Health(
            service=settings.service, version=settings.version, timeout=settings.check_timeout
        )
        self.tracing = Tracing(settings, exporter=exporter)
        self.operations = Operations(self.metrics, self.health)

    def shutdown(self) -> None:
        """Let what is still queued go; takes a bounded time."""
        self.tracing.shutdown()


def start(settings: Settings, *, exporter: SpanExporter | None = None) -> Telemetry:
    """Telemetry of a process without an application of its own, such as a worker.

    `telemetry.operations.app` is what such a process serves.

    Args:
        settings: What the process is, and where its telemetry goes.
        exporter: Takes each span at once instead of the OTLP receiver, in tests for example.

    Raises:
        OSError: The log file cannot be opened.
    """
    configure_logging(settings)
    telemetry = Telemetry(settings, exporter=exporter)
    telemetry.tracing.make_global()
    telemetry.tracing.instrument_clients()
    return telemetry


def instrument(
    app: Starlette, settings: Settings, *, exporter: SpanExporter | None = None
) -> Telemetry:
    """Wire everything into a FastAPI or Starlette application, before it serves.

    Middleware that is added later runs outside of this one, and is not measured.

    Args:
        app: The application.
        settings: What the service is, and where its telemetry goes.
        exporter: Takes each span at once instead of the OTLP receiver, in tests for example.

    Raises:
        OSError: The log file cannot be opened.
    """
    telemetry = start(settings, exporter=exporter)
    app.add_middleware(TelemetryMiddleware, telemetry=telemetry)
    app.state.telemetry = telemetry
    return telemetry
