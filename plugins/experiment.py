"""Find out what each role wires to.

Wiring is declared nowhere: a role reads the site. So it is measured: endpoints are taken away
from a site that has every role, and what changes in the configuration or the arguments of a
role is what it wires to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from plugins.artifacts import Lock
from plugins.compiler import Declared, DeclaredHost, compile_site
from plugins.layers import Layer
from plugins.model import Artifact, EndpointKind, SiteError
from plugins.role import Context, Role
from plugins.site import Host, Placement, Site

# For a program that the lock does not have.
_NO_VERSION = "0.0.0"

Wiring = Mapping[EndpointKind, tuple[str, ...]]


def stand_in(lock: Lock, name: str, architecture: str = "amd64") -> Artifact:
    """A stand-in for a program, of the version the lock prefers; nothing is fetched."""
    version = lock.entries[name].version if name in lock.entries else _NO_VERSION
    return Artifact(name, version, "release", architecture, Path(), "", {})


@dataclass(frozen=True)
class Experiment:
    """A site with every role twice, so that a role can wire to its own kind too.

    Attributes:
        site: Every role that needs no settings, each on two hosts of its own.
        lock: Versions of their programs.
    """

    site: Site
    lock: Lock

    @classmethod
    def of(cls, roles: Mapping[str, Role], lock: Lock) -> Experiment:
        """The experiment with these roles.

        Raises:
            SiteError: A role does not compile with its defaults.
        """
        ready = [name for name, role in roles.items() if not required(role)]
        hosts = [host for name in ready for host in _hosts(name, roles)]
        return cls(compile_site(Declared(None, tuple(hosts), (), ()), roles), lock)

    def wiring(self, role: str) -> Wiring | None:
        """Kind of endpoint to the roles of which it uses one; None if it needs settings."""
        if not self.site.placed(role):
            return None
        own = self.site.placed(role)[0]
        whole = self._made(own, self.site)
        found = {}
        for kind in EndpointKind:
            offering = [name for name in self.site.component_names if kind in self.kinds(name)]
            if self._made(own, self._stripped(kind, offering, own)) == whole:
                continue
            used = (n for n in offering if self._made(own, self._stripped(kind, [n], own)) != whole)
            found[kind] = tuple(used)
        return found

    def kinds(self, role: str) -> tuple[EndpointKind, ...]:
        """Kinds of endpoints a role has."""
        has = {e.kind for placement in self.site.placed(role) for e in placement.endpoints}
        return tuple(kind for kind in EndpointKind if kind in has)

    def _stripped(self, kind: EndpointKind, roles: Sequence[str], own: Placement) -> Site:
        """The site without the endpoints of a kind of some roles; ``own`` keeps its own."""

        def kept(placement: Placement) -> Placement:
            if placement is own or placement.role.name not in roles:
                return placement
            return replace(
                placement, endpoints=tuple(e for e in placement.endpoints if e.kind is not kind)
            )

        return replace(self.site, placements=tuple(kept(p) for p in self.site.placements))

    def _made(self, own: Placement, site: Site) -> object:
        """What runs: configuration, arguments and environment. What is only checked is left out."""
        artifact = stand_in(self.lock, own.role.artifact)
        made = own.role.component(Context(own.host, own.settings, site, artifact, own.endpoints))
        return made.files, made.service.argv, dict(made.service.environment)


def _hosts(name: str, roles: Mapping[str, Role]) -> tuple[DeclaredHost, ...]:
    """Two hosts for a role, with what every host has beside it.

    Without that where the role is an alternative to it: those share ports.
    """
    common = {other for other, role in roles.items() if role.everywhere}
    for beside in (common, frozenset[str]()):
        without = [other for other in roles if other != name and other not in beside]
        layer = Layer("listing", {"without": without})
        hosts = tuple(DeclaredHost(f"{name}-{copy}", (name, *beside), (layer,)) for copy in "ab")
        try:
            compile_site(Declared(None, hosts[:1], (), ()), roles)
        except SiteError:
            continue
        break
    return hosts


def by_itself(role: Role) -> str:
    """Which hosts get a role without being in its group, in words; empty for none."""
    if not role.everywhere:
        return ""
    units = Host("unit", "unit", "", {}, "systemd", "amd64", ())
    return "every host" if role.suits(units) else "every Docker host"


def required(role: Role) -> tuple[str, ...]:
    """Settings without which a role cannot be placed."""
    try:
        role.settings.model_validate({})
    except ValidationError as error:
        return tuple(".".join(map(str, detail["loc"])) for detail in error.errors())
    return ()
