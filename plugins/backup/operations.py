"""pyinfra operations: copy what a host's programs hold of people's own, and put it back."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from pyinfra import host, logger, state
from pyinfra.api import FunctionCommand, Host, State, operation
from pyinfra.api.command import PyinfraCommand

from plugins import session
from plugins.backup import folder
from plugins.backup.kept import ApiError, Plan, Restored, Store, Wish, refused
from plugins.backup.pulled import PullError
from plugins.backup.stores import galleries, matched, stores
from plugins.calls import Ask, asker
from plugins.endpoint import Endpoint
from plugins.operations import refusal
from plugins.run import Run

P = ParamSpec("P")
T = TypeVar("T")


def _read(reading: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """The result of reading an API.

    Raises:
        ApiError: It does not answer as it should.
    """
    try:
        return reading(*args, **more)
    except (AttributeError, KeyError, TypeError) as error:
        raise ApiError("an answer of another form: does another program have this port?") from error


def _here(found: tuple[Store, ...]) -> Iterator[tuple[Store, Endpoint]]:
    """The stores that the current host is a member of."""
    return ((s, member) for s in found for member in s.members if member.host == host.name)


def _tell(words: str) -> None:
    host.log_styled(words, fg="yellow", log_func=logger.warning)


@operation()
def copy() -> Generator[PyinfraCommand, None, None]:
    """
    Copy everything that people made by hand in the programs of the current host. The end of
    the run writes it down.

    **Example:**

    .. code:: python

        copy(
            name="Copy what people made by hand",
        )
    """
    run = session.current()
    if not state.is_executing:
        return
    for store, member in _here(stores(run.site)):
        try:
            found = _read(store.kind.read, asker(host, member))
        except ApiError as error:
            run.copies[store.name, host.name] = str(error)
            if len(store.members) == 1:
                yield refusal(f"{store.name} was not saved:", str(error))
            else:
                _tell(f"{store.name}: {error}")
        else:
            run.copies[store.name, host.name] = found


def _chosen(store: Store, member: Endpoint) -> bool:
    """Whether a store is restored through this member: the first that the run reaches."""
    active = {each.name for each in state.active_hosts if state.is_host_in_limit(each)}
    return member == next((m for m in store.members if m.host in active), None)


def _carry_out(state: State, host: Host, ask: Ask, plan: Plan, run: Run, store: str) -> bool:
    answers = ask([step.call for step in plan.steps])
    failed = tuple(
        f"{step.what}: {refused(step.call, answer)}"
        for step, answer in zip(plan.steps, answers, strict=True)
        if not 200 <= answer.status < 300
    )
    run.restored[store] = Restored(host.name, plan, failed)
    for words in failed:
        host.log_styled(words, fg="red", log_func=logger.error)
    return not failed


@operation()
def put_back() -> Generator[PyinfraCommand, None, None]:
    """
    Put back what the backup that the run names has and the programs of the current host lack.

    **Example:**

    .. code:: python

        put_back(
            name="Restore what people made by hand",
        )
    """
    run = session.current()
    backup = folder.read(Path(run.options.from_ or ""))
    wish = Wish(datetime.now(UTC), run.options.overwrite, backup.path.name)
    copies = matched(backup, stores(run.site))
    wanted = [(s, m) for s, m in _here(stores(run.site)) if s.name in copies and _chosen(s, m)]
    for store, member in wanted:
        ask = asker(host, member)
        try:
            plan = _read(store.kind.plan, copies[store.name], ask, wish)
        except ApiError as error:
            yield refusal(f"{store.name} was not restored:", str(error))
            continue
        run.restored[store.name] = Restored(host.name, plan)
        for step in plan.steps:
            host.log(f"{store.name}: {step.what}", log_func=logger.info)
        if plan.steps:
            yield FunctionCommand(_carry_out, (ask, plan, run, store.name), {})
        else:
            host.noop(f"{store.name}: nothing is missing")


@operation()
def pull() -> Generator[PyinfraCommand, None, None]:
    """
    Read the dashboard that the run names from where people make some on the current host. The end
    of the run writes it into the site's own files.

    **Example:**

    .. code:: python

        pull(
            name="Read the dashboard",
        )
    """
    run = session.current()
    if not state.is_executing:
        return
    wanted = run.options.dashboard or ""
    for store, member in _here(galleries(run.site)):
        if store.kind.pull is None:
            continue
        try:
            run.pulled[store.name, host.name] = _read(store.kind.pull, asker(host, member), wanted)
        except PullError as error:
            # Another one of the site may have it.
            run.pulled[store.name, host.name] = str(error)
        except ApiError as error:
            run.pulled[store.name, host.name] = str(error)
            yield refusal(f"{store.name} could not be read:", str(error))
