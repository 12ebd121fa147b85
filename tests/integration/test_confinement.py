"""What a container may do and see: as little as its component needs, and what it needs."""

from __future__ import annotations

import re

import pytest

from tests import hosts
from tests.hosts import TestHost
from tests.integration.by_hand import shown
from tests.integration.machine import get, on, until
from tests.integration.project import STORES, Project

pytestmark = pytest.mark.only("docker", "the sandbox of units is in test_units.py")

COMPONENTS = (*STORES, "otelcol", "node_exporter")
# Bits of /proc/PID/status; linux/capability.h.
DAC_READ_SEARCH = 1 << 2
# blackbox pings without CAP_NET_RAW: engines let every container do that.
CAPABILITIES = {"otelcol": DAC_READ_SEARCH}
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
ETC = "/etc/stackwatch"
# What everybody may write on the host, and a container that sees it may not.
SEEN = {"node_exporter": ("/host/tmp", "/host/run/lock", "/host/var/tmp")}


def _status(project: Project, component: str) -> dict[str, str]:
    """What the kernel says of a component's process."""
    mon = project.machines["mon1"]
    text = on(mon, f"cat /proc/{project.runtime.pid(mon, component)}/status")
    return {name: value.strip() for name, _, value in (x.partition(":") for x in text.split("\n"))}


def _limit(machine: TestHost, pid: str, controller: str, former: str, unified: str) -> int:
    """A limit of a process' control group, by its file's name in either layout of them."""
    places: dict[str, str] = {}
    for line in on(machine, f"cat /proc/{pid}/cgroup").splitlines():
        _, names, path = line.split(":", 2)
        places |= dict.fromkeys(names.split(","), path)
    if controller in places:
        return int(on(machine, f"cat /sys/fs/cgroup/{controller}{places[controller]}/{former}"))
    return int(on(machine, f"cat /sys/fs/cgroup{places['']}/{unified}"))


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_process_has_its_account_and_no_right_beyond(
    signal_stack: Project, component: str
) -> None:
    mon, status = signal_stack.machines["mon1"], _status(signal_stack, component)
    account = shown(mon, component)["Config"]["Labels"]["stackwatch.user"]
    uid, gid = on(mon, f"id -u {account}; id -g {account}").split()
    assert (status["Uid"].split(), status["Gid"].split()) == ([uid] * 4, [gid] * 4)
    assert int(uid) > 0
    wanted = CAPABILITIES.get(component, 0)
    assert {name: int(status[name], 16) for name in SETS} == dict.fromkeys(SETS, wanted)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    groups = set(on(mon, f"id -G {account}").split())
    assert set(status["Groups"].split()) | {gid} == groups


@pytest.mark.parametrize("component", COMPONENTS)
def test_nothing_of_a_container_can_be_written_but_its_own_data(
    signal_stack: Project, component: str
) -> None:
    mon = signal_stack.machines["mon1"]
    account = shown(mon, component)["Config"]["Labels"]["stackwatch.user"]
    user = on(mon, f"echo $(id -u {account}):$(id -g {account})")
    touch = f"docker exec --user {user} stackwatch-{component} /busybox touch"
    for place in ("/", "/usr", "/etc", f"{ETC}/{component}", *SEEN.get(component, ())):
        code, output = hosts.run(mon, ["sh", "-c", f"{touch} {place}/written"])
        assert code != 0 and "Read-only file system" in output, (place, output)
    for place in (f"/var/lib/stackwatch/{component}", "/tmp"):  # noqa: S108  # its own
        on(mon, f"{touch} {place}/written")
    on(mon, f"rm /var/lib/stackwatch/{component}/written")
    sources = {mount["Source"] for mount in shown(mon, component)["Mounts"] if mount["RW"]}
    allowed = (f"/var/lib/stackwatch/{component}", "/run/dbus/system_bus_socket")
    assert [source for source in sources if not source.startswith(allowed)] == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_memory_and_processes_are_limited_by_the_kernel(
    signal_stack: Project, component: str
) -> None:
    mon = signal_stack.machines["mon1"]
    pid = signal_stack.runtime.pid(mon, component)
    said = shown(mon, component)["HostConfig"]
    assert 0 < said["Memory"] == said["MemorySwap"]
    assert _limit(mon, pid, "memory", "memory.limit_in_bytes", "memory.max") == said["Memory"]
    assert 0 < _limit(mon, pid, "pids", "pids.max", "pids.max") == said["PidsLimit"]


def test_every_container_is_found_healthy_by_its_engine(signal_stack: Project) -> None:
    mon = signal_stack.machines["mon1"]

    def health() -> set[str]:
        listed = "docker ps -q --filter label=stackwatch.component"
        return set(
            on(mon, f"{listed} | xargs docker inspect -f '{{{{.State.Health.Status}}}}'").split()
        )

    until(lambda: health() == {"healthy"}, 60, "every container to be healthy")
    # A check that cannot fail proves nothing.
    check = shown(mon, "alertmanager")["Config"]["Healthcheck"]["Test"][1:]
    wrong = ["docker", "exec", "-e", "STACKWATCH_HEALTH=http://127.0.0.1:1/", "stackwatch-loki"]
    assert hosts.run(mon, [*wrong, *check])[0] != 0


def test_only_what_others_ask_for_is_published(signal_stack: Project) -> None:
    mon, web = signal_stack.machines["mon1"], signal_stack.machines["web1"]
    ports = shown(mon, "otelcol")["HostConfig"]["PortBindings"]
    bound = {inside: {each["HostIp"] for each in to} for inside, to in ports.items()}
    assert bound["4317/tcp"] == bound["4318/tcp"] == {"127.0.0.1"}
    # Listened on at the host's loopback alone; asked from next door there is nobody.
    heard = on(mon, "cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == \"0A\" { print $2 }'").split()
    assert [place for place in heard if place.endswith(f":{4318:04X}")] == ["0100007F:10DE"]
    asked = "curl -s -o /dev/null -m 5 -w '%{{http_code}}' http://{}:4318/v1/traces || true"
    assert on(web, asked.format(mon.address)) == "000"
    assert on(mon, asked.format("127.0.0.1")) != "000"
    assert on(web, f"curl -fsS -m 5 http://{mon.address}:9090/-/ready").startswith("Prometheus")
    assert shown(mon, "node_exporter")["HostConfig"]["PortBindings"] == {}


def test_node_exporter_sees_its_host_and_not_its_container(signals: Project) -> None:
    mon = signals.machines["mon1"]
    # The root of a test host is what it leaves out of itself: a container's.
    signals.everyone["node_exporter"] = {
        "flags": ["--collector.filesystem.fs-types-exclude=^(proc|sysfs)$"]
    }
    signals.deploy("--data", "prove=quick")
    metrics = str(get(mon, "/metrics", port=9100))

    def value(name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", metrics, re.M)
        assert found, name
        return float(found[1])

    total = int(on(mon, "awk '$1 == \"MemTotal:\" { print $2 }' /proc/meminfo"))
    assert value("node_memory_MemTotal_bytes") == total * 1024
    series = r'^node_filesystem_size_bytes\{[^}]*mountpoint="([^"]+)"[^}]*\} (\S+)$'
    sizes = dict(re.findall(series, metrics, re.M))
    for place in ("/", "/run", "/var/lib/docker"):
        assert float(sizes[place]) == int(on(mon, f"df -B1 --output=size {place} | tail -1"))
    # The host's file systems are called what they are called on the host.
    assert 'mountpoint="/host' not in metrics
    links = set(re.findall(r'^node_network_up\{device="([^"]+)"\}', metrics, re.M))
    assert links == set(on(mon, "ls /sys/class/net").split())
    address = on(mon, "cat /sys/class/net/eth0/address")
    assert f'address="{address}"' in metrics
    uname = f'nodename="{on(mon, "hostname")}"'
    assert uname in metrics
