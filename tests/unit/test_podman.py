"""Podman: what it really shows is as wanted, and changes by hand are told in Docker's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from plugins.answers import parse_answers
from plugins.compare import Action, compare
from plugins.runtimes.docker import Container
from plugins.state import HostState, parse_state
from plugins.support import SYSTEMS, unsupported
from tests.unit.container_states import ALPHA as DOCKERS
from tests.unit.container_states import BETA, words
from tests.unit.recorded import output
from tests.unit.sites import compiled, on, refused

RECORDED = output("state_podman.txt")


def podmans(container: Container) -> Container:
    """A container as it was recorded: its busybox came from Debian's package."""
    component = container.component
    packaged = replace(component, artifact=replace(component.artifact, source="package"))
    return replace(container, component=packaged, engine="podman")


ALPHA = podmans(DOCKERS)
START = RECORDED.index("#containers") + 1
END = next(n for n in range(START, len(RECORDED)) if RECORDED[n].startswith("#"))
Change = Callable[[dict[str, Any]], Any]


def state(change: Change = lambda shown: None) -> HostState:
    """What the host showed, after a change of what Podman says of the first container."""
    listed = json.loads("\n".join(RECORDED[START:END]))
    change(next(each for each in listed if each.get("Name") == "stackwatch-alpha"))
    return parse_state([*RECORDED[:START], *json.dumps(listed).splitlines(), *RECORDED[END:]])


@pytest.mark.parametrize("wanted", [ALPHA, podmans(BETA)], ids=["alpha", "beta"])
def test_what_podman_really_shows_is_as_wanted(wanted: Container) -> None:
    changes = compare(wanted, state())
    assert (changes.differences, changes.action) == ((), Action.NONE)
    assert state().containers[wanted.container].image == wanted.image.id


CHANGES: dict[str, tuple[Change, str]] = {
    "environment": (
        lambda shown: shown["Config"]["Env"].append("DEBUG=1"),
        "environment DEBUG is '1', should not be there",
    ),
    "a home of its own": (
        lambda shown: (
            shown["Config"]["Env"].append("HOME=/root"),
            shown["Config"]["CreateCommand"].append("--env=HOME=/root"),
        ),
        "environment HOME is '/root', should not be there",
    ),
    "port": (
        lambda shown: shown["HostConfig"]["PortBindings"]["8081/tcp"][0].update(HostIp="0.0.0.0"),  # noqa: S104
        "port 8081/tcp is ':8081', should be '127.0.0.2:8081'",
    ),
    "capabilities": (
        lambda shown: shown["BoundingCaps"].append("CAP_SYS_ADMIN"),
        "capabilities is 'DAC_READ_SEARCH SETGID SETPCAP SETUID SYS_ADMIN', "
        "should be 'DAC_READ_SEARCH SETGID SETPCAP SETUID'",
    ),
    "tmpfs": (
        lambda shown: shown["HostConfig"]["Tmpfs"].update({"/tmp": "rw,rprivate"}),  # noqa: S108
        "tmpfs /tmp is 'rw', should be 'rw,noexec,nosuid,nodev,size=64m'",
    ),
    "tag": (
        lambda shown: shown["HostConfig"]["LogConfig"].update(Tag="", Size="10MB"),
        'log options is \'{"max-size": "10MB"}\', should be \'{"tag": "stackwatch-alpha"}\'',
    ),
    "network": (
        lambda shown: shown["NetworkSettings"].update(Networks={"podman": {}}),
        "network mode is 'podman', should be 'stackwatch'; "
        "networks is 'podman', should be 'stackwatch'",
    ),
    "processes of the host": (
        lambda shown: shown["HostConfig"].update(PidMode="host"),
        "process namespace is 'host', should be ''; "
        "security options is 'label=disable no-new-privileges', should be 'no-new-privileges'",
    ),
    "kernel settings": (
        lambda shown: shown["Config"]["CreateCommand"].extend(["--sysctl=a=1", "--sysctl", "b=2"]),
        "kernel settings is 'a=1 b=2', should be ''",
    ),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_by_hand_is_told(change: Change, told: str) -> None:
    changes = compare(ALPHA, state(change))
    assert "; ".join(d.what for d in changes.differences) == told
    assert changes.action is Action.RESTART


def test_times_are_in_the_hosts_own_zone() -> None:
    def started(at: str) -> float:
        found = state(lambda shown: shown["State"].update(StartedAt=at))
        return found.containers["stackwatch-alpha"].started

    utc = started("2026-11-21T19:37:41.682047735Z")
    assert started("2026-11-21T20:37:41.682047735+01:00") == utc > 0


def test_checks_see_the_same_of_both_engines() -> None:
    assert parse_answers(output("check_podman.txt")).units == {
        "container stackwatch-alpha": "running (healthy)",
        "container stackwatch-beta": "running (healthy)",
    }


def test_podman_is_told_of_the_health_check_which_docker_finds_in_the_image() -> None:
    more = [word for word in words(ALPHA) if word not in words(DOCKERS)]
    assert [word.partition("=")[0] for word in more if "stackwatch.spec" not in word] == [
        *("--health-cmd", "--health-interval", "--health-timeout", "--health-start-period"),
        "--health-retries",
    ]
    assert not [word for word in words(DOCKERS) if word.startswith("--health")]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"podman": "yes", "systemd": "yes"}, []),
        (
            {"podman": "yes"},
            ["podman needs systemd for health checks and after a reboot: set engine = 'docker'"],
        ),
        (
            {"podman": "yes", "systemd": "yes", "docker": "yes", "docker.containers": "yes"},
            [
                "docker has containers of ours, which podman does not take over: remove them with "
                "remove.py, which keeps their data, or set engine = 'docker'"
            ],
        ),
    ],
)
def test_hosts_that_podman_cannot_be_used_on(facts: dict[str, str], why: list[str]) -> None:
    host = compiled(on("box1", "prometheus", runtime="docker", engine="podman")).hosts["box1"]
    common = {"machine": "x86_64", "os": "debian 13", "uid": "0", "curl": "yes"}
    assert [*unsupported(HostState({**common, **facts}), host, SYSTEMS)] == why


@pytest.mark.parametrize("logs", ["json-file", "local"])
def test_log_drivers_that_podman_does_not_have_are_refused(logs: str) -> None:
    line = on("box1", "prometheus", runtime="docker", engine="podman", container_logs=logs)
    (told,) = refused(line)
    assert f"podman has no log driver like Docker's {logs!r}" in told
