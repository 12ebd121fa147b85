"""Exporters: roles that are data alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from plugins.model import (
    EMPTY,
    Check,
    CheckKind,
    Component,
    Directory,
    EndpointKind,
    Hardening,
    HostView,
    ManagedFile,
    Service,
)
from plugins.paths import Paths
from plugins.role import Context, Role, limited, own_endpoints
from plugins.settings import RoleSettings
from plugins.site import Host


@dataclass(frozen=True)
class Exporter:
    """An exporter as data; account, unit, scrape job, health and checks follow from it.

    Attributes:
        name: Name of the role, its job and its group.
        summary: One line for people.
        settings: Settings class; its ``port`` default is the exporter's port.
        artifact: Name in the lock file, which is also the program's name.
        arguments: From settings and paths to the flags, without the listen flag.
        listen_flag: The flag that takes ``address:port``.
        port_flag: The flag that takes the port, where ``listen_flag`` takes the address alone.
        metrics_path: Where the metrics are.
        health_path: What answers 2xx when it works.
        files: From settings to configuration files.
        directories: From settings to folders, each with the reason beside it.
        groups: Further groups of its account, each with the reason beside it.
        hardening: Exceptions from the hardened unit.
        view: What it sees of its host.
        on_host_network: It works on its host's own interfaces and loopback.
        host_root_flag: The flag that takes where the host's tree of files is.
        exposes: From settings to the families of metrics it has beside its own.
        everywhere: True gives it to every host that does not opt out.
        suits: With ``everywhere``, which hosts those are.
    """

    name: str
    summary: str
    settings: type[RoleSettings]
    artifact: str
    arguments: Callable[[Any, Paths], tuple[str, ...]] = lambda settings, paths: ()
    listen_flag: str = "--web.listen-address"
    port_flag: str = ""
    metrics_path: str = "/metrics"
    health_path: str = "/"
    files: Callable[[Any], tuple[ManagedFile, ...]] = lambda settings: ()
    directories: Callable[[Any], tuple[Directory, ...]] = lambda settings: ()
    groups: tuple[str, ...] = ()
    hardening: Hardening = field(default_factory=Hardening)
    environment: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    view: HostView = field(default_factory=HostView)
    on_host_network: bool = False
    host_root_flag: str = ""
    exposes: Callable[[Any], tuple[str, ...]] = lambda settings: ()
    everywhere: bool = False
    suits: Callable[[Host], bool] = lambda host: True

    def role(self) -> Role:
        """The role this data describes."""
        return Role(
            name=self.name,
            summary=self.summary,
            settings=self.settings,
            artifact=self.artifact,
            kind="exporter",
            endpoints=lambda host, settings: own_endpoints(
                self.name,
                host,
                settings,
                {
                    EndpointKind.METRICS: self.metrics_path,
                    EndpointKind.HEALTH: self.health_path,
                },
            ),
            component=self._component,
            everywhere=self.everywhere,
            suits=self.suits,
            on_host_network=self.on_host_network,
            exposes=self.exposes,
        )

    def _component(self, context: Context) -> Component:
        settings, paths = context.settings, Paths(self.name)
        health = context.endpoint(EndpointKind.HEALTH)
        elsewhere = self.host_root_flag and context.host_root != "/"
        root = (f"{self.host_root_flag}={context.host_root}",) if elsewhere else ()
        return context.component(
            self.name,
            Service(
                argv=(
                    f"{paths.programs}/{self.artifact}",
                    *self._listen(settings),
                    *root,
                    *self.arguments(settings, paths),
                    *settings.flags,
                ),
                description=self.summary,
                health=health,
                environment=self.environment,
                start_timeout=settings.start_timeout,
                hardening=limited(self.hardening, settings),
                view=self.view,
            ),
            files=self.files(settings),
            directories=self.directories(settings),
            groups=self.groups,
            checks=(Check("answers", CheckKind.HTTP, health),),
        )

    def _listen(self, settings: RoleSettings) -> tuple[str, ...]:
        if self.port_flag:
            return (
                f"{self.listen_flag}={settings.listen}",
                f"{self.port_flag}={settings.port}",
            )
        return (f"{self.listen_flag}={settings.listen}:{settings.port}",)
