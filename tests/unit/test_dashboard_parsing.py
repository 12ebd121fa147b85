"""Queries of a site's own dashboards that do not parse are refused, with file and panel."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyinfra
import pytest

from plugins.dashboards import drop_ins, examples, logql, promql
from plugins.dashboards.judges import UnjudgedError
from plugins.dashboards.site import site_dashboards
from plugins.problem import Problem
from plugins.site import Site
from tests.unit.dashboard_files import (
    LOKI,
    PROMETHEUS,
    Raw,
    board,
    made,
    panel,
    source,
    target,
    write,
)
from tests.unit.sites import compiled, on

KNOWN = {"prometheus-mon1": "prometheus", "loki-mon1": "loki"}


@pytest.fixture
def own(tmp_path: Path) -> Site:
    """A site with logs and a drop-in folder of its own."""
    return replace(compiled(on("mon1", "prometheus", "loki")), files=tmp_path)


@pytest.fixture(autouse=True)
def no_promtool(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is looked for, let alone built."""

    def none(artifact: str, program: str, site: Site) -> Path:
        raise UnjudgedError("there is none here")

    monkeypatch.setattr(drop_ins, "judge", none)


def problems_of(site: Site, *targets: Raw, listed: Sequence[Raw] = ()) -> list[str]:
    both = [source("prometheus"), source("loki")]
    raw = board(
        panel(1, title="Load", targets=list(targets)), templating={"list": [*both, *listed]}
    )
    write(site.files / "dashboards", "mine.json", raw)
    problems: list[Problem] = []
    site_dashboards(site, problems, KNOWN)
    return [str(problem) for problem in problems]


def test_promql_that_does_not_parse_is_refused(own: Site) -> None:
    (problem,) = problems_of(own, target("up"), target("sum by (job (up)", refId="B"))
    assert "mine.json: panel 'Load', query B: is no PromQL: " in problem
    assert "unclosed left parenthesis" in problem
    assert "Correct 'sum by (job (up)'" in problem


def test_what_the_sites_own_prometheus_takes_is_not_refused(
    own: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mock_accepted(text: str, promtool: Path) -> bool:
        return promtool == Path("promtool") and text == "1_000 + up"

    monkeypatch.setattr(drop_ins, "judge", lambda artifact, program, site: Path(program))
    monkeypatch.setattr(promql, "accepted", mock_accepted)
    (problem,) = problems_of(own, target("1_000 + up"), target("2_000 + up", refId="B"))
    assert "query B: is no PromQL" in problem


@pytest.mark.parametrize(
    "said",
    [
        None,
        "prometheus-mon1",
        "default",
        {"uid": "${prometheus}"},
        {"type": "prometheus", "uid": "prometheus-mon1"},
    ],
    ids=["default", "by name", "default in one word", "by variable", "by uid"],
)
def test_promql_is_known_by_its_datasource(own: Site, said: Any) -> None:
    raw = target("sum(", datasource=said)
    write(own.files / "dashboards", "mine.json", board(panel(1, datasource=said, targets=[raw])))
    problems: list[Problem] = []
    site_dashboards(own, problems, KNOWN)
    assert ["is no PromQL" in problem.what for problem in problems] == [True]


@pytest.mark.parametrize(
    ("expr", "listed"),
    [
        ("rate(${ns}_requests_total[$__rate_interval])", {"type": "query", "name": "ns"}),
        ("topk($n, up)", {"type": "textbox", "name": "n"}),
        ("rate(up[$window])", {"type": "interval", "name": "window", "query": "1m,5m"}),
        ("rate(up[$window])", {"type": "query", "name": "window"}),
        ("up > $limit", {"type": "custom", "name": "limit", "query": "few : 1, many : 9"}),
        ('up{job=~"${job:regex}"} offset $back', {"type": "textbox", "name": "back"}),
    ],
)
def test_variables_may_stand_for_words_numbers_and_spans(own: Site, expr: str, listed: Raw) -> None:
    assert problems_of(own, target(expr), listed=[listed]) == []


def test_a_variable_that_is_not_declared_does_not_parse(own: Site) -> None:
    (problem,) = problems_of(own, target("rate(up[$window])"))
    assert "is no PromQL" in problem


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("label_values(up{, job)", "up{"),
        ({"query": "query_result(sum((up))", "refId": "x"}, "sum((up)"),
        ('label_values(${ns}_requests_total{job=~"a,b"}, job)', ""),
        ("label_values(job)", ""),
        ("label_names()", ""),
    ],
)
def test_queries_of_variables_are_parsed_too(own: Site, query: Any, bad: str) -> None:
    listed = {"name": "job", "type": "query", "datasource": PROMETHEUS, "query": query}
    namespace = {"name": "ns", "type": "textbox"}
    found = problems_of(own, target("up"), listed=[listed, namespace])
    assert ["variable job: is no PromQL" in each for each in found] == ([True] if bad else [])
    assert all(each.endswith(f"Correct {bad!r}") for each in found)


def test_queries_of_annotations_are_parsed_too(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logql, "lokitool", lambda site: Path("lokitool"))
    monkeypatch.setattr(logql, "faults", MockLokitool("jsonn").faults)
    listed = [
        {"name": "restarts", "datasource": "prometheus-mon1", "expr": "changes(up[5m]"},
        {"name": "deploys", "datasource": LOKI, "target": {"expr": "{a='b'} | jsonn"}},
        {"name": "fine", "datasource": PROMETHEUS, "expr": "up"},
        {"name": "ours", "datasource": {"type": "datasource", "uid": "grafana"}},
    ]
    raw = board(
        panel(1),
        annotations={"list": listed},
        templating={"list": [source("prometheus"), source("loki")]},
    )
    write(own.files / "dashboards", "mine.json", raw)
    problems: list[Problem] = []
    site_dashboards(own, problems, KNOWN)
    assert [str(each).split(": ")[1:3] for each in problems] == [
        ["annotation restarts", "is no PromQL"],
        ["annotation deploys", "is no LogQL"],
    ]


class MockLokitool:
    """Refuses every text with a certain word in it, and counts how often it is run."""

    def __init__(self, word: str) -> None:
        self.word = word

    def faults(self, texts: Sequence[str], tool: Path) -> Mapping[str, str]:
        return {text: f"unexpected {self.word}" for text in texts if self.word in text}


def test_logql_is_judged_by_lokis_own_tool(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logql, "lokitool", lambda site: Path("lokitool"))
    monkeypatch.setattr(logql, "faults", MockLokitool("jsonn").faults)
    fine = target('{service="$s"} | json', datasource=LOKI)
    (problem,) = problems_of(own, fine, target("{a='b'} | jsonn", datasource=LOKI, refId="B"))
    assert "panel 'Load', query B: is no LogQL: unexpected jsonn" in problem


def test_logql_that_cannot_be_judged_is_said_and_not_refused(
    own: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none(site: Site) -> Path:
        raise UnjudgedError("no lokitool for riscv64")

    monkeypatch.setattr(logql, "lokitool", none)
    monkeypatch.setattr(pyinfra.logger, "propagate", True)
    with caplog.at_level(logging.WARNING):
        assert problems_of(own, target("{a='b'} | jsonn", datasource=LOKI)) == []
    assert "LogQL in mine.json was not checked: no lokitool for riscv64" in caplog.text


def test_without_logql_no_tool_is_looked_for(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(site: Site) -> Path:
        raise AssertionError("was looked for")

    monkeypatch.setattr(logql, "lokitool", none)
    assert problems_of(own, target("up")) == []


def test_another_program_in_its_place_is_not_taken_for_a_verdict(tmp_path: Path) -> None:
    tool = tmp_path / "lokitool"
    tool.write_text("#!/bin/sh\necho 'no such command' >&2\nexit 3\n")
    tool.chmod(0o755)
    with pytest.raises(UnjudgedError, match="failed: no such command"):
        logql.faults(["{a='b'}"], tool)
    with pytest.raises(UnjudgedError, match="does not run here"):
        logql.faults(["{a='b'}"], tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a='b'} |= `x`", True),
        ("  ({a='b'})", True),
        ("sum(rate({a='b'}[1m]))", False),
        ("count_over_time({a='b'}[1m])", False),
    ],
)
def test_queries_for_lines_are_told_from_those_for_numbers(text: str, expected: bool) -> None:
    assert logql.is_log_query(text) is expected
    assert logql.as_metric(text).startswith("count_over_time") is (expected or "count" in text)


def test_metrics_are_found_by_name_wherever_they_stand() -> None:
    expr = (
        'sum(rate(a_total{x="y"}[5m])) / (b > 0) or label_join({__name__="c"}, "v", "", "w")'
        ' or max_over_time(d[1h:1m]) or {__name__=~"e.*"}'
    )
    assert promql.metrics(expr) == {"a_total", "b", "c", "d"}


def test_queries_of_other_datasources_are_not_read_as_promql() -> None:
    sql = target("select 1", datasource={"type": "mysql", "uid": "crm"})
    assert list(examples.written(made(board(panel(1, targets=[sql]))))) == []
