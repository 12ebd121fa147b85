"""Roles: found by folder, declared as values.

A backend is a folder ``roles/<name>/`` whose ``__init__.py`` binds ``ROLE``; an exporter
is a file ``roles/exporters/<name>.py`` that binds ``ROLE`` to an :class:`Exporter`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import roles
import roles.exporters
from plugins.datasources import DatasourceType
from plugins.handmade import Handmade
from plugins.model import (
    Account,
    Artifact,
    Check,
    Component,
    Directory,
    Endpoint,
    EndpointKind,
    Guard,
    Hardening,
    ManagedFile,
    Service,
    Validator,
)
from plugins.settings import RoleSettings, Settings

if TYPE_CHECKING:
    from plugins.preparation import Preparation
    from plugins.rehearsal import Rehearsal
    from plugins.site import Host, Site
    from plugins.wishes import Wish


@dataclass(frozen=True)
class Context:
    """What a role may look at to make its component.

    Attributes:
        host: The host the component is for.
        settings: The role's validated settings on that host.
        site: The whole site, for wiring.
        artifact: The verified program.
        endpoints: What the role said it answers on, for this host.
        host_root: Where its process finds the host's tree of files, if it is to see it.
        neighbour: From a component's name to what it is called on the network that this one has
            with the other components of its host; None where that is the host's own.
    """

    host: Host
    settings: Any
    site: Site
    artifact: Artifact
    endpoints: tuple[Endpoint, ...]
    host_root: str = "/"
    neighbour: Callable[[str], str] | None = None

    def reach(self, endpoint: Endpoint) -> str:
        """The URL that this component reaches an endpoint by.

        Args:
            endpoint: Of this host, or one that takes all comers.
        """
        if not endpoint.local_only:
            return endpoint.url
        if self.neighbour is None:
            return endpoint.local_url
        return replace(endpoint, address=self.neighbour(endpoint.component)).url

    def endpoint(self, kind: EndpointKind) -> Endpoint:
        """The first own endpoint of a kind.

        Raises:
            LookupError: The role declares none.
        """
        for endpoint in self.endpoints:
            if endpoint.kind is kind:
                return endpoint
        raise LookupError(f"no {kind} endpoint on {self.host.name}")

    def component(
        self,
        name: str,
        service: Service,
        *,
        checks: tuple[Check, ...],
        files: tuple[ManagedFile, ...] = (),
        directories: tuple[Directory, ...] = (),
        validators: tuple[Validator, ...] = (),
        groups: tuple[str, ...] = (),
        guards: tuple[Guard, ...] = (),
        wishes: tuple[Wish, ...] = (),
    ) -> Component:
        """A component of this host that runs as an account of its own name.

        Args:
            name: Name of the role, the component and the account.
            service: The process.
            checks: What smoke checks prove.
            files: Configuration files.
            directories: Folders beside the configuration.
            validators: Checks of staged configuration.
            groups: Further groups of its account.
            guards: What of its live configuration must not be changed.
            wishes: What no file can say, made through its API.
        """
        return Component(
            name=name,
            role=name,
            host=self.host.name,
            artifact=self.artifact,
            account=Account(name, groups),
            service=service,
            files=files,
            directories=directories,
            validators=validators,
            endpoints=self.endpoints,
            checks=checks,
            guards=guards,
            wishes=wishes,
        )


@dataclass(frozen=True)
class Role:
    """One kind of component.

    Attributes:
        name: Also the name of its group, of its settings key and of its job.
        summary: One line for people.
        settings: Its settings class.
        artifact: The name of its program in the lock file.
        kind: Label ``kind`` of its targets; rules select by it.
        endpoints: From host and settings to the addresses it answers on.
        component: From context to the component.
        everywhere: True gives it to every host that does not opt out.
        suits: With ``everywhere``, which hosts those are.
        serves: With ``everywhere``, only in a site that has an endpoint of one of these kinds;
            empty means in every site.
        log_format: Format of what its process writes to its standard output.
        on_host_network: It works on its host's own interfaces and loopback; a container of it
            shares them.
        datasource: How Grafana reads it, at its first ``API`` endpoint; None where it is nothing to
            look at.
        exposes: From settings to the families of metrics it has beside its own, see
            :mod:`plugins.dashboards.families`; dashboards show panels by them.
        rehearse: Where its program could not be obtained and the site allows that: renders all that
            it would read, and tells what it would ask of others; None where nothing is done.
        handmade: What people make in it by hand, for backups.
        shows_datasources: People look at the site's datasources through it.
        prepares: For a role that prepares its host and makes no component, what it wants of it.
    """

    name: str
    summary: str
    settings: type[Settings]
    artifact: str
    kind: str
    endpoints: Callable[[Host, Any], tuple[Endpoint, ...]]
    component: Callable[[Context], Component]
    everywhere: bool = False
    suits: Callable[[Host], bool] = lambda host: True
    serves: frozenset[EndpointKind] = frozenset()
    log_format: str = "logfmt"
    on_host_network: bool = False
    datasource: DatasourceType | None = None
    exposes: Callable[[Any], tuple[str, ...]] = lambda settings: ()
    rehearse: Callable[[Context], tuple[Rehearsal, ...]] | None = None
    handmade: Handmade | None = None
    shows_datasources: bool = False
    prepares: Callable[[Host, Any], Preparation] | None = None

    @property
    def port(self) -> int | None:
        """The default port; None for a role that answers on nothing."""
        field = self.settings.model_fields.get("port")
        return field.default if field else None


def own_endpoints(
    name: str, host: Host, settings: RoleSettings, paths: Mapping[EndpointKind, str]
) -> tuple[Endpoint, ...]:
    """Endpoints of one service on one port, a path a kind."""
    return tuple(
        Endpoint(name, host.name, kind, host.address, settings.port, path, bind=settings.listen)
        for kind, path in paths.items()
    )


def limited(hardening: Hardening, settings: RoleSettings) -> Hardening:
    """The role's hardening with the memory limit of its settings."""
    return replace(hardening, memory_max=settings.memory_max)


class RoleError(Exception):
    """The roles folder contradicts itself: a programmer's mistake, named with both files."""


def _modules() -> list[ModuleType]:
    found = []
    for package in (roles, roles.exporters):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if info.name != roles.exporters.__name__:
                found.append(importlib.import_module(info.name))
    return found


def collect(modules: list[ModuleType]) -> dict[str, Role]:
    """Roles by name from their modules.

    Raises:
        RoleError: A module without ``ROLE``, or two roles with one name or default port.
    """
    found: dict[str, Role] = {}
    ports: dict[int | None, str] = {}
    for module in modules:
        declared = getattr(module, "ROLE", None)
        if declared is None:
            raise RoleError(f"{module.__name__} binds no ROLE")
        role = declared if isinstance(declared, Role) else declared.role()
        port = role.port
        if role.name in found:
            raise RoleError(f"{module.__name__}: there is already a role {role.name!r}")
        if port is not None and port in ports:
            raise RoleError(f"{module.__name__}: port {port} is already {ports[port]!r}'s default")
        found[role.name] = role
        ports[port] = role.name
    return found


@cache
def all_roles() -> Mapping[str, Role]:
    """Every role of this checkout, by name."""
    return dict(sorted(collect(_modules()).items()))
