"""Judge what panels were answered: whether they have data, may be empty, or must not be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from plugins.dashboards.document import Dashboard, Panel
from plugins.dashboards.inquiry import Inquiry, is_chosen, metric_names
from plugins.dashboards.promql import fault, selectors
from plugins.dashboards.queries import ASKABLE
from plugins.dashboards.results import Question, Result


class State(StrEnum):
    """What is said of a panel."""

    DATA = "has data"
    ALLOWED = "empty, allowed"
    EMPTY = "EMPTY"
    ERROR = "error"
    SILENT = "asks nothing"
    FOREIGN = "not asked"


BAD = frozenset({State.EMPTY, State.ERROR})


@dataclass(frozen=True)
class Verdict:
    """One panel, judged.

    Attributes:
        dashboard: Whose it is.
        panel: The panel.
        state: What is said of it.
        words: How much it has, or why it has nothing.
        where: Host and URL that its first query was asked at, without the query.
        expr: Its first query.
    """

    dashboard: Dashboard
    panel: Panel
    state: State
    words: str
    where: tuple[str, str] = ("", "")
    expr: str = ""


def verdicts(inquiry: Inquiry) -> tuple[Verdict, ...]:
    """Every panel of an inquiry that is over, in the dashboards' order."""
    return tuple(
        _verdict(inquiry, board, panel) for board in inquiry.boards for panel in board.panels
    )


def _verdict(inquiry: Inquiry, board: Dashboard, panel: Panel) -> Verdict:
    asked = [
        (question, result)
        for question, result in inquiry.results.items()
        if (question.dashboard, question.panel) == (board.uid, panel.id)
    ]
    if not asked:
        foreign = sorted({target.datasource for target in panel.targets} - ASKABLE)
        if panel.targets:
            return Verdict(board, panel, State.FOREIGN, f"is a query of {', '.join(foreign)}")
        return Verdict(board, panel, State.SILENT, panel.type)
    first = asked[0][0]
    if all(is_chosen(q.uid) and not inquiry.endpoint(q) for q, _ in asked):
        words = f"is a query of {first.uid!r}, which is no component of the site"
        return Verdict(board, panel, State.FOREIGN, words)
    endpoint = inquiry.endpoint(first)
    where = (endpoint.host, endpoint.url) if endpoint else ("", first.datasource)
    state, words = _judged(inquiry, panel, asked)
    return Verdict(board, panel, state, words, where, first.expr)


def _judged(
    inquiry: Inquiry, panel: Panel, asked: list[tuple[Question, Result]]
) -> tuple[State, str]:
    errors = [f"{q.ref}: {result.error}" for q, result in asked if result.error]
    if errors:
        return State.ERROR, "; ".join(dict.fromkeys(errors))
    empty = [question for question, result in asked if result.empty]
    if len(empty) < len(asked):
        without = f"; nothing for {', '.join(q.ref for q in empty)}" if empty else ""
        return State.DATA, _amount([result for _, result in asked]) + without
    if panel.empty:
        return State.ALLOWED, panel.empty
    reasons = dict.fromkeys(why_empty(inquiry, *each) for each in asked)
    return State.EMPTY, "; ".join(reasons)


def _amount(results: Iterable[Result]) -> str:
    results = list(results)
    counts: Mapping[str, int] = {
        "series": sum(len(result.series) for result in results),
        "points": sum(result.points for result in results),
        "lines": sum(len(result.lines) for result in results),
        "traces": sum(len(result.traces) for result in results),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def why_empty(inquiry: Inquiry, question: Question, result: Result) -> str:
    """Why a query found nothing, as far as that can be told.

    Args:
        inquiry: Over.
        question: What was asked.
        result: That nothing was found.
    """
    if question.missing:
        name = question.missing[0]
        choice = inquiry.choices.get((question.dashboard, name))
        reason = f": {choice.error}" if choice and choice.error else ""
        return f"variable {name} has no values{reason}"
    if result.series:
        return f"{len(result.series)} series, and none of their values is a number"
    if question.datasource == "prometheus" and not fault(question.expr):
        return _why_no_series(inquiry, question)
    if not question.path:
        return "what it looks for is a variable without a value"
    minutes = (inquiry.window.end - inquiry.window.start) // 60
    return f"nothing in {minutes} minutes for {question.expr}"


def _why_no_series(inquiry: Inquiry, question: Question) -> str:
    names = metric_names(question.expr)
    dead = sorted(names - inquiry.alive.get(question.dashboard, names))
    if dead:
        return f"no series of {', '.join(dead)}"
    silent = [each for each in selectors(question.expr) if each in inquiry.silent]
    if silent:
        return f"no series match {', '.join(silent)}"
    return "every selector has series, and nothing is left of them: look at the labels they meet by"


def absent_metrics(inquiry: Inquiry, boards: Iterable[Dashboard]) -> frozenset[str]:
    """Metrics that dashboards name and that have no series.

    Only those whose whole name is written: an application's begin with a variable, and what it
    has not counted yet has no series.

    Args:
        inquiry: Over.
        boards: The dashboards, of those that were asked for.
    """
    written = "\n".join(
        target.expr for board in boards for panel in board.panels for target in panel.targets
    )
    named = frozenset(
        name
        for question in inquiry.results
        if question.datasource == "prometheus"
        for name in metric_names(question.expr)
        if name in written
    )
    alive = frozenset().union(*inquiry.alive.values())
    return named - alive
