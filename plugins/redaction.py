"""Secrets in log lines: patterns that shippers apply to the raw line, before anything parses it.

Parsing first would copy a secret into other fields, where nothing looks for it. In doubt more is
taken out: a word lost in a log is cheaper than a password in an index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

REDACTED = "[REDACTED]"

# Not $OLDPWD; a line break in JSON is a letter to \b.
_SHORT = r"(?:\b|_|\\[nrt])pwd"

# The end of a key; `db_password` and `X-Api-Key` end so, `tokens_used` does not.
SECRET_KEYS = (
    "password",
    "passwd",
    "passphrase",
    _SHORT,
    "token",
    "(?:api|secret|private|access)[_-]?key",
    "secret",
    "authorization",
)

# A parenthesis means nothing in \Q...\E, after a backslash, and in a class.
_TOKENS = re.compile(
    r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
    r"|(?P<captures>\((?!\?)|\(\?P?<\w+>)|.",
    re.DOTALL,
)

# What is between a key and its value, behind the quote that ends the key: `password"] => `.
_EQUALS = "(?::=|={1,3}>?)"
_SEPARATOR = rf"\]?\s*(?:{_EQUALS}|:)\s*"
_PREFIX = "[bru]{0,2}"
_SCHEME = r"(?:(?:bearer|basic|digest|token|negotiate|apikey)[ \t]+)?"

# A JSON text may hold another one as a string, and that a third: with each its quotes have more
# backslashes before them: none, 1, 3, 7. What a string may hold depends on the quote it began with,
# which RE2 cannot say by itself. Nothing here asks for the quote at the end: where a line was cut
# off, a value goes to the end of the text.
_INSIDE = (
    ('"', r'[^"\\]|\\.'),
    (r'\\"', r'\\*[^"\\]|(?:\\{4})*\\{3}"'),
    (r'\\{3}"', r'\\*[^"\\]|(?:\\{8})*\\{7}"'),
    (r'\\{7,}"', r'\\*[^"\\]'),
)
# A quote that something of JSON follows may be the end of the string around it all.
_UNTIL_JSON = r'[^"\\]|\\.|"[^\s,:}\])]'
# 'it''s', and what has no end.
_SINGLE = rf"(?:(?:[^'\\]|\\.|'')*('[^']|'\z)|(?:{_UNTIL_JSON})*)"
# `{"message":"enter password:","user":"anna"}`: no value begins at that quote.
_BEGINS = r"""(?:[ \t]*[^\s"',:}\])\\]|[,}\])]+[^\s"',:}\])\\])"""

# A value without quotes. It goes on behind a comma, semicolon, or bracket in its middle, and with
# what JSON writes with a backslash and is no space.
_ENDS = r"""\s,;"'\\)\]}"""
_ESCAPED = r"""\\(?-i:[^\s"'\\nrt])|\\{2,}[^\s"'\\]"""


def _bare(more_ends: str = "") -> tuple[str, str]:
    """How a value without quotes begins and how it goes on."""
    ends = _ENDS + more_ends
    begins = rf"(?:[,;)\]}}]*[^{ends}\[{{=>]|{_ESCAPED})"
    return begins, rf"(?:[,;)\]}}]*[^{ends}]|'\w|{_ESCAPED})*"


def _structure(levels: int, *, escaped: bool = False) -> str:
    """A list or an object, with as many others in it.

    Args:
        levels: How many.
        escaped: It stands in a JSON string: its quotes have backslashes before them.
    """
    marks = _INSIDE[1:3] if escaped else _INSIDE[:1]
    strings = "|".join(f"{mark}(?:{inside})*{mark}" for mark, inside in marks)
    item = rf"""{strings}|[^\[\]{{}}"'\\]|\\.|'(?:[^'\\]|\\.)*'"""
    found = rf"[\[{{](?:{item})*[\]}}]"
    for _ in range(levels):
        found = rf"[\[{{](?:{item}|{found})*[\]}}]"
    return found


@dataclass(frozen=True)
class Redaction:
    """One replacement.

    Attributes:
        pattern: RE2.
        replacement: What stands for a match; ``${1}`` is its first group.
    """

    pattern: str
    replacement: str


def uncaptured(pattern: str) -> str:
    """An RE2 pattern that matches the same and captures nothing."""
    return _TOKENS.sub(lambda token: "(?:" if token["captures"] else token[0], pattern)


def _words(more_keys: Iterable[str]) -> str:
    # A redaction counts its groups, so those keys may bring none; nor flags for what follows.
    return "|".join([*SECRET_KEYS, *(f"(?:{uncaptured(key)})" for key in more_keys)])


def secret_name(more_keys: Iterable[str] = ()) -> str:
    """An RE2 pattern of the names of attributes whose values are secret.

    Args:
        more_keys: As for :func:`redactions`.
    """
    return f"(?i)(?:{_words(more_keys)})$"


def suspicion(more_keys: Iterable[str] = ()) -> str:
    """A cheap RE2 pattern that every text matches in which a redaction finds something.

    Args:
        more_keys: As for :func:`redactions`.
    """
    words = _words(more_keys).replace(_SHORT, "pwd")
    return rf"(?i){words}|bearer|basic|identified|:\\*/\\*/"


def redactions(more_keys: Iterable[str] = ()) -> tuple[Redaction, ...]:
    """The replacements, in the order they are applied.

    Args:
        more_keys: Patterns of further keys whose values are secret.
    """
    # The word ends the key, so nothing before it matters.
    key = f"(?:{_words(more_keys)})"
    quote = r'\\*["\']'
    begins, goes_on = _bare("&")
    after_colon, goes_on_after_colon = _bare()
    same_quotes = "|".join(
        rf"({mark}{_SEPARATOR}{_PREFIX}{mark})(?:{inside})*" for mark, inside in _INSIDE
    )
    strings = "|".join(rf"({mark}){_BEGINS}(?:{inside})*" for mark, inside in _INSIDE)
    structure, escaped = _structure(2), _structure(2, escaped=True)
    number = r"[-+]?\d[\w.+-]*"
    cut_off = rf"[\[{{](?:{_UNTIL_JSON})*"
    values = "|".join(rf"({mark})(?:{inside})*" for mark, inside in _INSIDE)
    return (
        # "key": "value", 'key': 'value'
        Redaction(
            rf"(?is)({key})(?:{same_quotes}|('{_SEPARATOR}{_PREFIX}'){_SINGLE})",
            rf"${{1}}${{2}}${{3}}${{4}}${{5}}${{6}}{REDACTED}${{7}}",
        ),
        # key="a value", 'key': "a value"
        Redaction(
            rf"(?is)({key}(?:{quote})?{_SEPARATOR}{_PREFIX})(?:{strings}|('){_BEGINS}{_SINGLE})",
            rf"${{1}}${{2}}${{3}}${{4}}${{5}}${{6}}{REDACTED}${{7}}",
        ),
        # --key value, --key "a value"
        Redaction(
            rf"(?is)(--[\w.-]*{key}[ \t]+)(?:{strings}|('){_BEGINS}{_SINGLE}|{begins}{goes_on})",
            rf"${{1}}${{2}}${{3}}${{4}}${{5}}${{6}}{REDACTED}${{7}}",
        ),
        # SQL: PASSWORD 'value', PASSWORD('value')
        Redaction(
            r"(?is)((?:pass(?:word|wd|phrase)|identified\s+by)(?:\s+|\s*\(\s*)')"
            rf"{_BEGINS}{_SINGLE}",
            rf"${{1}}{REDACTED}${{2}}",
        ),
        # "name": "key", "value": "value"
        Redaction(
            rf"(?is)({quote}(?:name|key){quote}\s*:\s*{quote}[\w.$-]*{key}{quote}\s*,"
            rf"\s*{quote}value{quote}\s*:\s*)(?:{values}|('){_SINGLE})",
            rf"${{1}}${{2}}${{3}}${{4}}${{5}}${{6}}{REDACTED}${{7}}",
        ),
        # Authorization: whatever, to the end of the line or of the string it stands in
        Redaction(
            r"(?i)(authorization[ \t]*(?:=>|[:=])[ \t]*)"
            r"""[^\s"'\\=>]"""
            r"""(?:=\\*"(?:[^\s",}\]\\][^"\\\n]*\\*"?|\\*")|[^"\\\r\n]"""
            r"""|\\(?-i:[^"\\nr])|\\{2,}[^"\\])*""",
            rf"${{1}}{REDACTED}",
        ),
        # "key": ["a", "b"], "key": {"a": "b"}; nested deeper or cut off, all the rest; "key": 1234;
        # \"key\": [...], 'key': [...], key=[...]
        Redaction(
            rf'(?is)({key})(?:(("){_SEPARATOR})(?:{structure}|[\[{{].*|{number})'
            rf"|((\\+[\"']|'){_SEPARATOR})(?:(?:{escaped}|{structure}){goes_on}|{cut_off}|{number})"
            rf"|({_SEPARATOR})(?:{structure}{goes_on}|{cut_off}))",
            rf"${{1}}${{2}}${{4}}${{6}}${{3}}${{5}}{REDACTED}${{3}}${{5}}",
        ),
        # key=value, key%3Dvalue; Key: value, as in headers and YAML; key:value, but neither key://,
        # key::, nor key:10:30
        Redaction(
            rf"(?i)({key}\]?[ \t]*)(?:({_EQUALS}[ \t]*|(?:%22)?%3[AD]){_SCHEME}{begins}{goes_on}"
            rf"|(:)(?:([ \t]+){_SCHEME}{after_colon}"
            rf"|(?:\d{{3}}|\d{{1,2}}:?[^\d:{_ENDS}]|[^\d:/=\[{{{_ENDS}])){goes_on_after_colon})",
            rf"${{1}}${{2}}${{3}}${{4}}{REDACTED}",
        ),
        # <key>value</key>
        Redaction(
            rf"(?is)((?:<|\\+u003c)[\w:.-]*{key}(?:\s[^<>]*)?(?:>|\\+u003e)(?:<!\[CDATA\[)?)"
            r'(?:[^<"\\]|\\.|"[^\s<,:}\])])+',
            rf"${{1}}{REDACTED}",
        ),
        # a credential without a key beside it
        Redaction(r"(?i)(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", rf"${{1}} {REDACTED}"),
        # scheme://user:password@host, with a slash in the password where no port can be meant;
        # https://token@host; and what is cut off before the @
        Redaction(
            r"(?i)(:\\*/\\*/[^\s/:@\"'\[\]<>\\]*:)"
            r"(?:[^\s/\"'<>\\]+(@)|\d*[^\s\d/?#@\"'<>\\][^\s@\"'<>\\]*(@|\z))"
            r"|(https?:\\*/\\*/)[^\s/:@?#\"'\[\]<>\\]+(@)",
            rf"${{1}}${{4}}{REDACTED}${{2}}${{3}}${{5}}",
        ),
    )
