"""What the reference service and its worker have in common: one program, one set of settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    Hardening,
    HostView,
    ManagedFile,
    OnChange,
    Service,
)
from plugins.paths import Paths
from plugins.role import Context, limited, own_endpoints
from plugins.settings import PlainUrl, Printable, RoleSettings, SealedSecret
from plugins.site import Host
from plugins.wiring import collector

PROGRAM = "reference_app"
_ENDPOINTS = {
    EndpointKind.METRICS: "/metrics",
    EndpointKind.HEALTH: "/health/ready",
    EndpointKind.API: "/",
}


class Common(RoleSettings):
    """Settings that both understand."""

    database_url: PlainUrl = Field(
        "postgresql:///reference?host=/run/postgresql&user=reference",
        description="PostgreSQL, without a password",
    )
    database_password: SealedSecret | None = Field(
        None, description="its password, from a vault; None where the socket knows the account"
    )
    redis_url: PlainUrl = Field("redis://127.0.0.1:6379/0", description="Redis, without a password")
    redis_password: SealedSecret | None = Field(None, description="its password, from a vault")
    namespace: str = Field(
        "reference", pattern=r"^[a-z][a-z0-9_]*$", description="first part of metrics' names"
    )
    entity_ids: list[Printable] = Field(
        ["acme", "globex", "initech"], description="values of the label entity_id"
    )
    sample_ratio: float = Field(1.0, ge=0, le=1, description="share of traces that are made")
    log_level: Literal["debug", "info", "warn", "error"] = Field(
        "info", description="lowest level that is written"
    )


def endpoints(name: str, host: Host, settings: Common) -> tuple[Endpoint, ...]:
    """Where it answers."""
    return own_endpoints(name, host, settings, _ENDPOINTS)


def _secrets(settings: Common) -> dict[str, ManagedFile]:
    """Variable that names a file, to the file."""
    given = {
        "DATABASE_PASSWORD": settings.database_password,
        "REDIS_PASSWORD": settings.redis_password,
    }
    return {
        f"REFERENCE_{variable}_FILE": ManagedFile(
            f"secrets/{variable.lower()}",
            secret.get_secret_value(),
            on_change=OnChange.RESTART,
            secret=True,
        )
        for variable, secret in given.items()
        if secret is not None
    }


def component(context: Context, name: str, command: str, ports: dict[str, int]) -> Component:
    """One process of the program.

    Args:
        context: Whom it is for.
        name: The role.
        command: The program's subcommand.
        ports: Variable to port.
    """
    settings: Common = context.settings
    paths, secrets = Paths(name), _secrets(settings)
    takes = collector(context.site, context.host)
    environment = {
        # It holds libraries that cannot be loaded from inside an archive.
        "STACKWATCH_UNPACK": f"{paths.storage}/unpacked",
        "REFERENCE_LISTEN": settings.listen_address,
        "REFERENCE_DATABASE_URL": settings.database_url,
        "REFERENCE_REDIS_URL": settings.redis_url,
        "REFERENCE_NAMESPACE": settings.namespace,
        "REFERENCE_ENTITY_IDS": ",".join(settings.entity_ids),
        "REFERENCE_ENVIRONMENT": context.host.environment,
        "REFERENCE_SERVICE": name,
        "REFERENCE_SAMPLE_RATIO": str(settings.sample_ratio),
        "REFERENCE_LOG_LEVEL": settings.log_level,
        **{variable: str(port) for variable, port in ports.items()},
        **{variable: f"{paths.config}/{file.path}" for variable, file in secrets.items()},
    }
    if takes:
        # By address where the collector is another host's.
        local = takes.host == context.host.name and context.neighbour is None
        url = takes.local_url if local else context.reach(takes)
        environment["REFERENCE_OTLP_ENDPOINT"] = url.rstrip("/")
    live = context.endpoint(EndpointKind.HEALTH).at("/health/live")
    return context.component(
        name,
        Service(
            argv=(f"{paths.programs}/{PROGRAM}", command, *settings.flags),
            description=f"Reference application, {command}",
            # It is there without its database, and says so: only users miss that, not systemd.
            health=live,
            environment=environment,
            start_timeout=settings.start_timeout,
            hardening=limited(
                # A library of it maps memory that is written and then run.
                Hardening(overrides={"MemoryDenyWriteExecute": "no"}),
                settings,
            ),
            # Its interpreter is the host's, and so may be the socket of its database.
            view=HostView(sockets=("/run/postgresql",), programs=True),
        ),
        files=tuple(secrets.values()),
        checks=(Check("is ready", CheckKind.HTTP, context.endpoint(EndpointKind.HEALTH)),),
    )
