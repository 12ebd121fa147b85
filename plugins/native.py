"""Native configuration: rendering, and references to secrets inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from plugins.model import ManagedFile, OnChange, Problem
from plugins.paths import Paths
from plugins.problem import suggestion

_HEADER = "# Managed by stackwatch: a run of deploy.py replaces what is edited here.\n"
# The C emitter takes 8 ms for what every host's collector has, the other one 70: a run renders
# all of its hosts, also where nothing changes. Wheels of PyYAML have it.
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_REFERENCE = re.compile(r"secret:(?P<name>[A-Za-z0-9_.-]+)")


def to_yaml(configuration: Mapping[str, Any]) -> str:
    """Native configuration as YAML, keys in the order they were put."""
    dumped: str = yaml.dump(
        dict(configuration), Dumper=_Dumper, sort_keys=False, allow_unicode=True
    )
    return _HEADER + dumped


def secret_files(secrets: Mapping[str, SecretStr]) -> tuple[ManagedFile, ...]:
    """One file a secret, readable by the service's group only."""
    return tuple(
        ManagedFile(
            f"secrets/{name}", secret.get_secret_value(), on_change=OnChange.RELOAD, secret=True
        )
        for name, secret in sorted(secrets.items())
    )


def resolve_secrets(
    configuration: Any, secrets: Mapping[str, SecretStr], component: str, problems: list[Problem]
) -> Any:
    """Replace every ``secret:NAME`` by the path of that secret's file on the host.

    Args:
        configuration: Native configuration.
        secrets: Known secrets.
        component: The component whose folder holds them.
        problems: Gets one problem for each unknown name.
    """
    if isinstance(configuration, Mapping):
        return {
            key: resolve_secrets(value, secrets, component, problems)
            for key, value in configuration.items()
        }
    if isinstance(configuration, list):
        return [resolve_secrets(value, secrets, component, problems) for value in configuration]
    if isinstance(configuration, SecretStr):
        remedy = f"Put it into {component}.secrets and write `secret:NAME` in the *_file key"
        problems.append(Problem(f"{component}: native configuration", "holds a secret", remedy))
        return ""
    match = _REFERENCE.fullmatch(configuration) if isinstance(configuration, str) else None
    if match is None:
        return configuration
    name = match["name"]
    if name not in secrets:
        remedy = suggestion(name, secrets, f"{component}.secrets")
        problems.append(Problem(f"{component}: {configuration}", "no such secret", remedy))
    return f"{Paths(component).config}/secrets/{name}"


def drop_ins(folder: Path, pattern: str) -> Iterator[tuple[Path, str]]:
    """Files a site adds of its own, in the order of their names."""
    for file in sorted(folder.glob(pattern)):
        if file.is_file():
            yield file, file.read_text()


def parsed(file: Path, text: str, problems: list[Problem]) -> Any:
    """A YAML file's content; None and a problem where it is no YAML."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        problems.append(Problem(str(file), f"is no valid YAML: {error}", "Correct the file"))
        return None
