"""The endpoints for those who run the service: /metrics and /health with what lies below it."""

from __future__ import annotations

import os
import platform
import resource
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from stackwatch_instrumentation.health import Health, timestamp

if TYPE_CHECKING:
    from starlette.requests import Request

    from stackwatch_instrumentation.metrics import Metrics

_PACKAGES = ("stackwatch-instrumentation", "starlette", "fastapi", "uvicorn", "opentelemetry-sdk")
_NO_STORE = {"Cache-Control": "no-store"}
_KIBIBYTE = 1024


class Operations:
    """An ASGI application that answers operators' questions, and nothing else."""

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self._metrics = metrics
        self._health = health
        routes = {
            "/metrics": self._exposition,
            "/health": self._overview,
            "/health/ready": self._ready,
            "/health/readiness": self._ready,
            "/health/live": self._live,
            "/health/liveness": self._live,
            "/health/details": self._details,
        }
        self.paths = frozenset(routes)
        self.app = Router([Route(path, endpoint) for path, endpoint in routes.items()])

    async def _exposition(self, request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        # Thousands of series take a while to write, and requests go on meanwhile.
        body = await run_in_threadpool(encode, self._metrics.registry)
        return Response(body, headers={"Content-Type": content_type})

    async def _overview(self, request: Request) -> Response:
        report = await self._health.report()
        # Always 200: this is a report; whether to send requests here is what /health/ready tells.
        return JSONResponse(
            {
                "status": "ok" if report.ready else "degraded",
                "timestamp": timestamp(),
                "version": self._health.version,
                "components": {n: "ok" if ok else "failing" for n, ok in report.checks.items()},
                "uptime_seconds": round(self._health.uptime_seconds, 3),
            },
            headers=_NO_STORE,
        )

    async def _ready(self, request: Request) -> Response:
        report = await self._health.report()
        return JSONResponse(
            {
                "status": "ready" if report.ready else "not_ready",
                "checks": dict(report.checks),
            },
            status_code=200 if report.ready else 503,
            headers=_NO_STORE,
        )

    async def _live(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=_NO_STORE)

    async def _details(self, request: Request) -> Response:
        return JSONResponse(
            {
                "service": self._health.service,
                "version": self._health.version,
                "timestamp": timestamp(),
                "uptime_seconds": round(self._health.uptime_seconds, 3),
                "memory": memory(),
                "versions": {"python": platform.python_version(), **_versions()},
                "pid": os.getpid(),
            },
            headers=_NO_STORE,
        )


def memory() -> dict[str, int]:
    """Memory of this process in bytes, now and at its highest."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return {"peak_resident_bytes": highest}
    resident = int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return {"resident_bytes": resident, "peak_resident_bytes": highest}


def _versions() -> dict[str, str]:
    installed = {}
    for package in _PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed
