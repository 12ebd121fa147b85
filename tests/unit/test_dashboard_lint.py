"""Every rule of the linter finds what it is for, and nothing in a dashboard without fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.dashboards import __main__ as command
from plugins.dashboards import logql
from plugins.dashboards.judges import UnjudgedError
from plugins.dashboards.lint import RULES, lint, lint_logql
from tests.unit.dashboard_files import (
    LOKI,
    PROMETHEUS,
    Raw,
    board,
    made,
    needs,
    panel,
    row,
    source,
    target,
    write,
)

Break = Callable[[Raw], None]


def fine() -> Raw:
    """A dashboard with a bit of everything and no fault."""
    link = {"title": "itself", "url": "/d/stackwatch-test?var-job=$job"}
    job = {
        "name": "job",
        "type": "query",
        "query": "label_values(up, job)",
        "datasource": PROMETHEUS,
    }
    first = panel(
        1,
        at=(0, 1, 12, 8),
        targets=[target('rate(up{job="$job"}[$__rate_interval])'), target("up", refId="B")],
        links=[link],
        **needs("prometheus", "loki|jaeger", empty="no errors"),
    )
    lines = target('{service="$job"} |= "x"', datasource=LOKI, legendFormat="")
    logs = panel(
        2,
        at=(12, 1, 12, 8),
        type="logs",
        datasource=LOKI,
        targets=[lines],
        fieldConfig={"defaults": {}},
        **needs("loki"),
    )
    text = {
        "id": 3,
        "type": "text",
        "title": "Read me",
        "gridPos": {"x": 0, "y": 9, "w": 24, "h": 2},
    }
    unit = {"matcher": {}, "properties": [{"id": "unit", "value": "s"}]}
    table = panel(
        6,
        at=(0, 12, 24, 8),
        type="table",
        targets=[target("up", format="table", legendFormat="")],
        fieldConfig={"defaults": {}, "overrides": [unit]},
        transformations=[{"id": "x", "options": {"renamePattern": "$1"}}],
        title="Panel 1",
        **needs("prometheus"),
    )
    return board(
        row(4, 0),
        first,
        logs,
        text,
        row(5, 11, table),
        row(7, 12),
        templating={"list": [source("prometheus"), source("loki"), job]},
        links=[link, {"title": "all", "type": "dashboards", "tags": ["stackwatch"]}],
        annotations={"list": [{"name": "own", "datasource": "-- Grafana --"}]},
        stackwatch={"folder": "Stack", "needs": ["prometheus"]},
    )


def findings(*raws: Raw) -> list[tuple[str, str, str]]:
    return [(f.rule, f.panel, f.words) for f in lint([made(raw) for raw in raws])]


def test_a_dashboard_without_fault_has_no_findings() -> None:
    assert findings(fine()) == []


def at(*path: Any) -> Callable[[Any], Break]:
    """Breaks the value at a path, or takes it away (None)."""

    def to(value: Any) -> Break:
        def change(raw: Raw) -> None:
            found: Any = raw
            for key in path[:-1]:
                found = found[key]
            if value is None:
                del found[path[-1]]
            else:
                found[path[-1]] = value

        return change

    return to


FIRST = ("panels", 1)
QUERY = (*FIRST, "targets", 0)
LOGS = ("panels", 2)
TABLE = ("panels", 4, "panels", 0)
BY_NAME = {"type": "prometheus", "uid": "Prometheus"}
WRONG_TYPE = {"type": "loki", "uid": "${prometheus}"}

MUTANTS: list[tuple[str, Break, str]] = [
    ("unit", at(*FIRST, "fieldConfig", "defaults")({}), "panel 'Panel 1'"),
    ("unit", at(*TABLE, "fieldConfig", "overrides")([]), "panel 'Panel 1'"),
    ("description", at(*FIRST, "description")(" "), "panel 'Panel 1'"),
    ("description", at(*LOGS, "description")(None), "panel 'Panel 2'"),
    ("legend", at(*QUERY, "legendFormat")(""), "panel 'Panel 1', query A"),
    ("legend", at(*QUERY, "legendFormat")("__auto"), "panel 'Panel 1', query A"),
    ("ids", at(*LOGS, "id")(1), "panel 'Panel 2'"),
    ("ids", at(*LOGS, "id")(-1), "panel 'Panel 2'"),
    ("ids", at(*TABLE, "id")(1), "panel 'Panel 1'"),
    ("ids", at("panels", 0, "id")(0), "panel 'Row 4'"),
    ("ids", at(*QUERY, "refId")("B"), "panel 'Panel 1'"),
    ("ids", at(*QUERY, "refId")(None), "panel 'Panel 1'"),
    ("grid", at(*FIRST, "gridPos", "w")(13), "panel 'Panel 2'"),
    ("grid", at(*LOGS, "gridPos", "x")(13), "panel 'Panel 2'"),
    ("grid", at(*LOGS, "gridPos", "h")(9), "panel 'Read me'"),
    ("grid", at(*FIRST, "gridPos", "h")(0), "panel 'Panel 1'"),
    ("grid", at(*TABLE, "gridPos", "w")(25), "panel 'Panel 1'"),
    ("datasource", at(*FIRST, "datasource")(BY_NAME), "panel 'Panel 1'"),
    ("datasource", at(*FIRST, "datasource")(None), "panel 'Panel 1'"),
    ("datasource", at(*QUERY, "datasource")(BY_NAME), "panel 'Panel 1', query A"),
    ("datasource", at(*QUERY, "datasource")(WRONG_TYPE), "panel 'Panel 1', query A"),
    ("datasource", at(*QUERY, "datasource")("${job}"), "panel 'Panel 1', query A"),
    ("datasource", at("templating", "list", 2, "datasource")(BY_NAME), "variable 'job'"),
    ("datasource", at("annotations", "list", 0, "datasource")(BY_NAME), "annotation 'own'"),
    ("deprecated", at(*FIRST, "type")("graph"), "panel 'Panel 1'"),
    ("deprecated", at(*FIRST, "type")("singlestat"), "panel 'Panel 1'"),
    ("links", at(*FIRST, "links", 0, "url")("/d/stackwatch-gone"), "panel 'Panel 1'"),
    ("links", at("links", 0, "url")("d/../d/gone/name?x=1"), ""),
    ("query", at(*QUERY, "expr")("sum(up"), "panel 'Panel 1', query A"),
    ("query", at(*QUERY, "expr")("rate(up{job='$job'})"), "panel 'Panel 1', query A"),
    ("query", at(*QUERY, "expr")(" "), "panel 'Panel 1', query A"),
    ("query", at(*FIRST, "targets")([]), "panel 'Panel 1'"),
    ("needs", at("stackwatch", "needs")(["promethius"]), ""),
    ("needs", at(*FIRST, "stackwatch", "needs")(["prometheus", "loki|jeager"]), "panel 'Panel 1'"),
    ("needs", at(*LOGS, "stackwatch", "needs")([]), "panel 'Panel 2'"),
    ("needs", at(*FIRST, "stackwatch", "empty")(" "), "panel 'Panel 1'"),
    ("title", at(*LOGS, "title")("Panel 1"), "panel 'Panel 1'"),
    ("title", at(*FIRST, "title")(""), "panel ''"),
    ("variables", at(*QUERY, "expr")("up{host='$host'}"), "panel 'Panel 1'"),
    ("variables", at(*FIRST, "title")("Of ${host}"), "panel 'Of ${host}'"),
    ("variables", at(*FIRST, "repeat")("host"), "panel 'Panel 1'"),
    ("variables", at("templating", "list", 2, "query")("label_values($x, job)"), "variable 'job'"),
    (
        "variables",
        at("templating", "list", 1)({"name": "spare", "type": "textbox"}),
        "variable 'spare'",
    ),
]


@pytest.mark.parametrize(("rule", "change", "place"), MUTANTS)
def test_a_broken_dashboard_is_found_by_the_rule_it_breaks(
    rule: str, change: Break, place: str
) -> None:
    raw = json.loads(json.dumps(fine()))
    change(raw)
    assert (rule, place) in {(found, where) for found, where, _ in findings(raw)}


def test_every_rule_has_a_dashboard_that_breaks_it() -> None:
    assert {rule for rule, _, _ in MUTANTS} == RULES.keys()


def test_two_dashboards_of_one_title_are_found() -> None:
    found = findings(fine(), {**fine(), "uid": "stackwatch-other"})
    assert [(rule, where) for rule, where, _ in found] == [("title", ""), ("title", "")]


def test_links_may_lead_to_dashboards_that_are_not_looked_at() -> None:
    raw = json.loads(json.dumps(fine()))
    raw["links"][0]["url"] = "/d/stackwatch-other"
    assert [f.rule for f in lint([made(raw)])] == ["links"]
    assert lint([made(raw)], known=["stackwatch-other"]) == ()


def test_a_finding_says_file_panel_rule_and_words() -> None:
    raw = fine()
    raw["panels"][1]["type"] = "graph"
    (found,) = (f for f in lint([made(raw)]) if f.rule == "deprecated")
    assert str(found) == (
        "files/stackwatch-test.json: panel 'Panel 1': deprecated: "
        "has the deprecated type 'graph': take 'timeseries'"
    )


def test_logql_is_found_by_what_lokitool_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def mock_faults(texts: list[str], tool: Path) -> dict[str, str]:
        return {text: "unexpected |=" for text in texts if "|=" in text}

    monkeypatch.setattr(logql, "faults", mock_faults)
    (found,) = lint_logql([made(fine())], Path("lokitool"))
    assert (found.rule, found.panel) == ("query", "panel 'Panel 2', query A")
    assert found.words == "is no LogQL: unexpected |="


def test_the_command_tells_findings_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path, "good.json", board(panel(1, **needs("prometheus"))))
    assert command.main(["lint", str(good)]) == 0
    assert capsys.readouterr().out == "1 dashboards: nothing is wrong.\n"
    bad = write(tmp_path, "bad.json", board(panel(1, type="graph", **needs("prometheus"))))
    (tmp_path / "none.json").write_text("{")
    assert command.main(["lint", str(good), str(bad), str(tmp_path / "none.json")]) == 1
    out = capsys.readouterr().out
    assert "none.json: is no valid JSON" in out
    assert f"{bad}: panel 'Panel 1': deprecated: " in out
    assert out.splitlines()[-1].endswith("findings.")


def test_the_command_says_when_logql_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Path:
        raise UnjudgedError("there is none for riscv64")

    monkeypatch.setattr(logql, "lokitool", none)
    path = write(tmp_path, "stackwatch-test.json", fine())
    assert command.main(["lint", str(path)]) == 0
    assert "LogQL was not judged: there is none for riscv64" in capsys.readouterr().err


def test_wrong_usage_ends_with_two() -> None:
    with pytest.raises(SystemExit) as error:
        command.main(["mend"])
    assert error.value.code == 2
