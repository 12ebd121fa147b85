"""Prove: what a host answers, judged. Reading is one command a host; judging is pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from plugins.model import Check, CheckKind, Component
from plugins.runtimes.systemd import unit_name
from plugins.scripts import script


@dataclass(frozen=True)
class CheckResult:
    """One check, done.

    Attributes:
        host: Inventory name.
        component: Component it belongs to.
        name: What was checked.
        ok: Whether it holds.
        where: URL or unit.
        expected: What should have been seen.
        seen: What was seen.
    """

    host: str
    component: str
    name: str
    ok: bool
    where: str
    expected: str
    seen: str


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; status 0 means there was none and the body holds curl's words."""

    status: int
    body: str


@dataclass(frozen=True)
class Answers:
    """What one host said.

    Attributes:
        units: Unit to its active state and automatic restarts, for example ``active (running)``.
        answers: In the order the URLs were asked.
    """

    units: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()


def parse_answers(lines: list[str]) -> Answers:
    """Read the output of ``check.sh``.

    Raises:
        FactProcessError: The output was cut off.
    """
    if not lines or lines[-1] != "#end":
        raise FactProcessError("the answers of the host were cut off: the connection broke?")
    units: dict[str, str] = {}
    shown: dict[str, str] = {}
    answers: list[tuple[int, list[str]]] = []
    for line in lines[1:-1]:
        if line.startswith("#answer "):
            answers.append((int(line.split()[2]), []))
        elif answers:
            answers[-1][1].append(line[1:])
        elif line:
            key, _, value = line.partition("=")
            shown[key] = value
        if shown.keys() >= {"Id", "ActiveState", "SubState", "NRestarts"}:
            units[shown["Id"]] = f"{shown['ActiveState']} ({shown['SubState']})"
            shown = {}
    return Answers(units, tuple(Answer(status, "\n".join(body)) for status, body in answers))


class StackwatchAnswers(FactBase[Answers]):
    """
    Returns what a host's units and HTTP endpoints say, read in one command.

    + asked: pairs of ``status`` or ``body`` and a URL
    """

    default: Callable[[], Answers] = staticmethod(Answers)

    def command(self, asked: tuple[tuple[str, str], ...] = ()) -> str:
        """The script with its arguments."""
        words = (word for pair in asked for word in pair)
        return f"set -- {' '.join(shlex.quote(word) for word in words)}\n{script('check')}"

    def process(self, output: list[str]) -> Answers:
        """Parse the script's output."""
        return parse_answers(output)


# What takes seconds to become true after a change.
DEEP = frozenset({CheckKind.TARGETS_UP, CheckKind.PROBES, CheckKind.WATCHDOG})
# What is not read but done; see plugins.delivery.
DONE = frozenset({CheckKind.DELIVERY})


def asked(components: Iterable[Component], deep: bool) -> tuple[tuple[Component, Check], ...]:
    """The checks of a host's components that one reading answers.

    Args:
        components: Of one host.
        deep: Those that take seconds to become true, instead of the quick ones.
    """
    return tuple(
        (component, check)
        for component in components
        for check in component.checks
        if check.kind not in DONE and (check.kind in DEEP) == deep
    )


def questions(checks: Iterable[tuple[Component, Check]]) -> tuple[tuple[str, str], ...]:
    """The URLs to read, as :class:`StackwatchAnswers` takes them."""
    return tuple(
        ("status" if check.kind is CheckKind.HTTP else "body", check.endpoint.local_url)
        for _, check in checks
    )


Verdict = tuple[bool, str, str]


def _json(answer: Answer) -> Any:
    """The parsed body of a successful answer, else None (status and body say why)."""
    try:
        return json.loads(answer.body) if answer.status == 200 else None
    except ValueError:
        return None


def _seen(answer: Answer) -> str:
    words = " ".join(answer.body.split())[:200]
    return f"HTTP {answer.status} {words}".strip() if answer.status else words or "no answer"


def _http(answer: Answer, check: Check) -> Verdict:
    ok = 200 <= answer.status < 300
    return ok, "HTTP 2xx", f"HTTP {answer.status}" if ok else _seen(answer)


def _listed(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more


def _targets(answer: Answer, check: Check) -> Verdict:
    """Every expected target is there and none is down; one not scraped yet is told.

    After a start or a reload a target has no health until its next scrape.
    """
    return _target_verdict(answer, check, accepted=frozenset({"up", "unknown"}))


def _targets_up(answer: Answer, check: Check) -> Verdict:
    """Every expected target is there and was scraped with success."""
    return _target_verdict(answer, check, accepted=frozenset({"up"}))


def _target_verdict(answer: Answer, check: Check, accepted: frozenset[str]) -> Verdict:
    wanted = f"{len(check.expected)} targets up"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    expected = frozenset(check.expected)
    found = {
        name: target
        for target in body["data"]["activeTargets"]
        if (name := f"{target['labels']['job']} {target['labels']['instance']}") in expected
    }
    bad = [
        f"{name} is {target['health']}: {target['lastError'] or 'not scraped yet'}"
        for name, target in found.items()
        if target["health"] not in accepted
    ]
    missing = expected - found.keys()
    faults = [f"missing: {_listed(missing)}"] if missing else []
    faults += [_listed(bad)] if bad else []
    up = sum(target["health"] == "up" for target in found.values())
    waiting = f", {len(found) - up} not scraped yet" if up < len(found) else ""
    return not faults, wanted, "; ".join(faults) or f"{up} up{waiting}"


def _rules(answer: Answer, check: Check) -> Verdict:
    """Every expected rule group is loaded and no rule of any group fails."""
    wanted = f"{len(check.expected)} rule groups loaded"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    groups = {group["name"]: group for group in body["data"]["groups"]}
    missing = set(check.expected) - groups.keys()
    failing = [
        f"{rule['name']}: {rule.get('lastError', '')}"
        for group in groups.values()
        for rule in group["rules"]
        if rule["health"] == "err"
    ]
    faults = [f"not loaded: {_listed(missing)}"] if missing else []
    faults += [f"failing: {_listed(failing)}"] if failing else []
    return not faults, wanted, "; ".join(faults) or f"{len(groups)} loaded"


def _alertmanagers(answer: Answer, check: Check) -> Verdict:
    wanted = f"{len(check.expected)} Alertmanagers: {_listed(check.expected)}"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    active = {entry["url"] for entry in body["data"]["activeAlertmanagers"]}
    missing = set(check.expected) - active
    return not missing, wanted, f"missing {_listed(missing)}" if missing else _listed(active)


def _members(answer: Answer, check: Check) -> Verdict:
    """The cluster of an Alertmanager is ready and has as many members as the site says."""
    wanted = f"{check.expected[0]} cluster members"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    cluster = body["cluster"]
    seen = f"{len(cluster.get('peers') or [])} members, {cluster['status']}"
    return len(cluster.get("peers") or []) == int(check.expected[0]), wanted, seen


def _watchdog(answer: Answer, check: Check) -> Verdict:
    wanted = f"alert {_listed(check.expected)} firing"
    body = _json(answer)
    if not isinstance(body, list):
        return False, wanted, _seen(answer)
    firing = {alert["labels"]["alertname"] for alert in body}
    missing = set(check.expected) - firing
    return not missing, wanted, f"not there: {_listed(missing)}" if missing else "firing"


def _probes(answer: Answer, check: Check) -> Verdict:
    wanted = f"{len(check.expected)} probes succeed"
    body = _json(answer)
    if body is None:
        return False, wanted, _seen(answer)
    value = {r["metric"]["instance"]: r["value"][1] for r in body["data"]["result"]}
    bad = [url for url in check.expected if value.get(url) != "1"]
    return not bad, wanted, f"not successful: {_listed(bad)}" if bad else f"{len(value)} succeed"


JUDGES: Mapping[CheckKind, Callable[[Answer, Check], Verdict]] = {
    CheckKind.HTTP: _http,
    CheckKind.TARGETS: _targets,
    CheckKind.TARGETS_UP: _targets_up,
    CheckKind.RULES: _rules,
    CheckKind.ALERTMANAGERS: _alertmanagers,
    CheckKind.MEMBERS: _members,
    CheckKind.WATCHDOG: _watchdog,
    CheckKind.PROBES: _probes,
}


def _verdict(answer: Answer, check: Check) -> Verdict:
    try:
        return JUDGES[check.kind](answer, check)
    except (AttributeError, IndexError, KeyError, TypeError):
        # Some JSON, but of another form: another program has the port.
        return False, f"an answer of {check.endpoint.component}", _seen(answer)


def judge_units(
    host: str, components: Iterable[Component], said: Answers
) -> tuple[CheckResult, ...]:
    """Judge whether the unit of every component of a host runs."""
    results = []
    for component in components:
        unit = unit_name(component.name)
        seen = said.units.get(unit, "not there")
        ok = seen == "active (running)"
        results.append(
            CheckResult(host, component.name, "unit runs", ok, unit, "active (running)", seen)
        )
    return tuple(results)


def judge(
    host: str, checks: Iterable[tuple[Component, Check]], said: Answers
) -> tuple[CheckResult, ...]:
    """Judge the answers of one reading of one host.

    Args:
        host: Inventory name.
        checks: The checks the answers belong to, in order.
        said: What the host said.
    """
    results = []
    for number, (component, check) in enumerate(checks):
        answer = said.answers[number] if number < len(said.answers) else Answer(0, "not asked")
        ok, expected, seen = _verdict(answer, check)
        where = check.endpoint.url
        results.append(CheckResult(host, component.name, check.name, ok, where, expected, seen))
    return tuple(results)
