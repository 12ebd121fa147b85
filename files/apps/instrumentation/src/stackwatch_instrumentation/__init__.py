"""Metrics, JSON logs, traces and health endpoints of an ASGI service in one call."""

from stackwatch_instrumentation import audit
from stackwatch_instrumentation.context import RequestContext, bind, request_context
from stackwatch_instrumentation.health import Health
from stackwatch_instrumentation.metrics import Metrics
from stackwatch_instrumentation.settings import Settings, SettingsError
from stackwatch_instrumentation.wiring import Telemetry, instrument, start

__all__ = [
    "Health",
    "Metrics",
    "RequestContext",
    "Settings",
    "SettingsError",
    "Telemetry",
    "audit",
    "bind",
    "instrument",
    "request_context",
    "start",
]
