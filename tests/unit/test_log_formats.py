"""What the formats take from real lines, with the engine that shippers have."""

from __future__ import annotations

import pytest
import re2

from plugins.log_formats import FORMATS, LEVELS, METADATA, PRIORITIES, SPELLINGS, TIMES


def taken(name: str, line: str) -> dict[str, str]:
    """The fields that a format's patterns find in an entry."""
    found: dict[str, str] = {}
    for pattern in FORMATS[name].patterns:
        match = re2.search(pattern, line)
        if match:
            found |= {key: value for key, value in match.groupdict().items() if value is not None}
    return found


def layout(time: str) -> str | None:
    """The layout that reads a time; None where none does."""
    for pattern, spelling in SPELLINGS:
        time = re2.sub(pattern, spelling.replace("${1}", r"\1"), time)
    return next((known.layout for known in TIMES if re2.search(known.matches, time)), None)


@pytest.mark.parametrize(
    ("name", "line", "time", "level"),
    [
        ("plain", "2026-11-21 10:00:00,123 ERROR boom", "2026-11-21 10:00:00,123", "ERROR"),
        ("plain", "2026-11-21T10:00:00.5Z [warning] x", "2026-11-21T10:00:00.5Z", "warning"),
        (
            "plain",
            "2026-11-21 10:00:00 +0200 - app - INFO - m",
            "2026-11-21 10:00:00 +0200",
            "INFO",
        ),
        ("plain", "2026-11-21 10:00:00 nothing to see", "2026-11-21 10:00:00", None),
        # A word deep in the message is no level.
        (
            "plain",
            "2026-11-21 10:00:00 " + "x" * 70 + " error",
            "2026-11-21 10:00:00",
            None,
        ),
        ("fastapi", 'INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 200 OK', None, "INFO"),
        ("fastapi", "2026-11-21 10:00:00 CRITICAL: x", "2026-11-21 10:00:00", "CRITICAL"),
        ("react", "2026-11-21 10:00:00 [error] render failed", "2026-11-21 10:00:00", "error"),
        (
            "postgresql",
            "2026-11-21 10:00:00.123 UTC [77] shop@shop FATAL:  no such role",
            "2026-11-21 10:00:00.123 UTC",
            "FATAL",
        ),
        (
            "postgresql",
            "2026-11-21 10:00:00.123 CET [77] LOG:  checkpoint complete: error count 0",
            "2026-11-21 10:00:00.123 CET",
            "LOG",
        ),
        ("syslog", "Nov  1 10:00:00 web1 sshd[1]: error: kex", "Nov  1 10:00:00", "error"),
        (
            "syslog",
            "<34>2026-11-21T10:00:00.1+01:00 web1 su: x",
            "2026-11-21T10:00:00.1+01:00",
            None,
        ),
        (
            "logfmt",
            'ts=2026-11-21T10:00:00.1Z level=warn msg="x"',
            "2026-11-21T10:00:00.1Z",
            "warn",
        ),
        ("logfmt", 'time="2026-11-21T10:00:00Z" lvl=eror', "2026-11-21T10:00:00Z", "eror"),
    ],
)
def test_time_and_level_are_taken(
    name: str, line: str, time: str | None, level: str | None
) -> None:
    found = taken(name, line)
    assert (found.get("time"), found.get("level")) == (time, level)
    if time is not None:
        assert layout(time) is not None
    known = {spelling for names in LEVELS.values() for spelling in names} | {"eror"}
    assert level is None or level.lower() in known


@pytest.mark.parametrize(
    ("time", "read"),
    [
        ("2026-11-21T10:00:00Z", "%Y-%m-%dT%H:%M:%SZ"),
        ("2026-11-21 10:00:00.123456 UTC", "%Y-%m-%dT%H:%M:%SZ"),
        ("2026-11-21 10:00:00 GMT", "%Y-%m-%dT%H:%M:%SZ"),
        ("2026-11-21 10:00:00+02:00", "%Y-%m-%dT%H:%M:%S%j"),
        ("2026-11-21 10:00:00 -0700", "%Y-%m-%dT%H:%M:%S%z"),
        ("2026-11-21 10:00:00,5", "%Y-%m-%dT%H:%M:%S"),
        ("2026-11-21 10:00:00 CET", "%Y-%m-%dT%H:%M:%S"),
        ("Nov 21 10:00:00", "%b %e %H:%M:%S"),
        ("Nov  1 10:00:00", "%b %e %H:%M:%S"),
        ("21/Nov/2026:10:00:00", None),
        ("2026-11-21", None),
        ("yesterday", None),
    ],
)
def test_every_spelling_of_a_time_has_one_layout(time: str, read: str | None) -> None:
    assert layout(time) == read


@pytest.mark.parametrize(
    ("name", "first", "following"),
    [
        ("plain", "2026-11-21 10:00:00 ERROR x", '  File "a.py", line 1'),
        (
            "fastapi",
            "ERROR:    Exception in ASGI application",
            "Traceback (most recent call last):",
        ),
        ("fastapi", "2026-11-21 10:00:00 INFO x", "ValueError: bad"),
        ("postgresql", "2026-11-21 10:00:00 UTC [1] LOG:  x", "\tFROM a"),
        ("syslog", "Nov 21 10:00:00 web1 x: y", " continued"),
        ("syslog", "<13>1 2026-11-21T10:00:00Z web1 x", "  at y"),
    ],
)
def test_an_entry_begins_where_the_format_says(name: str, first: str, following: str) -> None:
    starts = FORMATS[name].starts
    assert starts is not None
    assert re2.search(starts, first)
    assert not re2.search(starts, following)


def test_every_pattern_is_re2() -> None:
    for known in FORMATS.values():
        for pattern in (*known.patterns, *([known.starts] if known.starts else [])):
            re2.compile(pattern)
        assert known.kind == "json" or known.patterns


def test_no_spelling_means_two_things() -> None:
    levels = [spelling for names in LEVELS.values() for spelling in names]
    assert len(levels) == len(set(levels))
    assert set(PRIORITIES.values()) <= set(LEVELS)
    fields = [spelling for names in METADATA.values() for spelling in names]
    assert len(fields) == len(set(fields))
