"""Reading a host's state: recorded output to values, and nothing from half an output."""

from __future__ import annotations

import pytest
from pyinfra.api.exceptions import FactProcessError

from plugins.state import (
    AccountNumbers,
    FileState,
    HostState,
    StackwatchState,
    UnitState,
    parse_state,
)
from tests.unit.recorded import output

MON1 = output("state_mon1.txt")
LIVE = "/etc/stackwatch/prometheus/releases/ab3d613bb68bc496.1795259337596816786"


def test_facts() -> None:
    state = parse_state(MON1)
    assert state.facts == {
        "machine": "x86_64",
        "os": "debian 13",
        "uid": "0",
        "curl": "yes",
        "systemd": "yes",
    }
    assert state.architecture == "amd64"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (
            f"{LIVE}/prometheus.yml",
            FileState(
                *("f", "644", "root", "prometheus", 1277, 1795259337, ""),
                "11704a9955f692b02900003d95e8dc8747ffb6b5827bed1f203cc559c6d7cb3d",
            ),
        ),
        (
            "/etc/stackwatch/prometheus/live",
            FileState(
                *("l", "777", "root", "root", 45, 1795259337),
                "releases/ab3d613bb68bc496.1795259337596816786",
            ),
        ),
        (
            "/opt/stackwatch/prometheus/3.14.0/promtool",
            FileState("f", "755", "root", "root", 83959970, 315532800, ""),
        ),
        (
            "/var/lib/stackwatch/node_exporter/textfile",
            FileState("d", "755", "node_exporter", "node_exporter", 4096, 1795259327, ""),
        ),
        (
            "/etc/systemd/system/stackwatch-blackbox.service",
            FileState(
                *("f", "644", "root", "root", 1486, 1795259326, ""),
                "7419f1e5b87fc97de72725fe7580d828359fff6f2da91d0f8b0262add070056e",
            ),
        ),
    ],
)
def test_files(path: str, found: FileState) -> None:
    assert parse_state(MON1).files[path] == found


def test_units_with_what_they_were_started_with() -> None:
    units = parse_state(MON1).units
    assert len(units) == 4
    assert units["stackwatch-prometheus.service"] == UnitState(
        *("active", "running", "enabled", False, 0),
        "a441d25ffd62a8c3",
        "ab3d613bb68bc496.1795259337596816786",
    )
    exporter = units["stackwatch-node_exporter.service"]
    assert (exporter.spec, exporter.loaded) == ("5069eb8c89a8798d", None)


def test_accounts_components_and_what_lies_below_a_folder() -> None:
    state = parse_state(MON1)
    names = {"alertmanager", "blackbox", "node_exporter", "prometheus"}
    assert state.accounts == {name: (name,) for name in names}
    assert state.numbers["prometheus"] == AccountNumbers("990", "980", {"prometheus": "980"})
    assert state.components == names
    assert state.below("/opt/stackwatch/alertmanager/0.31.1").keys() == {"alertmanager", "amtool"}
    assert "targets/shop.json" not in state.below("/etc/stackwatch/prometheus/hot")
    assert "targets/probe.json" in state.below("/etc/stackwatch/prometheus/hot")


BARE = ["#host", "machine aarch64", "os debian 13", "uid 1000", "#files", "#sums", "#end"]


def test_a_host_with_nothing_on_it() -> None:
    state = parse_state(BARE)
    assert state == HostState({"machine": "aarch64", "os": "debian 13", "uid": "1000"})
    assert (state.architecture, state.components) == ("arm64", frozenset())


def changed(old: str, new: str) -> HostState:
    lines = "\n".join(MON1)
    assert old in lines
    return parse_state(lines.replace(old, new).splitlines())


PROMETHEUS = "stackwatch-prometheus.service"
RUNNING = f"{PROMETHEUS} a441d25ffd62a8c3 ab3d613bb68bc496.1795259337596816786\n"


@pytest.mark.parametrize(
    ("old", "new", "unit"),
    [
        (RUNNING, "", UnitState("active", "running", "enabled", False, 0)),
        (RUNNING, f"{PROMETHEUS} - \n", UnitState("active", "running", "enabled", False, 0)),
        (
            f"Id={PROMETHEUS}\nLoadState=loaded\nActiveState=active\nSubState=running\n"
            "UnitFileState=enabled\nNeedDaemonReload=no",
            f"Id={PROMETHEUS}\nLoadState=loaded\nActiveState=failed\nSubState=failed\n"
            "UnitFileState=disabled\nNeedDaemonReload=yes",
            UnitState(
                *("failed", "failed", "disabled", True, 0),
                "a441d25ffd62a8c3",
                "ab3d613bb68bc496.1795259337596816786",
            ),
        ),
    ],
)
def test_units_that_do_not_run(old: str, new: str, unit: UnitState) -> None:
    assert changed(old, new).units[PROMETHEUS] == unit


def test_an_account_that_is_gone_has_no_groups() -> None:
    gone = changed("\nprometheus 990 980 prometheus\n", "\nprometheus   \n")
    assert gone.accounts["prometheus"] == ()
    assert "prometheus" not in gone.numbers


@pytest.mark.parametrize("kept", [0, 1, 5, 40, len(MON1) - 1])
def test_output_that_was_cut_off_is_refused(kept: int) -> None:
    with pytest.raises(FactProcessError, match="cut off"):
        parse_state(MON1[:kept])


@pytest.mark.parametrize(
    "lines",
    [
        ["#end"],
        ["#host", "#end"],
        [*BARE[:5], "f\t644\troot", *BARE[5:]],
        [*BARE[:5], "f\tx\troot\troot\tmany\t1\t/etc/x\t", *BARE[5:]],
        [*BARE[:-1], "#units", "Id=a.service", "#end"],
    ],
)
def test_output_of_another_form_is_refused(lines: list[str]) -> None:
    with pytest.raises(FactProcessError, match="cannot be read"):
        parse_state(lines)


def test_further_folders_are_arguments_of_the_command() -> None:
    command = StackwatchState().command(("/srv/a b", "/srv/c"))
    assert command.startswith("set -- '/srv/a b' /srv/c\n")
    assert StackwatchState().command().startswith("set -- \n")
