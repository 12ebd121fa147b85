"""Grafana Alloy: ships the host's logs and its applications' traces, instead of the collector."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import Field

from plugins.logs import log_sources
from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    ManagedFile,
    Problem,
    Proof,
    Reload,
    Service,
    SiteError,
    Validator,
)
from plugins.paths import Paths
from plugins.role import Context, Role, limited, own_endpoints
from plugins.settings import Port
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
from roles.alloy.configuration import configuration

NAME = "alloy"
PATHS = Paths(NAME)
# Queues on disk are a preview: https://grafana.com/docs/release-life-cycle/
_STABILITY = "--stability.level=public-preview"


class Settings(ShipperSettings):
    """Settings of Alloy."""

    port: Port = Field(12345, description="TCP port of its metrics, its health and its own pages")
    native: str = Field("", description="more components in Alloy's own language, after ours")


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where its metrics and health are, and where it takes OTLP."""
    paths = {EndpointKind.METRICS: "/metrics", EndpointKind.HEALTH: "/-/ready"}
    return (*own_endpoints(NAME, host, settings, paths), *otlp_endpoints(NAME, host, settings))


def _problems(context: Context, stores: Sequence[Endpoint]) -> list[Problem]:
    host = context.host.name
    problems = []
    if not stores:
        what = "no store of logs or traces is in the site: there is nowhere to ship to"
        remedy = "Give a host the role loki or jaeger, or take this one out of the group alloy"
        problems.append(Problem(NAME, what, remedy, host))
    others = [
        p.role.name
        for p in context.site.on(host)
        if p.role.name != NAME and EndpointKind.LOGS in p.role.serves
    ]
    for other in others:
        what = f"{other} ships the logs of this host already: every line would be stored twice"
        problems.append(Problem(NAME, what, f"Say `without: [{other!r}]` on the host", host))
    return problems


def component(context: Context) -> Component:
    """Alloy on one host, wired to every store of logs and traces.

    Raises:
        SiteError: There is nowhere to ship to, or another shipper on the host.
    """
    settings: Settings = context.settings
    site, host = context.site, context.host
    sources = log_sources(site, host)
    logs = intakes(site, EndpointKind.LOGS, host)
    traces = intakes(site, EndpointKind.TRACES, host)
    problems = _problems(context, (*logs, *traces))
    if problems:
        raise SiteError(tuple(problems))
    content = configuration(context, sources, logs, traces)
    loaded = hashlib.sha256(content.encode()).hexdigest()
    health = context.endpoint(EndpointKind.HEALTH)
    listen = settings.listen_address
    return context.component(
        NAME,
        Service(
            argv=(
                f"{PATHS.programs}/alloy",
                "run",
                f"--server.http.listen-addr={listen}:{settings.port}",
                "--server.http.enable-pprof=false",
                f"--storage.path={PATHS.storage}",
                "--disable-reporting",
                "--server.http.disable-support-bundle",
                _STABILITY,
                *settings.flags,
                f"{PATHS.config}/config.alloy",
            ),
            description="Grafana Alloy",
            health=health,
            reload=Reload(
                # Its own metric of success tells of the syntax only: what was parsed is told by
                # its hash, whether it works by the health of every component.
                proof=Proof(
                    contains=(
                        ("/metrics", f'sha256="{loaded}"'),
                        ("/-/healthy", "All Alloy components are healthy"),
                    )
                )
            ),
            start_timeout=settings.start_timeout,
            # It sends what it holds on the way down.
            stop_timeout=60,
            hardening=limited(may_read(sources, NAME), settings),
            view=must_see(sources),
        ),
        files=(ManagedFile("config.alloy", content),),
        directories=(SMOKE_DIRECTORY,),
        validators=(Validator(("{bin}/alloy", "validate", _STABILITY, "{config}/config.alloy")),),
        checks=(
            Check("is ready", CheckKind.HTTP, health),
            Check("its components are healthy", CheckKind.HTTP, health.at("/-/healthy")),
            *arrivals(context, NAME, (*logs, *traces)),
        ),
        groups=("systemd-journal",),
    )


ROLE = Role(
    name=NAME,
    summary="ships the host's logs and its applications' traces, instead of the collector",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
)
