"""pyinfra operations: ask on every host what dashboards ask the datasources there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass

from pyinfra import host, state
from pyinfra.api import operation
from pyinfra.api.command import PyinfraCommand

from plugins import session
from plugins.answers import Answer, StackwatchAnswers
from plugins.dashboards.document import Dashboard, library
from plugins.dashboards.inquiry import Inquiry, batches, scrape_seconds
from plugins.dashboards.results import Question
from plugins.dashboards.site import site_dashboards
from plugins.dashboards.substitution import Window
from plugins.mistake import mistake
from plugins.problem import Problem, suggestion
from plugins.run import Run

_POINTS = 60


@dataclass(frozen=True)
class _Round:
    """What one round asks, and what becomes of the answers."""

    asks: Callable[[Inquiry], tuple[Question, ...]]
    hears: Callable[[Inquiry, Iterable[tuple[Question, Answer]]], None]


ROUNDS: Mapping[str, _Round] = {
    "variables": _Round(Inquiry.for_variables, Inquiry.hear_variables),
    "panels": _Round(Inquiry.for_panels, Inquiry.hear_panels),
    "names": _Round(Inquiry.for_names, Inquiry.hear_names),
    "reasons": _Round(Inquiry.for_reasons, Inquiry.hear_reasons),
    "alerts": _Round(Inquiry.for_alerts, Inquiry.hear_panels),
}


def _chosen(run: Run) -> tuple[Dashboard, ...]:
    problems: list[Problem] = []
    boards = tuple(each.dashboard for each in site_dashboards(run.site, problems))
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise mistake(f"dashboards have mistakes, nothing was asked:{listed}")
    uid = run.options.dashboard
    if uid is None:
        return boards
    chosen = tuple(board for board in boards if board.uid == uid)
    if not chosen:
        if any(each.uid == uid for each in library()):
            raise mistake(
                f"the dashboard {uid!r} is left out here: the site has nothing that it shows. "
                "What a service has is said in its `exposes`"
            )
        known = suggestion(uid, {board.uid for board in boards}, "dashboards of this site")
        raise mistake(f"no dashboard has the uid {uid!r}. {known}")
    return chosen


def inquire(run: Run, points: int = _POINTS) -> Inquiry:
    """What this run asks; the same for all of its hosts, begun when the first one comes here.

    Args:
        run: The run; its options say how far back it looks, and at which dashboard.
        points: How many each series has.

    Raises:
        PyinfraError: The dashboard that the command line names is not there, or a site's own
            has mistakes.
    """
    if run.inquiry is None:
        # A time that every datasource has reached, whatever its clock says.
        end = int(time.time()) - 2
        seconds = round(run.options.hours * 3600)
        window = Window(end - seconds, end, max(seconds // points, 1), scrape_seconds(run.site))
        run.inquiry = Inquiry(run.site, _chosen(run), window)
    return run.inquiry


def _read(urls: Iterable[str]) -> Mapping[str, Answer]:
    """What the current host's own datasources answer; one command, or a few where it is much."""
    answers: dict[str, Answer] = {}
    for batch in batches(urls):
        said = host.get_fact(StackwatchAnswers, asked=tuple(("body", url) for url in batch))
        answers |= dict(zip(batch, said.answers, strict=True))
    return answers


@operation()
def ask_dashboards(round_: str) -> Generator[PyinfraCommand, None, None]:
    """
    Ask the datasources on the current host what dashboards ask in one round, and keep the
    answers for the report at the end of the run; changes nothing.

    + round_: ``variables``, ``panels``, ``alerts``, ``names`` (metrics that there are) or
      ``reasons``

    **Example:**

    .. code:: python

        ask_dashboards(
            name="Ask what panels ask",
            round_="panels",
        )
    """
    if not state.is_executing:
        return
    inquiry = inquire(session.current())
    asked = {}
    for question in ROUNDS[round_].asks(inquiry):
        endpoint = inquiry.endpoint(question)
        if question.path and endpoint and endpoint.host == host.name:
            path = f"{endpoint.path.rstrip('/')}{question.path}"
            asked[question] = endpoint.at(path).local_url
    answers = _read(asked.values())
    ROUNDS[round_].hears(inquiry, [(each, answers[url]) for each, url in asked.items()])
    yield from ()
