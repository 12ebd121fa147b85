"""OpenTelemetry Collector: ships the host's logs, takes its applications' traces."""

from __future__ import annotations

from pydantic import Field

from plugins.layers import merge_native
from plugins.logs import log_sources
from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    ManagedFile,
    OnChange,
    Problem,
    Service,
    SiteError,
    Validator,
)
from plugins.native import to_yaml
from plugins.paths import Paths
from plugins.role import Context, Role, limited, own_endpoints
from plugins.settings import LATER_EXTENDS, Native, Port
from plugins.shipping import (
    SMOKE_DIRECTORY,
    ShipperSettings,
    arrivals,
    may_read,
    must_see,
    otlp_endpoints,
)
from plugins.site import Host
from plugins.wiring import intakes
from roles.otelcol.configuration import configuration

NAME = "otelcol"
PATHS = Paths(NAME)


class Settings(ShipperSettings):
    """Settings of the collector."""

    port: Port = Field(8888, description="TCP port of its own metrics")
    health_port: Port = Field(13133, description="TCP port of its health")
    native: Native = Field(
        {}, description="native configuration, merged over ours", json_schema_extra=LATER_EXTENDS
    )


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where its metrics and health are, and where it takes OTLP."""
    kind, bind = EndpointKind.HEALTH, settings.listen
    return (
        *own_endpoints(NAME, host, settings, {EndpointKind.METRICS: "/metrics"}),
        Endpoint(NAME, host.name, kind, host.address, settings.health_port, "/", bind=bind),
        *otlp_endpoints(NAME, host, settings),
    )


def component(context: Context) -> Component:
    """The collector on one host, wired to every store of logs and traces.

    Raises:
        SiteError: There is nowhere to ship to.
    """
    settings: Settings = context.settings
    site, host = context.site, context.host
    sources = log_sources(site, host)
    logs = intakes(site, EndpointKind.LOGS, host)
    traces = intakes(site, EndpointKind.TRACES, host)
    if not (logs or traces):
        what = "no store of logs or traces takes anything from this host"
        remedy = "Give a host the role loki or jaeger, and let it listen on more than loopback"
        remedy += f"; or say `without: [{NAME!r}]` on this host"
        raise SiteError((Problem(NAME, what, remedy, host.name),))
    content = to_yaml(merge_native(configuration(context, sources, logs, traces), settings.native))
    # Without it entries wait in memory after their place in the file was noted:
    # https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/35456
    gates = "--feature-gates=+stanza.synchronousLogEmitter"
    return context.component(
        NAME,
        Service(
            argv=(
                f"{PATHS.programs}/otelcol",
                f"--config={PATHS.config}/otelcol.yml",
                gates,
                *settings.flags,
            ),
            description="OpenTelemetry Collector",
            health=context.endpoint(EndpointKind.HEALTH),
            start_timeout=settings.start_timeout,
            hardening=limited(may_read(sources, NAME), settings),
            view=must_see(sources),
        ),
        files=(ManagedFile("otelcol.yml", content, on_change=OnChange.RESTART),),
        directories=(SMOKE_DIRECTORY,),
        validators=(
            Validator(("{bin}/otelcol", "validate", "--config={config}/otelcol.yml", gates)),
        ),
        checks=(
            Check("is healthy", CheckKind.HTTP, context.endpoint(EndpointKind.HEALTH)),
            *arrivals(context, NAME, (*logs, *traces)),
        ),
        groups=("systemd-journal",),
    )


ROLE = Role(
    name=NAME,
    summary="ships the host's logs, takes its applications' traces",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
    everywhere=True,
    serves=frozenset({EndpointKind.LOGS, EndpointKind.TRACES}),
    log_format="json",
)
