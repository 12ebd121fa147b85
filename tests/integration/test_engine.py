"""A Docker Engine where a host has none: installed, configured, and left alone after that."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import hosts
from tests.hosts import HostSpec, TestHost
from tests.integration.conftest import WORKER
from tests.integration.machine import on, until
from tests.integration.project import ROOT, Project

GROUP = f"engine{WORKER}"
FILE = "/etc/docker/daemon.json"
# A container of the host's own sleep: no registry is needed.
SLEEPER = """
docker image inspect sleeper >/dev/null 2>&1 ||
  tar -ch /usr/bin/sleep $(ldd /usr/bin/sleep | grep -o '/[^ ]*') 2>/dev/null |
    docker import - sleeper
docker rm -f sleeping >/dev/null 2>&1
docker run -d --network none --name sleeping sleeper /usr/bin/sleep 10000
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One host without an engine, in the role's group and with nothing else."""
    hosts.down(GROUP)
    (machine,) = hosts.up(GROUP, [HostSpec("e1", user="deploy", docker=True)])
    yield Project(
        tmp_path_factory.mktemp("engine"),
        {"e1": machine},
        groups={"docker_engine": ["e1"]},
        everyone={"without": ["node_exporter"]},
    )
    hosts.down(GROUP)


@pytest.fixture(scope="module")
def installed(project: Project) -> Project:
    """The same with its engine."""
    project.deploy()
    return project


@pytest.fixture
def engine(installed: Project) -> Iterator[Project]:
    """The same; settings that a test changed are undone."""
    yield installed
    installed.everyone.pop("docker_engine", None)
    installed.deploy()


def _told(machine: TestHost, what: str) -> str:
    return on(machine, f"docker info -f '{{{{.{what}}}}}'")


def _engine(machine: TestHost) -> str:
    return on(machine, "systemctl show -p MainPID --value docker")


def _container(machine: TestHost) -> str:
    return on(machine, "docker inspect -f '{{.State.Running}} {{.State.Pid}}' sleeping")


def _said(project: Project, **native: Any) -> None:
    project.everyone["docker_engine"] = {"engine": native}


def test_an_engine_is_told_to_be_missing_and_installed(project: Project) -> None:
    missing = "packages docker.io docker-cli iptables: to be installed, dockerd and docker missing"
    drift = project.run("drift.py")
    assert (drift.code, missing in drift.output) == (3, True)
    command = [word for word in project.command("deploy.py", "--dry") if word != "-y"]
    dry = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert missing in dry.stdout + dry.stderr

    e1 = project.machines["e1"]
    assert project.deploy().output.count("e1: docker_engine (install)") == 1
    assert on(e1, "docker version -f '{{.Server.Os}}'") == "linux"
    assert (_told(e1, "LiveRestoreEnabled"), _told(e1, "LoggingDriver")) == ("true", "journald")


def test_a_second_run_changes_nothing_with_one_command(installed: Project) -> None:
    before = _engine(installed.machines["e1"])
    again = installed.deploy("--debug")
    assert "Nothing changed" in again.output
    assert again.executed("e1") == 1
    assert _engine(installed.machines["e1"]) == before
    assert installed.run("drift.py").code == 0


def test_a_setting_restarts_the_engine_and_not_its_containers(engine: Project) -> None:
    e1 = engine.machines["e1"]
    on(e1, SLEEPER)
    before = (_engine(e1), _container(e1))
    _said(engine, labels=["rack=r7"])
    assert engine.deploy().changed() == {"docker_engine": {"e1"}}
    assert _told(e1, "Labels") == "[rack=r7]"
    assert _engine(e1) != before[0]
    assert _container(e1) == before[1]


def test_containers_survive_the_change_that_brings_live_restore(engine: Project) -> None:
    e1 = engine.machines["e1"]
    on(e1, f"docker rm -f sleeping >/dev/null 2>&1; echo '{{}}' >{FILE}; systemctl restart docker")
    assert _told(e1, "LiveRestoreEnabled") == "false"
    on(e1, SLEEPER)
    before = (_engine(e1), _container(e1))
    engine.deploy()
    assert (_told(e1, "LiveRestoreEnabled"), _told(e1, "LoggingDriver")) == ("true", "journald")
    assert _engine(e1) != before[0]
    assert _container(e1) == before[1]


@pytest.mark.parametrize(
    ("native", "told"),
    [
        # Its checker knows the keys.
        ({"no-such-key": True}, "refused by dockerd"),
        # It does not know the command line, which says this too.
        ({"hosts": ["unix:///run/other.sock"]}, "with its former configuration it runs again"),
    ],
)
def test_a_configuration_that_is_no_good_leaves_the_former_one(
    engine: Project, native: dict[str, Any], told: str
) -> None:
    e1 = engine.machines["e1"]
    on(e1, SLEEPER)
    before = (on(e1, f"cat {FILE}"), _container(e1))
    _said(engine, **native)
    outcome = engine.run("deploy.py")
    assert outcome.code == 1
    assert told in outcome.output
    assert next(iter(native)) in outcome.output
    assert (on(e1, f"cat {FILE}"), _container(e1)) == before
    assert on(e1, "systemctl is-active docker; ls /etc/docker") == "active\ndaemon.json"


def test_the_engines_data_folder_is_not_lost(engine: Project) -> None:
    e1 = engine.machines["e1"]
    on(e1, f'echo \'{{"data-root": "/srv/docker"}}\' >{FILE}')
    outcome = engine.run("deploy.py")
    assert outcome.code == 1
    assert "the engine keeps its data in /srv/docker" in outcome.output
    assert json.loads(on(e1, f"cat {FILE}")) == {"data-root": "/srv/docker"}
    on(e1, f"rm {FILE}")


def test_what_was_changed_by_hand_is_told_and_repaired(engine: Project) -> None:
    e1 = engine.machines["e1"]
    on(e1, f"sed -i s/journald/json-file/ {FILE}")
    told = engine.run("drift.py")
    assert told.code == 3
    assert '-  "log-driver": "json-file"' in told.output
    assert "docker.service: was started before its configuration was written" in told.output
    on(e1, "systemctl disable --now --quiet docker.socket docker.service")
    assert engine.deploy().changed() == {"docker_engine": {"e1"}}
    assert on(e1, "systemctl is-active docker; systemctl is-enabled docker") == "active\nenabled"
    assert _told(e1, "LoggingDriver") == "journald"


def test_an_installation_that_was_cut_off_is_finished(engine: Project) -> None:
    e1 = engine.machines["e1"]
    on(e1, "cd /tmp && apt-get download -q docker-cli && dpkg --unpack docker-cli_*.deb")
    assert "package docker-cli: is unpacked" in engine.run("drift.py").output
    before = _engine(e1)
    assert "e1: docker_engine (install)" in engine.deploy().output
    assert on(e1, "dpkg --audit; dpkg-query -W -f '${db:Status-Status}' docker-cli") == "installed"
    assert _engine(e1) == before


def test_packages_come_from_another_repository_with_its_key_alone(
    engine: Project, tmp_path: Path
) -> None:
    e1 = engine.machines["e1"]
    _, url, suite, component = on(e1, "head -n 1 /etc/apt/sources.list").split()
    on(e1, "apt-get purge -yq docker.io docker-cli && mv /etc/apt/sources.list /root/")
    on(e1, "rm -rf /var/lib/apt/lists/*")
    said = {
        "source": "upstream",
        "repository": f"{url} {suite} {component}",
        "key_file": str(tmp_path / "key.asc"),
        "packages": ["docker.io", "docker-cli"],
    }
    engine.everyone["docker_engine"] = said
    keys = "/etc/apt/trusted.gpg.d/debian-archive"
    (tmp_path / "key.asc").write_text(on(e1, f"cat {keys}-bullseye-stable.asc") + "\n")
    wrong = engine.run("deploy.py")
    assert wrong.code == 1
    assert "apt-get update failed" in wrong.output
    assert hosts.run(e1, ["which", "dockerd"])[0] == 1
    # What apt did not take is not left for others to stumble over.
    assert on(e1, "find /etc/apt -name '*stackwatch-*'") == ""

    (tmp_path / "key.asc").write_text(on(e1, f"cat {keys}-trixie-automatic.asc") + "\n")
    assert "e1: docker_engine (install)" in engine.deploy().output
    assert until(lambda: _told(e1, "LoggingDriver")) == "journald"
    assert "Nothing changed" in engine.deploy().output
    on(e1, "mv /root/sources.list /etc/apt/")
