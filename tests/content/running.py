"""A program of ours on this machine's loopback, for as long as a test needs it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.2
_STOP_SECONDS = 60


def poll(what: str, true: Callable[[], bool], seconds: float) -> None:
    """Wait until something is true.

    Raises:
        AssertionError: It is not within that time.
    """
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(_POLL_SECONDS)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now, each another."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, ready: Callable[[], bool], seconds: float
) -> Iterator[None]:
    """A process that answers; stopped afterwards.

    Args:
        command: The program and its arguments.
        log: Gets what it says.
        ready: Whether it answers.
        seconds: How long that may take.

    Raises:
        AssertionError: It ended, or does not answer in time.
    """
    with log.open("w") as told, subprocess.Popen(command, stdout=told, stderr=told) as process:
        try:

            def answers() -> bool:
                assert process.poll() is None, log.read_text()
                return ready()

            poll(f"{Path(command[0]).name} answers", answers, seconds)
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
