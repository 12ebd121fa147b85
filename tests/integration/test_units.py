"""Units: their files, their programs in folders, their sandbox. Nothing of it is a container's."""

from __future__ import annotations

import re

import pytest

from tests.integration.machine import on
from tests.integration.project import Project, words
from tests.integration.runtime import argv

pytestmark = pytest.mark.only("systemd", "containers have no unit; see test_containers.py")


@pytest.mark.parametrize("component", ["prometheus", "alertmanager", "blackbox", "node_exporter"])
def test_units_are_hardened(stack: Project, component: str) -> None:
    unit = f"stackwatch-{component}.service"
    mon = stack.machines["mon1"]
    told = on(mon, f"systemd-analyze security --no-pager {unit} | tail -1")
    exposure = float(re.findall(r"(\d+\.\d)", told)[0])
    # systemd's own scale: below 2.5 is "OK" to "SAFE"; a plain unit has 9.6.
    assert exposure < 2.5, told
    wanted = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "User": component}
    shown = on(mon, f"systemctl show {unit} -p MemoryMax -p {' -p '.join(wanted)}")
    seen = dict(line.split("=", 1) for line in shown.splitlines())
    assert seen.pop("MemoryMax") != "infinity"
    assert seen == wanted


def test_a_drop_in_that_changes_a_unit_is_told_and_taken_away(site: Project) -> None:
    mon = site.machines["mon1"]
    unit = "/etc/systemd/system/stackwatch-alertmanager.service"
    on(mon, f"mkdir {unit}.d && printf '[Service]\\nNice=5\\n' >{unit}.d/override.conf")
    on(mon, "systemctl daemon-reload && systemctl restart stackwatch-alertmanager")
    told = site.run("drift.py")
    expected = [f"{unit}.d/override.conf: stray file, it changes the unit"]
    assert (told.code, words(told.output, expected)) == (3, []), told.output
    site.deploy("--data", "prove=quick")
    assert on(mon, "systemctl show -p Nice --value stackwatch-alertmanager") == "0"


def test_a_replaced_program_is_put_back_and_the_service_restarted(site: Project) -> None:
    web = site.machines["web1"]
    program = on(web, "echo /opt/stackwatch/node_exporter/[0-9]*/node_exporter")
    before = (on(web, f"sha256sum <{program}"), site.runtime.process(web, "node_exporter"))
    on(web, f"printf x >>{program}.new; cat {program} {program}.new >{program}.bad")
    on(web, f"rm {program}.new; chmod 755 {program}.bad; mv {program}.bad {program}")

    told = site.run("drift.py")
    assert (told.code, "not the program that was installed" in told.output) == (3, True)
    assert site.deploy("--data", "prove=quick").changed() == {"node_exporter": {"web1"}}
    assert on(web, f"sha256sum <{program}") == before[0]
    assert site.runtime.process(web, "node_exporter") != before[1]


def test_a_full_disk_in_the_middle_of_the_swap_is_rolled_back(site: Project) -> None:
    """The unit cannot be written: no run may call that done."""
    mon = site.machines["mon1"]
    units = "/etc/systemd/system"
    on(mon, f"cp -a {units} /run/units && mount -t tmpfs -o size=64k tmpfs {units}")
    on(mon, f"cp -a /run/units/. {units}/ && (dd if=/dev/zero of={units}/fill bs=4k || true)")
    before = site.runtime.process(mon, "blackbox")
    try:
        site.everyone["blackbox"] = {"flags": ["--log.level=debug"]}
        outcome = site.run("deploy.py", "--data", "prove=off")
    finally:
        on(mon, f"umount {units} && systemctl daemon-reload && rm -r /run/units")
    expected = ["cannot write /etc/systemd/system/stackwatch-blackbox.service", "rolled back"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert "mon1: blackbox (" not in outcome.output
    deployed = site.deploy("--data", "prove=quick")
    assert deployed.changed() == {"blackbox": {"mon1"}}
    assert site.runtime.process(mon, "blackbox") != before
    assert "--log.level=debug" in argv(site.runtime, mon, "blackbox")


def test_a_restart_owed_for_replaced_programs_is_not_lost(site: Project) -> None:
    """Programs are put back, then the run fails elsewhere: what runs is still the wrong one."""
    mon = site.machines["mon1"]
    program = on(mon, "echo /opt/stackwatch/node_exporter/[0-9]*/node_exporter")
    on(mon, f"cp {program} {program}.bad && printf x >>{program}.bad && mv {program}.bad {program}")
    on(mon, "systemctl restart stackwatch-node_exporter")
    site.everyone["blackbox"] = {"modules": {"odd": {"prober": "http", "http": {"nothing": 1}}}}
    assert site.run("deploy.py", "--data", "prove=off").code == 1

    site.everyone.pop("blackbox")
    told = site.run("drift.py")
    assert (told.code, "stackwatch-node_exporter.service: runs " in told.output) == (3, True)
    assert "mon1: node_exporter (restart)" in site.deploy("--data", "prove=off").output
    pid = site.runtime.process(mon, "node_exporter")
    assert on(mon, f"readlink /proc/{pid}/exe") == program
