"""Long commands of the machine, run with progress and with their last lines in the error."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.hosts.errors import HostsError
from tests.hosts.progress import Step

LAST_LINES = 12


def run_command(
    argv: Sequence[str],
    progress: Step,
    *,
    log: Path,
    stdin: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 900,
) -> None:
    """Run a command to its end.

    Args:
        argv: the command; no shell is involved.
        progress: told every line the command prints.
        log: gets the whole output.
        stdin: a file to read from; without one the command gets nothing.
        environment: variables on top of this process's own.
        timeout: seconds after which the command is killed.

    Raises:
        HostsError: the command is missing, ran too long or failed.
    """
    last: deque[str] = deque(maxlen=LAST_LINES)
    with (stdin or Path(os.devnull)).open("rb") as source, log.open("w") as sink:
        try:
            process = subprocess.Popen(
                argv,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                text=True,
                errors="replace",
            )
        except FileNotFoundError as error:
            raise HostsError(f"the command {argv[0]} is not installed") from error
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        try:
            for line in process.stdout or ():
                shown = without_password(line.rstrip())
                sink.write(f"{shown}\n")
                last.append(shown)
                progress.say(shown)
            code = process.wait()
        finally:
            process.kill()
            killer.cancel()
    if code != 0:
        reason = f"ended with {code}" if code > 0 else f"was killed after {progress.seconds:.0f} s"
        command = without_password(" ".join(argv))
        raise HostsError("\n  ".join([f"{command}\n{reason}; log: {log}; last lines:", *last]))


def without_password(text: str) -> str:
    """Hide the user and password of every URL in `text` (mirrors may need one)."""
    return re.sub(r"://[^/@\s]+@", "://***@", text)
