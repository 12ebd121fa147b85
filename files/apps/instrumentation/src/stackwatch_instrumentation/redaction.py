"""Secrets taken out of log entries: by key in structures, by pattern in text.

In doubt more is taken out: a word lost in a log is cheaper than a password in an index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Set

REDACTED = "[REDACTED]"

_WORDS = (
    r"(?:password|passwd|passphrase|(?:\b|_|\\[nrt])pwd|token|secret|authorization"
    r"|(?:api|secret|private|access)[_-]?key)"
)
_SECRET_KEY = re.compile(rf"{_WORDS}\Z", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer)\s+(?!\[REDACTED\])[\w.~+/=-]+", re.IGNORECASE)
# Up to the last @ before the path: a password may hold an @ that nobody encoded. One with a slash
# in it is told from a port and a path by what is no digit; cut off, it ends with the text.
_USERINFO = re.compile(
    r"""
    (:\\?/\\?/)(?:
        [^\s/?#"'<>\\]+(?=@)
        |[^\s/?#@:"'<>\[\]\\]{0,200}:\d{0,9}[^\s\d/?#@"'<>\\][^\s@"'<>\\]{0,200}(?:(?=@)|\Z)
    )
    """,
    re.VERBOSE,
)
# The word ends the key, so nothing before it matters: `key=`, `key: `, `"key": `, `\"key\": `,
# `["key"] => `, but not `key://`, `key::` and `key:10:30`; `('key', ` as headers print;
# `--key value`; `<key>`; `PASSWORD 'value'` as in SQL; `"name":"key","value":`. Every repetition
# has an end or an anchor: text from outside must not make this slow.
_KEY = re.compile(
    rf"""
    (?P<word>{_WORDS})(?P<mark>\\*["'])?\]?\s*
        (?::=|={{1,3}}>?|(?:%22)?%3[AD]|:(?!\\?/\\?/|:|\d{{1,2}}:\d))\s*
    |(?<=\()b?["'][\w.-]{{0,60}}{_WORDS}["'],\s*(?=b?["'])
    |(?<![\w-])--[\w-]{{0,60}}{_WORDS}[ \t]+
    |(?P<element>(?:<|\\u003c)[\w:.-]{{0,60}}{_WORDS}(?:\s[^<>]{{0,200}})?(?:>|\\u003e))
    |(?:pass(?:word|wd|phrase)|identified\s{{1,9}}by)(?:\s{{1,9}}|\s{{0,9}}\(\s{{0,9}})(?=')
    |["'](?:name|key)\\*["']\s{{0,9}}:\s{{0,9}}\\{{0,9}}["'][\w.-]{{0,60}}{_WORDS}\\{{0,9}}["']
        \s{{0,9}},\s{{0,9}}\\{{0,9}}["']value(?P<pair>\\{{0,9}}["'])\s{{0,9}}:\s{{0,9}}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUOTED = re.compile(r"(?P<prefix>[bru]{0,2})(?P<quote>\\*[\"'])", re.IGNORECASE)
_MARK = re.compile(r"\\*[\"']")
# A separator ends a bare value only where something follows that looks like the next field.
_BARE = re.compile(r"(?:[^\s,;&]|[,;&](?!\s|\Z|[\w.\"'-]+\s*[=:]))+")
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|negotiate)[ \t]+", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*")
_WHOLE_LINE_SCHEME = re.compile(r"(?:digest|aws4-hmac-sha256)\b[^\r\n]*", re.IGNORECASE)
_ELEMENT = re.compile(r"(?:<!\[CDATA\[)?[^<]*")
_NOTHING = re.compile(r"(?:null|none|true|false)(?=[\s,;)}\]]|\Z)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?=[\s,;)}\]]|\Z)")
# `{"message":"enter password:","user":"anna"}`: no value begins at that quote.
_ENDS_TEXT = re.compile(r"\s*(?:[,:}\])](?![^\s\"',:}\])\\])|\Z)")
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
        start, end = _value(text, match)
        pieces.append(text[position:start])
        if end > start:
            pieces.append(REDACTED)
        position = max(end, match.end())
        pieces.append(text[end:position])
    pieces.append(text[position:])
    redacted = _BEARER.sub(rf"\1 {REDACTED}", "".join(pieces))
    return _USERINFO.sub(rf"\1{REDACTED}", redacted)


def _value(text: str, key: re.Match[str]) -> tuple[int, int]:
    """Where the value of a key begins and ends, without its quotes."""
    start = key.end()
    if quoted := _QUOTED.match(text, start):
        quote = quoted["quote"]
        if quote not in (key["mark"], key["pair"]) and _ENDS_TEXT.match(text, quoted.end()):
            return start, start
        return quoted.end(), _closing_quote(text, quoted.end(), quote)
    if text[start : start + 1] in _CLOSING:
        end = _closing_bracket(text, start)
        attached = not key["mark"] and text[end : end + 1].isalnum()
        return start, _end(_BARE, text, end) if attached else end
    return start, _end_without_quotes(text, key)


def _end_without_quotes(text: str, key: re.Match[str]) -> int:
    start = key.end()
    if key["element"]:
        return _end(_ELEMENT, text, start)
    if (key["word"] or "").lower() == "authorization":
        return _end(_LINE, text, start)
    if _NOTHING.match(text, start):
        return start
    if known := _WHOLE_LINE_SCHEME.match(text, start) or _NUMBER.match(text, start):
        return known.end()
    return _end(_BARE, text, _end(_SCHEME, text, start))


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


def _closing_quote(text: str, start: int, quote: str) -> int:
    """Where the quote stands that ends this string, or the one around it.

    In a JSON text in a JSON text quotes have 1 backslash before them, in a third 3, then 7; a
    quote inside such a string has one more than twice as many.
    """
    mine = len(quote) - 1
    position = start
    while (found := text.find(quote[-1], position)) >= 0:
        backslashes = found - start - len(text[start:found].rstrip("\\"))
        doubled = quote == "'" == text[found + 1 : found + 2] and found > start
        rest = backslashes % (2 * mine + 2)
        if not doubled and rest != 2 * mine + 1:
            return found - (mine if rest == mine else backslashes)
        position = found + 1 + doubled
    return len(text)  # Cut off in the middle: what is there is still the secret.


def _closing_bracket(text: str, start: int) -> int:
    expected: list[str] = []
    position = start
    while position < len(text):
        character = text[position]
        if character in _CLOSING:
            expected.append(_CLOSING[character])
        elif quoted := _MARK.match(text, position):
            position = _closing_quote(text, quoted.end(), quoted[0]) + len(quoted[0]) - 1
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
