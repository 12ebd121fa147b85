"""The pyinfra operation that prepares a host."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.command import PyinfraCommand

from plugins import session
from plugins.drift import FileContents
from plugins.operations import refusal, sending, state_of, tell, why_not
from plugins.payload import preparing
from plugins.preparation import Steps, steps
from plugins.run import Change
from plugins.state import HostState


def _refused(wanted: Steps, found: HostState) -> list[str]:
    """Files that may not be replaced, with the reason; reads those that differ, if there are."""
    guarded = {file.path: file for file in wanted.files if file.path in found.files}
    if not guarded:
        return []
    contents = host.get_fact(FileContents, paths=tuple(sorted(guarded)))
    told = {
        path: guarded[path].refuse(text, guarded[path].content) for path, text in contents.items()
    }
    return [f"{path}: {reason}" for path, reason in told.items() if reason]


@operation()
def prepare(preparation: str) -> Generator[PyinfraCommand, None, None]:
    """
    Make the current host itself what a role wants: packages, configuration that its program
    accepted, a service that was started with it. All in one command, and none where
    everything is so.

    + preparation: name of the role

    **Example:**

    .. code:: python

        prepare(
            name="Prepare docker_engine",
            preparation="docker_engine",
        )
    """
    run = session.current()
    wanted = next(p for p in run.preparations(host.name) if p.name == preparation)
    found = state_of(run)
    problem = why_not(run, found)
    if problem:
        yield refusal(problem)
        return
    todo = steps(wanted, found)
    if not todo:
        host.noop(f"{preparation} is as it should be")
        return
    refused = _refused(todo, found)
    if refused:
        yield refusal("nothing was touched:", *refused)
        return
    tell(todo.differences)
    yield sending(preparing(todo, found, host.name, run.site.settings.lock_timeout))
    # What follows may stand on what has just come.
    run.states.pop((host.name, True), None)
    reasons = tuple(f"{d.subject}: {d.what}" for d in todo.differences)
    run.changed.append(Change(host.name, preparation, todo.action, reasons))
