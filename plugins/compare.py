"""Compare: what a component should be against what its host has. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from plugins.comparison import (
    Action,
    Changes,
    Comparison,
    Difference,
    release_folder,
)
from plugins.runtimes.docker_comparison import ContainerComparison
from plugins.runtimes.rendered import Rendered
from plugins.runtimes.systemd_comparison import UnitComparison
from plugins.state import HostState

__all__ = ["Action", "Changes", "Difference", "compare", "leftovers", "release_folder"]

_COMPARISONS: Mapping[str, Callable[[Any, HostState], Comparison]] = {
    "docker": ContainerComparison,
    "systemd": UnitComparison,
}


def compare(rendered: Rendered, state: HostState) -> Changes:
    """Everything that has to be done to make one component true on one host.

    Args:
        rendered: The component as its runtime wants it.
        state: The host's state, as read in one round trip.
    """
    return _COMPARISONS[rendered.runtime](rendered, state).changes()


def leftovers(state: HostState, wanted: Iterable[str]) -> tuple[Difference, ...]:
    """Components on a host that the inventory does not put there."""
    return tuple(
        Difference(
            name,
            f"component {name}",
            f"not in the inventory for this host: remove.py --data component={name}",
            alien=True,
        )
        for name in sorted(state.components - set(wanted))
    )
