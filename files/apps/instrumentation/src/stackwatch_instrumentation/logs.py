"""Log entries as one line of JSON each, redacted, with the ids that link them to traces."""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opentelemetry import trace

from stackwatch_instrumentation import context
from stackwatch_instrumentation.redaction import redact, redact_text

if TYPE_CHECKING:
    from stackwatch_instrumentation.settings import Settings

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
# Every attribute of a plain record; what else is there came in by `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
# Loki and most shippers refuse lines of 256 KiB.
_LONGEST = 32_768
_SELDOM_SECONDS = 60.0
_LOGGED = "_stackwatch_logged"


def level_number(name: str) -> int:
    """The number of a level as the standard library has it."""
    return _LEVELS[name]


def level_name(number: int) -> str:
    """The level's name in an entry; levels of one's own count as the next lower one."""
    return next((name for name, n in reversed(_LEVELS.items()) if number >= n), "debug")


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def __init__(self, *, service: str, version: str, environment: str) -> None:
        super().__init__()
        self._identity = {"service": service, "version": version, "environment": environment}

    def format(self, record: logging.LogRecord) -> str:
        """The entry, without a line break in it."""
        entry: dict[str, object] = {
            "level": level_name(record.levelno),
            "time": _time(record.created),
            **self._identity,
            "message": _cut(redact_text(_message(record))),
            "logger": record.name,
        }
        entry |= _trace_ids() | _request_fields()
        extra = {k: v for k, v in vars(record).items() if k not in _OWN and k not in entry}
        redacted = redact(extra)
        if isinstance(redacted, dict):
            entry |= redacted
        if stack := _stack(record):
            entry["stack"] = _cut(redact_text(stack))
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        # A lone surrogate, from a path that is no UTF-8, cannot be written.
        return line.encode("utf-8", "replace").decode("utf-8")


def _time(created: float) -> str:
    moment = datetime.fromtimestamp(created, UTC)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # Arguments that do not fit must not cost the entry.
        return f"{record.msg} {redact(record.args)}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} [CUT OFF]"


def _trace_ids() -> dict[str, object]:
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {"traceId": f"{span.trace_id:032x}", "spanId": f"{span.span_id:016x}"}


def _request_fields() -> dict[str, object]:
    request = context.current()
    if request is None:
        return {}
    fields = {
        "requestId": request.request_id,
        "entityId": request.entity_id,
        "userId": request.user_id,
        "path": request.path,
        "method": request.method,
    }
    return {name: redact_text(value) for name, value in fields.items() if value is not None}


def _stack(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append("".join(traceback.format_exception(*record.exc_info)).rstrip())
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


class Seldom(logging.Filter):
    """Lets each message of noisy loggers through once a minute.

    The exporter tells every failed batch, and a full queue tells every lost span: a collector
    that is away must not fill the disk of the service.
    """

    def __init__(self, *prefixes: str) -> None:
        super().__init__()
        self._prefixes = prefixes
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if not record.name.startswith(self._prefixes):
            return True
        key = (record.name, str(record.msg))
        now = time.monotonic()
        if now - self._last.get(key, -_SELDOM_SECONDS) < _SELDOM_SECONDS:
            return False
        self._last[key] = now
        return True


def mark_logged(error: BaseException) -> None:
    """Remember that this exception has its entry, with the ids of its request."""
    # Some exceptions have no room for attributes; then it is told twice.
    if hasattr(error, "__dict__"):
        setattr(error, _LOGGED, True)


def _not_told_yet(record: logging.LogRecord) -> bool:
    # The server tells unhandled exceptions again, outside of the request and its ids.
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name.startswith("uvicorn") and getattr(error, _LOGGED, False))


class _FileHandler(logging.handlers.WatchedFileHandler):
    """Reopens its file after a rotation, and never prints a record that it could not write."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        _report_lost(record)


class _StreamHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in stubs only
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        _report_lost(record)


def _report_lost(record: logging.LogRecord) -> None:
    # logging would print the record itself here, not redacted.
    error = sys.exc_info()[1]
    if sys.stderr is not None:
        sys.stderr.write(f"a log entry of {record.name} was lost: {type(error).__name__}\n")


def configure_logging(settings: Settings) -> list[logging.Handler]:
    """Send everything that is logged in this process through the JSON formatter.

    Raises:
        OSError: The log file cannot be opened.
    """
    handlers: list[logging.Handler] = []
    if settings.log_stdout:
        handlers.append(_StreamHandler(sys.stdout))
    if settings.log_file is not None:
        handlers.append(_FileHandler(settings.log_file, encoding="utf-8"))
    formatter = JsonFormatter(
        service=settings.service, version=settings.version, environment=settings.environment
    )
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(_not_told_yet)
        handler.addFilter(Seldom("opentelemetry", "psycopg.pool"))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level_number(settings.log_level))
    logging.captureWarnings(True)
    # Each request has its own entry from the middleware; httpx would tell whole URLs.
    for noisy in ("uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handlers
