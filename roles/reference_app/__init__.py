"""The reference application: a small instrumented service that everything else is tried on."""

from __future__ import annotations

from pydantic import Field

from plugins.model import Component
from plugins.role import Context, Role
from plugins.settings import MemorySize, Port
from roles.reference_app import common

NAME = "reference_app"


class Settings(common.Common):
    """Settings of the reference service."""

    port: Port = Field(8000, description="TCP port")
    memory_max: MemorySize = Field("512M", description="memory limit of the service, systemd size")


def component(context: Context) -> Component:
    """The service on one host."""
    return common.component(context, NAME, "serve", {"REFERENCE_PORT": context.settings.port})


ROLE = Role(
    name=NAME,
    summary="a small instrumented service: metrics, logs, traces, health",
    settings=Settings,
    artifact=common.PROGRAM,
    kind="application",
    endpoints=lambda host, settings: common.endpoints(NAME, host, settings),
    component=component,
    log_format="json",
    # What its source counts, see files/apps/reference.
    exposes=lambda settings: (
        "application",
        "business",
        "ai",
        "auth",
        "database_client",
        "cache_client",
    ),
    on_host_network=True,  # its database and its cache are on the loopback
)
