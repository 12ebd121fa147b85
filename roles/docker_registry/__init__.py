"""Docker registry: keeps container images on its own disk and hands them to engines."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from plugins.layers import merge_native
from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    Hardening,
    ManagedFile,
    OnChange,
    Service,
)
from plugins.native import to_yaml
from plugins.paths import Paths
from plugins.role import Context, Role, limited
from plugins.settings import MemorySize, Native, Port, RoleSettings
from plugins.site import Host

NAME = "docker_registry"
PATHS = Paths(NAME)
_PROGRAM = "docker-registry"


class Settings(RoleSettings):
    """Settings of the Docker registry."""

    port: Port = Field(5000, description="TCP port that engines pull from and push to")
    metrics_port: Port = Field(5001, description="TCP port of its own metrics")
    memory_max: MemorySize = Field("512M", description="memory limit of the service, systemd size")
    delete: bool = Field(False, description="whether blobs and manifests may be deleted")
    native: Native = Field({}, description="native config.yml, merged over ours")


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where the registry answers."""

    def at(kind: EndpointKind, port: int, path: str) -> Endpoint:
        return Endpoint(NAME, host.name, kind, host.address, port, path, bind=settings.listen)

    return (
        at(EndpointKind.API, settings.port, "/v2/"),
        at(EndpointKind.HEALTH, settings.port, "/"),
        at(EndpointKind.METRICS, settings.metrics_port, "/metrics"),
    )


def _configuration(settings: Settings) -> dict[str, Any]:
    """https://distribution.github.io/distribution/about/configuration/"""
    return {
        "version": 0.1,
        "log": {
            "level": "info",
            # Its name for logfmt. Access lines are not: what was asked is logged beside them.
            "formatter": "text",
            "accesslog": {"disabled": True},
        },
        "storage": {
            "filesystem": {"rootdirectory": PATHS.storage},
            "delete": {"enabled": settings.delete},
        },
        "http": {
            "addr": f"{settings.listen}:{settings.port}",
            "debug": {
                "addr": f"{settings.listen}:{settings.metrics_port}",
                "prometheus": {"enabled": True, "path": "/metrics"},
            },
        },
    }


def component(context: Context) -> Component:
    """The Docker registry on one host.

    It has no checker of its own: ``garbage-collect --dry-run`` fails where nothing is stored yet,
    and reads all that is. A configuration that it does not start with is put back.
    """
    settings: Settings = context.settings
    content = to_yaml(merge_native(_configuration(settings), settings.native))
    return context.component(
        NAME,
        Service(
            argv=(
                f"{PATHS.programs}/{_PROGRAM}",
                "serve",
                f"{PATHS.config}/config.yml",
                *settings.flags,
            ),
            description="Docker registry",
            health=context.endpoint(EndpointKind.HEALTH),
            start_timeout=settings.start_timeout,
            hardening=limited(Hardening(), settings),
        ),
        files=(ManagedFile("config.yml", content, on_change=OnChange.RESTART),),
        checks=(
            Check("answers", CheckKind.HTTP, context.endpoint(EndpointKind.HEALTH)),
            Check("speaks the registry's API", CheckKind.HTTP, context.endpoint(EndpointKind.API)),
        ),
    )


ROLE = Role(
    name=NAME,
    summary="keeps container images and hands them to engines",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
)
