"""The site: hosts x roles x settings, compiled from an inventory before any host is touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from plugins.model import Endpoint, EndpointKind
from plugins.role import Role
from plugins.settings import AppService, LogSource
from plugins.site_settings import SiteSettings


@dataclass(frozen=True)
class Host:
    """A validated host."""

    name: str
    address: str
    environment: str
    labels: Mapping[str, str]
    runtime: str
    architecture: str
    services: tuple[AppService, ...]
    logs: tuple[LogSource, ...] = ()
    engine: str = "docker"
    container_logs: str = "journald"


@dataclass(frozen=True)
class Placement:
    """A role on a host with its settings and the addresses it answers on."""

    host: Host
    role: Role
    settings: Any
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Site:
    """Everything that is declared, validated and wired by.

    Attributes:
        name: The site's name.
        settings: Settings of the whole site.
        hosts: By inventory name.
        placements: Every role with a component on every host.
        files: The site's drop-in folder (may not exist).
        preparations: Every role that prepares its host, on every host.
    """

    name: str
    settings: SiteSettings
    hosts: Mapping[str, Host]
    placements: tuple[Placement, ...]
    files: Path
    preparations: tuple[Placement, ...] = ()

    @cached_property
    def _by_role(self) -> Mapping[str, tuple[Placement, ...]]:
        index: dict[str, list[Placement]] = defaultdict(list)
        for placement in self.placements:
            index[placement.role.name].append(placement)
        return {name: tuple(placements) for name, placements in index.items()}

    @cached_property
    def _by_host(self) -> Mapping[str, tuple[Placement, ...]]:
        index: dict[str, list[Placement]] = defaultdict(list)
        for placement in self.placements:
            index[placement.host.name].append(placement)
        return {name: tuple(placements) for name, placements in index.items()}

    @cached_property
    def component_names(self) -> tuple[str, ...]:
        """Names of all components of the site, in the order they are converged."""
        return tuple(sorted(self._by_role))

    def placed(self, role: str) -> tuple[Placement, ...]:
        """Where a role is placed."""
        return self._by_role.get(role, ())

    def on(self, host: str) -> tuple[Placement, ...]:
        """What is placed on a host."""
        return self._by_host.get(host, ())

    def endpoints(self, kind: EndpointKind, role: str | None = None) -> tuple[Endpoint, ...]:
        """Every endpoint of a kind, of one role or of all."""
        placements = self.placements if role is None else self.placed(role)
        return tuple(e for p in placements for e in p.endpoints if e.kind is kind)

    def without(self, left_out: Iterable[tuple[str, str]]) -> Site:
        """The site without some (role, architecture) pairs, so that nothing wires to them.

        Roles that serve what is then nowhere any more go with it, see :attr:`Role.serves`.
        """
        gone = frozenset(left_out)
        kept = [p for p in self.placements if (p.role.name, p.host.architecture) not in gone]
        left = _kinds(kept)
        lost = _kinds(self.placements) - left
        return replace(
            self,
            placements=tuple(p for p in kept if not p.role.serves & lost or p.role.serves & left),
        )


def _kinds(placements: Iterable[Placement]) -> frozenset[EndpointKind]:
    return frozenset(endpoint.kind for p in placements for endpoint in p.endpoints)
