"""What a host has of what its preparations want, as ``prepared.sh`` tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServiceState:
    """One service of the distribution's.

    Attributes:
        active: For example ``active``, ``inactive``, ``failed``.
        enabled: For example ``enabled``, ``disabled``.
        unread: True if a file of its configuration is younger than its process.
    """

    active: str
    enabled: str
    unread: bool


@dataclass(frozen=True)
class PreparedState:
    """What was asked for, as found.

    Attributes:
        programs: Those of the programs asked for that are there.
        packages: Package to dpkg's word for its state, for example ``installed``.
        services: By unit name, only where there is such a unit.
    """

    programs: frozenset[str] = frozenset()
    packages: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, ServiceState] = field(default_factory=dict)


def read(sections: Mapping[str, Iterable[str]]) -> PreparedState:
    """Read the sections of ``prepared.sh``; without them nothing is there.

    Raises:
        ValueError: A line is not in the expected form.
    """
    services = {}
    for line in sections.get("services", ()):
        unit, active, enabled, unread = line.split(" ")
        services[unit] = ServiceState(active, enabled, unread == "yes")
    return PreparedState(
        frozenset(sections.get("commands", ())),
        dict(_pair(line) for line in sections.get("packages", ())),
        services,
    )


def _pair(line: str) -> tuple[str, str]:
    package, state = line.split(" ")
    return package, state
