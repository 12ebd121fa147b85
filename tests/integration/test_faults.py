"""Cut-off runs, two runs at once, reboots: the next run always ends in the right state."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

import pytest

from tests import hosts
from tests.hosts import TestHost
from tests.integration.machine import get, held, on, until
from tests.integration.project import FAST, Project, words
from tests.integration.runtime import Halt, ServiceDriver, argv

CURL = "/usr/bin/curl"
# The brackets keep the pattern from finding the shell it is written in.
_CONVERGING = "pgrep -f 'unit=[s]tackwatch-'"


def cut(machine: TestHost, standing: str) -> None:
    """Kill the host's script and the program it stands still in, so that neither goes on."""
    on(machine, f"kill -9 $({_CONVERGING}) || true")
    on(machine, f"pkill -9 -f '^/bin/sh [{standing[0]}]{standing[1:]}' || true; rm -f /run/hold")


def _flags(site: Project) -> str:
    return argv(site.runtime, site.machines["mon1"], "alertmanager")


@pytest.mark.parametrize(
    "at",
    [
        lambda runtime: Halt("/usr/bin/head", "*-c*"),
        lambda runtime: runtime.starting,
        lambda runtime: Halt(CURL, "*/-/ready*"),
    ],
    ids=["while the payload arrives", "between swap and restart", "while waiting for health"],
)
def test_a_controller_killed_in_the_middle_loses_nothing(
    site: Project, at: Callable[[ServiceDriver], Halt]
) -> None:
    mon, halt = site.machines["mon1"], at(site.runtime)
    before = site.runtime.process(mon, "alertmanager")
    site.everyone["alertmanager"] = {"flags": ["--log.level=debug"], "retention": "99h"}

    with held(mon, *halt) as wait:
        run = site.start("deploy.py", "--data", "prove=off")
        wait()
        # What arrives may be a secret, and would stay there after a cut.
        assert on(mon, "stat -c '%a %U' /opt/stackwatch/alertmanager/.incoming") == "700 root"
        run.send_signal(signal.SIGKILL)
        run.wait()
        # As if the power went: what runs on the host is gone with the controller.
        cut(mon, halt.program)
        until(lambda: hosts.run(mon, ["sh", "-c", _CONVERGING])[0] != 0, what="the script to end")

    outcome = site.deploy("--data", "prove=quick")
    assert outcome.changed() == {"alertmanager": {"mon1"}}
    assert "--log.level=debug" in _flags(site)
    assert "--data.retention=99h" in _flags(site)
    assert site.runtime.process(mon, "alertmanager") != before
    assert site.deploy("--data", "prove=quick").changed() == {}


def test_a_controller_that_dies_alone_leaves_a_finished_host(site: Project) -> None:
    mon = site.machines["mon1"]
    site.everyone["alertmanager"] = {"retention": "98h"}
    with held(mon, *site.runtime.starting) as wait:
        run = site.start("deploy.py", "--data", "prove=off")
        wait()
        run.send_signal(signal.SIGKILL)
        run.wait()
    until(lambda: hosts.run(mon, ["sh", "-c", _CONVERGING])[0] != 0, what="the script to end")
    assert "--data.retention=98h" in _flags(site)
    assert site.deploy("--data", "prove=quick").changed() == {}


def test_of_two_runs_at_once_the_second_waits_and_finds_it_done(site: Project) -> None:
    mon = site.machines["mon1"]
    site.everyone["alertmanager"] = {"retention": "97h"}
    with held(mon, *site.runtime.starting) as wait:
        first = site.start("deploy.py", "--data", "prove=off")
        wait()
        second = site.start("deploy.py", "--data", "prove=off", "-vvv")
        until(lambda: _waits(mon), what="the second run to wait for the first")
    told = [_ended(run) for run in (first, second)]
    assert [code for code, _ in told] == [0, 0], told
    assert words(told[1][1], ["another run holds this host", "done already by the other run"]) == []
    assert "--data.retention=97h" in _flags(site)
    assert site.runtime.deaths(mon, "alertmanager") == 0


def test_a_run_that_waits_too_long_is_refused(site: Project) -> None:
    mon = site.machines["mon1"]
    site.everyone["site"] = {"lock_timeout": 1}
    site.everyone["alertmanager"] = {"retention": "96h"}
    with held(mon, *site.runtime.starting) as wait:
        first = site.start("deploy.py", "--data", "prove=off")
        wait()
        code, output = _ended(site.start("deploy.py", "--data", "prove=off"))
    assert _ended(first)[0] == 0
    assert code == 1
    assert words(output, ["refused: another run (", "still holds this host after 1 s"]) == []


def _waits(machine: TestHost) -> bool:
    return hosts.run(machine, ["pgrep", "-x", "flock"])[0] == 0


def _ended(run: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = run.communicate(timeout=120)
    return run.returncode, output


def test_everything_comes_back_after_a_reboot(site: Project) -> None:
    hosts.reboot(site.machines["mon1"])
    hosts.reboot(site.machines["web1"])
    until(
        lambda: (
            hosts.run(site.machines["mon1"], ["curl", "-fsS", "http://127.0.0.1:9090/-/ready"])[0]
            == 0
        ),
        what="Prometheus to be ready",
    )
    assert site.deploy("--data", "prove=off").changed() == {}
    until(lambda: site.run("smoke.py").code == 0, seconds=90, what="all checks to hold")


def test_a_file_edited_by_hand_a_stray_and_a_stopped_service_are_told_and_repaired(
    site: Project,
) -> None:
    mon, web = site.machines["mon1"], site.machines["web1"]
    live = "/etc/stackwatch/prometheus/live"
    on(mon, f"sed -i 's/scrape_interval: 3s/scrape_interval: 33s/' {live}/prometheus.yml")
    on(mon, f"cp {live}/rules/watchdog.yml {live}/rules/mine.yml")
    on(mon, "echo '[]' >/etc/stackwatch/prometheus/hot/targets/mine.json")
    on(mon, "chmod 666 /etc/stackwatch/blackbox/live/blackbox.yml")
    site.runtime.stop(web, "node_exporter")

    told = site.run("drift.py")
    assert told.code == 3, told.output
    expected = [
        f"{live}/prometheus.yml: content differs",
        "-  scrape_interval: 33s",
        "+  scrape_interval: 3s",
        f"{live}/rules/mine.yml: stray file",
        "hot/targets/mine.json: stray file",
        "blackbox.yml: mode 0666, should be 0644",
        f"{site.runtime.service('node_exporter')}: {site.runtime.stopped}",
        "5 differences on 2 hosts",
    ]
    assert words(told.output, expected) == [], told.output
    assert site.runtime.process(web, "node_exporter") == ""

    repaired = site.deploy("--data", "prove=off")
    assert repaired.changed() == {
        "prometheus": {"mon1"},
        "blackbox": {"mon1"},
        "node_exporter": {"web1"},
    }
    assert "scrape_interval: 3s" in get(mon, "/api/v1/status/config")["data"]["yaml"]
    left = on(mon, f"ls {live}/rules /etc/stackwatch/prometheus/hot/targets")
    assert "mine" not in left
    again = site.run("drift.py")
    assert (again.code, "No drift" in again.output) == (0, True), again.output


def test_what_was_bent_out_of_shape_is_told_and_put_right(site: Project) -> None:
    mon = site.machines["mon1"]
    etc, hot = "/etc/stackwatch/prometheus", "/etc/stackwatch/prometheus/hot/targets"
    on(mon, f"rm {hot}/probe.json && mkdir {hot}/probe.json && chmod 777 {etc}")
    on(mon, f"cp -rL {etc}/live {etc}/copy && rm {etc}/live && mv {etc}/copy {etc}/live")
    on(mon, "mv /var/lib/stackwatch/blackbox /var/lib/stackwatch/lost")

    told = site.run("drift.py")
    expected = [
        f"{etc}: mode 0777, should be 0750",
        f"{hot}/probe.json: is of kind 'd'",
        f"{etc}/live/prometheus.yml: missing",
        "/var/lib/stackwatch/blackbox: missing",
    ]
    assert (told.code, words(told.output, expected)) == (3, []), told.output

    site.deploy("--data", "prove=quick")
    assert on(mon, f"test -L {etc}/live && test -f {hot}/probe.json && echo right") == "right"
    again = site.run("drift.py")
    assert again.code == 0, again.output
    on(mon, "rm -r /var/lib/stackwatch/lost")


def test_a_configuration_that_was_written_but_never_loaded_is_loaded(site: Project) -> None:
    """The lost handler: the file is right, the running process does not know it."""
    mon = site.machines["mon1"]
    site.everyone["prometheus"] = {**FAST, "scrape_interval": "6s"}
    halt = site.runtime.reloading
    with held(mon, *halt) as wait:
        run = site.start("deploy.py", "--data", "prove=off")
        wait()
        run.send_signal(signal.SIGKILL)
        run.wait()
        cut(mon, halt.program)
    assert "scrape_interval: 6s" not in get(mon, "/api/v1/status/config")["data"]["yaml"]

    outcome = site.deploy("--data", "prove=off")
    assert "mon1: prometheus (reload)" in outcome.output
    assert "scrape_interval: 6s" in get(mon, "/api/v1/status/config")["data"]["yaml"]


def test_after_a_cut_off_end_a_bad_change_goes_back_to_what_worked(site: Project) -> None:
    """The last good state is the one that runs, not the one before it."""
    mon = site.machines["mon1"]
    site.everyone["alertmanager"] = {"retention": "95h"}
    with held(mon, "/usr/bin/rm", "*-rf*/alertmanager/.former*") as wait:
        run = site.start("deploy.py", "--data", "prove=off")
        wait()
        run.send_signal(signal.SIGKILL)
        run.wait()
        on(mon, f"kill -9 $({_CONVERGING}) || true; pkill -9 -f '^/bin/sh [/]usr/bin/rm' || true")
    site.everyone["alertmanager"] = {"retention": "95h", "flags": ["--no-such-flag"], "port": 9193}
    outcome = site.run("deploy.py", "--data", "prove=off")
    expected = ["rolled back: the former version and configuration run again"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert "--data.retention=95h" in _flags(site)


def test_a_reload_that_is_not_proven_is_rolled_back(site: Project) -> None:
    """Prometheus says "reloaded" and shows another configuration than was sent."""
    mon = site.machines["mon1"]
    wrapper = """#!/bin/sh
case "$*" in *type=record*) echo '{"status": "success"}' ;; *) exec curl.real "$@" ;; esac
"""
    on(mon, f"mv {CURL} {CURL}.real && cat >{CURL} <<'E'\n{wrapper}E")
    on(mon, f"chmod 755 {CURL}")
    try:
        site.everyone["prometheus"] = {**FAST, "scrape_interval": "11s"}
        outcome = site.run("deploy.py", "--data", "prove=off")
    finally:
        on(mon, f"mv {CURL}.real {CURL}")
    expected = ["reload failed", "does not show", "the former configuration is loaded again"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    running = get(mon, "/api/v1/status/config")["data"]["yaml"]
    assert "scrape_interval: 3s" in running
    assert "scrape_interval: 11s" not in running


def test_a_settings_folder_of_the_systems_is_refused(site: Project) -> None:
    site.everyone["node_exporter"] = {"textfile": "/etc", "memory_max": "1G\nUser=root"}
    outcome = site.run("deploy.py")
    expected = ["node_exporter.textfile: write a folder of its own", "node_exporter.memory_max"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert "Connecting to hosts" not in outcome.output
