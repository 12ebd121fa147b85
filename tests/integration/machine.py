"""A host under test: what is done on it, asked of it, waited for, and made to stand still."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests import hosts
from tests.hosts import TestHost

# curl: no connection, an empty answer, a connection cut. https://curl.se/libcurl/c/libcurl-errors.html
_UNANSWERED = (7, 52, 56)


class UnansweredError(AssertionError):
    """Nobody answered a request: a program that is down, or not yet up."""


def on(machine: TestHost, script: str) -> str:
    """Run a shell script as root on a host, past SSH; its output, stripped."""
    code, output = hosts.run(machine, ["sh", "-c", script])
    told = f"{machine.name}: {script}: {code}: {output}"
    if code in _UNANSWERED and "curl" in script:
        raise UnansweredError(told)
    assert code == 0, told
    return output.strip()


def get(machine: TestHost, path: str, port: int = 9090) -> Any:
    """The JSON a host answers to a GET, or the text where it is none."""
    body = on(machine, f"curl -fsS -m 10 'http://127.0.0.1:{port}{path}'")
    try:
        return json.loads(body)
    except ValueError:
        return body


def until(
    condition: Callable[[], Any], seconds: float = 60, what: str | Callable[[], str] = ""
) -> Any:
    """Poll until a condition holds; its value. Nobody answering yet is not yet holding."""
    end = time.monotonic() + seconds
    while True:
        try:
            value, why = condition(), ""
        except UnansweredError as nobody:
            value, why = None, f" ({nobody})"
        if value:
            return value
        if time.monotonic() >= end:
            told = what() if callable(what) else what or condition
            raise AssertionError(f"not within {seconds} s: {told}{why}")
        time.sleep(0.05)


@contextmanager
def held(machine: TestHost, program: str, matching: str) -> Iterator[Callable[[], None]]:
    """Make a host stand still when a program is called with certain words.

    The program is put behind a wrapper that leaves ``/run/held`` and waits until it is gone.

    Args:
        machine: The host.
        program: Full path of the program.
        matching: A shell pattern over its arguments.

    Yields:
        A function that waits until the host stands still.
    """
    wrapper = f"""#!/bin/sh
case "$*" in
{matching})
  if [ -e /run/hold ]; then
    touch /run/held
    while [ -e /run/hold ]; do sleep 0.05; done
  fi ;;
esac
exec {program}.real "$@"
"""
    # The real one keeps its second name: whoever stands still will ask for it.
    on(
        machine,
        f"cp -an {program} {program}.real && rm {program} && cat >{program} <<'E'\n{wrapper}E",
    )
    on(machine, f"chmod 755 {program}; touch /run/hold; rm -f /run/held")
    try:
        yield lambda: until(
            lambda: hosts.run(machine, ["test", "-e", "/run/held"])[0] == 0,
            what=f"{machine.name} to stand still at {program} {matching}",
        )
    finally:
        on(
            machine,
            f"rm -f /run/hold /run/held; cp -af --remove-destination {program}.real {program}",
        )
