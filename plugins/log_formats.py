"""What log lines look like: one format a name, as data that every shipper reads.

The patterns are RE2, the syntax of every shipper's own engine; https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Entries of several lines begin with a date, whatever wrote them.
DATED = r"^\d{4}-\d{2}-\d{2}"
_TIME = (
    r"(?P<time>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?)"
)
_WORD = (
    "trace|debug|info|information|notice|log|warn|warning|error|err|crit|critical|alert|fatal|panic"
)
# The level stands soon after the time, or it is a word of the message.
_LEVEL_SOON = rf"[^\n]{{0,64}}?\b(?P<level>(?i:{_WORD}))\b"


@dataclass(frozen=True)
class LogFormat:
    """How to read the lines of one kind of log.

    Attributes:
        name: What people write in a log source.
        summary: What writes it.
        kind: ``json`` is parsed as such; of a ``text`` the patterns take what they find.
        starts: Pattern of the first line of an entry; None where every line is one.
        patterns: Patterns with the groups ``time``, ``level`` and those of :data:`METADATA`,
            each tried on its own on an entry.
    """

    name: str
    summary: str
    kind: Literal["json", "text"] = "text"
    starts: str | None = DATED
    patterns: tuple[str, ...] = ()


_PLAIN = (rf"^{_TIME}(?:{_LEVEL_SOON})?",)

FORMATS: Mapping[str, LogFormat] = {
    known.name: known
    for known in (
        LogFormat("json", "one JSON object a line", kind="json", starts=None),
        LogFormat(
            "logfmt",
            "key=value pairs, as Go programs write them",
            starts=None,
            patterns=(
                r'(?:^|\s)(?:ts|time|t)="?(?P<time>[^\s"]+)',
                r'(?:^|\s)(?:level|lvl)="?(?P<level>\w+)',
                r'(?:^|\s)(?:traceID|trace_id|traceId)="?(?P<traceId>[0-9a-fA-F]{32})',
            ),
        ),
        LogFormat("plain", "a date, then text with a level in it", patterns=_PLAIN),
        LogFormat(
            "fastapi",
            "uvicorn and FastAPI, with or without a date",
            starts=rf"(?:{DATED}|^(?:TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL):)",
            patterns=(*_PLAIN, r"^(?P<level>TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL):"),
        ),
        LogFormat("react", "a browser application's log, written by its server", patterns=_PLAIN),
        LogFormat(
            "postgresql",
            "PostgreSQL with Debian's log_line_prefix",
            patterns=(
                r"^(?P<time>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)? [A-Z]{3,5})",
                r"^\d{4}-\d{2}-\d{2} [^\n]{0,120}?\b(?P<level>DEBUG|LOG|INFO|NOTICE|WARNING|ERROR"
                r"|FATAL|PANIC)\d?: ",
            ),
        ),
        LogFormat(
            "syslog",
            "syslog files, with RFC 3164 or ISO times",
            starts=rf"(?:{DATED}|^(?:<\d+>|[A-Z][a-z]{{2}} [ \d]\d ))",
            patterns=(
                r"^(?:<\d+>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2})",
                r"^(?:<\d+>\d? ?)?(?P<time>\d{4}-\d{2}-\d{2}T\S+)",
                rf"^{_LEVEL_SOON}",
            ),
        ),
    )
}

# Names of a level, in every spelling, to the one that becomes the label.
LEVELS: Mapping[str, tuple[str, ...]] = {
    "trace": ("trace",),
    "debug": ("debug", "debug1", "debug2", "debug3", "debug4", "debug5"),
    "info": ("info", "information", "informational", "notice", "log"),
    "warn": ("warn", "warning"),
    "error": ("error", "err"),
    "fatal": ("fatal", "crit", "critical", "alert", "emerg", "emergency", "panic", "dpanic"),
}

# Journal priorities; https://www.freedesktop.org/software/systemd/man/systemd.journal-fields.html
PRIORITIES: Mapping[str, str] = {
    "0": "fatal",
    "1": "fatal",
    "2": "fatal",
    "3": "error",
    "4": "warn",
    "5": "info",
    "6": "info",
    "7": "debug",
}

# Ids and names that travel beside a line and are never labels: in any number they would make as
# many streams. Each with the spellings that programs have for it.
METADATA: Mapping[str, tuple[str, ...]] = {
    "requestId": ("requestId", "request_id", "req_id"),
    "traceId": ("traceId", "trace_id", "traceID"),
    "spanId": ("spanId", "span_id", "spanID"),
    "entityId": ("entityId", "entity_id"),
    "userId": ("userId", "user_id"),
    "version": ("version",),
    "path": ("path",),
    "method": ("method",),
    "audit": ("audit",),
}

TIME_KEYS = ("time", "timestamp", "ts", "@timestamp")
LEVEL_KEYS = ("level", "severity", "lvl")


@dataclass(frozen=True)
class TimeLayout:
    """How one spelling of a time is read.

    Attributes:
        matches: RE2 pattern of the whole text, with ``T`` between day and clock and ``Z`` for UTC.
        layout: strptime(3) format; a fraction after the seconds is taken in any case.
        zoned: Whether the text names its own zone; else the source's zone counts.
    """

    matches: str
    layout: str
    zoned: bool


_CLOCK = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:[.,]\d+)?"
TIMES = (
    TimeLayout(rf"{_CLOCK}Z$", "%Y-%m-%dT%H:%M:%SZ", True),
    TimeLayout(rf"{_CLOCK}[+-]\d{{2}}:\d{{2}}$", "%Y-%m-%dT%H:%M:%S%j", True),
    TimeLayout(rf"{_CLOCK}[+-]\d{{4}}$", "%Y-%m-%dT%H:%M:%S%z", True),
    TimeLayout(rf"{_CLOCK}$", "%Y-%m-%dT%H:%M:%S", False),
    TimeLayout(r"^[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}$", "%b %e %H:%M:%S", False),
)
# Rewritten before that: a blank between day and clock, zones that are UTC, other zones' names.
SPELLINGS = (
    (r"^(\d{4}-\d{2}-\d{2}) ", "${1}T"),
    (r" ?(?:UTC|GMT)$", "Z"),
    (r" (Z|[+-]\d{2}:?\d{2})$", "${1}"),
    (r" [A-Z]{3,5}$", ""),
)
