"""Programs out of upstream's image: pulled by digest, flattened as an engine would, verified."""

from __future__ import annotations

import io
import json
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.artifacts import ArtifactPolicy, Lock, Store, unpacked
from plugins.artifacts.__main__ import main
from plugins.artifacts.download import NotServedError
from plugins.artifacts.image import Reference, manifest_of
from plugins.artifacts.layers import flatten
from plugins.model import Artifact, ArtifactError
from tests.unit import artifact_site as site
from tests.unit.artifact_site import got, one

OCI = "application/vnd.oci.image."
LAYER = f"{OCI}layer.v1.tar"
REPOSITORY = "/v2/org/tool"
# Where a login is given to everyone, with what the registry's refusal said to ask for.
LOGIN = "/token?service=registry&scope=pull"
REFERENCE = Reference("registry.invalid", "org/tool", "1.2.3")
# The first has an older program and a file that is removed, as upstreams' images do.
LAYERS = (
    site.tar_gz({"usr/share/tool/tool": b"old", "usr/share/tool/cache/left": b"x", "etc/os": b"d"}),
    site.tar_gz(
        {
            "usr/share/tool/tool": site.PROGRAM,
            "usr/share/tool/client": site.CLIENT,
            "usr/share/tool/.wh.cache": b"",
        }
    ),
)


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


CONFIG = _bytes({"architecture": "amd64", "os": "linux"})
MANIFEST = _bytes(
    {
        "schemaVersion": 2,
        "mediaType": f"{OCI}manifest.v1+json",
        "config": {"digest": f"sha256:{site.sha256(CONFIG)}"},
        "layers": [
            {"mediaType": f"{LAYER}+gzip", "digest": f"sha256:{site.sha256(layer)}"}
            for layer in LAYERS
        ],
    }
)
INDEX = _bytes(
    {
        "schemaVersion": 2,
        "mediaType": f"{OCI}index.v1+json",
        "manifests": [
            {
                "digest": f"sha256:{'0' * 64}",
                "platform": {"os": "windows", "architecture": "amd64"},
            },
            {
                "digest": f"sha256:{site.sha256(MANIFEST)}",
                "platform": {"os": "linux", "architecture": "amd64"},
            },
        ],
    }
)


def _blob(content: bytes) -> str:
    return f"{REPOSITORY}/blobs/sha256:{site.sha256(content)}"


def _manifest(content: bytes) -> str:
    return f"{REPOSITORY}/manifests/sha256:{site.sha256(content)}"


@pytest.fixture
def server() -> Iterator[site.Server]:
    """A registry that is mocked by its files and its token, both in the protocol's own shapes."""
    with site.serving() as running:
        running.files = {
            f"{REPOSITORY}/manifests/1.2.3": INDEX,
            _manifest(INDEX): INDEX,
            _manifest(MANIFEST): MANIFEST,
            _blob(CONFIG): CONFIG,
            **{_blob(layer): layer for layer in LAYERS},
            LOGIN: _bytes({"token": "everyone's"}),
        }
        yield running


def _lock(folder: Path, manifest: bytes = MANIFEST, **what: Any) -> Lock:
    file = {
        "reference": "registry.invalid/org/tool:{version}",
        "sha256": {"amd64": site.sha256(manifest), "arm64": None},
        "members": {"tool": "usr/share/tool/tool", "client": "usr/share/tool/client"},
    }
    entry = {"version": "1.2.3", "programs": ["tool", "client"], "image": {"files": [file | what]}}
    if what.get("tree"):
        del file["members"]
        entry["image"] = {"files": [file | what]}
    return site.write_lock(folder, {"tool": entry})


def _policy(server: site.Server) -> ArtifactPolicy:
    return ArtifactPolicy(("image",), image_mirror=f"{server.url}/")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_programs_are_those_of_the_uppermost_layer(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    artifact = got(one(_lock(tmp_path), _policy(server), store))
    assert (artifact.source, artifact.version) == ("image", "1.2.3")
    assert (unpacked(artifact) / "tool").read_bytes() == site.PROGRAM
    assert server.requests[_manifest(MANIFEST)] == 1
    assert server.requests[f"{REPOSITORY}/manifests/1.2.3"] == 0  # no tag decides what runs
    assert not list(store.root.glob("staging/*"))


def test_a_folder_is_taken_whole_without_what_a_layer_removed(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    lock = _lock(tmp_path, tree="usr/share/tool")
    artifact = got(one(lock, _policy(server), store))
    assert artifact.tree
    folder = unpacked(artifact)
    files = {path.name: path for path in folder.rglob("*") if path.is_file()}
    assert sorted(files) == ["client", "tool"]
    assert files["tool"].read_bytes() == site.PROGRAM
    assert files["tool"].stat().st_mode & stat.S_IXUSR


def test_a_login_that_is_given_to_everyone_is_fetched(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    server.bearer = "everyone's"
    assert isinstance(one(_lock(tmp_path), _policy(server), store), Artifact)
    assert server.requests[LOGIN] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({_blob(LAYERS[1]): LAYERS[0]}, f"expected {site.sha256(LAYERS[1])}, got"),
        ({_manifest(MANIFEST): INDEX}, f"expected {site.sha256(MANIFEST)}, got"),
        ({_manifest(MANIFEST): None}, "HTTP 404"),
        ({_blob(LAYERS[0]): None}, "HTTP 404"),
    ],
    ids=["another layer", "another manifest", "no manifest", "no layer"],
)
def test_what_is_not_the_pinned_image_is_refused(
    change: dict[str, bytes | None], reason: str, tmp_path: Path, server: site.Server, store: Store
) -> None:
    for path, content in change.items():
        if content is None:
            del server.files[path]
        else:
            server.files[path] = content
    result = one(_lock(tmp_path), _policy(server), store)
    assert isinstance(result, ArtifactError)
    assert reason in str(result)
    assert not list(store.root.glob("deliverables/*"))
    assert not list(store.root.glob("staging/*"))


def test_the_list_of_all_architectures_is_no_pin(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    result = one(_lock(tmp_path, INDEX), _policy(server), store)
    assert "pin the manifest of one: write null and run `make lock`" in str(result)


def test_without_a_digest_nothing_is_asked(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    lock = _lock(tmp_path, sha256={"amd64": None})
    result = one(lock, _policy(server), store)
    assert "no sha256 for registry.invalid/org/tool:1.2.3" in str(result)
    assert server.requests == {}


def test_a_registry_out_of_reach_is_told(tmp_path: Path, store: Store) -> None:
    result = one(_lock(tmp_path), ArtifactPolicy(("image",)), store)
    assert "image: https://registry.invalid/v2/org/tool/manifests/sha256:" in str(result)


@pytest.mark.parametrize(
    ("layer", "left"),
    [
        ({"a/x": b"1", "a/.wh..wh..opq": b""}, {"a/x": b"1", "b": b"0"}),
        ({"a": b"now a file"}, {"a": b"now a file", "b": b"0"}),
        ({".wh.b": b""}, {"a/x": b"0", "a/y": b"0"}),
        ({".wh..wh..opq": b"", "c": b"2"}, {"c": b"2"}),
        ({"./a/y": b"3"}, {"a/x": b"0", "./a/y": b"3", "b": b"0"}),
    ],
    ids=["emptied folder", "file for folder", "removed file", "emptied all", "other spelling"],
)
def test_layers_are_laid_upon_each_other(
    layer: dict[str, bytes], left: dict[str, bytes], tmp_path: Path
) -> None:
    lowest, upper, target = (tmp_path / name for name in ("lowest", "upper", "image.tar"))
    lowest.write_bytes(site.tar({"a/x": b"0", "a/y": b"0", "b": b"0"}))
    upper.write_bytes(site.tar_gz(layer))
    flatten([(LAYER, lowest), ("application/vnd.docker.image.rootfs.diff.tar.gzip", upper)], target)
    with tarfile.open(target) as opened:
        found = {member.name: opened.extractfile(member) for member in opened}
        assert {name: stream and stream.read() for name, stream in found.items()} == left
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.tar"]


@pytest.mark.parametrize("kind", ["application/vnd.cncf.helm.chart.content.v1", f"{LAYER}+xz"])
def test_a_layer_without_files_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "layer"
    path.write_bytes(site.tar({}))
    with pytest.raises(ArtifactError, match="which holds no files"):
        flatten([(kind, path)], tmp_path / "image.tar")


@pytest.fixture
def there(server: site.Server, monkeypatch: pytest.MonkeyPatch) -> site.Server:
    """The image's own registry, which is asked when it is pinned."""
    monkeypatch.setattr(Reference, "base", lambda *_: server.url + REPOSITORY)
    return server


def test_locking_resolves_the_tag_to_one_architecture(tmp_path: Path, there: site.Server) -> None:
    lock = _lock(tmp_path, sha256={"amd64": None})
    assert main(["lock", "--lock", str(lock.path)]) == 0
    pinned = Lock.load(lock.path).pinned("tool", "image", "amd64")
    assert [each.sha256 for each in pinned] == [site.sha256(MANIFEST)]
    assert main(["lock", "--check", "--lock", str(lock.path)]) == 0
    there.files[_manifest(MANIFEST)] = INDEX
    assert main(["lock", "--check", "--lock", str(lock.path)]) == 1


def test_an_image_of_one_architecture_says_so_in_its_configuration(
    tmp_path: Path, there: site.Server
) -> None:
    there.files[f"{REPOSITORY}/manifests/1.2.3"] = MANIFEST
    scratch = tmp_path / "scratch"
    found = manifest_of(REFERENCE, None, "amd64", scratch, print)
    assert found == site.sha256(MANIFEST)
    with pytest.raises(NotServedError, match=r"1\.2\.3 is not there for arm64"):
        manifest_of(REFERENCE, None, "arm64", scratch, print)


def test_an_architecture_that_is_not_there_is_told(tmp_path: Path, there: site.Server) -> None:
    with pytest.raises(NotServedError, match=r"1\.2\.3 is not there for arm64"):
        manifest_of(REFERENCE, None, "arm64", tmp_path / "scratch", print)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("docker.io/org/tool:1", "https://registry-1.docker.io/v2/org/tool"),
        ("quay.io:8443/a/b/c:v1.2", "https://quay.io:8443/v2/a/b/c"),
    ],
)
def test_where_an_image_is(text: str, base: str) -> None:
    assert Reference.parse(text).base(None) == base
    assert Reference.parse(text).base("http://mirror:5000/").startswith("http://mirror:5000/v2/")


def test_a_tar_keeps_modes_and_links(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        program = tarfile.TarInfo("bin/tool")
        program.mode = 0o755
        link = tarfile.TarInfo("bin/alias")
        link.type, link.linkname = tarfile.SYMTYPE, "tool"
        for member in (program, link):
            archive.addfile(member)
    layer, target = tmp_path / "layer", tmp_path / "image.tar"
    layer.write_bytes(packed.getvalue())
    flatten([(LAYER, layer)], target)
    with tarfile.open(target) as opened:
        assert opened.getmember("bin/tool").mode == 0o755
        assert opened.getmember("bin/alias").linkname == "tool"
