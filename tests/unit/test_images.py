"""Images: the same bytes from the same programs, and a tar that any engine can load."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from plugins.paths import Paths
from plugins.runtimes.images import HEALTH, SHELL, Image, image_of
from tests.unit.container_site import deliverable, packed


def made(folder: Path, component: str = "prometheus", **program: Any) -> Image:
    shell = deliverable(folder, "busybox", "1.37.0")
    return image_of(component, deliverable(folder, "prometheus", **program), shell)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return made(tmp_path)


def sha256(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def opened(image: Image) -> dict[str, bytes]:
    """Every file of the image's tar, as an engine unpacks it."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.pieces())), mode="r:") as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar.getmembers()}
    return {name: file.read() for name, file in files.items() if file}


def blob(files: dict[str, bytes], described: dict[str, Any]) -> bytes:
    """The blob that a descriptor names; it is as long, and has the digest, that it says."""
    found = files[f"blobs/{described['digest'].replace(':', '/')}"]
    assert (len(found), sha256(found)) == (described["size"], described["digest"])
    return found


def test_the_same_programs_are_the_same_bytes_in_any_store(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a"), made(tmp_path / "b")
    assert b"".join(first.pieces()) == b"".join(first.pieces()) == b"".join(second.pieces())
    assert (first.id, first.digest, first.tag) == (second.id, second.digest, second.tag)


def test_what_is_kept_of_unpacking_changes_nothing(tmp_path: Path) -> None:
    first = made(tmp_path)
    kept = sorted((tmp_path / "layers").iterdir())
    assert [file.name for file in kept] == sorted(
        layer.digest.partition(":")[2] for layer in first.layers[1:]
    )
    kept[0].unlink()
    assert made(tmp_path / "x" / "..").id == first.id


def test_its_names_are_the_digests_of_its_own_texts(image: Image) -> None:
    assert image.id == sha256(image.config)
    assert image.digest == sha256(image.manifest)
    assert image.tag == f"stackwatch/prometheus:3.14.0-{image.id.removeprefix('sha256:')[:12]}"
    assert image.size == sum(len(layer.read()) for layer in image.layers)


def unpacked(layer: bytes) -> bytes:
    return gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer


def test_the_tar_is_an_oci_layout_whose_digests_match(image: Image) -> None:
    files = opened(image)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(files["index.json"])
    assert (index["schemaVersion"], index["mediaType"]) == (
        2,
        "application/vnd.oci.image.index.v1+json",
    )
    (described,) = index["manifests"]
    assert described["digest"] == image.digest
    assert described["annotations"] == {
        "io.containerd.image.name": f"docker.io/{image.tag}",
        "org.opencontainers.image.ref.name": image.tag.partition(":")[2],
    }
    manifest = json.loads(blob(files, described))
    config = json.loads(blob(files, manifest["config"]))
    assert manifest["config"]["digest"] == image.id
    # What is not named is not there either, each of it once.
    packed_layers = [blob(files, layer) for layer in manifest["layers"]]
    assert len(files) == 3 + 1 + 1 + len(packed_layers)
    assert [layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]] == [
        *("tar", "tar+gzip", "tar+gzip")
    ]
    assert config["rootfs"]["diff_ids"] == [sha256(unpacked(layer)) for layer in packed_layers]
    assert (config["os"], config["architecture"]) == ("linux", "amd64")


def test_the_tar_has_dockers_own_list_too(image: Image) -> None:
    files = opened(image)
    (listed,) = json.loads(files["manifest.json"])
    assert listed["RepoTags"] == [image.tag]
    assert sha256(files[listed["Config"]]) == image.id
    assert [sha256(files[name]) for name in listed["Layers"]] == [
        layer.digest for layer in image.layers
    ]


def test_layers_are_the_stores_deliverables_as_they_are(image: Image) -> None:
    shell, programs = packed("busybox"), packed("prometheus", "promtool")
    assert [layer.read() for layer in image.layers[1:]] == [shell, programs]
    assert list(opened(image).values()).count(programs) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"component": "loki"},
        {"version": "3.15.0"},
        {"architecture": "arm64"},
        {"more": "another"},
    ],
)
def test_another_component_or_program_is_another_image(
    other: dict[str, str], tmp_path: Path
) -> None:
    first, second = made(tmp_path), made(tmp_path, **other)
    assert first.tag != second.tag
    assert first.id != second.id or other.keys() == {"version"}


def test_paths_inside_are_where_components_look(image: Image) -> None:
    with tarfile.open(fileobj=io.BytesIO(image.layers[0].read())) as tar:
        entries = {entry.name: entry for entry in tar.getmembers()}
    link = entries[Paths("prometheus").programs.lstrip("/")]
    assert (link.issym(), link.linkname) == (True, "/")
    names = list(entries)
    for name in names:
        above = [str(folder) for folder in Path(name).parents if str(folder) != "."]
        assert all(names.index(folder) < names.index(name) for folder in above), name
    links = {name: entry.linkname for name, entry in entries.items() if entry.issym()}
    merged = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
    assert links == {**merged, "var/run": "../run", link.name: "/"}
    folders = {name for name, entry in entries.items() if entry.isdir()}
    assert folders >= {"dev", "host", "proc", "sys", "tmp", "usr", "var"}
    assert (entries["tmp"].mode, entries["etc"].mode) == (0o1777, 0o755)
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {
        (0, 0, 315532800)
    }


def test_the_health_check_asks_what_the_environment_names_with_the_images_own_shell(
    image: Image,
) -> None:
    config = json.loads(image.config)["config"]
    *shell, command = config["Healthcheck"]["Test"]
    assert shell == ["CMD", SHELL, "sh", "-c"]
    assert command == f'exec /busybox wget -q -T 5 -O /dev/null "${HEALTH}"'
    seconds = {key: config["Healthcheck"][key] / 1e9 for key in ("Interval", "Timeout")}
    assert seconds == {"Interval": 30, "Timeout": 6}
    assert config["Labels"] == {"stackwatch.component": "prometheus"}
