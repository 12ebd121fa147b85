"""Prove: what a host answers, judged. Reading is one command a host; judging is pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plugins.answers import Answer, Answers, Asked
from plugins.judges import verdict
from plugins.model import Check, CheckKind, Component
from plugins.runtimes.rendered import Rendered


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


# What takes seconds to become true after a change.
DEEP = frozenset(
    {
        CheckKind.TARGETS_UP,
        CheckKind.PROBES,
        CheckKind.WATCHDOG,
        # Who is asked asks others, which may have been started just now.
        CheckKind.DATASOURCE,
        CheckKind.PROXIED,
        CheckKind.QUERIES,
    }
)
# What is not read but done; see plugins.signals.
DONE = frozenset({CheckKind.DELIVERY, CheckKind.LOG_LINE, CheckKind.TRACE})


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


def _question(check: Check) -> Asked:
    want = "status" if check.kind is CheckKind.HTTP else "body"
    login = check.endpoint.credentials
    username, password_file = (login.username, login.password_file) if login else ("", "")
    return Asked(want, check.endpoint.local_url, username, password_file, check.body)


def questions(checks: Iterable[tuple[Component, Check]]) -> tuple[Asked, ...]:
    """What to read, as :class:`StackwatchAnswers` takes it."""
    return tuple(_question(check) for _, check in checks)


def judge_services(host: str, wanted: Iterable[Rendered], said: Answers) -> tuple[CheckResult, ...]:
    """Judge whether the unit or container of every component of a host runs."""
    results = []
    for each in wanted:
        seen = said.units.get(each.service, "not there")
        ok, expected = seen in each.running, min(each.running)
        results.append(
            CheckResult(host, each.name, f"{each.kind} runs", ok, each.service, expected, seen)
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
        ok, expected, seen = verdict(answer, check)
        where = check.endpoint.url
        results.append(CheckResult(host, component.name, check.name, ok, where, expected, seen))
    return tuple(results)
