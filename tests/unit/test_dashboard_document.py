"""A dashboard file is read, or refused with file and panel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plugins.dashboards.document import DashboardError, Grid, Threshold, named, parse, read
from tests.unit.dashboard_files import LOKI, board, made, needs, panel, row, source, target

FILE = Path("mine/queue.json")


def refused(text: str) -> list[str]:
    with pytest.raises(DashboardError) as error:
        parse(text, FILE)
    return [str(problem) for problem in error.value.problems]


def test_a_dashboard_is_read_with_panels_out_of_their_rows() -> None:
    steps = [{"value": None, "color": "green"}, {"value": 80, "color": "red"}]
    first = panel(
        1,
        at=(0, 0, 12, 8),
        targets=[
            target("up", instant=True, format="table"),
            target("{a='b'}", refId="B", datasource=LOKI),
        ],
        fieldConfig={"defaults": {"unit": "s", "thresholds": {"steps": steps}}},
        **needs("loki", "a|b", empty="no errors"),
    )
    found = made(board(first, row(2, 8, panel(3)), panel(4)))
    assert (found.uid, found.folder, found.tags) == ("stackwatch-test", "Stack", ("stackwatch",))
    assert [each.id for each in found.panels] == [1, 3, 4]
    assert [each.id for each in found.rows] == [2]
    one = found.panels[0]
    assert (one.needs, one.empty, one.unit) == (("loki", "a|b"), "no errors", "s")
    assert one.grid == Grid(0, 0, 12, 8)
    assert one.thresholds == (Threshold(None, "green"), Threshold(80, "red"))
    asked = [(each.ref, each.datasource, each.uid, each.instant) for each in one.targets]
    assert asked == [("A", "prometheus", "${prometheus}", True), ("B", "loki", "${loki}", False)]
    assert one.targets[0].format == "table"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"uid": "${prometheus}"}, ("prometheus", "${prometheus}")),
        ("$prometheus", ("prometheus", "$prometheus")),
        ("Thanos", ("", "Thanos")),
        (None, ("prometheus", "${prometheus}")),
    ],
    ids=["type of its variable", "as text", "by name", "of its panel"],
)
def test_a_query_has_the_datasource_it_names_or_its_panels(
    said: Any, expected: tuple[str, str]
) -> None:
    found = made(board(panel(1, targets=[target("up", datasource=said)])))
    (query,) = found.panels[0].targets
    assert (query.datasource, query.uid) == expected


def test_variables_have_their_query_as_text_however_it_is_written() -> None:
    listed = [
        source("prometheus"),
        {
            "name": "job",
            "type": "query",
            "query": {"query": "label_values(up, job)", "refId": "x"},
            "multi": True,
            "includeAll": True,
            "regex": "/a/",
        },
        {"name": "service", "type": "query", "query": {"label": "service", "stream": "{a='b'}"}},
    ]
    _, job, service = made(board(panel(1), templating={"list": listed})).variables
    assert (job.query, job.multi, job.include_all, job.regex) == (
        "label_values(up, job)",
        True,
        True,
        "/a/",
    )
    assert service.query == "service"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "mine/queue.json: is no valid JSON: Expecting property name"),
        ("[]", "mine/queue.json: is no dashboard but list"),
        ("[" * 100_000, "mine/queue.json: is no valid JSON: more than 100 lists and objects"),
        (
            json.dumps({**board(panel(1)), "x": json.loads("[" * 300 + "]" * 300)}),
            "mine/queue.json: is no valid JSON: more than 100 lists and objects",
        ),
        (
            json.dumps(board(panel(1, interval=float("nan")))),
            "mine/queue.json: is no valid JSON: NaN is no number",
        ),
        (
            json.dumps(board(panel(1, at=(0, 0, 1, 1), gridPos={"x": float("inf")}))),
            "mine/queue.json: is no valid JSON: Infinity is no number",
        ),
        (
            json.dumps({**board(panel(1)), "description": "a\ud800"}),
            "mine/queue.json: is no valid JSON: 'utf-8' codec can't encode",
        ),
        ("{}", "mine/queue.json: is no dashboard: it has no list `panels`"),
        (
            json.dumps({"dashboard": {"panels": []}, "meta": {}}),
            "mine/queue.json: is an answer of Grafana's API, not a dashboard. Keep only",
        ),
        (
            json.dumps({"apiVersion": "v2", "spec": {"elements": {}}}),
            "mine/queue.json: is written in Grafana's new schema",
        ),
        (
            json.dumps({**board(panel(1)), "__inputs": [{"name": "DS_PROM"}]}),
            "mine/queue.json: wants to be asked for DS_PROM when it is imported",
        ),
        (json.dumps({**board(), "uid": ""}), "mine/queue.json: has no uid"),
        (json.dumps({**board(), "uid": "a/b"}), "has the uid 'a/b', which Grafana refuses"),
        (json.dumps({**board(), "title": " "}), "mine/queue.json: has no title"),
        (
            json.dumps(board(panel(1, title="Load", gridPos={"x": "left"}))),
            "mine/queue.json: panel 'Load': gridPos.x: input should be a valid number",
        ),
        (json.dumps(board({"id": 1, "title": "Load"})), "panel 'Load': type: field required"),
        (json.dumps(board("x")), "mine/queue.json: panel 1: "),  # type: ignore[arg-type]
        (
            json.dumps(board(panel(1, title="Load", targets=["up"]))),
            "panel 'Load': targets.0: input",
        ),
        (
            json.dumps({**board(), "templating": {"list": [{"name": "job"}]}}),
            "mine/queue.json: variable or annotation 'job': type: field required",
        ),
        (
            json.dumps(board(row(1, 0, panel(2, title="Load", datasource=[5])))),
            "mine/queue.json: panel 'Load': datasource: is no datasource",
        ),
        (json.dumps({**board(), "annotations": 5}), "mine/queue.json: annotations: input should"),
    ],
)
def test_what_is_no_dashboard_is_told_with_file_and_panel(text: str, expected: str) -> None:
    (problem,) = refused(text)
    assert expected in problem


def test_every_reason_is_told_at_once() -> None:
    raw = {**board({"id": 1}, {"id": 2}), "uid": None, "title": None}
    assert len(refused(json.dumps(raw))) == 4


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(DashboardError, match=r"x\.json: cannot be read"):
        read(tmp_path / "x.json")


def test_variables_are_found_in_every_spelling() -> None:
    assert named("${a:regex} $b [[c]] ${d.x} $__interval") == {"a", "b", "c", "d", "__interval"}
