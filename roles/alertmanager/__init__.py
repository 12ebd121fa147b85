"""Alertmanager: groups, routes and delivers alerts; two or more form a cluster."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from pydantic import Field

from plugins.delivery import ALERT
from plugins.handmade import Handmade
from plugins.layers import merge_native
from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    Hardening,
    ManagedFile,
    Problem,
    Proof,
    Reload,
    Service,
    SiteError,
    Validator,
)
from plugins.native import drop_ins, resolve_secrets, secret_files, to_yaml
from plugins.paths import Paths
from plugins.role import Context, Role, limited, own_endpoints
from plugins.settings import (
    LATER_EXTENDS,
    Duration,
    MemorySize,
    Native,
    Port,
    Printable,
    RoleSettings,
    SealedSecret,
    SecretName,
)
from plugins.site import Host, Site
from roles.alertmanager.datasource import DATASOURCE

NAME = "alertmanager"
PATHS = Paths(NAME)
SMOKE_RECEIVER = "stackwatch-smoke"
# Always there, so that the default route holds before anybody has a receiver.
DEFAULT_RECEIVER = "default"


class Settings(RoleSettings):
    """Settings of Alertmanager."""

    port: Port = Field(9093, description="TCP port of API and interface")
    cluster_port: Port = Field(9094, description="TCP and UDP port its cluster talks on")
    smoke_port: Port = Field(9599, description="loopback port of the smoke check's receiver")
    memory_max: MemorySize = Field("512M", description="memory limit of the service, systemd size")
    retention: Duration = Field("120h", description="how long silences and notes are kept")
    external_url: Printable = Field("", description="URL people reach it by, for links in messages")
    global_: Native = Field({}, alias="global", description="native `global` section")
    route: Native = Field(
        {"receiver": DEFAULT_RECEIVER}, description="native root route, without its routes"
    )
    routes: list[Native] = Field(
        [], description="native routes below the root", json_schema_extra=LATER_EXTENDS
    )
    receivers: list[Native] = Field(
        [],
        description="native receivers beside an empty one named `default`",
        json_schema_extra=LATER_EXTENDS,
    )
    inhibit_rules: list[Native] = Field(
        [], description="native inhibition rules beside ours", json_schema_extra=LATER_EXTENDS
    )
    time_intervals: list[Native] = Field(
        [], description="native time intervals", json_schema_extra=LATER_EXTENDS
    )
    secrets: dict[SecretName, SealedSecret] = Field(
        {},
        description="secrets by name, from a vault; `secret:NAME` in a *_file key becomes its path",
    )
    native: Native = Field(
        {}, description="native alertmanager.yml, merged over ours", json_schema_extra=LATER_EXTENDS
    )


# Two missing labels count as equal, so an instance is required on both sides:
# https://prometheus.io/docs/alerting/latest/configuration/#inhibit_rule
_SAME_INSTANCE = 'instance=~".+"'
# What tells two alerts of one name on one instance apart: a full /var must not mute a filling /.
_SAME_THING = ["instance", "mountpoint", "integration", "rule_group"]
INHIBITION = [
    *(
        {
            "source_matchers": [f'severity="{source}"', _SAME_INSTANCE],
            "target_matchers": [f'severity=~"{muted}"', _SAME_INSTANCE],
            "equal": ["alertname", *_SAME_THING],
        }
        for source, muted in (("critical", "warning|info"), ("warning", "info"))
    ),
    {
        "source_matchers": ['alertname="CertExpiresVerySoon"', _SAME_INSTANCE],
        "target_matchers": ['alertname="CertExpiring"', _SAME_INSTANCE],
        "equal": ["instance"],
    },
    {
        # The whole job is down: its single services say nothing new.
        "source_matchers": ['alertname="JobDown"', 'job=~".+"'],
        "target_matchers": ['alertname="ServiceDown"', 'job=~".+"'],
        "equal": ["job", "environment"],
    },
]


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where Alertmanager answers, and where its cluster talks."""
    served = own_endpoints(
        NAME,
        host,
        settings,
        {
            EndpointKind.METRICS: "/metrics",
            EndpointKind.HEALTH: "/-/ready",
            EndpointKind.API: "/",
            EndpointKind.UI: "/",
        },
    )
    peer = Endpoint(
        NAME, host.name, EndpointKind.PEER, host.address, settings.cluster_port, scheme="tcp"
    )
    return (*served, peer)


def _configuration(context: Context, problems: list[Problem]) -> dict[str, Any]:
    settings: Settings = context.settings
    smoke_route = {
        "receiver": SMOKE_RECEIVER,
        "matchers": [f'alertname="{ALERT}"'],
        "group_by": ["run"],
        "group_wait": "0s",
    }
    smoke_url = f"http://127.0.0.1:{settings.smoke_port}/"
    smoke = {
        "name": SMOKE_RECEIVER,
        "webhook_configs": [{"url": smoke_url, "send_resolved": False}],
    }
    receivers = [smoke, *settings.receivers]
    if DEFAULT_RECEIVER not in (receiver.get("name") for receiver in receivers):
        receivers.append({"name": DEFAULT_RECEIVER})
    ours: dict[str, Any] = {"global": settings.global_} if settings.global_ else {}
    ours |= {
        "route": {
            "group_by": ["alertname", "service", "environment"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            **settings.route,
            "routes": [smoke_route, *settings.routes],
        },
        "receivers": receivers,
        "inhibit_rules": [*INHIBITION, *settings.inhibit_rules],
        "templates": ["templates/*.tmpl"],
    }
    if settings.time_intervals:
        ours["time_intervals"] = settings.time_intervals
    merged = merge_native(ours, settings.native)
    resolved: dict[str, Any] = resolve_secrets(merged, settings.secrets, NAME, problems)
    return resolved


def configuration_hash(content: str) -> str:
    """The value of ``alertmanager_config_hash`` for a configuration, as its metrics print it.

    The first 48 bits of the MD5 sum, little endian, as a float in Go's shortest form:
    https://github.com/prometheus/alertmanager/blob/v0.31.1/config/coordinator.go

    Args:
        content: The text of ``alertmanager.yml``.
    """
    number = int.from_bytes(
        hashlib.md5(content.encode(), usedforsecurity=False).digest()[:6], "little"
    )
    digits = str(number)
    if number < 10**6:
        return digits
    mantissa = digits.rstrip("0")
    fraction = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{mantissa[0]}{fraction}e+{len(digits) - 1:02d}"


def _cluster(context: Context) -> list[str]:
    site, settings = context.site, context.settings
    peers = site.endpoints(EndpointKind.PEER, NAME)
    if len(peers) < 2:
        return ["--cluster.listen-address="]
    flags = [f"--cluster.listen-address={settings.listen_address}:{settings.cluster_port}"]
    try:
        ipaddress.ip_address(context.host.address)
        flags.append(f"--cluster.advertise-address={context.host.address}:{settings.cluster_port}")
    except ValueError:
        pass  # Only an IP can be advertised; with a name it finds its own private one.
    others = sorted(p.authority for p in peers if p.host != context.host.name)
    return flags + [f"--cluster.peer={other}" for other in others]


def _arguments(context: Context) -> tuple[str, ...]:
    settings: Settings = context.settings
    arguments = [
        f"{PATHS.programs}/alertmanager",
        f"--config.file={PATHS.config}/alertmanager.yml",
        f"--storage.path={PATHS.storage}",
        f"--data.retention={settings.retention}",
        f"--web.listen-address={settings.listen}:{settings.port}",
        *_cluster(context),
    ]
    if settings.external_url:
        arguments.append(f"--web.external-url={settings.external_url}")
    return (*arguments, *settings.flags)


def _checks(context: Context) -> tuple[Check, ...]:
    api = context.endpoint(EndpointKind.API)
    members = len(context.site.endpoints(EndpointKind.PEER, NAME))
    checks = [Check("is ready", CheckKind.HTTP, context.endpoint(EndpointKind.HEALTH))]
    if members > 1:
        status = api.at("/api/v2/status")
        checks.append(Check("cluster is whole", CheckKind.MEMBERS, status, (str(members),)))
    if context.site.endpoints(EndpointKind.API, "prometheus"):
        watchdog = api.at("/api/v2/alerts?filter=alertname%3D%22Watchdog%22")
        checks.append(Check("Watchdog fires", CheckKind.WATCHDOG, watchdog, ("Watchdog",)))
    alerts = api.at("/api/v2/alerts")
    port = str(context.settings.smoke_port)
    checks.append(Check("an alert is delivered", CheckKind.DELIVERY, alerts, (port,)))
    return tuple(checks)


def _templates(site: Site) -> tuple[ManagedFile, ...]:
    return tuple(
        ManagedFile(f"templates/{file.name}", text)
        for file, text in drop_ins(site.files / "templates", "*.tmpl")
    )


def component(context: Context) -> Component:
    """Alertmanager on one host, in a cluster with the others of the site.

    Raises:
        SiteError: The configuration refers to a secret that is not there.
    """
    problems: list[Problem] = []
    content = to_yaml(_configuration(context, problems))
    if problems:
        raise SiteError(tuple(problems))
    return context.component(
        NAME,
        Service(
            argv=_arguments(context),
            description="Alertmanager",
            health=context.endpoint(EndpointKind.HEALTH),
            reload=Reload(
                proof=Proof(
                    "alertmanager_config_last_reload_successful",
                    "alertmanager_config_last_reload_success_timestamp_seconds",
                    (("/metrics", f"alertmanager_config_hash {configuration_hash(content)}"),),
                )
            ),
            start_timeout=context.settings.start_timeout,
            # It asks for its interfaces to find the address it advertises.
            hardening=limited(
                Hardening(address_families=("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK")),
                context.settings,
            ),
        ),
        files=(
            ManagedFile("alertmanager.yml", content),
            *secret_files(context.settings.secrets),
            *_templates(context.site),
        ),
        validators=(Validator(("{bin}/amtool", "check-config", "{config}/alertmanager.yml")),),
        checks=_checks(context),
    )


ROLE = Role(
    name=NAME,
    summary="groups, routes and delivers alerts",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
    datasource=DATASOURCE,
    handmade=Handmade(("silences",), "roles.alertmanager.backup", clustered=True),
)
