"""Shell that runs on hosts: a shell and coreutils is all a host must have."""

import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def script(name: str) -> str:
    """The text of ``<name>.sh``, without its comment lines (they would only travel)."""
    text = (files(__name__) / f"{name}.sh").read_text()
    return "".join(
        line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#")
    )


def assigned(variables: Mapping[str, str]) -> str:
    """Variables as the lines of shell that stand before a script."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
