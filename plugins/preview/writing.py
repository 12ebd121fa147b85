"""From what a run asked and heard to the file that people open."""

from __future__ import annotations

import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path

from rich.markup import escape

from plugins.dashboards.document import Dashboard
from plugins.dashboards.inquiry import Inquiry
from plugins.dashboards.results import Result
from plugins.mistake import mistake
from plugins.preview.page import page
from plugins.preview.pictures import PictureError, browser, pictures
from plugins.preview.report import Rendering, Report, unchosen
from plugins.report import count, failed_hosts, screen
from plugins.run import Run

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("build", "preview")


def version() -> str:
    """Which stackwatch this is: its version, and the commit if it is a checkout."""
    said = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if not (ROOT / ".git").exists():
        return f"stackwatch {said}"
    asked = ("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    try:
        commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        commit = ""
    return f"stackwatch {said}" + (f" ({commit})" if commit else "")


def renderings(inquiry: Inquiry) -> tuple[Rendering, ...]:
    """Dashboards with what their panels were answered, in the order of their queries."""
    found: dict[tuple[str, int], list[Result]] = defaultdict(list)
    for question, result in inquiry.results.items():
        found[question.dashboard, question.panel].append(result)

    def results(board: Dashboard, panel: int) -> tuple[Result, ...]:
        return tuple(sorted(found[board.uid, panel], key=lambda each: each.question.ref))

    return tuple(
        Rendering(
            board,
            {
                each.name: inquiry.values[board.uid].get(each.name, "")
                for each in board.variables
                if each.type != "datasource" and not each.raw.get("hide")
            },
            {panel.id: results(board, panel.id) for panel in board.panels},
        )
        for board in inquiry.boards
    )


def notes(inquiry: Inquiry) -> tuple[str, ...]:
    """What a reader must know of the whole: which datasources gave no answer at all."""
    silent: dict[tuple[str, str], str] = {}
    answered: set[tuple[str, str]] = set()
    for question, result in inquiry.results.items():
        endpoint = inquiry.endpoint(question)
        source = (question.datasource, endpoint.host if endpoint else "")
        if unchosen(result):
            continue
        if result.error:
            silent.setdefault(source, result.error)
        else:
            answered.add(source)
    return tuple(
        f"{kind}{f' on {host}' if host else ''} gave no answer: {silent[kind, host]}"
        for kind, host in sorted(silent.keys() - answered)
    )


def require_browser() -> None:
    """See that pictures can be made, before anything is asked.

    Raises:
        PyinfraError: There is no browser for them.
    """
    try:
        browser()
    except PictureError as error:
        raise mistake(str(error)) from error


def finish_preview(run: Run) -> int:
    """Write the report; 1 if nothing was answered, or a picture could not be made."""
    console, inquiry = screen(), run.inquiry
    if inquiry is None:
        return 0
    inquiry.close()
    made, window = renderings(inquiry), inquiry.window
    report = Report(run.site.name, window.start, window.end, window.end, version(), notes(inquiry))
    path = Path(run.options.preview or FOLDER / f"{run.site.name}.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = page(made, report)
    # Whoever opens it while it is written sees the former one.
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(content)
    beside.replace(path)
    for note in report.notes:
        console.print(escape(note), style="yellow")
    if failed_hosts():
        console.print(f"[bold red]Failed hosts: {', '.join(failed_hosts())}[/] (reasons above)")
    megabytes = len(content.encode()) / 1e6
    console.print(f"{count(made, 'dashboard')}, {megabytes:.1f} MB: {path}")
    if run.options.png and not _pictured(path, made, report):
        return 1
    answered = any(not result.error for result in inquiry.results.values())
    return 0 if answered or not inquiry.results else 1


def _pictured(path: Path, made: tuple[Rendering, ...], report: Report) -> bool:
    console = screen()
    try:
        for picture in pictures(path, made, report):
            console.print(str(picture))
    except PictureError as error:
        console.print(escape(str(error)), style="red")
        return False
    return True
