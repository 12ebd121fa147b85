"""The project's dashboards: the linter finds nothing, and the real programs take every query."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from plugins.dashboards.document import LIBRARY, Dashboard, library, read_raw
from plugins.dashboards.examples import written
from plugins.dashboards.fitting import fitted
from plugins.dashboards.lint import RULES, Library, lint, lint_logql
from plugins.dashboards.logql import faults
from plugins.dashboards.promql import accepted, fault
from tests.conftest import Program

OURS = library()
FAMILIES = sorted(
    {
        family
        for board in OURS
        for needs in (board.needs, *(panel.needs for panel in board.panels))
        for need in needs
        for family in need.split("|")
    }
)


def rules_of(*expressions: str) -> str:
    rules = [{"record": f"q{n}", "expr": text} for n, text in enumerate(expressions)]
    return yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]})


def promql(board: Dashboard) -> list[str]:
    """The queries of a dashboard to Prometheus, with example values."""
    return [query.texts[0] for query in written(board) if query.datasource == "prometheus"]


def checked(promtool: Path, folder: Path, *expressions: str) -> subprocess.CompletedProcess[str]:
    file = folder / "queries.yml"
    file.write_text(rules_of(*expressions))
    command = (promtool, "check", "rules", "--lint=none", file)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_there_are_dashboards_and_each_file_has_the_name_of_its_uid() -> None:
    assert OURS
    assert [each.file for each in OURS] == [LIBRARY / f"{each.uid}.json" for each in OURS]


def test_the_linter_finds_nothing() -> None:
    assert [str(finding) for finding in lint(OURS)] == []


@pytest.mark.parametrize(
    "board", [each for each in OURS if promql(each)], ids=lambda board: board.uid
)
def test_prometheus_own_checker_takes_every_query(
    board: Dashboard, promtool: Path, tmp_path: Path
) -> None:
    texts = promql(board)
    done = checked(promtool, tmp_path, *texts)
    assert done.returncode == 0, done.stdout + done.stderr


def test_most_dashboards_ask_prometheus() -> None:
    assert len([each for each in OURS if promql(each)]) > len(OURS) / 2


def test_it_refuses_what_is_none(promtool: Path, tmp_path: Path) -> None:
    assert checked(promtool, tmp_path, "up", "rate(up)").returncode != 0


def test_it_takes_what_is_newer_than_the_parser_and_nothing_else(promtool: Path) -> None:
    newer = "1_000 + up offset (1h * 2)"
    assert fault(newer)
    assert accepted(newer, promtool)
    assert not accepted("1_000 + rate(up)", promtool)


def test_lokis_own_tool_takes_every_query(program: Program) -> None:
    assert any(query.datasource == "loki" for board in OURS for query in written(board))
    assert lint_logql(OURS, program("loki", "lokitool")) == ()


def test_it_refuses_each_that_is_none_and_takes_the_others(program: Program) -> None:
    good = ['{a="b"} |= `x` | json | line_format "{{.msg}}"', 'sum(rate({a="b"}[1m]))']
    bad = {'{a="b"} | jsonn': "unexpected", 'sum(rate({a="b"}))': "syntax error", "up": "syntax"}
    found = faults([*good, *bad], program("loki", "lokitool"))
    assert found.keys() == bad.keys()
    assert not [text for text, reason in bad.items() if reason not in found[text]]


@pytest.mark.parametrize("absent", FAMILIES)
def test_a_site_without_a_family_has_dashboards_without_fault(absent: str) -> None:
    present = frozenset(FAMILIES) - {absent}
    raws = [(each, fitted(each, present)) for each in OURS]
    boards = tuple(read_raw(raw, each.file) for each, raw in raws if raw)
    left = Library(boards, frozenset(each.uid for each in OURS))
    for board in boards:
        for rule in ("grid", "datasource", "needs"):
            assert list(RULES[rule](board, left)) == [], board.uid
        undeclared = [words for _, words in RULES["variables"](board, left) if "not decl" in words]
        assert undeclared == [], board.uid


@pytest.mark.parametrize("absent", FAMILIES)
def test_what_needs_a_family_is_left_out_without_it(absent: str) -> None:
    present = frozenset(FAMILIES) - {absent}
    for board in OURS:
        raw = fitted(board, present)
        left = read_raw(raw, board.file).panels if raw else ()
        assert not [panel.title for panel in left if absent in panel.needs], board.uid
