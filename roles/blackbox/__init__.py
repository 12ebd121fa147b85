"""Blackbox exporter: probes health endpoints from outside."""

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
    Proof,
    Reload,
    Service,
    Validator,
)
from plugins.native import to_yaml
from plugins.paths import Paths
from plugins.role import Context, Role, limited, own_endpoints
from plugins.settings import MemorySize, Native, Port, RoleSettings
from plugins.site import Host

NAME = "blackbox"
PATHS = Paths(NAME)
_PROGRAM = "blackbox_exporter"

# https://github.com/prometheus/blackbox_exporter/blob/master/CONFIGURATION.md
MODULES: dict[str, Any] = {
    "http_2xx": {"prober": "http", "timeout": "5s", "http": {"preferred_ip_protocol": "ip4"}},
    "tcp": {"prober": "tcp", "timeout": "5s", "tcp": {"preferred_ip_protocol": "ip4"}},
    "tls": {
        "prober": "tcp",
        "timeout": "5s",
        "tcp": {"preferred_ip_protocol": "ip4", "tls": True},
    },
    "dns": {
        "prober": "dns",
        "timeout": "5s",
        "dns": {"query_name": "localhost", "query_type": "A", "preferred_ip_protocol": "ip4"},
    },
    "icmp": {"prober": "icmp", "timeout": "5s", "icmp": {"preferred_ip_protocol": "ip4"}},
}


class Settings(RoleSettings):
    """Settings of the blackbox exporter."""

    port: Port = Field(9115, description="TCP port")
    memory_max: MemorySize = Field("256M", description="memory limit of the service, systemd size")
    modules: Native = Field({}, description="native modules, merged over ours")
    native: Native = Field({}, description="native blackbox.yml, merged over ours")


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where the exporter answers; its API is the probe itself."""
    return own_endpoints(
        NAME,
        host,
        settings,
        {
            EndpointKind.METRICS: "/metrics",
            EndpointKind.HEALTH: "/-/healthy",
            EndpointKind.API: "/probe",
        },
    )


def component(context: Context) -> Component:
    """The blackbox exporter on one host."""
    settings: Settings = context.settings
    modules = merge_native(MODULES, settings.modules)
    content = to_yaml(merge_native({"modules": modules}, settings.native))
    check = (f"{{bin}}/{_PROGRAM}", "--config.check", "--config.file={config}/blackbox.yml")
    return context.component(
        NAME,
        Service(
            argv=(
                f"{PATHS.programs}/{_PROGRAM}",
                f"--config.file={PATHS.config}/blackbox.yml",
                f"--web.listen-address={settings.listen}:{settings.port}",
                *settings.flags,
            ),
            description="Blackbox exporter",
            health=context.endpoint(EndpointKind.HEALTH),
            reload=Reload(
                proof=Proof(
                    "blackbox_exporter_config_last_reload_successful",
                    "blackbox_exporter_config_last_reload_success_timestamp_seconds",
                )
            ),
            start_timeout=settings.start_timeout,
            # ICMP needs a raw socket.
            hardening=limited(Hardening(capabilities=("CAP_NET_RAW",)), settings),
        ),
        files=(ManagedFile("blackbox.yml", content),),
        validators=(Validator(check),),
        checks=(Check("answers", CheckKind.HTTP, context.endpoint(EndpointKind.HEALTH)),),
    )


ROLE = Role(
    name=NAME,
    summary="probes health endpoints from outside",
    settings=Settings,
    artifact=_PROGRAM,
    kind="exporter",
    endpoints=endpoints,
    component=component,
)
