"""What a person sees of the panels' queries: a table a dashboard, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from plugins.checks import CheckResult
from plugins.dashboards.catalogue import uncatalogued
from plugins.dashboards.document import Dashboard, library
from plugins.dashboards.inquiry import Inquiry
from plugins.dashboards.verdicts import BAD, State, Verdict, absent_metrics, verdicts
from plugins.report import count, failed_hosts, screen, write
from plugins.run import Run

_STYLES = {State.DATA: "green", State.ALLOWED: "dim", State.EMPTY: "red", State.ERROR: "red"}
_WORDS = 160
_SUMMARY = (
    (State.DATA, "have data"),
    (State.ALLOWED, "are empty and may be"),
    (State.EMPTY, "are EMPTY and must not be"),
    (State.ERROR, "could not be asked"),
    (State.FOREIGN, "are queries of other datasources"),
    (State.SILENT, "ask nothing"),
)


def finish_dashboards(run: Run) -> int:
    """Tell what every panel shows.

    Returns:
        1 if a panel that must show something does not, or one of ours names a metric that
        nobody knows.
    """
    console, inquiry = screen(), run.inquiry
    if inquiry is None:
        return 0
    inquiry.close()
    judged = verdicts(inquiry)
    run.results += _results(judged)
    write(run)
    for board in inquiry.boards:
        console.print(f"\n[bold]{escape(board.title)}[/] ({board.uid})")
        console.print(_table(each for each in judged if each.dashboard is board))
    console.print()
    _tell_sum(console, inquiry, judged)
    _tell_left_out(console, inquiry)
    bad = [each for each in judged if each.state in BAD]
    misnamed = _tell_unknown(console, inquiry)
    _tell_next(console, bad, misnamed)
    return 1 if (bad or misnamed) and not failed_hosts() else 0


def _results(judged: Iterable[Verdict]) -> list[CheckResult]:
    """Panels as checks, for the files that are written of a run."""
    return [
        CheckResult(
            each.where[0],
            each.dashboard.uid,
            each.panel.title,
            each.state not in BAD,
            f"{each.where[1]} {each.expr}".strip(),
            "data",
            f"{each.state}: {each.words}",
        )
        for each in judged
        if each.state not in (State.SILENT, State.FOREIGN)
    ]


def _table(judged: Iterable[Verdict]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for width in (28, 16, None):
        table.add_column(min_width=width, overflow="fold")
    for each in judged:
        style = _STYLES.get(each.state, "yellow")
        words = " ".join(each.words.split())
        if each.state not in BAD and len(words) > _WORDS:
            words = f"{words[:_WORDS]}..."
        table.add_row(escape(each.panel.title), f"[{style}]{each.state}[/]", escape(words))
    return table


def _tell_sum(console: Console, inquiry: Inquiry, judged: Sequence[Verdict]) -> None:
    states = Counter(each.state for each in judged)
    told = ", ".join(f"{states[state]} {words}" for state, words in _SUMMARY if states[state])
    panels, boards = count(judged, "panel"), count(inquiry.boards, "dashboard")
    console.print(f"{panels} of {boards}: {told or 'none'}.")


def _tell_left_out(console: Console, inquiry: Inquiry) -> None:
    """What of ours this site does not have, since it has nothing for it."""
    there = {board.uid: board for board in inquiry.boards}
    whole = [board for board in library() if board.uid not in there]
    panels = [_fewer(board, there[board.uid]) for board in library() if board.uid in there]
    if len(there) > 1 and (whole or sum(panels)):
        names = f" ({', '.join(board.title for board in whole)})" if whole else ""
        console.print(
            f"Left out, since the site has nothing for them: {count(whole, 'dashboard')}{names} "
            f"and {sum(panels)} panels of others.",
            style="dim",
        )


def _fewer(ours: Dashboard, left: Dashboard) -> int:
    return len(ours.panels) - len(left.panels)


def _tell_unknown(console: Console, inquiry: Inquiry) -> bool:
    """Name metrics that are nowhere; whether ours are among them: a site's own may come yet."""
    unknown = uncatalogued(absent_metrics(inquiry, inquiry.boards))
    if not unknown:
        return False
    console.print(
        "Metrics that have no series here and that files/dashboards/metrics does not know: "
        f"{', '.join(unknown)}",
        style="yellow",
    )
    uids = {board.uid for board in library()}
    ours = [board for board in inquiry.boards if board.uid in uids]
    return bool(uncatalogued(absent_metrics(inquiry, ours)))


def _tell_next(console: Console, bad: Sequence[Verdict], misnamed: bool) -> None:
    failed = failed_hosts()
    if failed:
        console.print(f"[bold red]Failed hosts: {', '.join(failed)}[/] (reasons above)")
    if any(each.state is State.ERROR for each in bad):
        console.print("Next: mend the queries, or the datasources that do not answer (smoke.py).")
    if any(each.state is State.EMPTY for each in bad):
        console.print(
            "Next: see why nothing is there: targets down (smoke.py), nothing used yet (the demo: "
            "make traffic), or a query that is wrong. A panel that may be empty says so: "
            '"stackwatch": {"empty": "why"}.'
        )
    if misnamed:
        console.print(
            "Next: correct the names of these metrics in files/dashboards/boards, or name them in "
            "files/dashboards/metrics if a component has them that this site lacks."
        )
    if not (bad or misnamed or failed):
        console.print("Every panel that must show something does.")
