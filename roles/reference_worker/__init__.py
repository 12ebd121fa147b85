"""The reference application's background worker."""

from __future__ import annotations

from pydantic import Field

from plugins.model import Component
from plugins.role import Context, Role
from plugins.settings import MemorySize, Port
from roles.reference_app import common

NAME = "reference_worker"


class Settings(common.Common):
    """Settings of the reference worker."""

    port: Port = Field(8001, description="TCP port of its metrics and health")
    memory_max: MemorySize = Field("512M", description="memory limit of the service, systemd size")


def component(context: Context) -> Component:
    """The worker on one host."""
    ports = {"REFERENCE_WORKER_PORT": context.settings.port}
    return common.component(context, NAME, "worker", ports)


ROLE = Role(
    name=NAME,
    summary="the reference service's background worker",
    settings=Settings,
    artifact=common.PROGRAM,
    kind="application",
    endpoints=lambda host, settings: common.endpoints(NAME, host, settings),
    component=component,
    log_format="json",
    exposes=lambda settings: ("jobs", "database_client"),
    on_host_network=True,  # its database and its cache are on the loopback
)
