"""Every panel of our dashboards has data on a site that has what it needs, or says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.machine import on, until
from tests.integration.project import Outcome, Project, words

BAD = ("EMPTY", "error")
MOST_BYTES = 5_000_000
# What only comes with time: a rate of what happens every few minutes, a first flush.
PATIENCE = 240
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}


def use(project: Project, seconds: int) -> None:
    """Requests to the application, as it would get from its users."""
    program = project.runtime.command("reference_app")
    on(project.machines["app1"], f"{program} traffic --seconds {seconds} --rate 20")


@pytest.fixture(scope="module")
def watched(shop: Project) -> Project:
    """The application's site after some traffic."""
    use(shop, 20)
    return shop


def asked(project: Project, *arguments: str) -> tuple[Outcome, list[dict[str, Any]]]:
    """What the check says, and every panel that it judged."""
    file = project.folder / "panels.json"
    file.unlink(missing_ok=True)
    outcome = project.run("dashboard_check.py", "--data", f"report={file}", *arguments)
    found: list[dict[str, Any]] = json.loads(file.read_text())["checks"] if file.exists() else []
    return outcome, found


def test_every_panel_has_data_or_says_why_it_may_have_none(watched: Project) -> None:
    last: list[Outcome] = []

    def holds() -> bool:
        # Nobody else uses it, and of no request there is no duration.
        use(watched, 5)
        outcome, _ = asked(watched)
        last[:] = [outcome]
        return outcome.code == 0

    try:
        until(holds, PATIENCE, "every panel to have data")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{last[0].output}") from None
    outcome, panels = asked(watched)
    with_data = [panel for panel in panels if panel["seen"].startswith("has data")]
    assert len(with_data) > 100
    assert {panel["component"] for panel in with_data} >= {
        "stackwatch-stack",
        "stackwatch-application",
        "stackwatch-business",
        "stackwatch-system",
        "stackwatch-logs",
        "stackwatch-traces",
    }
    assert words(outcome.output, ["Every panel that must show something does."]) == []
    assert not [panel for panel in panels if panel["seen"].startswith(BAD)]


def test_panels_for_what_the_site_has_not_are_not_asked(watched: Project) -> None:
    outcome, panels = asked(watched)
    assert not {panel["component"] for panel in panels} & {"stackwatch-nats"}
    assert "Left out, since the site has nothing for them" in outcome.output


def test_the_preview_shows_every_dashboard_with_its_values(watched: Project) -> None:
    file = watched.folder / "site.html"
    outcome = watched.run("preview.py", "--data", f"preview={file}")
    assert outcome.code == 0, outcome.output
    page = file.read_text()
    assert len(page) < MOST_BYTES
    _, panels = asked(watched)
    boards = {panel["component"] for panel in panels}
    assert {uid for uid in boards if f'id="d-{uid}"' not in page} == set()
    # Of the table of components: where, and which version.
    assert words(page, ["mon1:9090", "3.14.0", "reference_app"]) == []
    assert "http-equiv" in page and "<script src" not in page


def drop_in(project: Project, *expressions: str) -> Path:
    panels = [
        {
            "id": number,
            "type": "timeseries",
            "title": f"Panel {number}",
            "datasource": PROMETHEUS,
            "gridPos": {"x": 0, "y": 8 * number, "w": 24, "h": 8},
            "targets": [{"refId": "A", "expr": expression}],
        }
        for number, expression in enumerate(expressions, 1)
    ]
    raw = {
        "uid": "mine",
        "title": "Mine",
        "panels": panels,
        "templating": {
            "list": [{"name": "prometheus", "type": "datasource", "query": "prometheus"}]
        },
    }
    file = project.drop_ins / "dashboards" / "mine.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(raw))
    return file


def test_a_query_that_fails_and_one_that_finds_nothing_are_told(watched: Project) -> None:
    file = drop_in(
        watched,
        "up",
        "up + on () up",
        "rate(no_such_metric_total[5m])",
        'up{job="nobody"} / on () count(up)',
        "sum(up) > 1000000",
    )
    try:
        outcome, panels = asked(watched, "--data", "dashboard=mine")
    finally:
        file.unlink()
    assert outcome.code == 1, outcome.output
    one, two, three, four, five = (panel["seen"] for panel in panels)
    assert one.startswith("has data: ")
    assert two.startswith("error: A: ")
    assert "found duplicate series" in two
    assert three == "EMPTY: no series of no_such_metric_total"
    assert four == 'EMPTY: no series match up{job="nobody"}'
    assert five.startswith("EMPTY: every selector has series")
    expected = ["5 panels of 1 dashboard: 1 have data", "3 are EMPTY", "1 could not be asked"]
    assert words(outcome.output, expected) == [], outcome.output


def test_a_query_that_does_not_parse_is_told_before_any_is_asked(watched: Project) -> None:
    file = drop_in(watched, "sum by (job (up)")
    try:
        outcome, panels = asked(watched)
    finally:
        file.unlink()
    assert outcome.code == 1
    assert panels == []
    expected = ["mine.json: panel 'Panel 1', query A: is no PromQL", "unclosed left parenthesis"]
    assert words(outcome.output, expected) == [], outcome.output


def test_a_dashboard_that_is_not_there_is_told_with_the_nearest(watched: Project) -> None:
    outcome, _ = asked(watched, "--data", "dashboard=stackwatch-sistem")
    assert outcome.code == 1
    assert words(outcome.output, ["Did you mean 'stackwatch-system'?"]) == []
