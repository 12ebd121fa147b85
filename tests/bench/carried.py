"""What one collector and one Loki carry on this machine: lines a second, delay, memory."""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests import hosts
from tests.hosts import HostSpec, TestHost
from tests.integration.machine import on
from tests.integration.project import Project

GROUP = "benchsignals"
LINES = 300_000
PROBES = 300
_DEADLINE_SECONDS = 300


@dataclass(frozen=True)
class Carried:
    """One measured amount.

    Attributes:
        name: What was measured.
        amount: How much.
        unit: Of the amount.
    """

    name: str
    amount: float
    unit: str


def _peak(machine: TestHost, component: str) -> float:
    """Peak resident memory of a component's process in MiB."""
    pid = on(machine, f"systemctl show -p MainPID --value stackwatch-{component}")
    kib = on(machine, f"awk '/^VmHWM/ {{ print $2 }}' /proc/{pid}/status")
    return int(kib) / 1024


class _Loki:
    """Asks a Loki over the test hosts' network."""

    def __init__(self, machine: TestHost) -> None:
        self._client = httpx.Client(
            base_url=f"http://{machine.address}:3100/loki/api/v1", timeout=30, trust_env=False
        )

    def count(self, query: str) -> int:
        asked = {"query": f"sum(count_over_time({query} [1h]))", "time": str(time.time() + 60)}
        result = self._client.get("/query", params=asked).json()["data"]["result"]
        return int(result[0]["value"][1]) if result else 0

    def numbers(self, query: str) -> set[int]:
        """The field ``n`` of the newest lines a query finds."""
        start = str(int((time.time() - 120) * 1e9))
        asked = {"query": query, "limit": "1000", "start": start}
        result = self._client.get("/query_range", params=asked).json()["data"]["result"]
        return {json.loads(text)["n"] for stream in result for _, text in stream["values"]}


def _write_lines(path: Path) -> None:
    """Lines as an application writes them, a microsecond apart, one of ten with a secret."""
    begun = datetime.now(UTC)
    with gzip.open(path, "wt", compresslevel=1) as out:
        for number in range(LINES):
            line: dict[str, object] = {
                "time": (begun + timedelta(microseconds=number)).isoformat(timespec="microseconds"),
                "level": ("info", "info", "info", "warn", "error", "debug")[number % 6],
                "message": f"request {number} was answered after some time",
                "requestId": f"{number:016x}",
                "path": f"/users/{number % 500}",
                "n": number,
            }
            if number % 10 == 0:
                line["password"] = "hunter2"  # noqa: S105
            out.write(json.dumps(line) + "\n")


def _sent(machine: TestHost, packed: Path) -> None:
    """Unpack a file on a host, to ``/var/log/lines``."""
    options = ["-i", str(machine.key), "-o", f"UserKnownHostsFile={machine.known_hosts}"]
    where = ["-p", str(machine.ssh_port), f"{machine.user}@127.0.0.1"]
    with packed.open("rb") as content:
        command = ["ssh", "-q", *options, *where, "gunzip -c >/var/log/lines"]
        subprocess.run(command, stdin=content, check=True)


def _throughput(loki: _Loki, machine: TestHost, folder: Path) -> float:
    """Lines a second, from the first to the last of a file that is there at once."""
    packed = folder / "lines.gz"
    _write_lines(packed)
    _sent(machine, packed)
    # There at once, under its name, and not while it is being unpacked.
    on(machine, "mkdir -p /var/log/load && mv /var/log/lines /var/log/load/load.log")
    started = time.monotonic()
    query = '{service="load"}'
    while loki.count(query) < LINES:
        if time.monotonic() - started > _DEADLINE_SECONDS:
            raise SystemExit(f"{loki.count(query)} of {LINES} lines after {_DEADLINE_SECONDS} s")
    seconds = time.monotonic() - started
    if (found := loki.count(query)) != LINES:
        raise SystemExit(f"{found} lines of {LINES}")
    return LINES / seconds


def _delays(loki: _Loki, machine: TestHost) -> list[float]:
    """Seconds from writing a line to finding it, of lines ten a second."""
    written: dict[int, float] = {}

    def write() -> None:
        for number in range(PROBES):
            text = json.dumps({"level": "info", "n": number})
            at = time.monotonic()
            on(machine, f"mkdir -p /var/log/probe; echo '{text}' >>/var/log/probe/probe.log")
            written[number] = (at + time.monotonic()) / 2

    writer = threading.Thread(target=write)
    writer.start()
    seen: dict[int, float] = {}
    end = time.monotonic() + _DEADLINE_SECONDS
    while len(seen) < PROBES and time.monotonic() < end:
        for number in loki.numbers('{service="probe"}') - seen.keys():
            seen[number] = time.monotonic()
    writer.join()
    if len(seen) < PROBES:
        raise SystemExit(f"{len(seen)} of {PROBES} lines were found")
    return [seen[number] - written[number] for number in range(PROBES)]


def measure(folder: Path) -> list[Carried]:
    """Deploy one host that stores and one that ships, and load them.

    Args:
        folder: For the inventory.
    """
    machines = {made.name: made for made in hosts.up(GROUP, [HostSpec("store"), HostSpec("ship")])}
    sources = [
        {"name": name, "files": [f"/var/log/{name}/*.log"], "format": "json"}
        for name in ("load", "probe")
    ]
    try:
        project = Project(folder, machines, {"loki": ["store"]}, {}, {"ship": {"logs": sources}})
        project.deploy()
        loki = _Loki(machines["store"])
        idle = {name: _peak(machines["ship"], name) for name in ("otelcol",)}
        delays = sorted(_delays(loki, machines["ship"]))
        speed = _throughput(loki, machines["ship"], folder)
        return [
            Carried("log lines a second, one collector and one Loki, none lost", speed, "lines/s"),
            Carried("delay from file to query, p50", statistics.median(delays), "s"),
            Carried("delay from file to query, p99", delays[int(len(delays) * 0.99)], "s"),
            Carried("collector's memory, idle", idle["otelcol"], "MiB"),
            Carried(
                "collector's memory, peak under load", _peak(machines["ship"], "otelcol"), "MiB"
            ),
            Carried("Loki's memory, peak under load", _peak(machines["store"], "loki"), "MiB"),
        ]
    finally:
        hosts.down(GROUP)
