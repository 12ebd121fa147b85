"""What travels to a host for a component that is a container: its words, and its image."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from plugins.compare import compare
from plugins.model import Artifact, Validator
from plugins.payload import programs
from plugins.runtimes.docker import Container
from plugins.runtimes.images import image_of
from plugins.runtimes.systemd import Unit
from plugins.state import HostState
from tests.unit.container_site import deliverable
from tests.unit.container_states import ALPHA, BETA, alpha, setting, shown
from tests.unit.test_payload import DEMANDED, members, sent, variables

STATE = shown()
OTHER = shown(setting("Config/StopTimeout", 1))
CHECKED = replace(
    ALPHA, component=replace(alpha(), validators=(Validator(("{bin}/check", "{config}/x")),))
)


def test_the_words_of_the_container_and_of_a_check_travel() -> None:
    found = members(sent(ALPHA, HostState()))
    assert found["service"] == ALPHA.definition
    assert found["rehearsal"] == ALPHA.rehearsal
    assert found["directories"] == "0750 alpha /var/lib/stackwatch/alpha\n0750 alpha /srv/alpha\n"
    assert found["hot/targets/a.json"] == "[]\n"
    assert {name for name in found if name.startswith("release/")} == {
        *("release/index.html", "release/start.conf")
    }


def test_checkers_are_the_images_own() -> None:
    assert members(sent(CHECKED, HostState()))["validators"] == (
        "/opt/stackwatch/alpha/current/check /etc/stackwatch/alpha/releases/.check/x\n"
    )


@pytest.mark.parametrize("state", [HostState(), OTHER], ids=["empty host", "other container"])
@pytest.mark.parametrize("wanted", [ALPHA, CHECKED], ids=["alpha", "checked"])
def test_everything_the_scripts_demand_is_set(wanted: Container, state: HostState) -> None:
    given = variables(sent(wanted, state))
    assert {variable for variable, _ in DEMANDED} <= given.keys()
    assert [variable for variable, full in DEMANDED if full and not given[variable]] == []


def test_variables_say_what_runs_it_and_which_images_are_the_same() -> None:
    told = {
        "runtime": "docker",
        "engine": "docker",
        "network": "stackwatch",
        "version": ALPHA.image.tag,
        "image_ids": f"{ALPHA.image.id} {ALPHA.image.digest}",
        "groups": "adm",
        "action": "restart",
        "swap": "no",
        "twin": "",
        "seen_live": STATE.files["/etc/stackwatch/alpha/live"].target,
        "spec": ALPHA.spec,
        # From the host's side: its port is published there.
        "health": "http://127.0.0.1:8080/index.html",
    }
    given = variables(sent(ALPHA, OTHER))
    assert {name: given[name] for name in told} == told


def test_who_ran_it_before_is_named() -> None:
    unit = Unit(alpha())
    given = variables(sent(unit, STATE))
    assert (given["runtime"], given["twin"]) == ("systemd", "docker")
    # The scripts of both are there: a unit may have to be put back, and so may a container.
    command = sent(unit, STATE).command
    for function in ("docker_park()", "docker_discard()", "systemd_park()", "systemd_start()"):
        assert f"\n{function}" in command


@pytest.fixture
def loadable(tmp_path: Path) -> tuple[Container, ...]:
    """Two containers whose images can be read."""
    shell = deliverable(tmp_path, "busybox", "1.37.0")
    larger: Artifact = deliverable(tmp_path, "prometheus")
    small = image_of("alpha", shell, shell)
    return (
        replace(ALPHA, image=replace(small, layers=small.layers[:2])),
        replace(BETA, image=image_of("beta", larger, shell)),
    )


def test_images_travel_as_they_are_loaded(loadable: tuple[Container, ...]) -> None:
    changes = [compare(each, HostState()) for each in loadable]
    made = programs(changes, lock_timeout=9)
    told = variables(made, "programs")
    lines = [line.split() for line in told["orders"].splitlines()]
    assert {tuple(line[:3]) for line in lines} == {
        (each.name, "image", each.image.tag) for each in loadable
    }
    whole = b"".join(piece.encode() for piece in made.payload)
    for _, _, _, sha256, size in lines:
        image, whole = whole[: int(size)], whole[int(size) :]
        assert hashlib.sha256(image).hexdigest() == sha256
    assert whole == b""
    sizes = [int(line[4]) for line in lines]
    assert sizes[0] > sizes[1]
    assert int(told["needed"]) == 1024 + sum(size // 1024 for size in sizes)
    assert told["engine"] == "docker"
