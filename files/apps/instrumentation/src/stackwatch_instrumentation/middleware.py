"""The ASGI middleware: one span, one log entry and one set of counts for each request."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders

from stackwatch_instrumentation.context import RequestContext, request_context
from stackwatch_instrumentation.logs import mark_logged
from stackwatch_instrumentation.routes import UNMATCHED, RouteTable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from stackwatch_instrumentation.wiring import Telemetry

_LOG = logging.getLogger("access")
_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_SERVER_ERROR = 500
# nginx's code for a client that left before the answer; there is no standard one.
_CLIENT_LEFT = 499


class TelemetryMiddleware:
    """Answers operators' questions, and observes every other request."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._observed = _Observed(app, telemetry)
        # Under this name FastAPI finds it, and leaves out the span it would make itself.
        self.app = OpenTelemetryMiddleware(
            self._observed,
            default_span_details=self._observed.span_details,
            tracer_provider=telemetry.tracing.provider,
            exclude_spans=["receive", "send"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._observed(scope, receive, self._ending_with_export(send))
        elif scope["type"] == "http" and _route_path(scope) in self._telemetry.operations.paths:
            # Probes and scrapes are not what users ask for: no span, no count, no entry.
            await self._telemetry.operations.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _ending_with_export(self, send: Send) -> Send:
        async def wrapped(message: Message) -> None:
            if message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
                await run_in_threadpool(self._telemetry.shutdown)
            await send(message)

        return wrapped


class _Observed:
    """Counts and logs, inside the span."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._settings = telemetry.settings
        self._http = telemetry.metrics.http
        self._table = RouteTable(())
        self._routes = -1

    def span_details(self, scope: Scope) -> tuple[str, dict[str, str]]:
        """Name and attributes of a request's span."""
        template = self._template(scope)
        method = scope.get("method", scope["type"])
        if template == UNMATCHED:
            return str(method), {}
        return f"{method} {template}", {"http.route": template}

    def _template(self, scope: Scope) -> str:
        routes = getattr(scope.get("app"), "routes", ())
        if len(routes) != self._routes:
            self._routes = len(routes)
            self._table = RouteTable(routes)
        return self._table.template(scope.get("method", "GET"), _route_path(scope))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request = _context(
            scope,
            self._settings.entity_header,
            self._settings.user_header,
            self._settings.request_id_header,
        )
        response = _Response(send, self._settings.request_id_header, request.request_id or "")
        error: Exception | None = None
        with request_context(request), self._http.in_flight.track_inprogress():
            try:
                await self._app(scope, receive, response.send)
            except asyncio.CancelledError:
                response.status = response.status or _CLIENT_LEFT
                raise
            except Exception as raised:
                # Even if a part of the answer has left: it is no answer that anybody can use.
                response.status = _SERVER_ERROR
                trace.get_current_span().set_attribute("http.response.status_code", _SERVER_ERROR)
                error = raised
                raise
            finally:
                self._finish(scope, request, response, time.perf_counter() - started, error)

    def _finish(
        self,
        scope: Scope,
        request: RequestContext,
        response: _Response,
        seconds: float,
        error: Exception | None,
    ) -> None:
        template = self._template(scope)
        status = response.status or _SERVER_ERROR
        method = scope["method"]
        self._http.observe(
            method=method,
            path=template,
            status=status,
            entity_id=request.entity_id,
            seconds=seconds,
            size=response.size,
        )
        if error is None and not self._settings.access_log:
            return
        _LOG.log(
            logging.ERROR if status >= _SERVER_ERROR else logging.INFO,
            "%s %s %d",
            method,
            request.path,
            status,
            exc_info=error,
            extra={
                "status": status,
                "route": template,
                "durationMs": round(seconds * 1000, 3),
                "responseBytes": response.size,
            },
        )
        if error is not None:
            mark_logged(error)


class _Response:
    """The answer on its way out: its status, its size, and the request's id in its headers."""

    def __init__(self, send: Send, header: str, request_id: str) -> None:
        self._send = send
        self._header = header
        self._request_id = request_id
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[self._header] = self._request_id
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)


def _context(
    scope: Scope, entity_header: str, user_header: str | None, id_header: str
) -> RequestContext:
    headers = Headers(scope=scope)
    return RequestContext(
        request_id=_identifier(headers.get(id_header)) or uuid.uuid4().hex,
        entity_id=_identifier(headers.get(entity_header)),
        user_id=_identifier(headers.get(user_header)) if user_header else None,
        path=scope["path"],
        method=scope["method"],
    )


def _identifier(value: str | None) -> str | None:
    """The value, if it is a plain identifier: it comes from outside and goes into logs."""
    return value if value is not None and _ID.fullmatch(value) else None


def _route_path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"
