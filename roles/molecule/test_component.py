"""What holds of every component of every scenario: service, account, files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plugins.role import all_roles
from plugins.site import Host
from roles.molecule import scenario
from roles.molecule.fixtures import Machines
from roles.molecule.services import differing, service
from tests.integration.machine import until


def _host(name: str) -> Host:
    """A host of the scenario, by what roles that are everywhere look at."""
    said = {**scenario.settings(), **scenario.own(name)}
    engine = said.get("engine", "docker")
    return Host(name, name, "molecule", {}, scenario.runtime(name), "amd64", (), engine=engine)


def _placed() -> list[tuple[str, str]]:
    """Every component and its hosts; a role that prepares its host runs nothing of ours."""
    said, every = scenario.settings(), [_host(p["name"]) for p in scenario.said()["platforms"]]
    found = scenario.placed()
    for role in all_roles().values():
        if role.everywhere and not role.serves and role.name not in said.get("without", ()):
            found[role.name] = [host.name for host in every if role.suits(host)]
    return [
        (component, host)
        for component, hosts in found.items()
        for host in hosts
        if not all_roles()[component].prepares
    ]


# When a run of converge.yml changed something last.
CHANGED = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "changed")
on_every_host = pytest.mark.parametrize(("component", "host"), _placed())


@pytest.fixture(autouse=True)
def _there(machines: Machines, component: str, host: str) -> None:
    """Skip what the scenario lets be left out, where it was."""
    allowed = scenario.settings()["site"].get("allow_missing", ())
    if component in allowed and not machines[host].file(f"/etc/stackwatch/{component}").exists:
        pytest.skip(f"{component} was left out: its program could not be obtained")


@on_every_host
def test_it_runs_and_starts_at_boot(machines: Machines, component: str, host: str) -> None:
    machine, settled = machines[host], service(host, component).settled
    # An engine asks for its health now and then.
    until(lambda: not differing(machine, settled), 30, f"{component} on {host}")
    assert differing(machine, settled) == {}


@on_every_host
def test_it_runs_as_an_account_of_its_own(machines: Machines, component: str, host: str) -> None:
    machine = machines[host]
    account = machine.user(component)
    assert 0 < account.uid < 1000
    assert account.shell.endswith("/nologin")
    process = machine.check_output(service(host, component).process)
    assert machine.check_output(f"stat -c %U /proc/{process}") == component


# Seconds since 1970 at which a process was started; proc_pid_stat(5).
STARTED = """
ticks=$(sed 's/.*) //' /proc/%s/stat | cut -d' ' -f20)
booted=$(awk '/^btime/ { print $2 }' /proc/stat)
echo $((booted + ticks / $(getconf CLK_TCK)))
"""


@on_every_host
def test_converging_again_restarted_nothing(machines: Machines, component: str, host: str) -> None:
    process = machines[host].check_output(service(host, component).process)
    started = machines[host].check_output(STARTED.replace("%s", process))
    assert int(started) <= CHANGED.stat().st_mtime


@on_every_host
def test_its_files_are_nobodys_but_roots_to_write(
    machines: Machines, component: str, host: str
) -> None:
    machine = machines[host]
    assert differing(machine, service(host, component).guarded) == {}
    folders = f"/etc/stackwatch/{component} /opt/stackwatch/{component}"
    loose = "! -type l ( ! -user root -o -perm /022 )".replace("(", "\\(").replace(")", "\\)")
    assert machine.check_output(f"find {folders} {loose}") == ""
    storage = machine.file(f"/var/lib/stackwatch/{component}")
    assert (storage.user, storage.group, storage.mode) == (component, component, 0o750)
