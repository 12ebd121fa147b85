"""Every log rule fires and stays silent where it must: the real Loki is asked, with real lines."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Program
from tests.content.running import poll
from tests.content.running_loki import Lines, RunningLoki, running_loki
from tests.content.test_rule_mutations import mutated_expressions

FILES = Path(__file__).resolve().parents[2] / "files"
LOG_RULES = sorted((FILES / "log_rules").glob("*.yml"))
RUNBOOKS = sorted((FILES / "runbooks").glob("*.md"))
LOGQL_BLOCK = re.compile(r"^( *)```logql\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)
RULES = {
    rule["alert"]: rule
    for path in LOG_RULES
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
}
RULER_SECONDS = 60
MINUTE = 60.0


@dataclass(frozen=True)
class Case:
    """Lines of one environment, and what a rule finds in them.

    Attributes:
        alert: The rule.
        what: The case in words; it is the environment's name too.
        lines: What was logged.
        found: Values by service; empty if the rule must be silent.
    """

    alert: str
    what: str
    lines: tuple[Lines, ...]
    found: Mapping[str, float]


def lines(
    count: int,
    level: str = "info",
    body: str = "a line",
    *,
    ago: float = 10,
    kept: str = "application",
    service: str = "shop",
    **beside: str,
) -> Lines:
    labels = {"service": service, "host": "web1", "level": level, "class": kept}
    return Lines(count, body, labels, beside, ago)


def audit(
    count: int,
    event: str,
    outcome: str = "failure",
    *,
    kept: str = "audit",
    level: str = "warn",
    ago: float = 10,
) -> Lines:
    body = json.dumps({"message": f"audit: {event}", "audit": event, "outcome": outcome})
    return lines(count, level, body, ago=ago, kept=kept, audit=event)


def traceback(count: int, level: str, kept: str = "application") -> Lines:
    stack = "Traceback (most recent call last)\n  File 'x.py', line 1\nValueError"
    return lines(count, level, json.dumps({"message": "stops", "stack": stack}), kept=kept)


SHARE, LOGINS, DENIED, PANIC = (
    "HighErrorLogRate",
    "AuthenticationFailures",
    "AccessDenied",
    "PanicInLogs",
)
# What Loki writes of each evaluation of a rule: the rule must not find itself.
OWN_QUERY = f"level=info component=ruler query={json.dumps(RULES[PANIC]['expr'])}"

CASES = (
    Case(
        SHARE,
        "errors of both levels",
        (lines(300), lines(60, "error"), lines(40, "fatal")),
        {"shop": 0.25},
    ),
    Case(SHARE, "exactly a fifth", (lines(240), lines(60, "error")), {}),
    Case(SHARE, "exactly one line a second", (lines(225), lines(75, "error")), {"shop": 0.25}),
    Case(SHARE, "less than one line a second", (lines(199), lines(100, "error")), {}),
    Case(SHARE, "warnings", (lines(200), lines(200, "warn")), {}),
    Case(
        SHARE,
        "services apart",
        (lines(200, "error"), lines(100), lines(4000, service="web")),
        {"shop": 2 / 3},
    ),
    Case(SHARE, "errors that are over", (lines(300), lines(300, "error", ago=6 * MINUTE)), {}),
    Case(LOGINS, "failed logins", (audit(11, "authentication"),), {"shop": 11}),
    Case(LOGINS, "exactly ten failed logins", (audit(10, "authentication"),), {}),
    Case(
        LOGINS,
        "failed logins of both classes",
        (audit(6, "authentication"), audit(7, "authentication", kept="security", level="info")),
        {"shop": 13},
    ),
    Case(LOGINS, "good logins", (audit(40, "authentication", "success"),), {}),
    Case(LOGINS, "other failures", (audit(40, "data_access"),), {}),
    Case(LOGINS, "no audit events", (audit(40, "authentication", kept="application"),), {}),
    Case(
        LOGINS,
        "failed logins over ten minutes",
        (audit(10, "authentication"), audit(10, "authentication", ago=6 * MINUTE)),
        {},
    ),
    Case(
        LOGINS,
        "failed logins among what is no JSON",
        (
            audit(11, "authentication"),
            lines(40, "warn", "login failed {", kept="audit", audit="authentication"),
        ),
        {"shop": 11},
    ),
    Case(DENIED, "denied", (audit(21, "authorisation_failure"),), {"shop": 21}),
    Case(DENIED, "exactly twenty denied", (audit(20, "authorisation_failure"),), {}),
    Case(
        DENIED,
        "denied in both spellings",
        (
            audit(12, "authorisation_failure"),
            audit(13, "authorization_failure", kept="security"),
        ),
        {"shop": 25},
    ),
    Case(DENIED, "other audit events", (audit(40, "data_access"),), {}),
    Case(
        DENIED,
        "denied over ten minutes",
        (audit(20, "authorisation_failure"), audit(20, "authorisation_failure", ago=6 * MINUTE)),
        {},
    ),
    Case(
        PANIC, "a panic", (lines(1, body="panic: runtime error: index out of range"),), {"shop": 1}
    ),
    Case(
        PANIC,
        "panics of all kinds",
        (
            lines(1, body="fatal error: concurrent map writes"),
            lines(1, "unknown", "2026/11/21 10:00:00 http: panic serving 10.0.0.1:5000: boom"),
            lines(1, "unknown", "2026/11/21 10:00:00.000123 http: panic serving [::1]:5000: boom"),
        ),
        {"shop": 3},
    ),
    Case(
        PANIC,
        "fatal exceptions",
        (traceback(2, "fatal"), traceback(1, "fatal", "security")),
        {"shop": 3},
    ),
    Case(PANIC, "exceptions that were handled", (traceback(3, "error"), lines(3, "fatal")), {}),
    Case(PANIC, "panic as a word", (lines(3, body="no panic: all is well"),), {}),
    Case(PANIC, "its own query", (lines(3, body=OWN_QUERY, service="loki"),), {}),
    Case(PANIC, "a panic that is over", (lines(1, body="panic: boom", ago=11 * MINUTE),), {}),
    Case(
        PANIC,
        "a fatal exception that is over",
        (
            Lines(
                1,
                "Traceback (most recent call last)",
                {"service": "shop", "host": "web1", "level": "fatal", "class": "application"},
                ago=11 * MINUTE,
            ),
        ),
        {},
    ),
)


@pytest.fixture(scope="module")
def loki(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLoki]:
    """A Loki that holds the lines of every case."""
    with running_loki(program("loki", "loki"), tmp_path_factory.mktemp("loki")) as started:
        for case in CASES:
            started.push(
                Lines(
                    each.count,
                    each.body,
                    {**each.labels, "environment": case.what},
                    each.beside,
                    each.ago,
                )
                for each in case.lines
            )
        yield started


def found(loki: RunningLoki, alert: str, expr: str) -> dict[tuple[str, str], float] | str:
    """What an expression finds in the cases of an alert, by environment and service, or why not."""
    samples = loki.query(expr)
    if isinstance(samples, str):
        return samples
    mine = {case.what for case in CASES if case.alert == alert}
    return {
        (labels.get("environment", ""), labels.get("service", "")): round(value, 6)
        for labels, value in samples
        if labels.get("environment", "") in {*mine, ""}
    }


def expected(alert: str) -> dict[tuple[str, str], float]:
    return {
        (case.what, service): round(value, 6)
        for case in CASES
        if case.alert == alert
        for service, value in case.found.items()
    }


def lokitool_check(lokitool: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = (lokitool, "rules", "check", "--strict", file)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_log_rule_has_cases_that_fire_and_that_do_not() -> None:
    assert RULES
    assert {case.alert for case in CASES if case.found} == RULES.keys()
    assert {case.alert for case in CASES if not case.found} == RULES.keys()
    assert len({case.what for case in CASES}) == len(CASES)


@pytest.mark.parametrize("path", LOG_RULES, ids=lambda path: path.name)
def test_lokitool_accepts_the_rules(path: Path, program: Program) -> None:
    done = lokitool_check(program("loki", "lokitool"), path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lokitool_refuses_what_is_no_query(program: Program, tmp_path: Path) -> None:
    text = LOG_RULES[0].read_text()
    (tmp_path / "bad.yml").write_text(text.replace("sum by", "sum bye"))
    done = lokitool_check(program("loki", "lokitool"), tmp_path / "bad.yml")
    assert done.returncode == 1
    assert "could not parse expression" in done.stderr


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_the_log_queries_of_a_runbook_parse(path: Path, program: Program, tmp_path: Path) -> None:
    blocks = LOGQL_BLOCK.findall(path.read_text())
    queries = [q for indent, text in blocks for q in re.split(rf"\n{indent}(?=\S)", text.rstrip())]
    rules = [{"alert": f"Query{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": path.stem, "rules": rules}]}))
    done = lokitool_check(program("loki", "lokitool"), file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", sorted(RULES))
def test_a_rule_does_not_ask_for_what_the_ruler_forgets(alert: str) -> None:
    # Loki's ruler takes keep_firing_for, and drops it without a word.
    assert "keep_firing_for" not in RULES[alert]
    assert RULES[alert]["for"]


@pytest.mark.parametrize("alert", sorted(RULES))
def test_a_rule_finds_what_it_must_and_nothing_else(alert: str, loki: RunningLoki) -> None:
    assert found(loki, alert, RULES[alert]["expr"]) == expected(alert)


@pytest.mark.parametrize("alert", sorted(RULES))
def test_every_mutant_of_a_rule_is_noticed(alert: str, loki: RunningLoki) -> None:
    results = {
        what: found(loki, alert, expr) for what, expr in mutated_expressions(RULES[alert]["expr"])
    }
    # Streams cannot be selected by what they do not have: such a mutant is no query.
    queries = {what: result for what, result in results.items() if "parse error" not in result}
    assert len(queries) >= 3
    assert not [what for what, result in queries.items() if result == expected(alert)]


@pytest.mark.parametrize("alert", sorted(RULES))
def test_annotations_name_labels_that_the_alert_has(alert: str, loki: RunningLoki) -> None:
    rule = RULES[alert]
    samples = loki.query(rule["expr"])
    assert samples
    assert not isinstance(samples, str)
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    for labels, _ in samples:
        assert named <= labels.keys()


def test_the_ruler_loads_and_evaluates_every_rule(loki: RunningLoki) -> None:
    def loaded() -> dict[str, dict[str, Any]]:
        return {rule["name"]: rule for rule in loki.rules() if rule["name"] in RULES}

    def healthy() -> bool:
        return [rule["health"] for rule in loaded().values()] == ["ok"] * len(RULES)

    poll("all rules are evaluated without an error", healthy, RULER_SECONDS)
    seconds = {"1m": 60, "10m": 600}
    for name, rule in loaded().items():
        assert rule["duration"] == seconds[RULES[name]["for"]], name
        assert rule["labels"] == RULES[name]["labels"]
        assert rule["annotations"] == RULES[name]["annotations"]
