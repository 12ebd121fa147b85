"""PNG of a report's dashboards, made by a browser without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from plugins.preview.charts import GAP, ROW
from plugins.preview.layout import placed
from plugins.preview.report import Rendering, Report, anchor

WIDTH = 1600
# What stands above and below a dashboard's grid: heading, notes, the line of variables.
_AROUND, _NOTE = 130, 60
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Simulated time for drawing, and how long it may take on a busy machine.
_BUDGET_MILLISECONDS, _DEADLINE_SECONDS = 30_000, 180


class PictureError(Exception):
    """No picture could be made; says why and the remedy."""


def browser() -> str:
    """The program that draws.

    Raises:
        PictureError: There is none on this machine.
    """
    for name in _BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise PictureError(
        "pictures need Chromium, which is not installed here. Install it (Debian: "
        "apt-get install --no-install-recommends chromium), or leave out --data png=true: "
        "the HTML file needs nothing"
    )


def height(rendering: Rendering, report: Report) -> int:
    """How high a picture must be for all of a dashboard, in pixels."""
    rows = max((grid.y + grid.h for _, grid in placed(rendering.dashboard)), default=4)
    return rows * (ROW + GAP) + _AROUND + _NOTE * len(report.notes)


def _command(program: str, profile: str, page: Path, uid: str, high: int, into: Path) -> list[str]:
    # Chromium refuses to run with its sandbox as root; the page is our own file, and may load
    # nothing.
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [
        program,
        "--headless",
        *as_root,
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
        f"--window-size={WIDTH},{high}",
        f"--virtual-time-budget={_BUDGET_MILLISECONDS}",
        f"--screenshot={into}",
        f"{page.absolute().as_uri()}#{anchor(uid)}",
    ]


def pictures(page: Path, renderings: Sequence[Rendering], report: Report) -> tuple[Path, ...]:
    """Make a PNG of every dashboard of a report, beside it.

    Args:
        page: The report's file.
        renderings: Its dashboards.
        report: What is said of all of them.

    Raises:
        PictureError: There is no browser, or it made no picture.
    """
    program = browser()
    made = []
    with tempfile.TemporaryDirectory(prefix="stackwatch-preview-") as profile:
        for each in renderings:
            uid = each.dashboard.uid
            into = page.with_name(f"{page.stem}-{uid}.png").absolute()
            into.unlink(missing_ok=True)
            command = _command(program, profile, page, uid, height(each, report), into)
            _run(command, into)
            made.append(into)
    return tuple(made)


def _run(command: Sequence[str], into: Path) -> None:
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_DEADLINE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PictureError(
            f"{command[0]} made no {into.name} within {_DEADLINE_SECONDS} s. Try again when the "
            "machine is less busy"
        ) from error
    if not into.exists():
        words = " ".join(ended.stderr.split()[-40:])
        raise PictureError(f"{command[0]} ended with {ended.returncode}, without picture: {words}")
