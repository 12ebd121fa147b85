"""Secrets taken out of spans on their way out: statements, URLs, texts of exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace.status import Status

from stackwatch_instrumentation.redaction import REDACTED, is_secret, redact_text

if TYPE_CHECKING:
    from opentelemetry.util.types import Attributes, AttributeValue


class RedactingExporter(SpanExporter):
    """Hands spans to another exporter, redacted as log entries are."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Redact the spans and pass them on."""
        return self._exporter.export([_span(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)


def _span(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    if status.description:
        status = Status(status.status_code, redact_text(status.description))
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[Event(e.name, _attributes(e.attributes), e.timestamp) for e in span.events],
        links=span.links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(attributes: Attributes) -> dict[str, AttributeValue]:
    return {key: _value(key, value) for key, value in (attributes or {}).items()}


def _value(key: str, value: AttributeValue) -> AttributeValue:
    if isinstance(value, str):
        return REDACTED if is_secret(key) else redact_text(value)
    if isinstance(value, Sequence):
        # A sequence is of one type: it stays a sequence.
        if is_secret(key):
            return (REDACTED,)
        return tuple(redact_text(item) if isinstance(item, str) else item for item in value)
    return value
