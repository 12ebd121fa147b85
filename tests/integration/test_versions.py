"""Versions come and go: other sources, broken releases, damaged downloads, removal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import TestHost
from tests.integration import releases
from tests.integration.project import Project, get, main_pid, on, words

DIES = "#!/bin/sh\necho 'this release is broken' >&2\nexit 3\n"


@pytest.fixture(scope="module")
def lone(
    machines: dict[str, TestHost], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """One host with nothing but node_exporter, through sudo."""
    folder = tmp_path_factory.mktemp("lone")
    project = Project(folder, {"web1": machines["web1"]}, everyone={"environment": "test"})
    project.deploy("--data", "prove=quick")
    yield project
    project.everyone.pop("site", None)
    project.deploy("--data", "prove=off")


@pytest.fixture
def own_store(lone: Project, tmp_path: Path) -> Iterator[Path]:
    """A store of its own, so that what is broken here is not kept for others."""
    lone.environment["STACKWATCH_STORE"] = str(tmp_path / "store")
    yield tmp_path
    lone.environment.clear()
    lone.everyone.pop("site", None)


def _version(machine: TestHost) -> str:
    metrics = get(machine, "/metrics", port=9100)
    line = next(x for x in metrics.splitlines() if x.startswith("node_exporter_build_info"))
    return str(line.partition(',version="')[2].partition('"')[0])


def _pin(lone: Project, folder: Path, version: str, url: str, body: bytes) -> None:
    lock = releases.lock_file(folder, "node_exporter", version, url, body)
    lone.everyone["site"] = {"artifact_lock": str(lock), "artifact_sources": ["release"]}


def test_a_new_version_that_is_not_healthy_is_rolled_back(lone: Project, own_store: Path) -> None:
    web = lone.machines["web1"]
    before = (_version(web), on(web, "readlink /opt/stackwatch/node_exporter/current"))
    body = releases.release("node_exporter", DIES)
    with releases.served(body) as url:
        _pin(lone, own_store, "9.9.9", url, body)
        outcome = lone.run("deploy.py", "--data", "prove=off")

    assert outcome.code == 1, outcome.output
    expected = [
        "node_exporter on web1: restart failed",
        "rolled back: the former version and configuration run again",
        "this release is broken",
    ]
    assert words(outcome.output, expected) == [], outcome.output
    assert (_version(web), on(web, "readlink /opt/stackwatch/node_exporter/current")) == before
    assert on(web, "ls -A /opt/stackwatch/node_exporter").split() == [before[1], "current"]


@pytest.mark.parametrize("fault", ["another sum", "cut off"])
def test_a_damaged_download_stops_the_run_before_any_host(
    lone: Project, own_store: Path, fault: str
) -> None:
    web = lone.machines["web1"]
    before = main_pid(web, "node_exporter")
    good, bad = releases.release("node_exporter", DIES), releases.release("node_exporter", "evil")
    announced = len(bad) + 1000 if fault == "cut off" else None
    with releases.served(bad, announced) as url:
        _pin(lone, own_store, "9.9.8", url, good)
        outcome = lone.run("deploy.py")

    assert outcome.code == 1
    assert words(outcome.output, ["node_exporter", url, "no host was touched"]) == []
    reason = "sha256" if fault == "another sum" else "truncated download"
    assert reason in outcome.output, outcome.output
    assert "Connecting to hosts" not in outcome.output
    assert main_pid(web, "node_exporter") == before


def test_the_distributions_package_is_another_source_and_versions_switch(lone: Project) -> None:
    web = lone.machines["web1"]
    first = _version(web)
    lone.environment["STACKWATCH_STORE"] = str(lone.folder / "package-store")
    lone.everyone["site"] = {"artifact_sources": ["package"]}
    outcome = lone.deploy("--data", "prove=quick")
    assert "package" in outcome.output
    assert _version(web).startswith("1.9.") and not first.startswith("1.9.")
    folder = on(web, "ls /opt/stackwatch/node_exporter").split()
    assert len(folder) == 2 and "current" in folder

    lone.environment.clear()
    lone.everyone.pop("site")
    lone.deploy("--data", "prove=quick")
    assert _version(web) == first


def test_what_cannot_be_obtained_is_left_out_only_where_that_is_allowed(
    lone: Project, own_store: Path
) -> None:
    body = releases.release("node_exporter", DIES)
    with releases.served(body) as url:
        pass
    _pin(lone, own_store, "9.9.7", url, body)
    refused = lone.run("deploy.py")
    assert refused.code == 1
    assert "site.allow_missing = ['node_exporter']" in refused.output

    lone.everyone["site"]["allow_missing"] = ["node_exporter"]
    allowed = lone.run("deploy.py")
    assert allowed.code == 0, allowed.output
    assert "Left out: node_exporter" in allowed.output


def test_remove_takes_everything_but_the_data_and_the_next_run_brings_it_back(
    lone: Project,
) -> None:
    web = lone.machines["web1"]
    on(web, "touch /var/lib/stackwatch/node_exporter/textfile/mine.prom")
    outcome = lone.run("remove.py", "--data", "component=node_exporter")
    assert outcome.code == 0, outcome.output
    left = on(web, "ls -d /etc/stackwatch/* /opt/stackwatch/* /etc/systemd/system/stack* || true")
    assert "node_exporter" not in left.replace("cannot access", "")[: left.find("ls:")]
    assert on(web, "systemctl is-active stackwatch-node_exporter || true") == "inactive"
    assert on(web, "ls /var/lib/stackwatch/node_exporter/textfile") == "mine.prom"
    assert lone.run("remove.py", "--data", "component=node_exporter").changed() == {}

    assert lone.deploy("--data", "prove=quick").changed() == {"node_exporter": {"web1"}}
    purge = "purge=/var/lib/stackwatch/node_exporter"
    refused = lone.run("remove.py", "--data", "component=node_exporter", "--data", "purge=/etc")
    assert refused.code == 1 and "not a folder of node_exporter" in refused.output
    assert lone.run("remove.py", "--data", "component=node_exporter", "--data", purge).code == 0
    assert on(web, "ls /var/lib/stackwatch") == ""
    lone.deploy("--data", "prove=quick")
