"""What single values of settings must be like; each gives its value back or says what is wrong."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import re2
from pydantic_core import PydanticCustomError

from plugins.durations import milliseconds

# The type of a mistake whose value must not be shown.
PLAIN_PASSWORD = "plain_password"  # noqa: S105  # no password

# user:password@ before a host, with or without a scheme. A port has digits alone.
_LOGIN = re.compile(r"(?:^|//)[^/?#@\[]*:(?!//|\d+(?:[/?#,]|$))[^@]*@")
# What libpq and Redis' clients take behind the address, or instead of one.
_PARAMETER = re.compile(r"(?:^|[?&\s])(?:ssl)?password\s*=", re.IGNORECASE)
# https://github.com/bmatcuk/doublestar#patterns; an empty class is none.
_GLOB_PART = re.compile(r"\\.|\[[!^]?+(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]|[^\\\[]", re.DOTALL)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def without_password(value: str) -> str:
    """A URL or connection string without a password in it."""
    if _LOGIN.search(value) or _PARAMETER.search(value):
        raise PydanticCustomError(
            PLAIN_PASSWORD, "a password stands in it, where everybody can read it"
        )
    return value


def re2_pattern(value: str) -> str:
    """A pattern that programs in Go take too."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(value, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"is no RE2 pattern ({reason})") from error
    return value


def key_pattern(value: str) -> str:
    """A pattern of the last part of a key."""
    if re2.fullmatch(re2_pattern(value), ""):
        raise ValueError("matches a key's empty end, and so every key")
    return value


def glob(value: str) -> str:
    """An absolute pattern of paths as Go's doublestar takes it."""
    if not value.startswith("/") or not value.isprintable():
        raise ValueError("write an absolute path, with * for several files")
    depth = place = 0
    while place < len(value):
        part = _GLOB_PART.match(value, place)
        if part is None:
            if value[place] == "\\":
                raise ValueError("ends with a \\, which takes the next character as it is")
            raise ValueError("has a [ without its ] or with nothing in it; \\[ is a plain one")
        depth += {"{": 1, "}": -1}.get(part[0], 0)
        if depth < 0:
            break
        place = part.end()
    if depth:
        raise ValueError("{ and } do not match; \\{ is a plain one")
    return value


def zone(value: str) -> str:
    """A time zone by its name."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("is no time zone such as UTC or Europe/Berlin") from error
    return value


def more_than_nothing(value: str) -> str:
    """A duration that is not 0."""
    if not milliseconds(value):
        raise ValueError("must be longer than 0")
    return value


def below(mebibytes: int, maximum: str) -> None:
    """Refuse a program's own limit of memory that its service's limit comes before.

    Args:
        mebibytes: ``memory_limit_mib``.
        maximum: ``memory_max``, systemd's form: a number with K, M, G or T, or ``infinity``.
    """
    number, unit = re.fullmatch(r"(\d*)(\D*)", maximum).groups()  # type: ignore[union-attr]
    if number and mebibytes << 20 >= int(number) * _UNITS[unit]:
        raise ValueError(
            f"memory_limit_mib = {mebibytes} is not below memory_max = {maximum!r}: it would be "
            "killed before it lets its sources wait. Raise memory_max, or lower the other"
        )
