"""The packages that hosts install, imported from their sources."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_APPS = Path(__file__).resolve().parents[3] / "files" / "apps"
for _package in ("instrumentation", "reference"):
    sys.path.insert(0, str(_APPS / _package / "src"))


@pytest.fixture(autouse=True)
def process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What instrumenting changes in a process, put back after each test."""
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.redis import RedisInstrumentor  # noqa: PLC0415

    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for instrumentor in (HTTPXClientInstrumentor(), PsycopgInstrumentor(), RedisInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
