"""Whether the programs of a scenario can be had at all."""

from __future__ import annotations

import platform

from plugins.artifacts.lock import SOURCES, Lock, NotOfferedError
from plugins.role import all_roles
from roles.molecule import scenario

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def missing(asked: scenario.Scenario, lock: Lock | None = None) -> str:
    """Why a scenario cannot run on this machine; empty if it can.

    Only a program that the lock pins nowhere counts. One that cannot be downloaded now is a
    failure, which the run itself tells.

    Args:
        asked: The scenario.
        lock: Where programs are pinned.
    """
    lock = lock or Lock.load()
    machine = platform.machine().lower()
    architecture = _ARCHITECTURES.get(machine, machine)
    roles = [all_roles()[name] for name in scenario.placed(asked.file)]
    # What prepares a host installs packages of its distribution.
    names = {role.artifact for role in roles if not role.prepares}
    return "; ".join(filter(None, (_unpinned(lock, name, architecture) for name in sorted(names))))


def _unpinned(lock: Lock, name: str, architecture: str) -> str:
    for source in SOURCES:
        try:
            lock.pin(name, source, architecture)
        except NotOfferedError:
            continue
        return ""
    return f"{name} has no pinned sum for {architecture} in {lock.path.name}"
