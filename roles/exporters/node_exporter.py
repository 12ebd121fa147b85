"""node_exporter: CPU, memory, disks, network and units of every host."""

from pydantic import Field

from plugins.exporter import Exporter
from plugins.model import Directory, Hardening, HostView
from plugins.paths import Paths
from plugins.settings import DataFolder, MemorySize, Port, Printable, RoleSettings


class Settings(RoleSettings):
    """Settings of node_exporter."""

    port: Port = Field(9100, description="TCP port")
    memory_max: MemorySize = Field("256M", description="memory limit of the service, systemd size")
    collectors_on: list[Printable] = Field(
        ["systemd"], description="collectors beside its defaults"
    )
    collectors_off: list[Printable] = Field([], description="default collectors to leave out")
    textfile: DataFolder = Field(
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
    directories=lambda settings: (
        # Others write there, it only reads.
        Directory(settings.textfile, mode="0755", writable=False),
    ),
    hardening=Hardening(
        protect_proc="default",  # it counts the host's processes
        protect_home="read-only",  # it measures file systems mounted below /home
        address_families=("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"),  # netlink: links, wifi
    ),
    view=HostView(
        processes=True,
        root=True,
        files=("/run/udev/data",),
        sockets=("/run/dbus/system_bus_socket",),
    ),
    on_host_network=True,  # it counts the host's traffic
    host_root_flag="--path.rootfs",
    exposes=lambda settings: ("systemd",) if "systemd" in settings.collectors_on else (),
    everywhere=True,
)
