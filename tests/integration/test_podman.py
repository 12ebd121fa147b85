"""Podman in Docker's place: the same promises, once for each."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from tests.hosts import TestHost, reboot
from tests.integration.machine import get, on, until
from tests.integration.podman import container, made_with, podman, spec
from tests.integration.project import Project, words

COMPONENTS = ("alertmanager", "node_exporter")
SUBJECT = "container stackwatch-alertmanager"
ETC = "/etc/stackwatch/alertmanager"
QUICK = ("--data", "prove=quick")
# How an option begins -> what is put into its place, and how that is told.
BY_HAND = {
    "--env=STACKWATCH_HEALTH=": (
        "--env=STACKWATCH_HEALTH=http://127.0.0.1:9093/",
        "environment STACKWATCH_HEALTH is ",
    ),
    "--publish=9093:": (
        "--publish=127.0.0.1:9093:9093/tcp",
        "port 9093/tcp is '127.0.0.1:9093', should be ':9093'",
    ),
    f"--mount=type=bind,source={ETC},": (
        f"--mount=type=bind,source={ETC},target={ETC}",
        f"mount {ETC} is '{ETC} (writable)', should be '{ETC} (read-only)'",
    ),
    "--pids-limit=": ("--pids-limit=77", "processes is '77', should be '512'"),
    "--cap-drop=": ("--cap-drop=CHOWN", "capabilities is 'DAC_OVERRIDE "),
    "--restart=": ("--restart=no", "restart policy is 'no', should be 'always'"),
}


@pytest.fixture(scope="module")
def project(
    group: Callable[..., dict[str, TestHost]], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A host with Podman and two components: on their network, and on the host's."""
    made = Project(
        tmp_path_factory.mktemp("podman"),
        group("podman", spec("pod1")),
        groups={"alertmanager": ["pod1"]},
        everyone={"runtime": "docker", "engine": "podman", "environment": "test"},
    )
    assert set(made.deploy(*QUICK).changed()) == set(COMPONENTS)
    return made


def ids(project: Project) -> dict[str, str]:
    return {name: container(project.machines["pod1"], name) for name in COMPONENTS}


def test_a_second_run_leaves_everything_alone(project: Project) -> None:
    before = ids(project)
    assert all(before.values())
    assert "Nothing changed" in project.deploy(*QUICK).output
    assert ids(project) == before


def test_what_a_reload_takes_over_is_reloaded(project: Project) -> None:
    before = ids(project)
    project.everyone["alertmanager"] = {"native": {"global": {"resolve_timeout": "7m"}}}
    assert project.deploy(*QUICK).changed() == {"alertmanager": {"pod1"}}
    assert ids(project) == before
    status = get(project.machines["pod1"], "/api/v2/status", port=9093)
    assert "resolve_timeout: 7m" in status["config"]["original"]


def test_what_was_changed_by_hand_is_told_and_repaired(project: Project) -> None:
    machine, before = project.machines["pod1"], ids(project)
    wanted = made_with(machine, "alertmanager")
    changed = [
        next((other for begins, (other, _) in BY_HAND.items() if word.startswith(begins)), word)
        for word in wanted
    ]
    podman(machine, "rm -f stackwatch-alertmanager")
    podman(machine, f"create --name stackwatch-alertmanager {shlex.join(changed)}")
    podman(machine, "start stackwatch-alertmanager")
    told = project.run("drift.py")
    assert words(told.output, [SUBJECT, *(how for _, how in BY_HAND.values())]) == [], told.output
    assert project.deploy(*QUICK).changed() == {"alertmanager": {"pod1"}}
    assert made_with(machine, "alertmanager") == wanted
    podman(machine, "stop stackwatch-alertmanager")
    assert project.deploy(*QUICK).changed() == {"alertmanager": {"pod1"}}
    assert container(machine, "node_exporter") == before["node_exporter"]


def test_a_reboot_and_a_removal(project: Project) -> None:
    machine, before = project.machines["pod1"], ids(project)
    reboot(machine)
    until(lambda: get(machine, "/-/ready", port=9093) == "OK")
    assert ids(project) == before
    assert "Nothing changed" in project.deploy(*QUICK).output
    removed = project.run("remove.py", "--data", "component=alertmanager")
    assert removed.code == 0, removed.output
    of_it = "--filter label=stackwatch.component=alertmanager"
    assert podman(machine, f"ps -aq {of_it}") == podman(machine, f"image ls -q {of_it}") == ""
    assert on(machine, f"ls -d {ETC} /opt/stackwatch/alertmanager 2>/dev/null || true") == ""
