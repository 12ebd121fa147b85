"""What a run is doing, on stderr: a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

# Lines are not broken: what ends in a file is searched, and paths are copied from it.
console = Console(stderr=True, highlight=False, soft_wrap=True)

QUIET_SECONDS = 10.0


class Step:
    """One piece of work that can say how far it is."""

    def __init__(self, text: str, status: Status | None) -> None:
        """Start the clock of the step `text`; `status` is its spinner, if there is one."""
        self._text = text
        self._status = status
        self._spoken = self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return how long the step has been running."""
        return time.monotonic() - self._started

    def say(self, detail: str) -> None:
        """Show the latest detail: at once on a terminal, else at most every ten seconds."""
        if self._status is not None:
            self._status.update(escape(f"{self._text}: {detail}"[: console.width - 4]))
        elif time.monotonic() - self._spoken > QUIET_SECONDS:
            self._spoken = time.monotonic()
            console.print(f"  {self.seconds:.0f} s: {escape(detail)}")


@contextmanager
def step(text: str) -> Iterator[Step]:
    """Announce a piece of work, and say how long it took or that it failed."""
    if console.is_terminal:
        with console.status(escape(text)) as status:
            yield from _timed(text, Step(text, status))
    else:
        console.print(f"{escape(text)} ...")
        yield from _timed(text, Step(text, None))


def _timed(text: str, current: Step) -> Iterator[Step]:
    try:
        yield current
    except BaseException:
        console.print(f"{escape(text)}: [red]failed[/red] after {current.seconds:.1f} s")
        raise
    console.print(f"{escape(text)}: [green]done[/green] in {current.seconds:.1f} s")
