"""The Docker registry keeps what is pushed, through changes of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import hosts
from tests.hosts import HostSpec
from tests.integration.conftest import WORKER
from tests.integration.project import Project

GROUP = f"registry{WORKER}"
NAME = "shop/web"
LAYER = b"what an engine would unpack" * 4096
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One host with a registry and nothing else."""
    hosts.down(GROUP)
    (machine,) = hosts.up(GROUP, [HostSpec("reg1")])
    made = Project(
        tmp_path_factory.mktemp("registry"),
        {"reg1": machine},
        groups={"docker_registry": ["reg1"]},
        everyone={"without": ["node_exporter"]},
    )
    made.deploy()
    yield made
    hosts.down(GROUP)


@pytest.fixture
def registry(project: Project) -> Iterator[httpx.Client]:
    """The registry as engines reach it."""
    base = f"http://{project.machines['reg1'].address}:5000"
    with httpx.Client(base_url=base, timeout=10, trust_env=False) as client:
        yield client


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _push_blob(registry: httpx.Client, content: bytes) -> str:
    """Push a blob the way an engine does; the digest the registry gave it."""
    begun = registry.post(f"/v2/{NAME}/blobs/uploads/")
    assert begun.status_code == 202, begun.text
    at = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": _digest(content)})
    kept = registry.put(at, content=content, headers={"Content-Type": "application/octet-stream"})
    assert kept.status_code == 201, kept.text
    return kept.headers["Docker-Content-Digest"]


def _manifest(config: bytes, layer: bytes) -> bytes:
    def told(kind: str, content: bytes) -> dict[str, Any]:
        media = f"application/vnd.docker.{kind}"
        return {"mediaType": media, "size": len(content), "digest": _digest(content)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": told("container.image.v1+json", config),
            "layers": [told("image.rootfs.diff.tar.gzip", layer)],
        }
    ).encode()


def test_an_image_that_is_pushed_is_read_back(project: Project, registry: httpx.Client) -> None:
    config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
    assert _push_blob(registry, LAYER) == _digest(LAYER)
    assert _push_blob(registry, config) == _digest(config)
    manifest = _manifest(config, LAYER)
    headers = {"Content-Type": MANIFEST_TYPE}
    tagged = registry.put(f"/v2/{NAME}/manifests/1.0", content=manifest, headers=headers)
    assert (tagged.status_code, tagged.headers["Docker-Content-Digest"]) == (201, _digest(manifest))

    # What it has does not depend on its process.
    project.everyone["docker_registry"] = {"native": {"log": {"level": "debug"}}}
    assert project.deploy().changed() == {"docker_registry": {"reg1"}}

    read = registry.get(f"/v2/{NAME}/manifests/1.0", headers={"Accept": MANIFEST_TYPE})
    assert read.content == manifest
    (layer,) = read.json()["layers"]
    assert registry.get(f"/v2/{NAME}/blobs/{layer['digest']}").content == LAYER
    assert registry.get(f"/v2/{NAME}/tags/list").json() == {"name": NAME, "tags": ["1.0"]}


def test_it_deletes_only_where_it_may(project: Project, registry: httpx.Client) -> None:
    blob = f"/v2/{NAME}/blobs/{_push_blob(registry, b'to be deleted')}"
    project.everyone["docker_registry"] = {}
    project.deploy()
    assert registry.delete(blob).status_code == 405
    project.everyone["docker_registry"] = {"delete": True}
    project.deploy()
    assert registry.delete(blob).status_code == 202
    assert registry.get(blob).status_code == 404


def test_a_configuration_it_does_not_start_with_is_put_back(
    project: Project, registry: httpx.Client
) -> None:
    kept = _push_blob(registry, b"kept")
    project.everyone["docker_registry"] = {"native": {"log": {"level": "loud"}}}
    outcome = project.run("deploy.py")
    assert outcome.code == 1
    assert "invalid loglevel loud" in outcome.output
    assert "the former version and configuration run again" in outcome.output
    assert registry.get(f"/v2/{NAME}/blobs/{kept}").content == b"kept"

    project.everyone["docker_registry"] = {}
    project.deploy()
    assert "Nothing changed" in project.deploy().output


def test_it_counts_what_it_is_asked(project: Project, registry: httpx.Client) -> None:
    name = 'registry_http_requests_total{code="200",handler="base",method="get"}'

    def counted() -> float:
        text = registry.get(httpx.URL(str(registry.base_url)).copy_with(port=5001, path="/metrics"))
        values = [line.split()[-1] for line in text.text.splitlines() if line.startswith(name)]
        return float(values[0]) if values else 0.0

    before = counted()
    assert registry.get("/v2/").status_code == 200
    assert counted() == before + 1
