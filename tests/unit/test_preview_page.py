"""The report as one file: it holds everything, loads nothing, and cannot be broken."""

import base64
import json
import re
import subprocess
import sys
import zlib
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from plugins.dashboards.queries import Result
from plugins.preview import charts
from plugins.preview.markup import Markup, element, text
from plugins.preview.page import page
from plugins.preview.report import Rendering, Report
from tests.unit.preview_showcase import (
    END,
    HOSTILE,
    REPORT,
    START,
    dashboard,
    panel,
    question,
    showcase,
    waves,
)

_VOID = {"meta", "br", "img", "input", "col"}


class _Page(HTMLParser):
    """The elements of a page; raises where one is closed that is not open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts[-1] += data
        else:
            self.texts.append(data)


@pytest.fixture(scope="module")
def html() -> str:
    return page(showcase(), REPORT)


@pytest.fixture(scope="module")
def parsed(html: str) -> _Page:
    return _Page(html)


def _unpacked(parsed: _Page) -> list[Any]:
    kinds = [said.get("type") for tag, said in parsed.elements if tag == "script"]
    packed = [
        content for kind, content in zip(kinds, parsed.scripts, strict=True) if kind is not None
    ]
    return [json.loads(zlib.decompress(base64.b64decode(each))) for each in packed]


def test_every_element_is_closed(parsed: _Page) -> None:
    assert parsed.open == []


def test_nothing_is_loaded_from_anywhere(html: str, parsed: _Page) -> None:
    for tag, said in parsed.elements:
        assert "src" not in said, tag
        assert tag not in ("link", "iframe", "object", "embed", "base", "img"), tag
        assert (said.get("href") or "#").startswith("#"), said
        assert "url(" not in (said.get("style") or "")
    style = html.split("<style>")[1].split("</style>", maxsplit=1)[0]
    assert "url(" not in style
    assert "@import" not in style


def test_only_the_scripts_of_the_page_run(html: str, parsed: _Page) -> None:
    policy = next(
        said["content"] or ""
        for tag, said in parsed.elements
        if tag == "meta" and said.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    allowed = policy.split("script-src ")[1].split(";")[0]
    assert "unsafe-inline" not in allowed
    kinds = [said.get("type") for tag, said in parsed.elements if tag == "script"]
    run = [content for kind, content in zip(kinds, parsed.scripts, strict=True) if kind is None]
    assert len(run) == 2
    for content in run:
        digest = base64.b64encode(sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed


def test_what_was_read_is_shown_as_text(html: str, parsed: _Page) -> None:
    assert "<script>alert" not in html
    # In titles, names of series, labels, log lines, traces, alerts, errors, text panels, menus.
    assert sum(HOSTILE in each for each in parsed.texts) > 15
    assert {said.get("onerror") for _, said in parsed.elements} == {None}


def test_hostile_attributes_do_not_end_where_they_should_not() -> None:
    made = element("p", "x", title='"><img src=x onerror=alert(1)>', style=None)
    assert _Page(made).elements == [("p", {"title": '"><img src=x onerror=alert(1)>'})]
    assert text("a\x1b[31m\u202eb") == "a\\x1b[31m\\x202eb"
    assert element("p", Markup("<b>")) == "<p><b></p>"


def test_a_colour_that_is_none_does_not_reach_a_style() -> None:
    bad = "red;background:url(http://x)"
    steps = {"steps": [{"value": None, "color": bad}]}
    board = dashboard(
        panel("stat", defaults={"thresholds": steps, "color": {"mode": "thresholds"}})
    )
    results = {board.panels[0].id: (waves(("a",)),)}
    assert (
        "url("
        not in page((Rendering(board, {}, results),), REPORT)
        .split("</style>")[1]
        .split("<script")[0]
    )


def test_the_page_says_what_it_is(html: str, parsed: _Page) -> None:
    title = re.search("<title>(.*)</title>", html)
    assert title is not None
    assert title[1] == "demo: dashboards, 2026-11-18 10:06:40 to 11:06:40 UTC"
    shown = " ".join(parsed.texts)
    assert "2026-11-18 11:06:45 UTC" in shown
    assert "stackwatch 0.1.0" in shown
    assert "loki-mon1 did not answer" in shown


def test_a_range_over_midnight_says_both_days() -> None:
    report = Report("demo", START - 86400, END, END, "x")
    assert "2026-11-17 10:06:40 to 2026-11-18 11:06:40 UTC" in page((), report)


def test_the_menu_leads_to_every_dashboard(parsed: _Page) -> None:
    sections = {said["id"] for tag, said in parsed.elements if tag == "section"}
    links = {(said["href"] or "")[1:] for tag, said in parsed.elements if tag == "a"}
    assert sections == {"d-showcase", "d-other"}
    assert links == sections | {"all"}


def test_chosen_values_are_shown(parsed: _Page) -> None:
    shown = "|".join(parsed.texts)
    assert f"host|web1, {HOSTILE}|" in shown
    # Everything is told as Grafana tells it, and not as the regular expression that it is.
    assert "environment|All|" in shown
    assert f"Over time of web1 + {HOSTILE}" in shown


def test_panels_stand_where_grafana_has_them(html: str) -> None:
    assert "grid-column:13/span 12;grid-row:2/span 8;" in html
    assert html.count("<article") == html.count("</article>") == 19


def test_charts_are_drawn_where_their_places_are(parsed: _Page) -> None:
    places = {said["id"] for tag, said in parsed.elements if said.get("class") == "chart"}
    (drawn,) = _unpacked(parsed)
    assert {place for place, _ in drawn} == places
    assert len(places) == 5
    for _, content in drawn:
        known = {each["id"] for each in content["doc"]["roots"]}
        assert content["root_id"] in known


def test_equal_values_are_an_equal_file(html: str) -> None:
    assert page(showcase(), REPORT) == html
    # In another process too, where sets have another order.
    script = (
        "from tests.unit.preview_showcase import *; from plugins.preview.page import page;"
        "from hashlib import sha256; print(sha256(page(showcase(), REPORT).encode()).hexdigest())"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == sha256(html.encode()).hexdigest()


def test_a_report_of_a_site_is_small(html: str) -> None:
    names = [f"10.0.0.{number}:9100 /some/path" for number in range(12)]
    panels = [panel("timeseries", (12 * (n % 2), 8 * (n // 2), 12, 8)) for n in range(8)]
    board = dashboard(*panels)
    results = {each.id: (waves(names),) for each in board.panels}
    made = page((Rendering(board, {}, results),), REPORT)
    beside = len(made) - len(charts.library())
    # 13 dashboards of 16 such panels, each with 12 series of 121 points.
    assert len(charts.library()) + 13 * 2 * beside < 5_000_000


def test_the_library_cannot_end_its_element() -> None:
    assert "</script" not in charts.library().lower()


def test_the_library_knows_nowhere_to_load_from() -> None:
    assert "bokeh" in charts.library()
    assert re.findall(r"""(?:src|href)\s*=\s*["'`]https?:[^"'`]*""", charts.library()) == []
    assert "://cdn." not in charts.library()


def test_a_row_that_is_shut_in_grafana_is_open_here() -> None:
    inner = [panel("text", (0, 1, 12, 4), options={"content": "inside"}, title="inside", id=9)]
    row = panel("row", (0, 0, 24, 1), collapsed=True, panels=inner, title="shut")
    below = panel("text", (0, 2, 12, 4), options={"content": "below"}, title="below")
    shut_too = panel("row", (0, 1, 24, 1), title="next")
    made = page((Rendering(dashboard(row, shut_too, below)),), REPORT)
    places = dict(re.findall(r"grid-row:(\d+)/[^>]*><h3>(inside|below)<", made))
    assert places == {"2": "inside", "7": "below"}


def test_a_dashboard_without_panels_is_a_page() -> None:
    assert _Page(page((Rendering(dashboard()),), REPORT)).open == []


def test_what_failed_in_part_is_told_beside_the_rest() -> None:
    board = dashboard(panel("timeseries", formats=("time_series", "time_series")))
    answers = (waves(("a",)), Result(question("B"), error="HTTP 503"))
    made = page((Rendering(board, {}, {board.panels[0].id: answers}),), REPORT)
    assert "no answer for a part: HTTP 503" in made
    assert 'class="chart"' in made
