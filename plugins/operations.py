"""pyinfra operations: make one component true, prove a host, tell its drift, remove one."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from typing import Any

import gevent
from pyinfra import host, logger, state
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation
from pyinfra.api.command import PyinfraCommand

from plugins import session
from plugins.answers import StackwatchAnswers
from plugins.checks import CheckResult, asked, judge, judge_services, questions
from plugins.compare import Action, Changes, Difference, compare, leftovers
from plugins.drift import FileContents
from plugins.guards import refused_changes
from plugins.payload import Order, order, programs, removal
from plugins.preparation import steps
from plugins.registries import site_registry
from plugins.rehearsal import rehearsed
from plugins.run import Change, Run
from plugins.signals import SIGNALS
from plugins.state import HostState, StackwatchState
from plugins.support import SYSTEMS, unsupported

_SETTLED_SECONDS = 5


def _fail(state: State, host: Host, message: str) -> bool:
    """Fail this host alone; an exception here would stop all of them."""
    host.log_styled(message, fg="red", log_func=logger.error)
    return False


def refusal(message: str, *reasons: str) -> FunctionCommand:
    """A command that fails the host it runs for, with reasons, and leaves the others alone."""
    return FunctionCommand(_fail, ("\n    ".join([message, *reasons]),), {})


def state_of(run: Run) -> HostState:
    """The current host's state, read once a phase: facts are never cached by pyinfra itself."""
    key = (host.name, bool(state.is_executing))
    if key not in run.states:
        run.states[key] = host.get_fact(
            StackwatchState, folders=run.folders(host.name), prepared=run.asked(host.name)
        )
    return run.states[key]


def why_not(run: Run, found: HostState) -> str:
    """Why this host cannot be converged; empty when it can."""
    if not found.facts:
        return "its state could not be read, see above"
    brought = {program for p in run.preparations(host.name) for program in p.programs}
    return "; ".join(unsupported(found, run.site.hosts[host.name], SYSTEMS, brought))


def tell(differences: Iterable[Difference]) -> None:
    """Say why there is something to do on the current host."""
    for difference in differences:
        host.log(f"{difference}", log_func=logger.info)


def _done(changes: Changes) -> str:
    """What was done to a service, in a word: its action, or that only files were replaced."""
    return "files" if changes.action is Action.NONE else str(changes.action)


def sending(sent: Order) -> StringCommand:
    """The command that sends and runs an order."""
    # Not text but pieces that behave like it, see Raw.
    pieces: list[Any] = list(sent.payload)
    return StringCommand(sent.command, _stdin=pieces)


@operation()
def send_programs() -> Generator[PyinfraCommand, None, None]:
    """
    Put the programs that the current host lacks into the folders of their versions, all in
    one command. Nothing that runs is touched.

    **Example:**

    .. code:: python

        send_programs(
            name="Send programs",
        )
    """
    run = session.current()
    found = state_of(run)
    problem = why_not(run, found)
    if problem:
        yield refusal(problem)
        return
    refused = refused_changes(run.rendered(host.name), found)
    if refused:
        yield refusal("nothing was touched:", *refused)
        return
    lacking = [c for r in run.rendered(host.name) if (c := compare(r, found)).artifact]
    if not lacking:
        host.noop("every program is there")
        return
    for changes in lacking:
        version = changes.rendered.component.artifact.version
        host.log(f"{changes.rendered.name} {version} is sent", log_func=logger.info)
    registry = site_registry(run.site, lacking) if state.is_executing else None
    yield sending(programs(lacking, run.site.settings.lock_timeout, registry))


@operation()
def converge(component: str) -> Generator[PyinfraCommand, None, None]:
    """
    Make one component of the current host what the inventory says. Sends only what differs,
    validates it before anything is swapped, restarts or reloads only if the running service
    was started with something else, waits until it is healthy, and puts the former state
    back if it is not.

    + component: name of the component

    **Example:**

    .. code:: python

        converge(
            name="Converge prometheus",
            component="prometheus",
        )
    """
    run = session.current()
    rendered = next(r for r in run.rendered(host.name) if r.name == component)
    found = state_of(run)
    changes = compare(rendered, found)
    if not changes:
        host.noop(f"{component} is as it should be")
        return
    tell(changes.differences)
    yield sending(order(changes, found, run.site.settings.lock_timeout))
    reasons = tuple(f"{d.subject}: {d.what}" for d in changes.differences)
    run.changed.append(Change(host.name, component, _done(changes), reasons))


def _deadline(run: Run, deep: bool) -> float:
    """When to stop waiting for checks: almost at once where nothing changed.

    What the deep ones look for may still be on its way: Prometheus tells an Alertmanager
    that was restarted of its alerts once a minute.
    """
    waits = deep or bool(run.changed)
    seconds = run.site.settings.check_deadline if waits else _SETTLED_SECONDS
    return time.monotonic() + seconds


def _read_checks(run: Run, deep: bool) -> tuple[CheckResult, ...]:
    wanted = run.rendered(host.name)
    checks = asked([rendered.component for rendered in wanted], deep)
    results: tuple[CheckResult, ...] = ()
    if wanted and (checks or not deep):
        said = host.get_fact(StackwatchAnswers, asked=questions(checks))
        units = () if deep else judge_services(host.name, wanted, said)
        results = (*units, *judge(host.name, checks, said))
    # What would be asked is asked of what runs already.
    return results if deep else (*results, *rehearsed(host, run.rehearsals(host.name)))


def _fault(result: CheckResult) -> str:
    return (
        f"{result.component}: {result.name}: {result.where}: "
        f"expected {result.expected}, saw {result.seen}"
    )


def _conclude(run: Run, results: Iterable[CheckResult]) -> Generator[PyinfraCommand, None, None]:
    """Keep the results for the report; fail the host if one does not hold."""
    results = tuple(results)
    run.results.extend(results)
    faults = [_fault(result) for result in results if not result.ok]
    if faults:
        yield refusal(f"{len(faults)} checks failed:", *faults)


@operation()
def prove(deep: bool = False, always: bool = True) -> Generator[PyinfraCommand, None, None]:
    """
    Check the current host: every unit, every health endpoint, and what its components know
    of the rest (targets, rules, Alertmanagers). One command; repeated only while something
    does not hold yet, up to the site's ``check_deadline``.

    + deep: check what takes seconds to become true instead (probes, the Watchdog alert)
    + always: also when nothing was changed in this run

    **Example:**

    .. code:: python

        prove(
            name="Prove the host",
            deep=True,
        )
    """
    run = session.current()
    if not state.is_executing or not (always or run.changed):
        return
    deadline = _deadline(run, deep)
    pause = 0.25
    results = _read_checks(run, deep)
    while not all(result.ok for result in results) and time.monotonic() < deadline:
        gevent.sleep(pause)
        pause = min(pause * 1.5, 2.0)
        results = _read_checks(run, deep)
    yield from _conclude(run, results)


@operation()
def send_signals(always: bool = True) -> Generator[PyinfraCommand, None, None]:
    """
    Send one of every signal the current host's components carry, and wait until it is found
    where it belongs: an alert through the Alertmanager to a receiver that this run itself is,
    a log line and a trace through the shipper to their stores.

    + always: also when nothing was changed in this run

    **Example:**

    .. code:: python

        send_signals(
            name="Send an alert, a log line, a trace",
        )
    """
    run = session.current()
    if not state.is_executing or not (always or run.changed):
        return
    for rendered in run.rendered(host.name):
        for check in rendered.component.checks:
            if check.kind in SIGNALS:
                yield from _conclude(run, [SIGNALS[check.kind](host, run.inbox, rendered, check)])


@operation()
def tell_drift() -> Generator[PyinfraCommand, None, None]:
    """
    Tell what differs between the current host and the inventory; changes nothing. The
    report at the end of the run prints it.

    **Example:**

    .. code:: python

        tell_drift(
            name="Tell what differs",
        )
    """
    run = session.current()
    found = state_of(run)
    problem = why_not(run, found)
    if problem:
        yield refusal(problem)
        return
    differences = [d for r in run.rendered(host.name) for d in compare(r, found).differences]
    differences += leftovers(found, (r.name for r in run.rendered(host.name)))
    differences += [d for p in run.preparations(host.name) for d in steps(p, found).differences]
    run.drift[host.name] = differences
    paths = tuple(d.subject for d in differences if d.diffable)
    if paths:
        run.contents[host.name] = host.get_fact(FileContents, paths=paths)


@operation()
def remove(component: str, purge: str | None = None) -> Generator[PyinfraCommand, None, None]:
    """
    Stop and remove one component: unit, programs, configuration. What it wrote stays,
    unless its folder is named.

    + component: name of the component
    + purge: full path of a data folder to remove with it

    **Example:**

    .. code:: python

        remove(
            name="Remove prometheus and all it stored",
            component="prometheus",
            purge="/var/lib/stackwatch/prometheus",
        )
    """
    run = session.current()
    found = state_of(run)
    purge_there = purge is not None and purge in found.files
    if component not in found.components and not purge_there:
        host.noop(f"{component} is not on this host")
        return
    timeout = run.site.settings.lock_timeout
    yield StringCommand(removal(host.name, component, purge if purge_there else None, timeout))
    run.changed.append(Change(host.name, component, "removed", ()))
