"""node_exporter: CPU, memory, disks, network and units of every host."""

from pydantic import Field

from plugins.model import Directory, Hardening
from plugins.paths import Paths
from plugins.role import Exporter
from plugins.settings import Port, RoleSettings


class Settings(RoleSettings):
    """Settings of node_exporter."""

    port: Port = Field(9100, description="TCP port")
    memory_max: str = Field("256M", description="memory limit of the service, systemd size")
    collectors_on: list[str] = Field(["systemd"], description="collectors beside its defaults")
    collectors_off: list[str] = Field([], description="default collectors to leave out")
    textfile: str = Field(
        "/var/lib/stackwatch/node_exporter/textfile", description="folder of *.prom files to expose"
    )


def arguments(settings: Settings, paths: Paths) -> tuple[str, ...]:
    """Its flags."""
    return (
        f"--collector.textfile.directory={settings.textfile}",
        *(f"--collector.{name}" for name in settings.collectors_on),
        *(f"--no-collector.{name}" for name in settings.collectors_off),
    )


ROLE = Exporter(
    name="node_exporter",
    summary="CPU, memory, disks, network and units of every host",
    settings=Settings,
    artifact="node_exporter",
    arguments=arguments,
    directories=lambda settings: (Directory(settings.textfile, mode="0755"),),
    hardening=Hardening(
        protect_proc="default",  # it counts the host's processes
        protect_home="read-only",  # it measures file systems mounted below /home
        address_families=("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"),  # netlink: links, wifi
    ),
    everywhere=True,
)
