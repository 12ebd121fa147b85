"""Accidents that only containers have: what worked last is kept, and no engine is passed over."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import hosts
from tests.hosts import TestHost
from tests.integration.by_hand import shown
from tests.integration.machine import get, held, on, until
from tests.integration.project import Project, words
from tests.integration.test_faults import _CONVERGING, CURL, cut

pytestmark = pytest.mark.only("docker", "units have no engine that may be down")
DOCKER = "/usr/bin/docker"


def _cut_off(site: Project, machine: TestHost, program: str, matching: str) -> None:
    """Start a run and end it, on both sides, where the host stands still."""
    with held(machine, program, matching) as wait:
        run = site.start("deploy.py", "--data", "prove=off")
        wait()
        run.send_signal(signal.SIGKILL)
        run.wait()
        cut(machine, program)
        until(lambda: hosts.run(machine, ["sh", "-c", _CONVERGING])[0] != 0, what="its end")


@contextmanager
def _engine_down(machine: TestHost) -> Iterator[None]:
    on(machine, "systemctl stop docker.socket docker")
    try:
        yield
    finally:
        on(machine, "systemctl start docker.socket docker")
        until(lambda: hosts.run(machine, [DOCKER, "info"])[0] == 0, what="the engine")


@pytest.mark.parametrize(
    "flag", ["--no-such-flag", "--web.route-prefix=/elsewhere"], ids=["dies", "does not answer"]
)
def test_what_never_became_healthy_is_not_taken_for_what_worked(site: Project, flag: str) -> None:
    mon = site.machines["mon1"]
    before = shown(mon, "alertmanager")["Id"]
    site.everyone["alertmanager"] = {"flags": [flag], "start_timeout": 5}
    _cut_off(site, mon, CURL, "*/-/ready*")
    until(lambda: shown(mon, "alertmanager")["Id"] != before, what="the new container")

    outcome = site.run("deploy.py", "--data", "prove=off")
    expected = ["rolled back: the former version and configuration run again"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert shown(mon, "alertmanager")["Id"] == before
    assert get(mon, "/-/ready", port=9093) == "OK"


def test_a_container_that_cannot_be_stopped_is_started_at_boot_as_before(site: Project) -> None:
    mon = site.machines["mon1"]
    before = shown(mon, "alertmanager")["Id"]
    wrapper = f'#!/bin/sh\n[ "$1" != stop ] || exit 1\nexec {DOCKER}.real "$@"\n'
    on(mon, f"mv {DOCKER} {DOCKER}.real && cat >{DOCKER} <<'E'\n{wrapper}E")
    on(mon, f"chmod 755 {DOCKER}")
    try:
        site.everyone["alertmanager"] = {"retention": "91h"}
        outcome = site.run("deploy.py", "--data", "prove=off")
    finally:
        on(mon, f"mv {DOCKER}.real {DOCKER}")
    assert outcome.code == 1
    found = shown(mon, "alertmanager")
    assert (found["Id"], found["State"]["Running"]) == (before, True)
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"


def test_nothing_is_removed_from_a_host_whose_engine_is_down(site: Project) -> None:
    mon = site.machines["mon1"]
    with _engine_down(mon):
        outcome = site.run("remove.py", "--data", "component=blackbox")
        assert on(mon, "test -e /etc/stackwatch/blackbox/live && echo there") == "there"
    expected = ["blackbox on mon1: docker does not answer", "nothing else was removed"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output


def test_nothing_moves_away_from_an_engine_that_is_down(site: Project) -> None:
    mon = site.machines["mon1"]
    site.everyone["runtime"] = "systemd"
    with _engine_down(mon):
        outcome = site.run("deploy.py", "--data", "prove=off")
        assert on(mon, "ls /etc/systemd/system/stackwatch-* 2>/dev/null || true") == ""
    expected = ["docker does not answer", "which must not run twice"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
