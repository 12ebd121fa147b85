"""Every alert rule is complete, has a runbook, and has tests in which it fires and does not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

FILES = Path(__file__).resolve().parents[2] / "files"
RULES = sorted(p for p in (FILES / "rules").glob("*.yml") if not p.name.endswith(".test.yml"))
TESTS = sorted((FILES / "rules").glob("*.test.yml"))
# Alerts on log lines, which Loki evaluates: test_log_rules.py asks it.
LOG_RULES = sorted((FILES / "log_rules").glob("*.yml"))
RUNBOOKS = sorted((FILES / "runbooks").glob("*.md"))

RUNBOOK_BASE = "https://runbooks.example.org/"
LABELS: Mapping[str, frozenset[str]] = {
    "severity": frozenset({"critical", "warning", "info"}),
    "priority": frozenset({"P0", "P1", "P2", "P3"}),
    "team": frozenset({"platform"}),
}
ANNOTATIONS = frozenset({"summary", "description", "runbook_url"})
RUNBOOK_SECTIONS = (
    "Symptoms",
    "Impact",
    "Investigation",
    "Resolution",
    "Escalation",
    "Prevention",
)
# A dead-man alert fires at all times: it has no urgency, and no case in which it is silent.
DEAD_MAN = "Watchdog"
YAMLLINT = FILES.parent / ".yamllint"

# A block of queries: each starts at the block's own indentation, and goes on where it is deeper.
PROMQL_BLOCK = re.compile(r"^( *)```promql\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)

Rule = dict[str, Any]


def stem(path: Path) -> str:
    """Name a parametrised case after its file."""
    return path.name


def alerts(path: Path) -> list[Rule]:
    """Return the alerting rules of a rules file."""
    groups = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def expectations(path: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what a test file expects: an alert's name and the severities that fire."""
    for case in yaml.safe_load(path.read_text())["tests"]:
        for check in case.get("alert_rule_test", []):
            firing = check.get("exp_alerts") or []
            yield (
                check["alertname"],
                frozenset(alert["exp_labels"]["severity"] for alert in firing),
            )


def queries(runbook: Path) -> list[str]:
    """Return the PromQL queries of a runbook."""
    blocks = PROMQL_BLOCK.findall(runbook.read_text())
    return [q for indent, text in blocks for q in re.split(rf"\n{indent}(?=\S)", text.rstrip())]


def run(*command: str | Path) -> None:
    """Run a checker, and fail with all it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_found() -> None:
    assert RULES, f"no rules in {FILES / 'rules'}"
    assert LOG_RULES, f"no rules in {FILES / 'log_rules'}"


def test_yaml_is_clean() -> None:
    run(sys.executable, "-m", "yamllint", "--strict", "-c", YAMLLINT, *RULES, *TESTS, *LOG_RULES)


@pytest.mark.parametrize("path", (*RULES, *LOG_RULES), ids=stem)
def test_a_file_is_one_group_of_its_name(path: Path) -> None:
    assert [group["name"] for group in yaml.safe_load(path.read_text())["groups"]] == [path.stem]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", path.stem)


def test_alert_names_are_unique_by_severity() -> None:
    names = [
        (rule["alert"], rule["labels"]["severity"])
        for path in (*RULES, *LOG_RULES)
        for rule in alerts(path)
    ]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("path", (*RULES, *LOG_RULES), ids=stem)
def test_labels_and_annotations_are_complete(path: Path) -> None:
    for rule in alerts(path):
        assert set(rule["labels"]) == set(LABELS), rule["alert"]
        allowed = dict(LABELS)
        if rule["alert"] == DEAD_MAN:
            allowed |= {"severity": frozenset({"none"}), "priority": frozenset({"none"})}
        for label, value in rule["labels"].items():
            assert value in allowed[label], (rule["alert"], label)
        assert set(rule["annotations"]) == ANNOTATIONS, rule["alert"]
        for name, text in rule["annotations"].items():
            assert text.strip() == text != "", (rule["alert"], name)


@pytest.mark.parametrize("path", (*RULES, *LOG_RULES), ids=stem)
def test_runbooks_exist_and_are_whole(path: Path) -> None:
    for rule in alerts(path):
        url = rule["annotations"]["runbook_url"]
        assert url.startswith(RUNBOOK_BASE), rule["alert"]
        runbook = FILES / "runbooks" / f"{url.removeprefix(RUNBOOK_BASE)}.md"
        assert runbook.is_file(), f"{rule['alert']}: {runbook} is missing"
        text = runbook.read_text()
        assert rule["alert"] in text, f"{runbook.name} does not name {rule['alert']}"
        sections = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert tuple(sections) == RUNBOOK_SECTIONS, runbook.name


@pytest.mark.parametrize("path", RUNBOOKS, ids=stem)
def test_the_queries_of_a_runbook_parse(path: Path, promtool: Path, tmp_path: Path) -> None:
    rules = [{"record": f"query_{n}", "expr": query} for n, query in enumerate(queries(path))]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": path.stem, "rules": rules}]}))
    run(promtool, "check", "rules", file)


@pytest.mark.parametrize("path", RULES, ids=stem)
def test_every_alert_is_tested_firing_and_silent(path: Path) -> None:
    tests = path.with_name(f"{path.stem}.test.yml")
    assert tests.is_file(), f"{tests.name} is missing"
    expected = list(expectations(tests))
    for rule in alerts(path):
        name, severity = rule["alert"], rule["labels"]["severity"]
        states = {severity in firing for alert, firing in expected if alert == name}
        assert True in states, f"{name} ({severity}) never fires in {tests.name}"
        if name != DEAD_MAN:
            assert False in states, f"{name} ({severity}) is never silent in {tests.name}"


@pytest.mark.parametrize("path", TESTS, ids=stem)
def test_a_test_file_belongs_to_the_rules_beside_it(path: Path) -> None:
    rules = f"{path.name.removesuffix('.test.yml')}.yml"
    assert yaml.safe_load(path.read_text())["rule_files"] == [rules]
    assert path.with_name(rules).is_file()


@pytest.mark.parametrize("path", RULES, ids=stem)
def test_promtool_accepts_the_rules(path: Path, promtool: Path) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", TESTS, ids=stem)
def test_promtool_passes_the_tests(path: Path, promtool: Path) -> None:
    run(promtool, "test", "rules", path)
