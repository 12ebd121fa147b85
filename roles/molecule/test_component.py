"""What holds of every component of every scenario: unit, account, files."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.role import all_roles
from roles.molecule import scenario
from roles.molecule.fixtures import Machines


def _placed() -> list[tuple[str, str]]:
    """Every component and its hosts; a role that prepares its host runs nothing of ours."""
    said, every = scenario.settings(), [p["name"] for p in scenario.said()["platforms"]]
    found = scenario.placed()
    for role in all_roles().values():
        if role.everywhere and not role.serves and role.name not in said.get("without", ()):
            found[role.name] = every
    return [
        (component, host)
        for component, hosts in found.items()
        for host in hosts
        if not all_roles()[component].prepares
    ]


on_every_host = pytest.mark.parametrize(("component", "host"), _placed())


def _shown(machine: Any, component: str, name: str) -> str:
    asked = f"systemctl show -p {name} --value stackwatch-{component}.service"
    return str(machine.check_output(asked))


@on_every_host
def test_its_unit_runs_and_starts_at_boot(machines: Machines, component: str, host: str) -> None:
    unit = machines[host].service(f"stackwatch-{component}.service")
    assert unit.is_running
    assert unit.is_enabled
    # What holds after a crash loop is no proof that it holds.
    assert _shown(machines[host], component, "NRestarts") == "0"


@on_every_host
def test_it_runs_as_an_account_of_its_own(machines: Machines, component: str, host: str) -> None:
    machine = machines[host]
    account = machine.user(component)
    assert 0 < account.uid < 1000
    assert account.shell.endswith("/nologin")
    process = _shown(machine, component, "MainPID")
    assert machine.check_output(f"stat -c %U /proc/{process}") == component


@on_every_host
def test_its_files_are_nobodys_but_roots_to_write(
    machines: Machines, component: str, host: str
) -> None:
    machine = machines[host]
    unit = machine.file(f"/etc/systemd/system/stackwatch-{component}.service")
    assert (unit.user, unit.group, unit.mode) == ("root", "root", 0o644)
    folders = f"/etc/stackwatch/{component} /opt/stackwatch/{component}"
    assert machine.check_output(f"find {folders} -type f | head -1")
    loose = "! -type l ( ! -user root -o -perm /022 )".replace("(", "\\(").replace(")", "\\)")
    assert machine.check_output(f"find {folders} {loose}") == ""
    storage = machine.file(f"/var/lib/stackwatch/{component}")
    assert (storage.user, storage.group, storage.mode) == (component, component, 0o750)
