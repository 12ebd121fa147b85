"""Versions come and go: other sources, broken releases, damaged downloads, removal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.hosts import TestHost
from tests.integration import releases
from tests.integration.machine import get, on
from tests.integration.project import Project, words
from tests.integration.runtime import ServiceDriver

DIES = "{}\necho 'this release is broken' >&2\nexit 3\n"


@pytest.fixture(scope="module")
def lone(
    machines: dict[str, TestHost],
    runtime: ServiceDriver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """One host with nothing but node_exporter, through sudo."""
    folder = tmp_path_factory.mktemp("lone")
    said = {"environment": "test", "without": ["cadvisor"]}
    project = Project(folder, {"web1": machines["web1"]}, everyone=said, runtime=runtime)
    project.deploy("--data", "prove=quick")
    if runtime.left(machines["web1"], "cadvisor"):
        arguments = ("component=cadvisor", "--data", "purge=/var/lib/stackwatch/cadvisor")
        assert project.run("remove.py", "--data", *arguments).code == 0
    yield project
    project.everyone.pop("site", None)
    project.deploy("--data", "prove=off")


@dataclass(frozen=True)
class OwnStore:
    """A store of its own, so that what is broken here is not kept for others.

    Attributes:
        folder: Holds it.
        tool: What containers need beside their programs, as a release.
    """

    folder: Path
    tool: releases.Release

    def pin(self, lone: Project, version: str, url: str, body: bytes) -> None:
        """Let a site take node_exporter from a server."""
        release = releases.Release("node_exporter", version, url, body)
        lock = releases.lock_file(self.folder, release, self.tool)
        lone.everyone["site"] = {"artifact_lock": str(lock), "artifact_sources": ["release"]}


@pytest.fixture
def own_store(lone: Project, tmp_path: Path, program: Program) -> Iterator[OwnStore]:
    lone.environment["STACKWATCH_STORE"] = str(tmp_path / "store")
    shell = releases.release("busybox", program("busybox", "busybox").read_bytes())
    with releases.served(shell) as url:
        yield OwnStore(tmp_path, releases.Release("busybox", "1.0.0", url, shell))
    lone.environment.clear()
    lone.everyone.pop("site", None)


def _dies(lone: Project) -> bytes:
    """A release that does not run."""
    return releases.release("node_exporter", DIES.format(lone.runtime.shebang).encode())


def _version(machine: TestHost) -> str:
    metrics = get(machine, "/metrics", port=9100)
    line = next(x for x in metrics.splitlines() if x.startswith("node_exporter_build_info"))
    return str(line.partition(',version="')[2].partition('"')[0])


def test_a_new_version_that_is_not_healthy_is_rolled_back(
    lone: Project, own_store: OwnStore
) -> None:
    web = lone.machines["web1"]
    before = (_version(web), lone.runtime.version(web, "node_exporter"))
    body = _dies(lone)
    with releases.served(body) as url:
        own_store.pin(lone, "9.9.9", url, body)
        outcome = lone.run("deploy.py", "--data", "prove=off")

    assert outcome.code == 1, outcome.output
    expected = [
        "node_exporter on web1: restart failed",
        "rolled back: the former version and configuration run again",
        "this release is broken",
    ]
    assert words(outcome.output, expected) == [], outcome.output
    assert (_version(web), lone.runtime.version(web, "node_exporter")) == before
    assert lone.runtime.versions(web, "node_exporter") == {before[1]}


@pytest.mark.parametrize("fault", ["another sum", "cut off"])
def test_a_damaged_download_stops_the_run_before_any_host(
    lone: Project, own_store: OwnStore, fault: str
) -> None:
    web = lone.machines["web1"]
    before = lone.runtime.process(web, "node_exporter")
    good, bad = _dies(lone), releases.release("node_exporter", b"evil")
    announced = len(bad) + 1000 if fault == "cut off" else None
    with releases.served(bad, announced) as url:
        own_store.pin(lone, "9.9.8", url, good)
        outcome = lone.run("deploy.py")

    assert outcome.code == 1
    assert words(outcome.output, ["node_exporter", url, "no host was touched"]) == []
    reason = "sha256" if fault == "another sum" else "truncated download"
    assert reason in outcome.output, outcome.output
    assert "Connecting to hosts" not in outcome.output
    assert lone.runtime.process(web, "node_exporter") == before


@contextmanager
def _damaging(machine: TestHost, arriving: str) -> Iterator[None]:
    """Change what a host receives into a file: every byte there, not every one right."""
    head = "/usr/bin/head"
    wrapper = f"""#!/bin/sh
case $(readlink /proc/$$/fd/1) in
{arriving}) {head}.real "$@" | tr 'e' 'f' ;;
*) exec {head}.real "$@" ;;
esac
"""
    on(machine, f"cp -a {head} {head}.real && cat >{head}.new <<'E'\n{wrapper}E")
    on(machine, f"chmod 755 {head}.new && mv {head}.new {head}")
    try:
        yield
    finally:
        on(machine, f"mv {head}.real {head}")


@pytest.mark.parametrize(
    ("arriving", "told"),
    [
        ("/opt/stackwatch/.incoming/*", "the transfer of its programs was cut off or damaged"),
        ("*/payload.tar", "the transfer was cut off or damaged"),
    ],
    ids=["programs", "configuration"],
)
def test_what_is_damaged_on_its_way_is_not_taken_in(
    lone: Project, own_store: OwnStore, arriving: str, told: str
) -> None:
    web, runtime, body = lone.machines["web1"], lone.runtime, _dies(lone)
    before = runtime.process(web, "node_exporter"), runtime.versions(web, "node_exporter")
    with releases.served(body) as url, _damaging(web, arriving):
        own_store.pin(lone, "9.9.6", url, body)
        outcome = lone.run("deploy.py", "--data", "prove=off")
    expected = ["node_exporter on web1: ", f"{told}, nothing was changed; run again"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    after = runtime.process(web, "node_exporter"), runtime.versions(web, "node_exporter")
    assert after == before


def test_the_distributions_package_is_another_source_and_versions_switch(lone: Project) -> None:
    web = lone.machines["web1"]
    first = _version(web)
    lone.environment["STACKWATCH_STORE"] = str(lone.folder / "package-store")
    lone.everyone["site"] = {"artifact_sources": ["package"]}
    outcome = lone.deploy("--data", "prove=quick")
    assert "package" in outcome.output
    assert _version(web).startswith("1.9.") and not first.startswith("1.9.")
    assert len(lone.runtime.versions(web, "node_exporter")) == 1

    lone.environment.clear()
    lone.everyone.pop("site")
    lone.deploy("--data", "prove=quick")
    assert _version(web) == first


def test_what_cannot_be_obtained_is_left_out_only_where_that_is_allowed(
    lone: Project, own_store: OwnStore
) -> None:
    body = _dies(lone)
    with releases.served(body) as url:
        pass
    own_store.pin(lone, "9.9.7", url, body)
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
    assert on(web, "ls -d /etc/stackwatch/* /opt/stackwatch/* 2>/dev/null || true") == ""
    assert lone.runtime.left(web, "node_exporter") == []
    assert on(web, "ls /var/lib/stackwatch/node_exporter/textfile") == "mine.prom"
    assert lone.run("remove.py", "--data", "component=node_exporter").changed() == {}

    assert lone.deploy("--data", "prove=quick").changed() == {"node_exporter": {"web1"}}
    purge = "purge=/var/lib/stackwatch/node_exporter"
    refused = lone.run("remove.py", "--data", "component=node_exporter", "--data", "purge=/etc")
    assert refused.code == 1 and "not a folder of node_exporter" in refused.output
    assert lone.run("remove.py", "--data", "component=node_exporter", "--data", purge).code == 0
    assert on(web, "ls /var/lib/stackwatch") == ""
    lone.deploy("--data", "prove=quick")
