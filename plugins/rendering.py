"""Runtimes: how components run on a host, by the name that hosts choose them by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from plugins.model import Artifact, Component
from plugins.runtimes import docker
from plugins.runtimes.images import image_of
from plugins.runtimes.mounts import HOST_ROOT
from plugins.runtimes.rendered import Rendered
from plugins.runtimes.systemd import Unit, unit_name
from plugins.settings import LogSource
from plugins.site import Host, Placement

Artifacts = Mapping[tuple[str, str], Artifact]


@dataclass(frozen=True)
class Runtime:
    """One way to run components.

    Attributes:
        render: From a component, its placement and every artifact to what goes onto the host.
        tools: Artifacts it needs beside the components' own.
        host_root: Where processes that see the host's tree of files find it.
        neighbour: From a component's name to what others on its host call it, where components
            have a network of their own.
        log_source: From a host, a component's name and the format of its lines to where they are
            read; None where they cannot be.
    """

    render: Callable[[Component, Placement, Artifacts], Rendered]
    log_source: Callable[[Host, str, str], LogSource | None]
    tools: tuple[str, ...] = ()
    host_root: str = "/"
    neighbour: Callable[[str], str] | None = None


def _container(component: Component, placement: Placement, artifacts: Artifacts) -> Rendered:
    shell = artifacts["busybox", placement.host.architecture]
    image = image_of(component.name, component.artifact, shell)
    shares = placement.role.on_host_network
    host = placement.host
    return docker.Container(component, image, shares, host.engine, host.container_logs)


def _of_container(host: Host, name: str, form: str) -> LogSource | None:
    if host.container_logs != "journald":
        return None
    return LogSource(name=name, format=form, containers=[docker.container_name(name)])


RUNTIMES: Mapping[str, Runtime] = {
    "docker": Runtime(
        _container,
        _of_container,
        tools=("busybox",),
        host_root=HOST_ROOT,
        neighbour=docker.container_name,
    ),
    "systemd": Runtime(
        lambda component, placement, artifacts: Unit(component),
        lambda host, name, form: LogSource(name=name, format=form, units=[unit_name(name)]),
    ),
}


def tools(hosts: Iterable[Host]) -> frozenset[tuple[str, str]]:
    """(artifact, architecture) pairs that the runtimes of some hosts need."""
    return frozenset((tool, h.architecture) for h in hosts for tool in RUNTIMES[h.runtime].tools)
