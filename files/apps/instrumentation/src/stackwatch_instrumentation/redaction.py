"""Secrets taken out of log entries: by key in structures, by pattern in text.

In doubt more is taken out: a word lost in a log is cheaper than a password in an index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Set

REDACTED = "[REDACTED]"

_WORDS = r"(?:password|token|api[_-]?key|secret|authorization)"
_SECRET_KEY = re.compile(rf"{_WORDS}\Z", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer)\s+(?!\[REDACTED\])[\w.~+/=-]+", re.IGNORECASE)
# Up to the last @ before the path: a password may hold an @ that nobody encoded.
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>]+(?=@)")
# The word ends the key, so nothing before it matters: `key=`, `key: `, `"key": `, `\"key\": `,
# `key => `; `('key', ` as headers print; `--key value`. Every repetition has an end or an anchor:
# text from outside must not make this slow.
_KEY = re.compile(
    rf"""
    {_WORDS}(?:\\*["'])?\s*(?:=>|%3D|[=:])\s*
    |(?<=\()b?["'][\w.-]{{0,60}}{_WORDS}["'],\s*(?=b?["'])
    |--[\w-]{{0,60}}{_WORDS}[ \t]+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUOTED = re.compile(r"(?P<prefix>[bru]{0,2})(?P<quote>\\*[\"'])", re.IGNORECASE)
# A separator ends a bare value only where something follows that looks like the next field.
_BARE = re.compile(r"(?:[^\s,;&]|[,;&](?!\s|\Z|[\w.\"'-]+\s*[=:]))+")
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|negotiate)[ \t]+", re.IGNORECASE)
_WHOLE_LINE_SCHEME = re.compile(r"(?:digest|aws4-hmac-sha256)\b[^\r\n]*", re.IGNORECASE)
_LITERAL = re.compile(r"(?:null|none|true|false|-?\d+(?:\.\d+)?)(?=[\s,;)}\]]|\Z)", re.IGNORECASE)
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_DEEPEST = 12


def is_secret(key: str) -> bool:
    """Whether the value under this key must not be seen."""
    return _SECRET_KEY.search(key) is not None


def redact_text(text: str) -> str:
    """The text without the values of secret keys, bearer tokens and user names in URLs."""
    pieces: list[str] = []
    position = 0
    while match := _KEY.search(text, position):
        start, end = _value(text, match.end())
        pieces.append(text[position:start])
        if end > start:
            pieces.append(REDACTED)
        position = end
    pieces.append(text[position:])
    return _USERINFO.sub(REDACTED, _BEARER.sub(rf"\1 {REDACTED}", "".join(pieces)))


def _value(text: str, start: int) -> tuple[int, int]:
    """Where the value that begins here begins and ends, without its quotes."""
    if quoted := _QUOTED.match(text, start):
        closing = _closing_quote(text, quoted.end(), quoted.group("quote"))
        return quoted.end(), closing
    if text[start : start + 1] in _CLOSING:
        return start, _closing_bracket(text, start)
    if line := _WHOLE_LINE_SCHEME.match(text, start):
        return start, line.end()
    if literal := _LITERAL.match(text, start):
        return start, literal.end()
    scheme = _SCHEME.match(text, start)
    bare = _BARE.match(text, scheme.end() if scheme else start)
    return start, bare.end() if bare else start


def _closing_quote(text: str, start: int, quote: str) -> int:
    position = start
    while (found := text.find(quote, position)) >= 0:
        backslashes = found - len(text[start:found].rstrip("\\")) - start
        if backslashes % 2 == 0:
            return found
        position = found + 1
    return len(text)  # Cut off in the middle: what is there is still the secret.


def _closing_bracket(text: str, start: int) -> int:
    expected: list[str] = []
    position = start
    while position < len(text):
        character = text[position]
        if character in _CLOSING:
            expected.append(_CLOSING[character])
        elif character in "\"'":
            position = _closing_quote(text, position + 1, character)
        elif expected and character == expected[-1]:
            expected.pop()
            if not expected:
                return position + 1
        position += 1
    return len(text)


def redact(value: object, *, _depth: int = 0) -> object:
    """The value as JSON can hold it, without secrets, however deep they lie."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if not isinstance(value, Mapping | list | tuple | Set):
        # JSON has neither NaN nor infinity, and no objects of ours.
        return redact_text(_text(value))
    return _redact_container(value, _depth) if _depth < _DEEPEST else "[TOO DEEP]"


def _redact_container(
    value: Mapping[object, object] | list[object] | tuple[object, ...] | Set[object], depth: int
) -> object:
    if isinstance(value, Mapping):
        return {_text(key): _redact_item(_text(key), item, depth) for key, item in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str | bytes):
        # Headers are pairs of name and value.
        name = _text(value[0])
        return [name, _redact_item(name, value[1], depth)]
    return [redact(item, _depth=depth + 1) for item in value]


def _redact_item(key: str, item: object, depth: int) -> object:
    return REDACTED if is_secret(key) else redact(item, _depth=depth + 1)


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    try:
        return str(value)
    except Exception:  # A broken __str__ must not cost the log entry.
        return f"<{type(value).__name__} that has no text>"
