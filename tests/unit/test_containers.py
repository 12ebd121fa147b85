"""Containers: what an engine really shows is as wanted, and each difference of it is told."""

from __future__ import annotations

import json
import shlex
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from plugins.answers import parse_answers
from plugins.checks import judge_services
from plugins.compare import Action, compare
from plugins.containers import parse_containers
from plugins.runtimes.docker import Container
from plugins.runtimes.systemd import Unit
from plugins.state import AccountNumbers, HostState, UnitState
from tests.unit.container_states import ALPHA, BETA, alpha, found, inside, setting, shown
from tests.unit.host_states import file_gone, file_is, matching
from tests.unit.recorded import output

NONE, RELOAD, RESTART = Action.NONE, Action.RELOAD, Action.RESTART
WHO = "container stackwatch-alpha"
ETC = "/etc/stackwatch/alpha"
STATE = shown()
LINK = STATE.files[f"{ETC}/live"]
(RELEASE, STARTED) = STATE.loaded["alpha"]


@pytest.mark.parametrize("wanted", [ALPHA, BETA], ids=["alpha", "beta"])
def test_what_a_real_engine_shows_is_as_wanted(wanted: Container) -> None:
    changes = compare(wanted, STATE)
    assert changes.differences == ()
    assert (changes.artifact, changes.swap, changes.release, changes.hot) == (False, False, (), ())
    assert (changes.action, changes.twin) == (NONE, "")


def test_what_is_read_of_a_real_container() -> None:
    container = STATE.containers["stackwatch-alpha"]
    assert (container.component, container.running, container.status) == ("alpha", True, "running")
    assert (container.health, container.image) == ("healthy", ALPHA.image.id)
    assert (container.spec, container.started_at) == (ALPHA.spec, STARTED)
    assert container.started == 1795286972.157627
    settings = found(STATE)
    assert settings["command"] == shlex.join(
        [
            *("/usr/bin/setpriv", "--reuid=995", "--regid=995", "--groups=995,4"),
            *("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"),
            *("--bounding-set=-all,+dac_read_search", "--", *alpha().service.argv),
        ]
    )
    expected = {
        "user": "0:0",
        "environment TOLD": "two words, $5 and 50%",
        "mount /srv/alpha": "/srv/alpha (read-only)",
        "mount /run/systemd/private": "/run/systemd/private (writable)",
        "port 9094/udp": "127.0.0.1:9094",
        "port 8081/tcp": "127.0.0.2:8081",
        "groups": "4",
        "memory": str(64 << 20),
        "networks": "stackwatch",
    }
    assert {name: settings[name] for name in expected} == expected
    assert STATE.networks == {"stackwatch"}
    assert STATE.components == {"alpha", "beta"}
    assert STATE.numbers["alpha"] == AccountNumbers("995", "995", {"alpha": "995", "adm": "4"})
    assert STATE.facts["docker"] == "yes"


def test_what_a_real_host_answers_of_containers() -> None:
    answers = parse_answers(output("check_containers.txt"))
    assert answers.units == {
        WHO: "running (healthy)",
        "container stackwatch-beta": "running (healthy)",
    }
    assert [(answer.status, answer.body.strip()) for answer in answers.answers] == [
        (200, "hello"),
        (200, "hello"),
    ]


@pytest.mark.parametrize(
    ("state", "ok"),
    [
        ("running (healthy)", True),
        ("running (starting)", True),
        ("running (none)", True),
        ("running (unhealthy)", False),
        ("restarting (starting)", False),
        ("exited (unhealthy)", False),
    ],
)
def test_containers_are_judged(state: str, ok: bool) -> None:
    answers = replace(parse_answers(output("check_containers.txt")), units={WHO: state})
    (result,) = judge_services("r1", [ALPHA], answers)
    assert (result.ok, result.seen, result.name) == (ok, state, "container runs")


def state_is(**changed: Any) -> HostState:
    return inside("State", lambda state: state.update(changed))


def without(*names: str) -> HostState:
    def edit(listed: dict[str, Any]) -> None:
        for name in names:
            del listed[name]

    return shown(edit)


def copied(name: str, **changed: Any) -> HostState:
    """A further container, made of the first one."""

    def edit(listed: dict[str, Any]) -> None:
        listed[name] = {**deepcopy(listed["stackwatch-alpha"]), "Name": f"/{name}", **changed}

    return shown(edit)


OTHER = "sha256:0"
LATER = "2026-11-22T00:00:00.5Z"
UNIT = {"stackwatch-alpha.service": UnitState("active", "running", "enabled", False, 0)}


def linked(state: HostState, seconds: int) -> HostState:
    """The release in force was linked at another time."""
    return file_is(f"{ETC}/live", modified=seconds)(state)


# What is otherwise -> how it is told, what the service needs, what must be sent.
Case = tuple[HostState, list[str], Action, set[str]]
AT = 1795305600
CASES: dict[str, Case] = {
    "stopped": (state_is(Running=False, Status="exited"), [f"{WHO}: is exited"], RESTART, set()),
    "dies again and again": (
        state_is(Restarting=True, Status="restarting"),
        [f"{WHO}: is restarting"],
        RESTART,
        set(),
    ),
    "unhealthy": (
        state_is(Health={"Status": "unhealthy"}),
        [f"{WHO}: is unhealthy"],
        RESTART,
        set(),
    ),
    "starting": (state_is(Health={"Status": "starting"}), [], NONE, set()),
    "without a check": (state_is(Health=None), [], NONE, set()),
    "gone": (
        without("stackwatch-alpha"),
        [f"image {ALPHA.image.tag}: missing", f"{WHO}: is not there"],
        RESTART,
        {"programs"},
    ),
    "image": (
        shown(setting("Image", OTHER)),
        [
            f"image {ALPHA.image.tag}: missing",
            f"{WHO}: image is {OTHER}, should be {ALPHA.image.id}",
        ],
        RESTART,
        {"programs"},
    ),
    "stopped, and its image removed": (
        replace(state_is(Running=False, Status="exited"), lost=frozenset({ALPHA.image.id, OTHER})),
        [f"image {ALPHA.image.tag}: missing", f"{WHO}: is exited"],
        RESTART,
        {"programs"},
    ),
    "an image of another one removed": (replace(STATE, lost=frozenset({OTHER})), [], NONE, set()),
    "image by its manifest": (shown(setting("Image", ALPHA.image.digest)), [], NONE, set()),
    "image of the former one": (
        copied("stackwatch-alpha.former", Image=OTHER),
        ["container stackwatch-alpha.former: left over from an earlier run"],
        NONE,
        set(),
    ),
    "a unit too": (
        replace(STATE, units=UNIT),
        ["stackwatch-alpha.service: runs it too"],
        RESTART,
        {"twin systemd"},
    ),
    "other release loaded": (
        replace(STATE, loaded={**STATE.loaded, "alpha": ("other.1", STARTED)}),
        [f"{WHO}: has not loaded the configuration in force"],
        RELOAD,
        set(),
    ),
    "restarted by the engine": (state_is(StartedAt=LATER), [], NONE, set()),
    "restarted by the engine before the swap": (
        linked(state_is(StartedAt=LATER), AT + 9),
        [f"{WHO}: has not loaded the configuration in force"],
        RELOAD,
        set(),
    ),
    "restarted by the engine in the second of the swap": (
        linked(state_is(StartedAt=LATER), AT),
        [f"{WHO}: has not loaded the configuration in force"],
        RELOAD,
        set(),
    ),
    "restarted by the engine in the second after": (
        linked(state_is(StartedAt=LATER), AT - 1),
        [],
        NONE,
        set(),
    ),
    "nothing noted since the host was started": (replace(STATE, loaded={}), [], NONE, set()),
    "folder lost": (
        file_gone("/srv/alpha")(STATE),
        ["/srv/alpha: missing"],
        RESTART,
        set(),
    ),
    "content": (
        file_is(f"{ETC}/releases/{RELEASE}/index.html", sha256="other")(STATE),
        [f"{ETC}/live/index.html: content differs"],
        RELOAD,
        {"swap", "index.html"},
    ),
    "watched file": (
        file_gone(f"{ETC}/hot/targets/a.json")(STATE),
        [f"{ETC}/hot/targets/a.json: missing"],
        NONE,
        {"targets/a.json"},
    ),
    "programs of a unit": (
        file_is("/opt/stackwatch/alpha/1.0/alpha")(STATE),
        ["/opt/stackwatch/alpha/1.0: left over from an earlier run"],
        NONE,
        set(),
    ),
    "other numbers": (
        replace(
            STATE,
            numbers={
                **STATE.numbers,
                "alpha": AccountNumbers("7", "8", {"alpha": "8", "adm": "4"}),
            },
        ),
        [
            f"{WHO}: command is {found(STATE)['command']!r}, should be "
            + repr(
                found(STATE)["command"]
                .replace("reuid=995", "reuid=7")
                .replace("regid=995", "regid=8")
                .replace("995,4", "8,4")
            )
        ],
        RESTART,
        set(),
    ),
}


@pytest.mark.parametrize(("state", "told", "action", "sent"), CASES.values(), ids=CASES.keys())
def test_one_difference(state: HostState, told: list[str], action: Action, sent: set[str]) -> None:
    changes = compare(ALPHA, state)
    assert [f"{d.subject}: {d.what}" for d in changes.differences] == told
    assert changes.action is action
    found_sent = {f.path for f in (*changes.release, *changes.hot)} | {*changes.hot_strays}
    flags = {"swap": changes.swap, "programs": changes.artifact}
    found_sent |= {name for name, flag in flags.items() if flag}
    assert found_sent | ({f"twin {changes.twin}"} if changes.twin else set()) == sent


def test_a_folder_that_is_made_anew_is_not_the_one_that_is_mounted() -> None:
    gone = [path for path in STATE.files if f"{path}/".startswith(f"{ETC}/")]
    changes = compare(ALPHA, file_gone(*gone)(STATE))
    assert changes.action is RESTART
    assert (changes.release, changes.swap) == (ALPHA.release, True)


def test_a_container_that_cannot_reload_owes_none() -> None:
    state = replace(STATE, loaded={**STATE.loaded, "beta": ("other.1", "never")})
    assert not compare(BETA, linked(state, AT))


def test_an_account_without_numbers_is_told_first() -> None:
    state = replace(STATE, numbers={}, accounts={})
    changes = compare(ALPHA, state)
    assert str(changes.differences[0]) == "alpha: account alpha: missing"
    assert "groups is '4', should be '?'" in [d.what for d in changes.differences]
    assert changes.action is RESTART


def test_a_unit_is_told_of_the_container_beside_it() -> None:
    unit = Unit(alpha())
    state = replace(matching(unit), containers=STATE.containers)
    changes = compare(unit, state)
    assert [str(d) for d in changes.differences] == [f"alpha: {WHO}: runs it too"]
    assert (changes.twin, changes.action) == ("docker", RESTART)
    others = {"stackwatch-beta": STATE.containers["stackwatch-beta"]}
    assert not compare(unit, replace(state, containers=others))


def test_lists_of_two_engines_are_read_together() -> None:
    first, second = ([{"Name": name}] for name in ("stackwatch", "other"))
    text = f"{json.dumps(first, indent=4)}\n{json.dumps(second)}\n"
    assert parse_containers(text) == ({}, frozenset({"stackwatch", "other"}))
    assert parse_containers("") == ({}, frozenset())
