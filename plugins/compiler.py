"""Compile an inventory into a site before any host is touched, and a site into components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugins.compile_checks import engine_problems, log_problems, port_problems
from plugins.layers import Layer, merge_settings, validate
from plugins.model import Artifact, Component, EndpointKind, Problem, SiteError
from plugins.problem import suggestion
from plugins.rehearsal import Rehearsal
from plugins.rendering import RUNTIMES
from plugins.role import Context, Role
from plugins.settings import HostSettings, Settings, unbound
from plugins.site import Host, Placement, Site
from plugins.site_settings import SiteSettings


@dataclass(frozen=True)
class DeclaredHost:
    """One host as the inventory writes it.

    Attributes:
        name: Inventory name.
        groups: Its groups, in the inventory's order.
        layers: Its settings, from the most general to the most specific.
        connector_keys: Keys that belong to pyinfra's connector, for example ``ssh_user``.
    """

    name: str
    groups: tuple[str, ...]
    layers: tuple[Layer, ...]
    connector_keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Declared:
    """A whole inventory as written.

    Attributes:
        path: The inventory file; None when there is none (hosts given on the command line).
        hosts: Its hosts.
        groups: Every group name with a member or settings, except ``all`` and the file's own.
        site_layers: Layers that may hold ``site``.
    """

    path: Path | None
    hosts: tuple[DeclaredHost, ...]
    groups: tuple[str, ...]
    site_layers: tuple[Layer, ...]


def _said(model: type[Settings], layer: Layer, prefix: str) -> Any:
    """What a layer says of some settings."""
    if prefix:
        return layer.values.get(prefix)
    return {key: value for key, value in layer.values.items() if key in model.model_fields}


def _saying(host: DeclaredHost, key: str) -> Layer | None:
    """The layer that a host's top-level key is taken from."""
    return next((layer for layer in host.layers[::-1] if key in layer.values), None)


class _Compiler:
    """Collects every problem of one inventory instead of stopping at the first."""

    def __init__(self, declared: Declared, roles: Mapping[str, Role]) -> None:
        self.declared = declared
        self.roles = roles
        self.problems: dict[str, Problem] = {}
        self._validated: dict[tuple[object, ...], Settings | None] = {}

    def blame(self, problem: Problem) -> None:
        """Record a problem once, however many hosts share the mistake."""
        self.problems.setdefault(f"{problem.where}|{problem.what}", problem)

    def settings(
        self, model: type[Settings], layers: tuple[Layer, ...], prefix: str
    ) -> Settings | None:
        """Validated settings; hosts with the very same layers share one object.

        With a prefix the settings stand under that key, without one at the top, among others.
        """
        told = [(layer, _said(model, layer, prefix)) for layer in layers]
        told = [(layer, said) for layer, said in told if said is not None and said != {}]
        key = (model, prefix, *(id(layer) for layer, _ in told))
        if key not in self._validated:
            for layer, said in told:
                if not isinstance(said, Mapping):
                    where = f"{layer.origin}: {prefix}"
                    self.blame(Problem(where, f"expected a dict, got {said!r}", "Write {...}"))
                    return None
            merged = merge_settings(model, [said for _, said in told])
            self._validated[key], problems = validate(model, merged, layers, prefix)
            for problem in problems:
                self.blame(problem)
        return self._validated[key]

    def check_groups(self, site: SiteSettings | None) -> None:
        """Refuse groups that are neither a role nor declared as plain."""
        # Where `site` has another mistake its groups still count: no problem that is none.
        said = [layer.values.get("site") for layer in self.declared.site_layers]
        listed = [each.get("groups") for each in said if isinstance(each, Mapping)]
        rough = [group for each in listed if isinstance(each, list) for group in each]
        plain = site.groups if site else rough
        for group in self.declared.groups:
            if group not in self.roles and group not in plain:
                remedy = suggestion(group, self.roles, "roles")
                remedy += f"; a group for settings only goes into site = {{'groups': [{group!r}]}}"
                origin = str(self.declared.path or "inventory")
                self.blame(Problem(f"{origin}: {group}", "unknown group", remedy))

    def check_keys(self, host: DeclaredHost) -> None:
        """Refuse top-level keys that nothing reads."""
        known = {*self.roles, *HostSettings.model_fields, "site"}
        for layer in host.layers:
            if "site" in layer.values and layer not in self.declared.site_layers:
                remedy = "Say it in group_data/all.py, or for the whole inventory"
                self.blame(Problem(f"{layer.origin}: site", "is not read here", remedy))
            for key in layer.values:
                if key not in known and key not in host.connector_keys and key[0] != "_":
                    remedy = suggestion(key, known, "keys")
                    self.blame(Problem(f"{layer.origin}: {key}", "unknown setting", remedy))

    def host(self, declared: DeclaredHost) -> tuple[Host, HostSettings] | None:
        """Validate what is said of the host itself."""
        settings = self.settings(HostSettings, declared.layers, "")
        if not isinstance(settings, HostSettings):
            return None
        saying = _saying(declared, "ssh_hostname")
        ssh = saying.values["ssh_hostname"] if saying else None
        address = settings.address or ssh or declared.name.rpartition("/")[2]
        return Host(
            declared.name,
            str(address),
            settings.environment,
            settings.labels,
            settings.runtime,
            settings.architecture,
            tuple(settings.services),
            tuple(settings.logs),
            settings.engine,
            settings.container_logs,
        ), settings

    def check_without(self, declared: DeclaredHost, said: HostSettings) -> None:
        """Refuse to do without a role that there is not."""
        for name in said.without:
            if name not in self.roles:
                saying = _saying(declared, "without")
                where = f"{saying.origin if saying else declared.name}: without"
                remedy = suggestion(name, self.roles, "roles")
                self.blame(Problem(where, f"unknown role {name!r}", remedy))

    def placements(
        self,
        declared: DeclaredHost,
        host: Host,
        said: HostSettings,
        served: frozenset[EndpointKind] | None = None,
    ) -> list[Placement]:
        """Roles the host gets, through its groups or because every host does.

        Args:
            declared: The host as written.
            host: The host.
            said: What is said of it.
            served: None for the roles that come whatever the site has; else what it has, for
                those that come because of it.
        """
        placed = []
        for role in self.roles.values():
            everywhere = role.everywhere and role.suits(host)
            if served is None:
                wanted = role.name in declared.groups or (everywhere and not role.serves)
            else:
                wanted = everywhere and bool(role.serves & served)
                wanted = wanted and role.name not in declared.groups
            if not wanted or role.name in said.without:
                continue
            settings = self.settings(role.settings, declared.layers, role.name)
            if settings is not None:
                endpoints = role.endpoints(host, settings)
                placed.append(Placement(host, role, settings, endpoints))
        return placed


def compile_site(declared: Declared, roles: Mapping[str, Role]) -> Site:
    """Compile an inventory into a site, without touching any host.

    Args:
        declared: The inventory as written.
        roles: Known roles by name.

    Raises:
        SiteError: With every mistake found, not just the first.
    """
    compiler = _Compiler(declared, roles)
    if not declared.hosts:
        origin = str(declared.path or "inventory")
        remedy = "List at least one host; check the path of the inventory"
        raise SiteError((Problem(origin, "the inventory has no hosts", remedy),))
    said = compiler.settings(SiteSettings, declared.site_layers, "site")
    compiler.check_groups(said if isinstance(said, SiteSettings) else None)
    hosts: dict[str, Host] = {}
    placed: list[tuple[DeclaredHost, Host, HostSettings]] = []
    for declared_host in declared.hosts:
        compiler.check_keys(declared_host)
        checked = compiler.host(declared_host)
        if checked:
            hosts[declared_host.name] = checked[0]
            compiler.check_without(declared_host, checked[1])
            placed.append((declared_host, *checked))
    placements = [p for each in placed for p in compiler.placements(*each)]
    served = frozenset(e.kind for p in placements for e in p.endpoints)
    placements += [p for each in placed for p in compiler.placements(*each, served)]
    # A role that prepares its host has no component there.
    preparations = tuple(p for p in placements if p.role.prepares)
    placements = [p for p in placements if not p.role.prepares]
    kept = said.log_retention if isinstance(said, SiteSettings) else None
    for problem in (
        *log_problems(kept, hosts.values(), placements),
        *engine_problems(hosts.values()),
        *port_problems(placements, hosts.values()),
    ):
        compiler.blame(problem)
    if compiler.problems or not isinstance(said, SiteSettings):
        raise SiteError(tuple(compiler.problems.values()))
    name = said.name or (declared.path.stem if declared.path else "site")
    folder = declared.path.parent if declared.path else Path("inventories")
    files = Path(said.files) if said.files else folder / "files" / name
    return Site(name, said, hosts, tuple(placements), files, preparations)


def _context(site: Site, artifacts: Mapping[tuple[str, str], Any], placement: Placement) -> Context:
    """What a role may look at, as far as its runtime lets its process see it."""
    host, settings, role = placement.host, placement.settings, placement.role
    runtime, neighbour = RUNTIMES[host.runtime], None
    if runtime.neighbour is not None and not role.on_host_network:
        # Its runtime binds it to the host's addresses; on its own network it takes all comers.
        neighbour, settings = runtime.neighbour, unbound(settings)
    return Context(
        host,
        settings,
        site,
        artifacts[role.artifact, host.architecture],
        placement.endpoints,
        runtime.host_root,
        neighbour,
    )


def rehearsals_of(site: Site, placement: Placement, artifact: Artifact) -> tuple[Rehearsal, ...]:
    """What a role that was left out of its host would ask.

    Args:
        site: The compiled site, without what was left out.
        placement: The role and its host.
        artifact: Stands in for its program.

    Raises:
        SiteError: The role refuses its settings or drop-in files; carries every problem.
    """
    role = placement.role
    if role.rehearse is None:
        return ()
    artifacts = {(role.artifact, placement.host.architecture): artifact}
    return role.rehearse(_context(site, artifacts, placement))


def components_of(
    site: Site, artifacts: Mapping[tuple[str, str], Any], host: str
) -> tuple[Component, ...]:
    """The components of one host, in the order they are converged.

    Args:
        site: The compiled site.
        artifacts: (artifact name, architecture) to the verified artifact.
        host: Inventory name.

    Raises:
        SiteError: A role refuses its settings or drop-in files; carries every problem.
    """
    made: list[Component] = []
    problems: list[Problem] = []
    for placement in site.on(host):
        try:
            made.append(placement.role.component(_context(site, artifacts, placement)))
        except SiteError as error:
            problems += error.problems
    if problems:
        raise SiteError(tuple(problems))
    return tuple(sorted(made, key=lambda component: component.name))
