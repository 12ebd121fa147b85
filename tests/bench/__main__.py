"""Measure, print a table, write build/bench.json. Nothing here is asserted."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests import hosts
from tests.bench.carried import Carried, measure
from tests.bench.simulated import write_inventory
from tests.hosts import HostSpec, TestHost
from tests.integration.machine import on
from tests.integration.project import ROOT, Project

GROUP = "bench"
ROUNDS = 5
RESULT = ROOT / "build" / "bench.json"
PYINFRA = Path(sys.executable).parent / "pyinfra"
_WIPE = """
for unit in /etc/systemd/system/stackwatch-*.service; do
  [ -e "$unit" ] && systemctl disable --now --quiet "${unit##*/}"
done
rm -rf /etc/systemd/system/stackwatch-* /etc/stackwatch /opt/stackwatch /var/lib/stackwatch
systemctl daemon-reload
for user in prometheus alertmanager blackbox node_exporter; do
  userdel "$user" 2>/dev/null
done
true
"""


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured.
        seconds: Median wall time.
        ratio: To what it is compared with; None where it stands alone.
        against: What it is compared with.
        aim: What the design asks for.
        mebibytes: Peak memory of the controller, where it was measured.
    """

    name: str
    seconds: float
    ratio: float | None = None
    against: str = ""
    aim: str = ""
    mebibytes: float | None = None


def _timed(command: list[str], folder: Path = ROOT, **environment: str) -> float:
    quiet = {"PYINFRA_PROGRESS": "off", "PYINFRA_FAKE_DELAY": "0"}
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **quiet, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - started


def _median(measure: Callable[[], float], rounds: int = ROUNDS) -> float:
    return statistics.median(measure() for _ in range(rounds))


def _project(folder: Path, machines: tuple[TestHost, ...]) -> Project:
    first = machines[0].name
    groups = {role: [first] for role in ("prometheus", "alertmanager", "blackbox")}
    return Project(folder, {machine.name: machine for machine in machines}, groups)


def _wipe(machines: tuple[TestHost, ...]) -> None:
    for machine in machines:
        on(machine, _WIPE)


def _no_change(project: Project, count: int) -> list[Figure]:
    site = str(project.inventory)
    floor = _median(lambda: _timed([str(PYINFRA), "-y", site, "exec", "--", "true"]))
    figures = [Figure(f"floor: `true` on {count} hosts", floor)]
    for name, prove, aim in (
        ("compare and converge", "off", "<= 1.5"),
        ("with the quick checks", "quick", "<= 2"),
    ):
        command = project.command("deploy.py", "--data", f"prove={prove}")
        seconds = _median(lambda command=command: _timed(command))  # type: ignore[misc]
        label = f"no change, {count} hosts, {name}"
        figures.append(Figure(label, seconds, seconds / floor, "floor", aim))
    return figures


def _one_line(project: Project, count: int, floor: float) -> Figure:
    intervals = iter(range(20, 20 + ROUNDS))

    def change() -> float:
        project.everyone["prometheus"] = {"scrape_interval": f"{next(intervals)}s"}
        return _timed(project.command("deploy.py", "--data", "prove=quick"))

    seconds = _median(change)
    return Figure(f"one changed line, {count} hosts", seconds, seconds / floor, "floor", "<= 3")


def _fresh(project: Project, machines: tuple[TestHost, ...]) -> list[Figure]:
    plan = project.folder / "plan"
    plan.mkdir(parents=True)
    _timed(project.command("tests/bench/plan.py", "--dry"), BENCH_PLAN=str(plan))

    def stock() -> float:
        _wipe(machines)
        # Elsewhere our own config.py is not read: pyinfra as it comes.
        command = project.command(str(ROOT / "tests" / "bench" / "stock.py"))
        return _timed(command, project.folder, BENCH_PLAN=str(plan), PYTHONPATH=str(ROOT))

    def ours(prove: str) -> float:
        _wipe(machines)
        return _timed(project.command("deploy.py", "--data", f"prove={prove}"))

    theirs = _median(stock, 3)
    healthy = _median(lambda: ours("off"), 3)
    checked = _median(lambda: ours("quick"), 3)
    proven = _median(lambda: ours("auto"), 1)
    return [
        Figure("fresh install, 4 hosts, stock operations, nothing verified", theirs),
        Figure(
            "fresh install, 4 hosts, validated and healthy",
            healthy,
            theirs / healthy,
            "stock is this many times slower",
            ">= 2",
        ),
        Figure(
            "fresh install, 4 hosts, and quick checks",
            checked,
            theirs / checked,
            "stock is this many times slower",
        ),
        Figure("fresh install, 4 hosts, and deep checks (alerts travel)", proven),
    ]


def _real(count: int, folder: Path) -> list[Figure]:
    specs = [HostSpec(f"b{number}") for number in range(count)]
    machines = hosts.up(GROUP, specs)
    project = _project(folder / f"real{count}", machines)
    figures = _fresh(project, machines) if count == 4 else []
    _timed(project.command("deploy.py"))
    quiet = _no_change(project, count)
    return [*figures, *quiet, _one_line(project, count, quiet[0].seconds)]


def _simulate(count: int, folder: Path) -> Figure:
    site = folder / f"sim{count}" / "sim.py"
    site.parent.mkdir()
    write_inventory(site, count)
    command = [str(PYINFRA), "-y", str(site), "deploy.py", "--data", "prove=off"]
    seconds = _timed(command)
    # Of the largest child so far: sizes grow, so it is this one.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Figure(f"{count} simulated hosts, compiled and compared", seconds, mebibytes=peak)


def _table(figures: list[Figure]) -> Table:
    table = Table("measured", "seconds", "ratio", "to", "aim", "MiB", box=None)
    for f in figures:
        ratio = f"{f.ratio:.2f}" if f.ratio else ""
        memory = f"{f.mebibytes:.0f}" if f.mebibytes else ""
        table.add_row(f.name, f"{f.seconds:.2f}", ratio, f.against, f.aim, memory)
    return table


def _amounts(carried: list[Carried]) -> Table:
    table = Table("measured", "amount", "unit", box=None)
    for each in carried:
        table.add_row(each.name, f"{each.amount:.2f}", each.unit)
    return table


def main() -> None:
    """Measure everything; the test hosts are removed at the end."""
    console = Console(width=140)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for count in (125, 250, 500):
            console.print(f"{count} simulated hosts ...")
            figures.append(_simulate(count, folder))
        try:
            for count in (4, 12):
                console.print(f"{count} real hosts ...")
                figures += _real(count, folder)
        finally:
            hosts.down(GROUP)
        console.print("log lines ...")
        carried = measure(folder / "signals")
    console.print(_table(figures))
    console.print(_amounts(carried))
    RESULT.parent.mkdir(exist_ok=True)
    result = {"figures": list(map(asdict, figures)), "carried": list(map(asdict, carried))}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    console.print(f"written to {RESULT}")


if __name__ == "__main__":
    main()
