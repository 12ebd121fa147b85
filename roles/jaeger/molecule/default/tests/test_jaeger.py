"""Jaeger finds a span that is sent."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import yaml

from roles.molecule.fixtures import post
from tests.integration.machine import until


def _span(trace: str) -> dict[str, Any]:
    now = time.time_ns()
    span = {
        "traceId": trace,
        "spanId": trace[:16],
        "name": "pay",
        "kind": 1,
        "startTimeUnixNano": str(now - 250_000_000),
        "endTimeUnixNano": str(now),
    }
    named = [{"key": "service.name", "value": {"stringValue": "molecule"}}]
    scopes = [{"spans": [span]}]
    return {"resourceSpans": [{"resource": {"attributes": named}, "scopeSpans": scopes}]}


def test_a_span_that_is_sent_is_found(machine: Any) -> None:
    trace = uuid4().hex
    post(machine, 14318, "/v1/traces", _span(trace))

    def found() -> list[dict[str, Any]]:
        # Not found is 404, with a body that says so.
        told = machine.run(f"curl -sS -m 10 http://127.0.0.1:16686/api/traces/{trace}")
        return json.loads(told.stdout).get("data") or []

    (told,) = until(found, 30, "the trace")
    assert told["traceID"] == trace
    (span,) = told["spans"]
    assert (span["operationName"], span["duration"]) == ("pay", 250_000)
    assert [p["serviceName"] for p in told["processes"].values()] == ["molecule"]


def test_traces_are_kept_as_long_as_was_said(machine: Any) -> None:
    text = machine.file("/etc/stackwatch/jaeger/live/jaeger.yml").content_string
    storage = yaml.safe_load(text)["extensions"]["jaeger_storage"]["backends"]["main"]
    assert storage["badger"]["ttl"]["spans"] == "72h0m0s"
