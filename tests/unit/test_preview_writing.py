"""From what a run asked and heard to a file, and to pictures of it."""

from __future__ import annotations

import io
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from plugins.dashboards.inquiry import Inquiry
from plugins.dashboards.results import Question
from plugins.options import Options
from plugins.preview import pictures, writing
from plugins.preview.layout import placed
from plugins.preview.pictures import PictureError, browser, height
from plugins.run import Run
from tests.unit.dashboard_files import Raw, board, made, panel
from tests.unit.preview_showcase import REPORT, showcase
from tests.unit.test_dashboard_check import SITE, WINDOW, mock_answers, vector

UP = {"alertname": "DiskSpaceLow", "severity": "warning", "alertstate": "firing"}


def _raw() -> Raw:
    return board(panel(1), panel(7, type="alertlist", title="Firing", targets=[]))


def _inquiry(reply: Any) -> Inquiry:
    asked = Inquiry(SITE, [made(_raw())], WINDOW)
    asked.hear_panels(mock_answers((*asked.for_panels(), *asked.for_alerts()), reply))
    return asked


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    screen = io.StringIO()
    console = Console(file=screen, width=400)
    monkeypatch.setattr(writing, "screen", lambda: console)
    monkeypatch.setattr(writing, "failed_hosts", list)
    return screen


def _run(inquiry: Inquiry, **options: Any) -> Run:
    return Run(SITE, Options(**options), {}, {}, inquiry=inquiry)


def test_alert_lists_ask_prometheus_what_fires() -> None:
    (asked,) = _inquiry(lambda question: vector(UP)).for_alerts()
    assert (asked.panel, asked.expr) == (7, 'ALERTS{alertstate="firing"}')


def test_the_file_is_written_where_it_is_wanted(tmp_path: Path, said: io.StringIO) -> None:
    path = tmp_path / "deep" / "x.html"
    inquiry = _inquiry(lambda question: vector(UP))
    assert writing.finish_preview(_run(inquiry, preview=str(path))) == 0
    content = path.read_text()
    assert "DiskSpaceLow" in content
    assert f"1 dashboard, {len(content.encode()) / 1e6:.1f} MB: {path}" in said.getvalue()
    assert [each.name for each in path.parent.iterdir()] == ["x.html"]


def test_it_has_its_place_unless_told(
    tmp_path: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert writing.finish_preview(_run(_inquiry(lambda question: vector(UP)))) == 0
    assert (tmp_path / "build" / "preview" / f"{SITE.name}.html").is_file()


def test_a_datasource_that_answers_nothing_is_told_in_file_and_on_screen(
    tmp_path: Path, said: io.StringIO
) -> None:
    path = tmp_path / "x.html"
    run = _run(_inquiry(lambda question: "it is <down>"), preview=str(path))
    # Nothing at all was answered.
    assert writing.finish_preview(run) == 1
    assert "prometheus on mon1 gave no answer: it is <down>" in said.getvalue()
    assert "prometheus on mon1 gave no answer: it is &lt;down&gt;" in path.read_text()


def test_one_query_that_is_refused_is_no_silent_datasource() -> None:
    def reply(question: Question) -> Any:
        return "refused" if question.expr == "up" else vector(UP)

    assert writing.notes(_inquiry(reply)) == ()


def test_hidden_variables_and_datasources_are_not_shown() -> None:
    listed = [
        {"name": "prometheus", "type": "datasource", "query": "prometheus"},
        {"name": "mine", "type": "custom", "query": "a,b", "current": {"value": "b"}},
        {"name": "secret", "type": "constant", "query": "x", "hide": 2},
    ]
    raw = {**_raw(), "templating": {"list": listed}}
    (drawn,) = writing.renderings(Inquiry(SITE, [made(raw)], WINDOW))
    assert dict(drawn.values) == {"mine": "b"}


def test_the_version_is_told_with_its_commit() -> None:
    words = writing.version().split()
    assert words[:2] == ["stackwatch", "0.1.0"]


def test_pictures_without_a_browser_are_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PictureError, match="apt-get install --no-install-recommends chromium"):
        browser()


def _program(folder: Path, script: str) -> None:
    """A program of Chromium's name that does what a test wants."""
    program = folder / "chromium"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


_PAINT = 'for each; do case $each in --screenshot=*) echo "$@" >"${each#*=}";; esac; done'


def test_every_dashboard_has_its_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path, _PAINT)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    shown = showcase()
    files = pictures.pictures(tmp_path / "demo.html", shown, REPORT)
    assert [each.name for each in files] == ["demo-showcase.png", "demo-other.png"]
    arguments = files[0].read_text()
    assert f"--window-size=1600,{height(shown[0], REPORT)} " in arguments
    assert arguments.rstrip().endswith("/demo.html#d-showcase")


def test_a_picture_is_as_high_as_its_dashboard() -> None:
    (shown, _) = showcase()
    lowest = max(grid.y + grid.h for _, grid in placed(shown.dashboard))
    assert height(shown, replace(REPORT, notes=())) == lowest * 38 + 130
    assert height(shown, REPORT) == lowest * 38 + 190


def test_a_browser_that_makes_no_picture_is_told_with_its_words(
    tmp_path: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, "echo 'no [display]' >&2; exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    run = _run(_inquiry(lambda question: vector(UP)), preview=str(tmp_path / "x.html"), png=True)
    assert writing.finish_preview(run) == 1
    assert "ended with 3, without picture: no [display]" in said.getvalue()
    assert (tmp_path / "x.html").exists()
