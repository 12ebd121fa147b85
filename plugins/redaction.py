"""Secrets in log lines: patterns that shippers apply to the raw line, before anything parses it.

Parsing first would copy a secret into other fields, where nothing looks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

REDACTED = "[REDACTED]"

# The last word of a key; `db_password` and `X-Api-Key` end with one, `tokens_used` does not.
SECRET_KEYS = (
    "password",
    "passwd",
    "passphrase",
    "token",
    "api[_-]?key",
    "secret",
    "authorization",
)


@dataclass(frozen=True)
class Redaction:
    """One replacement.

    Attributes:
        pattern: RE2.
        replacement: What stands for a match; ``${1}`` is its first group.
    """

    pattern: str
    replacement: str


def suspicion(more_keys: Iterable[str] = ()) -> str:
    """A cheap RE2 pattern that every text matches in which a redaction finds something.

    Args:
        more_keys: As for :func:`redactions`.
    """
    return "(?i)" + "|".join([*SECRET_KEYS, *more_keys, "bearer", "basic", "://"])


def redactions(more_keys: Iterable[str] = ()) -> tuple[Redaction, ...]:
    """The replacements, in the order they are applied.

    Args:
        more_keys: Patterns of further keys whose values are secret.
    """
    words = "|".join([*SECRET_KEYS, *more_keys])
    key = rf"[\w.$-]*(?:{words})"
    quote = r'\\*["\']'
    # A JSON text may hold another one as a string, and that a third: with each its quotes have
    # more backslashes before them. A value ends with the kind of quote it began with, which
    # RE2 cannot say by itself.
    depths = (('"', r'[^"\\]|\\.'), (r'\\"', r'[^"\\]|\\\\\\?.'), (r'\\{3,}"', r'[^"\\]|\\+[^"\\]'))
    scheme = r"(?:(?:bearer|basic|digest|token|negotiate)\s+)?"
    return (
        # "key": "value"
        *(
            Redaction(
                rf"(?i)({mark}{key}{mark}\s*:\s*{mark})(?:{inside})*({mark})",
                rf"${{1}}{REDACTED}${{2}}",
            )
            for mark, inside in depths
        ),
        # 'key': 'value'
        Redaction(rf"(?i)('{key}'\s*:\s*)b?'(?:[^'\\]|\\.)*'", rf"${{1}}'{REDACTED}'"),
        # "key": ["a", "b"], "key": {"a": "b"}, "key": 1234
        Redaction(
            rf"(?i)(({quote}){key}{quote}\s*:\s*)"
            r"(?:\[[^\[\]]*\]|\{[^{}]*\}|[-+]?\d[\d.eE+-]*)",
            rf"${{1}}${{2}}{REDACTED}${{2}}",
        ),
        # key=value, key="a value"
        Redaction(
            rf"(?i)\b({key}\s*=\s*)(?:{quote}[^\"'\n]*{quote}|{scheme}[^\s&,;\"'\\\[{{]+)",
            rf"${{1}}{REDACTED}",
        ),
        # Key: value, as in headers and YAML
        Redaction(
            rf"(?i)\b({key}:\s+)(?:{quote}[^\"'\n]*{quote}|{scheme}[^\s,;\"'\\\[{{]+)",
            rf"${{1}}{REDACTED}",
        ),
        # a credential without a key beside it
        Redaction(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", rf"${{1}} {REDACTED}"),
        # scheme://user:password@host
        Redaction(r"(://[^\s/:@\"']*:)[^\s/@\"']+@", rf"${{1}}{REDACTED}@"),
    )
