"""Ask a site's stores what they hold, and look into a collector's state."""

from __future__ import annotations

import base64
import json
import re
import shlex
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests import hosts
from tests.hosts import TestHost
from tests.integration.machine import on, until
from tests.integration.project import Project

LOKI, JAEGER, COLLECTOR = 3100, 16686, 4318
READY = f"http://127.0.0.1:{LOKI}/ready"


@dataclass(frozen=True)
class Line:
    """One log entry as Loki has it.

    Attributes:
        time: Unix nanoseconds.
        text: The line.
        labels: Labels and structured metadata together, as a query returns them.
    """

    time: int
    text: str
    labels: dict[str, str]


def _asked(machine: TestHost, path: str, **parameters: str) -> Any:
    words = " ".join(f"--data-urlencode {shlex.quote(f'{k}={v}')}" for k, v in parameters.items())
    body = on(machine, f"curl -fsS -m 20 -G http://127.0.0.1:{LOKI}/loki/api/v1/{path} {words}")
    return json.loads(body)["data"]


def lines(machine: TestHost, query: str, days: float = 1, limit: int = 5000) -> list[Line]:
    """The entries a LogQL query finds, the oldest first, as many as there are.

    Args:
        machine: Where Loki is.
        query: LogQL.
        days: How far to look back.
        limit: Entries a request.
    """
    start, end = int((time.time() - days * 86400) * 1e9), int((time.time() + 3600) * 1e9)
    found: dict[tuple[int, str, str], Line] = {}
    while True:
        data = _asked(
            machine,
            "query_range",
            query=query,
            start=str(start),
            end=str(end),
            limit=str(limit),
            direction="forward",
        )
        got = [
            Line(int(at), text, stream["stream"])
            for stream in data["result"]
            for at, text in stream["values"]
        ]
        for line in got:
            found[line.time, line.text, json.dumps(line.labels, sort_keys=True)] = line
        if len(got) < limit:
            return sorted(found.values(), key=lambda line: line.time)
        start = max(line.time for line in got)


def counted(machine: TestHost, query: str, window: str = "1h") -> int:
    """How many entries a log query finds in the last while, counted by Loki itself."""
    data = _asked(machine, "query", query=f"sum(count_over_time({query} [{window}]))")
    return int(data["result"][0]["value"][1]) if data["result"] else 0


def stream_labels(machine: TestHost, selector: str) -> set[str]:
    """Names of the labels of the streams that a selector finds."""
    data = _asked(machine, "series", **{"match[]": selector})
    # Loki splits a busy stream in shards by a label of its own.
    return {name for stream in data for name in stream if not name.startswith("__")}


def trace(machine: TestHost, trace_id: str) -> list[dict[str, Any]]:
    """The spans of a trace in Jaeger; none if it is not there."""
    body = on(
        machine,
        f"curl -sS -m 10 http://127.0.0.1:{JAEGER}/api/traces/{trace_id}",
    )
    data = json.loads(body).get("data") or []
    return [span for found in data for span in found["spans"]]


def send_span(machine: TestHost, trace_id: str, service: str = "by-hand") -> None:
    """Hand one span to the collector of a host."""
    now = time.time_ns()
    span = {
        "traceId": trace_id,
        "spanId": trace_id[:16],
        "name": "by hand",
        "kind": 1,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1000),
    }
    named = [{"key": "service.name", "value": {"stringValue": service}}]
    body = {
        "resourceSpans": [{"resource": {"attributes": named}, "scopeSpans": [{"spans": [span]}]}]
    }
    on(
        machine,
        f"curl -fsS -m 10 -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))} "
        f"http://127.0.0.1:{COLLECTOR}/v1/traces",
    )


def _readings(raw: bytes) -> Iterator[bytes]:
    """Some bytes, and what can be decoded inside them: base64, hexadecimal, deflate."""
    yield raw
    for token in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", raw):
        for cut in range(4):
            piece = token[cut:]
            try:
                yield base64.b64decode(piece[: len(piece) // 4 * 4] if b"=" not in piece else piece)
            except ValueError:
                continue
    for token in re.findall(rb"(?:[0-9a-f]{2}){12,}", raw):
        yield bytes.fromhex(token.decode())
    for begin in (m.start() for m in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x9c\xda]", raw)):
        engine = zlib.decompressobj(wbits=47)
        try:
            yield engine.decompress(raw[begin:])
        except zlib.error:
            continue


def holds(machine: TestHost, folder: str, secret: str) -> list[str]:
    """Files below a folder of a host that hold a text, plain or decoded."""
    found = []
    for path in on(machine, f"find {folder} -type f").splitlines():
        raw = base64.b64decode(on(machine, f"base64 -w0 <{shlex.quote(path)}"))
        if any(secret.encode() in reading for reading in _readings(raw)):
            found.append(path)
    return found


def stamp(ago: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) - ago).isoformat(timespec="microseconds").replace("+00:00", "Z")


def write(machine: TestHost, path: str, *texts: str) -> None:
    """Append lines to a log file that its owner alone may read."""
    folder = path.rpartition("/")[0]
    joined = "".join(f"{text}\n" for text in texts)
    on(
        machine,
        f"umask 077; mkdir -p {folder}; printf %s {shlex.quote(joined)} >>{path}",
    )


def start_loki(project: Project) -> None:
    machine = project.machines["mon1"]
    project.runtime.start(machine, "loki")
    until(lambda: hosts.run(machine, ["curl", "-fs", READY])[0] == 0, 90, "Loki to be ready")


def entry(**fields: object) -> str:
    return json.dumps({"time": stamp(), "level": "info", **fields})
