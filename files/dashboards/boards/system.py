"""System: what each host has, and how much of it is used."""

from files.dashboards.model import Board, Query, Row
from files.dashboards.pages import ALL_LOGS, CONTAINERS, HOST_LOGS, STACK
from files.dashboards.panels import GREEN, RED, limits, lines, saturation, stat, table
from files.dashboards.promql import rate
from files.dashboards.variables import ENVIRONMENT, HOST

OF = '{environment=~"$environment",host=~"$host"}'


def of(*matchers: str) -> str:
    """The chosen hosts, and what else is matched."""
    return OF.removesuffix("}") + "".join(f",{each}" for each in matchers) + "}"


# The same file systems as the alert DiskSpaceLow watches.
REAL = of('fstype!~"tmpfs|ramfs|devtmpfs|overlay|squashfs|erofs|iso9660|udf|efivarfs|fuse.lxcfs"')
# What goes through bridges and pairs goes through a card, too, or never leaves the host.
CARDS = of('device!~"lo|veth.*|docker.*|br-.*|cni.*|flannel.*"')
WAITING = of('mode=~"idle|iowait"')
CPU = f"""1 - (
  sum by (host) (rate(node_cpu_seconds_total{WAITING}[$__rate_interval]))
  /
  (sum by (host) (rate(node_cpu_seconds_total{OF}[$__rate_interval])) > 0)
)"""
MEMORY = f"1 - (node_memory_MemAvailable_bytes{OF} / (node_memory_MemTotal_bytes > 0))"
SPACE = f"1 - (node_filesystem_avail_bytes{REAL} / (node_filesystem_size_bytes > 0))"
INODES = f"1 - (node_filesystem_files_free{REAL} / (node_filesystem_files > 0))"
IDLE = of('mode="idle"')
FAILED = of('state="failed"')
CORES = f"count by (host) (node_cpu_seconds_total{IDLE})"
NO_PRESSURE = "a kernel without pressure stall information"

NOW = Row(
    "Now",
    (
        stat("Hosts", "Hosts that tell of themselves.", f"count(node_uname_info{OF})"),
        stat("Cores", "Cores of all chosen hosts.", f"sum({CORES})"),
        stat(
            "Memory",
            "Memory of all chosen hosts.",
            f"sum(node_memory_MemTotal_bytes{OF})",
            unit="bytes",
        ),
        stat(
            "Fullest disk",
            "The file system with the least free space of its size.",
            f"max({SPACE})",
            unit="percentunit",
            steps=limits(0.8, 0.9),
        ),
        stat(
            "Youngest boot",
            "Time since the last boot of any chosen host.",
            f"min(time() - node_boot_time_seconds{OF})",
            unit="s",
        ),
        stat(
            "Failed units",
            "Units of systemd in the state failed.",
            f"sum(node_systemd_units{FAILED}) or vector(0)",
            trend=True,
            steps=((None, GREEN), (1, RED)),
            needs=("systemd",),
        ),
    ),
)

PROCESSOR = Row(
    "CPU and memory",
    (
        saturation(
            "CPU",
            "Share of time that CPUs work. Alerts: 80 % and 90 % for 5 min.",
            CPU,
            "{{host}}",
            links=(HOST_LOGS,),
        ),
        lines(
            "Load by core",
            "Processes that run or wait, for each core, over 5 min. Above 1 some wait.",
            f"node_load5{OF} / on (host) group_left () ({CORES})",
            "{{host}}",
            minimum=0.0,
            steps=limits(1, 2),
            shown="dashed",
        ),
        saturation(
            "Memory",
            "Share of memory that is not available. Alerts: 75 %, 80 % for 15 min, 85 % for 5 min.",
            MEMORY,
            "{{host}}",
            warn=0.8,
            critical=0.85,
            links=(HOST_LOGS,),
        ),
        lines(
            "Swap used",
            "Swap in use. Swap that grows means that memory does not suffice.",
            f"node_memory_SwapTotal_bytes{OF} - node_memory_SwapFree_bytes",
            "{{host}}",
            unit="bytes",
            minimum=0.0,
        ),
    ),
)

DISK = Row(
    "Disks and file systems",
    (
        saturation(
            "Space",
            "Share of each file system that is used. Alerts: 80 % for 5 min, 90 % for 30 min.",
            SPACE,
            "{{host}} {{mountpoint}}",
            links=(HOST_LOGS,),
        ),
        saturation(
            "Inodes",
            "Share of inodes that are used. Without inodes no file can be made.",
            INODES,
            "{{host}} {{mountpoint}}",
            empty="file systems that have no fixed number of inodes",
        ),
        lines(
            "Disk throughput",
            "Bytes per second read and written, by host.",
            (
                Query(rate(f"node_disk_read_bytes_total{OF}", "host"), "{{host}} read"),
                Query(rate(f"node_disk_written_bytes_total{OF}", "host"), "{{host}} written"),
            ),
            unit="Bps",
            minimum=0.0,
        ),
        saturation(
            "Disk busy",
            "Share of time that a disk has something to do.",
            f"rate(node_disk_io_time_seconds_total{OF}[$__rate_interval])",
            "{{host}} {{device}}",
        ),
    ),
)

NETWORK = Row(
    "Network",
    (
        lines(
            "Traffic",
            "Bytes per second through the host's cards.",
            (
                Query(rate(f"node_network_receive_bytes_total{CARDS}", "host"), "{{host}} in"),
                Query(rate(f"node_network_transmit_bytes_total{CARDS}", "host"), "{{host}} out"),
            ),
            unit="Bps",
            minimum=0.0,
        ),
        lines(
            "Errors and drops",
            "Packets per second that were broken or dropped.",
            (
                Query(rate(f"node_network_receive_errs_total{CARDS}", "host"), "{{host}} in"),
                Query(rate(f"node_network_transmit_errs_total{CARDS}", "host"), "{{host}} out"),
                Query(rate(f"node_network_receive_drop_total{CARDS}", "host"), "{{host}} dropped"),
            ),
            unit="pps",
            minimum=0.0,
        ),
    ),
)

PRESSURE = Row(
    "Pressure",
    tuple(
        lines(
            f"{name} pressure",
            f"Share of time that something had to wait for {what}.",
            f"rate({metric}{OF}[$__rate_interval])",
            "{{host}}",
            unit="percentunit",
            minimum=0.0,
            steps=limits(0.1, 0.4),
            shown="dashed",
            width=8,
            empty=NO_PRESSURE,
        )
        for name, what, metric in (
            ("CPU", "a CPU", "node_pressure_cpu_waiting_seconds_total"),
            ("Memory", "memory", "node_pressure_memory_waiting_seconds_total"),
            ("Disk", "a disk", "node_pressure_io_waiting_seconds_total"),
        )
    ),
)

UNITS = Row(
    "Units",
    (
        lines(
            "Units by state",
            "Units of systemd in each state.",
            f"sum by (state) (node_systemd_units{OF})",
            "{{state}}",
            minimum=0.0,
            width=12,
            needs=("systemd",),
        ),
        table(
            "Failed units",
            "Which units of systemd failed, and where.",
            (f"node_systemd_unit_state{FAILED} == 1",),
            {"host": "Host", "name": "Unit", "type": "Type"},
            width=12,
            needs=("systemd",),
            empty="no unit has failed",
        ),
    ),
)

BOARD = Board(
    uid="stackwatch-system",
    title="System",
    about="CPU, memory, disks, file systems, network, pressure and units of each host.",
    folder="Hosts",
    needs=("node_exporter",),
    variables=(ENVIRONMENT, HOST),
    links=(STACK, CONTAINERS, ALL_LOGS),
    rows=(NOW, PROCESSOR, DISK, NETWORK, PRESSURE, UNITS),
)
