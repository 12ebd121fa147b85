"""cadvisor: CPU, memory, disk and network of every container of a host's Docker Engine."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from plugins.durations import go_duration
from plugins.exporter import Exporter
from plugins.model import Hardening, HostView
from plugins.paths import Paths
from plugins.settings import MemorySize, Port, RoleSettings, Span

# It takes them in one flag each, separated by commas.
Label = Annotated[str, StringConstraints(pattern=r"^[^,\s]+$")]
# cAdvisor's own: how often the Engine has started the container again. Nothing else tells that, the
# "start time" is when a container was made; ContainerRestartLoop counts by it.
RESTARTS = "restartcount"
# https://github.com/google/cadvisor/blob/master/docs/runtime_options.md#metrics
Kind = Literal[
    "advtcp",
    "app",
    "cpu",
    "cpuLoad",
    "cpu_topology",
    "cpuset",
    "disk",
    "diskIO",
    "hugetlb",
    "memory",
    "memory_numa",
    "network",
    "oom_event",
    "percpu",
    "perf_event",
    "pressure",
    "process",
    "referenced_memory",
    "resctrl",
    "sched",
    "tcp",
    "udp",
]
DISABLED: list[Kind] = [
    "advtcp",
    # It would fetch addresses that a container's labels name.
    "app",
    "cpuLoad",
    "cpu_topology",
    "cpuset",
    "hugetlb",
    "memory_numa",
    # It reads the kernel's log, which the unit hides; node_exporter counts these kills.
    "oom_event",
    # A series for every core of every container.
    "percpu",
    # Where that cgroup is not mounted it crashes, and without a list of events it counts nothing.
    "perf_event",
    "process",
    # It walks all memory of every process.
    "referenced_memory",
    "resctrl",
    "sched",
    "tcp",
    "udp",
]


class Settings(RoleSettings):
    """Settings of cadvisor."""

    # Its own default is 8080, which half of all applications have.
    port: Port = Field(8085, description="TCP port")
    memory_max: MemorySize = Field("256M", description="memory limit of the service, systemd size")
    housekeeping_interval: Span = Field(
        "15s", description="how often a container is read; at most every minute while it is idle"
    )
    container_labels: list[Label] = Field(
        ["stackwatch.component", "com.docker.compose.service"],
        description="labels of containers to have as labels of their metrics",
    )
    disable_metrics: list[Kind] = Field(
        DISABLED, description="kinds of metrics to leave out, as cAdvisor names them"
    )


def arguments(settings: Settings, paths: Paths) -> tuple[str, ...]:
    """Its flags."""
    return (
        # Without it every cgroup of the host is a container: units are node_exporter's.
        "-docker_only=true",
        # The host as a whole is node_exporter's too.
        "-disable_root_cgroup_stats=true",
        f"-housekeeping_interval={go_duration(settings.housekeeping_interval)}",
        # Each label of an image would be one of every series.
        "-store_container_labels=false",
        f"-whitelisted_container_labels={','.join([*settings.container_labels, RESTARTS])}",
        f"-disable_metrics={','.join(settings.disable_metrics)}",
    )


ROLE = Exporter(
    name="cadvisor",
    summary="CPU, memory, disk and network of containers",
    settings=Settings,
    artifact="cadvisor",
    arguments=arguments,
    listen_flag="-listen_ip",
    port_flag="-port",
    health_path="/healthz",
    # The Engine's socket tells the containers' names, images and labels. Whoever may write to it
    # is as good as root on the host.
    groups=("docker",),
    hardening=Hardening(
        # The Engine keeps its layers and containers in folders that only root may enter.
        capabilities=("CAP_DAC_READ_SEARCH",),
        protect_proc="default",  # a container's network is read from its first process
        # It looks for the Engine once, at its start, and would be healthy without any container for
        # ever after. So it starts when the Engine answers its account, in the oldest API that it
        # speaks (Engine 25's); systemd tries until then.
        overrides={
            "ExecStartPre": "/usr/bin/curl -fsS -m 5 -o /dev/null "
            "--unix-socket /var/run/docker.sock http://localhost/v1.44/_ping"
        },
    ),
    # A container of it starts when the Engine does.
    view=HostView(
        processes=True,
        files=("/sys", "/var/lib/docker"),
        sockets=("/var/run/docker.sock",),
    ),
    everywhere=True,
    suits=lambda host: host.runtime == host.engine == "docker",
)
