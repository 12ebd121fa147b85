"""The pyinfra operation that makes what of a component no file can say."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import host, state
from pyinfra.api import operation
from pyinfra.api.command import PyinfraCommand

from plugins import session
from plugins.calls import asker
from plugins.operations import refusal
from plugins.run import Change
from plugins.wishes import WishError, fulfil


@operation()
def settle(component: str) -> Generator[PyinfraCommand, None, None]:
    """
    Make through its API what of one running component of the current host no file can say.

    + component: name of the component

    **Example:**

    .. code:: python

        settle(
            name="Settle grafana",
            component="grafana",
        )
    """
    run = session.current()
    if not state.is_executing:
        return
    wishes = next(r for r in run.rendered(host.name) if r.name == component).component.wishes
    try:
        done = tuple(fulfil(wishes, lambda endpoint: asker(host, endpoint)))
    except WishError as error:
        yield refusal(str(error))
        return
    if done:
        run.changed.append(Change(host.name, component, "settled", done))
