"""Comparing: no change where nothing differs, and for each difference what has to be done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from plugins.compare import Action, compare
from plugins.model import Account, OnChange
from plugins.runtimes.systemd import Unit
from plugins.state import HostState
from tests.unit.host_states import (
    FACTS,
    Edit,
    account_is,
    file_gone,
    file_is,
    live,
    matching,
    unit_gone,
    unit_is,
)
from tests.unit.sites import lone, rendered

SECRETS = {"secrets": {"token": SecretStr("s3cr3t")}}
SITE = lone(alertmanager=SECRETS)
PROMETHEUS, NODE, ALERTMANAGER = (
    rendered(SITE, "mon1", name) for name in ("prometheus", "node_exporter", "alertmanager")
)
ALL = (PROMETHEUS, NODE, ALERTMANAGER)
RULE, JOB = "rules/watchdog.yml", "targets/node_exporter.json"
UNIT = PROMETHEUS.unit
BIN = PROMETHEUS.version_folder
HOT = PROMETHEUS.paths.hot
CONFIG = PROMETHEUS.paths.config
STORAGE = PROMETHEUS.paths.storage
NONE, RELOAD, RESTART = Action.NONE, Action.RELOAD, Action.RESTART


@pytest.mark.parametrize("wanted", ALL, ids=lambda wanted: wanted.name)
def test_nothing_to_do_where_nothing_differs(wanted: Unit) -> None:
    changes = compare(wanted, matching(*ALL))
    assert not changes
    assert changes.differences == ()
    assert (changes.artifact, changes.swap, changes.service) == (False, False, False)
    assert (changes.release, changes.hot, changes.hot_strays) == ((), (), ())
    assert changes.action is NONE


# What differs -> how it is told, what the service needs, and what is sent.
Case = tuple[Edit, str, Action, set[str]]
CASES: dict[str, Case] = {
    "release content": (
        file_is(live(PROMETHEUS, RULE), sha256="other"),
        f"{CONFIG}/{RULE}: content differs",
        RELOAD,
        {RULE, "swap"},
    ),
    "release mode": (
        file_is(live(PROMETHEUS, RULE), mode="666"),
        f"{CONFIG}/{RULE}: mode 0666, should be 0644",
        RELOAD,
        {RULE, "swap"},
    ),
    "release owner": (
        file_is(live(PROMETHEUS, RULE), owner="alice"),
        f"{CONFIG}/{RULE}: owner alice:prometheus, should be root:prometheus",
        RELOAD,
        {RULE, "swap"},
    ),
    "release group": (
        file_is(live(PROMETHEUS, RULE), group="root"),
        f"{CONFIG}/{RULE}: owner root:root, should be root:prometheus",
        RELOAD,
        {RULE, "swap"},
    ),
    "release kind": (
        file_is(live(PROMETHEUS, RULE), kind="l"),
        f"{CONFIG}/{RULE}: is of kind 'l', not 'f'",
        RELOAD,
        {RULE, "swap"},
    ),
    "release missing": (
        file_gone(live(PROMETHEUS, RULE)),
        f"{CONFIG}/{RULE}: missing",
        RELOAD,
        {RULE, "swap"},
    ),
    "release stray": (
        file_is(live(PROMETHEUS, "rules/alien.yml")),
        f"{CONFIG}/rules/alien.yml: stray file",
        RELOAD,
        {"swap"},
    ),
    "hot content": (
        file_is(f"{HOT}/{JOB}", sha256="other"),
        f"{HOT}/{JOB}: content differs",
        NONE,
        {JOB},
    ),
    "hot missing": (file_gone(f"{HOT}/{JOB}"), f"{HOT}/{JOB}: missing", NONE, {JOB}),
    "hot stray": (
        file_is(f"{HOT}/targets/old.json"),
        f"{HOT}/targets/old.json: stray file",
        NONE,
        {"-targets/old.json"},
    ),
    "unit content": (
        file_is(PROMETHEUS.unit_path, sha256="other"),
        f"{PROMETHEUS.unit_path}: content differs",
        NONE,
        {"unit"},
    ),
    "unit missing": (
        file_gone(PROMETHEUS.unit_path),
        f"{PROMETHEUS.unit_path}: missing",
        NONE,
        {"unit"},
    ),
    "unit inactive": (unit_is(UNIT, active="inactive"), f"{UNIT}: is inactive", RESTART, set()),
    "unit failed": (unit_is(UNIT, active="failed"), f"{UNIT}: is failed", RESTART, set()),
    "unit unknown": (unit_gone(UNIT), f"{UNIT}: is not there", RESTART, set()),
    "unit disabled": (
        unit_is(UNIT, enabled="disabled"),
        f"{UNIT}: is disabled, not started at boot",
        NONE,
        set(),
    ),
    "unit stale": (
        unit_is(UNIT, stale=True),
        f"{UNIT}: systemd has not read its file yet",
        NONE,
        set(),
    ),
    "other spec": (
        unit_is(UNIT, spec="other"),
        f"{UNIT}: was started with another configuration or version",
        RESTART,
        set(),
    ),
    "other release loaded": (
        unit_is(UNIT, loaded="other"),
        f"{UNIT}: has not loaded the configuration in force",
        RELOAD,
        set(),
    ),
    "program size": (
        file_is(f"{BIN}/promtool", size=1),
        f"{BIN}/promtool: not the program that was installed",
        RESTART,
        {"programs"},
    ),
    "program time": (
        file_is(f"{BIN}/promtool", modified=1),
        f"{BIN}/promtool: not the program that was installed",
        RESTART,
        {"programs"},
    ),
    "program mode": (
        file_is(f"{BIN}/promtool", mode="644"),
        f"{BIN}/promtool: mode 0644, should be 0755",
        RESTART,
        {"programs"},
    ),
    "program missing": (
        file_gone(f"{BIN}/promtool"),
        f"{BIN}/promtool: missing",
        RESTART,
        {"programs"},
    ),
    "program stray": (file_is(f"{BIN}/alien"), f"{BIN}/alien: stray file", RESTART, {"programs"}),
    "version link": (
        file_is(PROMETHEUS.paths.programs, target="3.13.0"),
        f"{PROMETHEUS.paths.programs}: version 3.13.0, should be 3.14.0",
        NONE,
        set(),
    ),
    "version link missing": (
        file_gone(PROMETHEUS.paths.programs),
        f"{PROMETHEUS.paths.programs}: version nothing, should be 3.14.0",
        NONE,
        set(),
    ),
    "account": (account_is("prometheus"), "account prometheus: missing", RESTART, set()),
    "directory owner": (
        file_is(STORAGE, owner="root"),
        f"{STORAGE}: owner root:prometheus, should be prometheus:prometheus",
        NONE,
        set(),
    ),
    "directory mode": (
        file_is(STORAGE, mode="777"),
        f"{STORAGE}: mode 0777, should be 0750",
        NONE,
        set(),
    ),
    "directory missing": (file_gone(STORAGE), f"{STORAGE}: missing", RESTART, set()),
    "folder open to all": (
        file_is(PROMETHEUS.paths.etc, kind="d", mode="777"),
        f"{PROMETHEUS.paths.etc}: mode 0777, should be 0750",
        NONE,
        set(),
    ),
    "unit overridden": (
        file_is(f"{PROMETHEUS.unit_path}.d/override.conf"),
        f"{PROMETHEUS.unit_path}.d/override.conf: stray file, it changes the unit",
        RESTART,
        set(),
    ),
    "directory is a file": (
        file_is(STORAGE, kind="f"),
        f"{STORAGE}: is of kind 'f', not 'd'",
        NONE,
        set(),
    ),
    "other release left": (
        file_is(f"{PROMETHEUS.paths.etc}/releases/old.1/prometheus.yml"),
        f"{PROMETHEUS.paths.etc}/releases/old.1: left over from an earlier run",
        NONE,
        set(),
    ),
    "half-made release left": (
        file_is(f"{PROMETHEUS.paths.etc}/releases/.new/prometheus.yml"),
        f"{PROMETHEUS.paths.etc}/releases/.new: left over from an earlier run",
        NONE,
        set(),
    ),
    "other version left": (
        file_is(f"{PROMETHEUS.paths.versions}/2.53.0/prometheus"),
        f"{PROMETHEUS.paths.versions}/2.53.0: left over from an earlier run",
        NONE,
        set(),
    ),
}


@pytest.mark.parametrize(("edit", "told", "action", "sent"), CASES.values(), ids=CASES.keys())
def test_one_difference(edit: Edit, told: str, action: Action, sent: set[str]) -> None:
    changes = compare(PROMETHEUS, edit(matching(*ALL)))
    assert [f"{d.subject}: {d.what}" for d in changes.differences] == [told]
    assert changes.action is action
    found = {f.path for f in (*changes.release, *changes.hot)}
    found |= {f"-{path}" for path in changes.hot_strays}
    flags = {"swap": changes.swap, "unit": changes.service, "programs": changes.artifact}
    assert found | {name for name, flag in flags.items() if flag} == sent
    # It is this component's alone.
    assert not compare(NODE, edit(matching(*ALL)))


def test_an_empty_host_needs_everything() -> None:
    changes = compare(PROMETHEUS, HostState(FACTS))
    assert changes.release == PROMETHEUS.release
    assert changes.hot == PROMETHEUS.hot
    assert (changes.artifact, changes.swap, changes.service) == (True, True, True)
    assert changes.action is RESTART


def test_without_the_link_the_whole_release_is_sent() -> None:
    changes = compare(PROMETHEUS, file_gone(CONFIG)(matching(*ALL)))
    assert changes.release == PROMETHEUS.release
    assert (changes.swap, changes.action) == (True, RELOAD)


def test_a_group_of_the_account_is_missing() -> None:
    account = Account("node_exporter", ("adm", "docker"))
    wanted = Unit(replace(NODE.component, account=account))
    state = account_is("node_exporter", "node_exporter", "adm")(matching(wanted))
    (difference,) = compare(wanted, state).differences
    assert str(difference) == "node_exporter: account node_exporter: not in group docker"


def test_a_stray_hot_file_of_a_component_without_files_is_told_by_its_own_path() -> None:
    path = f"{NODE.paths.hot}/alien"
    changes = compare(NODE, file_is(path)(matching(*ALL)))
    assert [d.subject for d in changes.differences] == [path]
    assert changes.hot_strays == ("alien",)


def test_only_contents_of_plain_files_may_be_shown() -> None:
    secret = live(ALERTMANAGER, "secrets/token")
    for edit, diffable in (
        (file_is(secret, sha256="other"), False),
        (file_is(secret, mode="644"), False),
        (file_is(live(ALERTMANAGER, "alertmanager.yml"), sha256="other"), True),
        (file_is(live(ALERTMANAGER, "alertmanager.yml"), mode="600"), False),
        (file_is(ALERTMANAGER.unit_path, sha256="other"), True),
        (unit_is(ALERTMANAGER.unit, active="failed"), False),
    ):
        changes = compare(ALERTMANAGER, edit(matching(*ALL)))
        (difference,) = changes.differences
        assert difference.diffable == diffable, difference
        assert "s3cr3t" not in str(difference)


def test_without_a_reload_a_changed_file_needs_a_restart_by_its_spec() -> None:
    assert NODE.component.service.reload is None
    assert compare(NODE, unit_is(NODE.unit, spec="other")(matching(*ALL))).action is RESTART
    assert compare(NODE, unit_is(NODE.unit, loaded="other")(matching(*ALL))).action is NONE
    assert {f.on_change for f in NODE.component.files} <= {OnChange.NOTHING}
