"""A site's own image registry: images are pushed to it once, hosts pull them by digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain, unpacked
from plugins.model import Artifact
from tests import hosts
from tests.hosts import TestHost
from tests.integration.conftest import WORKER
from tests.integration.machine import on
from tests.integration.project import Project
from tests.integration.runtime import RUNTIMES

GROUP = f"images{WORKER}"
DOCKER = RUNTIMES["docker"]
STORE = "/var/lib/stackwatch/docker_registry/docker/registry/v2"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One Docker host with a registry in a container, and nothing else yet."""
    hosts.down(GROUP)
    (machine,) = hosts.up(GROUP, [DOCKER.host("reg1")])
    authority = f"{machine.address}:5000"
    made = Project(
        tmp_path_factory.mktemp("images"),
        {"reg1": machine},
        groups={"docker_registry": ["reg1"], "docker_engine": ["reg1"]},
        everyone={
            "without": ["node_exporter", "cadvisor"],
            "site": {"image_registry": f"http://{authority}"},
            "docker_engine": {"engine": {"insecure-registries": [authority]}},
        },
        runtime=DOCKER,
    )
    first = made.deploy()
    # It was not there yet: nothing is silently another way.
    assert f"images are sent, not pulled: http://{authority}" in first.output
    yield made
    hosts.down(GROUP)


@pytest.fixture
def reg1(project: Project) -> TestHost:
    return project.machines["reg1"]


def _digests(reg1: TestHost, component: str) -> list[str]:
    """What the engine knows a component's image by, in registries."""
    image = on(reg1, f"docker inspect --format '{{{{.Image}}}}' stackwatch-{component}")
    shown = on(reg1, f"docker image inspect --format '{{{{json .RepoDigests}}}}' {image}")
    return list(json.loads(shown))


def test_an_image_is_pushed_once_and_pulled_by_its_digest(project: Project, reg1: TestHost) -> None:
    project.groups["blackbox"] = ["reg1"]
    outcome = project.deploy()
    assert "1 images are pulled, 1 were pushed" in outcome.output
    (reference,) = _digests(reg1, "blackbox")
    name, _, digest = reference.partition("@")
    assert name == f"{reg1.address}:5000/stackwatch/blackbox"
    path = f"{STORE}/repositories/stackwatch/blackbox/_manifests/revisions/sha256"
    assert on(reg1, f"ls {path}").split() == [digest.removeprefix("sha256:")]
    assert project.deploy().changed() == {}

    on(reg1, "docker rm -f stackwatch-blackbox && docker image prune --all --force")
    again = project.deploy()
    assert "1 images are pulled, 0 were pushed" in again.output
    assert _digests(reg1, "blackbox") == [reference]


def test_a_program_is_taken_out_of_an_image_of_the_registry(
    project: Project, reg1: TestHost, tmp_path: Path
) -> None:
    project.groups["blackbox"] = ["reg1"]
    project.deploy()
    (reference,) = _digests(reg1, "blackbox")
    registry, _, name = reference.partition("/")
    repository, _, digest = name.partition("@sha256:")
    file = {
        # Nobody serves this name: the site's registry stands in for it.
        "reference": f"registry.invalid/{repository}:{{version}}",
        "members": {"blackbox_exporter": "blackbox_exporter"},
        "sha256": {"amd64": digest},
    }
    entry = {"version": "1", "programs": ["blackbox_exporter"], "image": {"files": [file]}}
    lock = tmp_path / "lock.yaml"
    lock.write_text(yaml.safe_dump({"blackbox_exporter": entry}))
    store = Store(tmp_path / "store")
    policy = ArtifactPolicy(("image",), image_mirror=f"http://{registry}")
    wanted = ("blackbox_exporter", "amd64")
    taken = obtain(Lock.load(lock), [wanted], policy, store, print)[wanted]
    assert isinstance(taken, Artifact), taken
    running = on(reg1, "docker inspect --format '{{.State.Pid}}' stackwatch-blackbox")
    summed = on(reg1, f"sha256sum /proc/{running}/exe").split()[0]
    program = unpacked(taken) / "blackbox_exporter"
    assert hashlib.sha256(program.read_bytes()).hexdigest() == summed


def test_a_layer_that_was_changed_in_the_registry_runs_nowhere(
    project: Project, reg1: TestHost
) -> None:
    on(reg1, "docker rm -f stackwatch-blackbox && docker image prune --all --force")
    largest = on(reg1, f"find {STORE}/blobs -name data -size +1000k -printf '%s %p\\n' | sort -n")
    path = largest.splitlines()[-1].split(" ")[1]
    on(reg1, f"cp -p {path} /root/layer && printf x | dd of={path} seek=4096 bs=1 conv=notrunc")
    try:
        refused = project.run("deploy.py")
        assert refused.code == 1
        assert f"docker cannot pull {reg1.address}:5000/stackwatch/blackbox@sha256:" in (
            refused.output
        )
        assert on(reg1, "docker ps --all --quiet --filter name=blackbox") == ""
    finally:
        on(reg1, f"cp -p /root/layer {path}")
    project.deploy()


def test_where_the_registry_is_down_images_are_sent_and_that_is_told(
    project: Project, reg1: TestHost
) -> None:
    on(reg1, "docker rm -f stackwatch-blackbox && docker image prune --all --force")
    on(reg1, "docker stop stackwatch-docker_registry")
    outcome = project.deploy()
    assert f"images are sent, not pulled: http://{reg1.address}:5000" in outcome.output
    assert _digests(reg1, "blackbox") == []
