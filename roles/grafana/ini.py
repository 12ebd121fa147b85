"""grafana.ini as text: sections, values that need quotes, and secrets that stay in files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from plugins.native import resolve_secrets
from plugins.problem import Problem

_HEADER = "# Managed by stackwatch: a run of deploy.py replaces what is edited here.\n"
_SECTION = re.compile(r"[A-Za-z0-9_.-]+(?: +[A-Za-z0-9_.-]+)*")
_KEY = re.compile(r"[A-Za-z0-9_.-]+")
# Keys whose values are secrets, whatever section they stand in.
_SECRET = re.compile(
    r"(?:password|passwd|secret|token|(?:access|account|api|private|secret)_?key)$", re.IGNORECASE
)
# A password inside an address or a connection string, and no variable that brings it.
_PASSWORD = re.compile(
    r"://[^/?#@\s]*:(?!\$|\d+(?:[/?#,]|$))[^@\s]+@"
    r"|(?:^|[?&,;\s])(?:ssl)?password\s*=\s*(?!\$)[^\s,;&]",
    re.IGNORECASE,
)
# What would not be what the rest of the site takes for true: another setting says it.
_OURS = {
    ("security", "admin_password"): "admin_password",
    ("security", "admin_user"): "admin_user",
    ("security", "secret_key"): "secret_key",
    ("server", "http_addr"): "listen",
    ("server", "http_port"): "port",
    ("server", "root_url"): "root_url",
    ("server", "serve_from_sub_path"): "root_url",
}
# What the parser would take for a comment, a quote or a line that goes on:
# https://github.com/go-ini/ini/blob/v1.67.0/parser.go
_SPECIAL = re.compile(r"[#;`\"']|^\s|\s$|\\$")

Sections = Mapping[str, Mapping[str, Any]]


def from_file(path: str) -> str:
    """A value that Grafana reads from a file.

    It expands variables of the environment first and files last, so a ``$`` in the file stays:
    https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/#variable-expansion

    Args:
        path: The file; blanks around its content are cut off.
    """
    return f"$__file{{{path}}}"


def _value(value: bool | int | float | str) -> str:
    """A value as the parser reads it back.

    Raises:
        ValueError: No quotes can hold it.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    if not _SPECIAL.search(text):
        return text
    for quote in ("`", '"""'):
        if quote not in text:
            return f"{quote}{text}{quote}"
    raise ValueError('it holds both ` and """, and no other quotes are known to the format')


def rendered(sections: Sections, where: str, problems: list[Problem]) -> str:
    """The text of an INI file.

    Args:
        sections: Section to key to value.
        where: What people find a mistake by.
        problems: Gets one for each value that cannot be written.
    """
    lines = [_HEADER]
    for section, keys in sections.items():
        lines.append(f"[{section}]\n")
        for key, value in keys.items():
            try:
                lines.append(f"{key} = {_value(value)}\n")
            except ValueError as error:
                problems.append(Problem(f"{where}.{section}.{key}", str(error), "Correct it"))
        lines.append("\n")
    return "".join(lines[:-1] if len(lines) > 1 else lines)


def plain_secret(key: str, value: bool | int | float | str) -> bool:
    """Whether a value is a secret that stands there for everybody to read.

    Args:
        key: The last part of its name.
        value: As written.
    """
    if value == "" or isinstance(value, bool) or _elsewhere(str(value)):
        return False
    return bool(_SECRET.search(key) or _PASSWORD.search(str(value)))


def _mistake(section: str, key: str, value: object) -> tuple[str, str] | None:
    if not _KEY.fullmatch(key):
        return f"{key!r} is no name of a key", "Write letters, digits, _ . or -"
    if isinstance(value, SecretStr):
        return "holds a secret", "Put it into grafana.secrets and write `secret:NAME` here"
    if setting := _OURS.get((section, key)):
        return "has a setting of its own", f"Write it as grafana.{setting}"
    if value is None or not isinstance(value, bool | int | float | str):
        return f"is {type(value).__name__}, no text, number or bool", "Write one value, as text"
    if plain_secret(key, value):
        # Not the value: it is what must not be shown.
        return "is a secret in plain text", (
            "Put it into a vault and grafana.secrets, and write `secret:NAME` here"
        )
    return None


def _elsewhere(value: str) -> bool:
    return value.startswith(("secret:", "$__file{", "$__env{", "$__vault{", "${"))


def native(
    said: Mapping[str, Any], secrets: Mapping[str, SecretStr], problems: list[Problem]
) -> dict[str, dict[str, Any]]:
    """Native sections, with the files of their secrets for what refers to them.

    Args:
        said: As people wrote them.
        secrets: Known secrets, each a file.
        problems: Gets one for each mistake.
    """
    made: dict[str, dict[str, Any]] = {}
    for section, keys in said.items():
        where = f"grafana.native.{section}"
        if not _SECTION.fullmatch(section) or not isinstance(keys, Mapping):
            remedy = 'Write {"section": {"key": value}}'
            problems.append(Problem(where, "is no section with keys", remedy))
            continue
        made[section] = {}
        for key, value in keys.items():
            wrong = _mistake(section, str(key), value)
            if wrong:
                problems.append(Problem(f"{where}.{key}", *wrong))
                continue
            found = resolve_secrets(value, secrets, "grafana", problems)
            made[section][key] = from_file(found) if found != value else value
    return made
