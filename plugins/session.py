"""The run that belongs to pyinfra's current state, and how it begins before any connection.

pyinfra reads ``config.py`` first, then the inventory, then connects, then reads the deploy
file. Mistakes must be told before the first connection, so the run begins in between: when
pyinfra initialises its state with the finished inventory.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import click
from pyinfra import logger
from pyinfra.api import Host, Inventory, State
from pyinfra.api.state import BaseStateCallback
from pyinfra.context import ctx_state

from plugins.declared import read_inventory
from plugins.mistake import mistake
from plugins.model import SiteError
from plugins.options import Options
from plugins.run import Run, begin

_runs: WeakKeyDictionary[State, Run] = WeakKeyDictionary()


class NoDelay(BaseStateCallback):
    """Send small packets at once: with Nagle's algorithm one command takes 47 ms, without 2."""

    @staticmethod
    def host_connect(state: State, host: Host) -> None:
        """Set TCP_NODELAY where the connection is a plain socket of our own."""
        client: Any = getattr(host.connector, "client", None)
        transport = client.get_transport() if hasattr(client, "get_transport") else None
        connection = getattr(transport, "sock", None)
        # Behind a ProxyJump it is a paramiko channel, which has no such option.
        if isinstance(connection, socket.socket):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _inventory_path() -> Path | None:
    """The inventory file, if it is one.

    Raises:
        PyinfraError: There is no such file; pyinfra itself would look for a host of that name.
    """
    context = click.get_current_context(silent=True)
    named = context.params.get("inventory") if context else None
    path = Path(str(named)) if named else None
    if path and path.suffix == ".py" and not path.is_file():
        raise mistake(f"{path}: there is no such inventory file, check the path")
    return path if path and path.is_file() else None


def _runs_deploy_file() -> bool:
    """Whether pyinfra was called with a deploy file; `exec` and `fact` need no compiled site."""
    context = click.get_current_context(silent=True)
    operations = context.params.get("operations", ()) if context else ()
    return any(str(operation).endswith(".py") for operation in operations)


def start(state: State) -> Run:
    """Begin the run of a state whose inventory is complete.

    Raises:
        PyinfraError: With every mistake in the inventory; no host was touched.
    """
    inventory = state.inventory
    hosts = tuple(host.name for host in inventory if state.is_host_in_limit(host))
    try:
        declared = read_inventory(inventory, _inventory_path(), Options.names())
        run = begin(declared, inventory.get_override_data(), hosts, logger.info)
    except SiteError as error:
        count = len(error.problems)
        listed = "".join(f"\n  - {problem}" for problem in error.problems)
        words = "1 problem" if count == 1 else f"{count} problems"
        raise mistake(f"{words}, no host was touched:{listed}") from error
    for role, reason in run.left_out.items():
        logger.warning(f"left out: {role}: {reason}")
    state.add_callback_handler(NoDelay())
    _runs[state] = run
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(lambda: _close(run))
    return run


def _close(run: Run) -> None:
    code = run.finish(run)
    if code:
        raise SystemExit(code)


def current() -> Run:
    """The run of pyinfra's current state.

    Raises:
        PyinfraError: ``config.py`` was not read, so nothing was compiled before connecting.
    """
    run = _runs.get(ctx_state.get())
    if run is None:
        raise mistake("call pyinfra from the project's folder: config.py there is needed")
    return run


def at_exit(finish: Callable[[Run], int]) -> None:
    """Call ``finish`` when pyinfra ends, whatever happened; not 0 replaces the exit code.

    Args:
        finish: Gets the run; its result is the exit code to end with, 0 for pyinfra's own.
    """
    current().finish = finish


def begin_before_connecting() -> None:
    """Called from ``config.py``: compile the site as soon as the inventory is complete.

    Raises:
        PyinfraError: From pyinfra's initialisation, for mistakes and for an empty selection.
    """
    _inventory_path()
    state: Any = ctx_state.get()
    initialise = state.init

    def init(inventory: Inventory, config: Any, initial_limit: list[Host] | None = None) -> None:
        if not len(inventory):
            raise mistake("the inventory has no hosts: check its path and its groups")
        if initial_limit is not None and not initial_limit:
            raise mistake("--limit or --exclude leaves no host: check the names")
        initialise(inventory, config, initial_limit=initial_limit)
        if _runs_deploy_file():
            start(state)

    state.init = init
