"""Programs out of upstream's image: pulled by digest, flattened as an engine would, verified."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.artifacts import ArtifactPolicy, Lock, LockError, Store, unpacked
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


def _described(content: bytes, kind: str = "") -> dict[str, Any]:
    digest = f"sha256:{site.sha256(content)}"
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


CONFIG = _bytes({"architecture": "amd64", "os": "linux"})


def _image(config: bytes, *layers: bytes) -> bytes:
    return _bytes(
        {
            "schemaVersion": 2,
            "mediaType": f"{OCI}manifest.v1+json",
            "config": _described(config),
            "layers": [_described(layer, f"{LAYER}+gzip") for layer in layers],
        }
    )


MANIFEST = _image(CONFIG, *LAYERS)
FOREIGN = _described(b"", f"{OCI}manifest.v1+json")


def _index(manifest: bytes) -> bytes:
    """As upstreams have it, with another system's and something that is for no system."""
    platform = {"os": "linux", "architecture": "amd64"}
    listed = [
        {**FOREIGN, "platform": {"os": "windows", "architecture": "amd64"}},
        {**FOREIGN, "platform": None},
        {**_described(manifest), "platform": platform},
    ]
    kind = f"{OCI}index.v1+json"
    return _bytes({"schemaVersion": 2, "mediaType": kind, "manifests": listed})


INDEX = _index(MANIFEST)


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


def _policy(server: site.Server, user: str = "") -> ArtifactPolicy:
    return ArtifactPolicy(("image",), image_mirror=server.url.replace("://", f"://{user}") + "/")


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


@pytest.mark.parametrize(("user", "login"), [("", ""), ("me:hunter2@", "Basic bWU6aHVudGVyMg==")])
def test_a_login_is_fetched_where_one_is_wanted(
    user: str, login: str, tmp_path: Path, server: site.Server, store: Store
) -> None:
    server.bearer = "everyone's"
    artifact = one(_lock(tmp_path), _policy(server, user), store)
    assert isinstance(artifact, Artifact), artifact
    # For the manifest, the configuration and each layer: none of them holds for long.
    assert server.requests[LOGIN] == 4
    assert server.logins[LOGIN] == login


@pytest.mark.parametrize(
    ("challenge", "told"),
    [
        ("Basic realm=x", "wants a login: put it into the URL of your mirror"),
        ('Bearer realm="http://elsewhere.invalid/t"', "from elsewhere.invalid, not over TLS"),
        ('Bearer realm="https://host:port/t"', "names no place that gives logins"),
    ],
)
def test_a_password_goes_to_nobody_who_may_not_have_it(
    challenge: str, told: str, tmp_path: Path, server: site.Server, store: Store
) -> None:
    server.bearer, server.challenge = "x", challenge
    said = str(one(_lock(tmp_path), _policy(server, "me:hunter2@"), store))
    assert told in said
    assert "hunter2" not in said


@pytest.mark.parametrize("token", [b"[]", b"null", b"{}", b"<html>"])
def test_an_answer_without_a_login_is_told(
    token: bytes, tmp_path: Path, server: site.Server, store: Store
) -> None:
    server.bearer, server.files[LOGIN] = "x", token
    assert "gave no login: its answer has none" in str(one(_lock(tmp_path), _policy(server), store))


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
    said = str(one(_lock(tmp_path, INDEX), _policy(server, "me:hunter2@"), store))
    assert "is the list of an image's architectures: write null for it in the lock and run" in said
    assert "hunter2" not in said


def test_an_image_of_another_architecture_is_no_pin(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    config = _bytes({"architecture": "arm64", "os": "linux"})
    other = _image(config, *LAYERS)
    server.files |= {_manifest(other): other, _blob(config): config}
    assert "is for 'arm64', not 'amd64'" in str(one(_lock(tmp_path, other), _policy(server), store))


ODD = {
    "no JSON": b"<html>",
    "an error": _bytes({"errors": [{"code": "DENIED"}]}),
    "no layers": _bytes({"config": _described(CONFIG), "layers": None}),
    "a layer that is no digest": _bytes(
        {"config": _described(CONFIG), "layers": [{"digest": "sha512:" + "0" * 128, "size": 1}]}
    ),
    "a text for a list": _bytes({"manifests": "no"}),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_what_is_no_manifest_is_told(
    odd: bytes, tmp_path: Path, server: site.Server, store: Store
) -> None:
    server.files[_manifest(odd)] = odd
    result = one(_lock(tmp_path, odd), _policy(server), store)
    assert isinstance(result, ArtifactError)
    assert f"{server.url}/v2/org/tool" in str(result)


def test_no_more_is_read_than_was_announced(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    server.files[_blob(LAYERS[0])] = LAYERS[0] + b"x" * 5_000_000
    told = f"more than the {len(LAYERS[0])} bytes it may have"
    assert told in str(one(_lock(tmp_path), _policy(server), store))


def test_a_mirror_that_is_no_url_is_told(tmp_path: Path, store: Store) -> None:
    policy = ArtifactPolicy(("image",), image_mirror="http://host:port")
    assert "image: not a URL: " in str(one(_lock(tmp_path), policy, store))


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
        ({"./a/y": b"3"}, {"a/x": b"0", "a/y": b"3", "b": b"0"}),
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
    with pytest.raises(ArtifactError, match="what can be read is tar, with gzip or zstd"):
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
        ("docker.io/busybox:1", "https://registry-1.docker.io/v2/library/busybox"),
        ("quay.io:8443/a/b/c:v1.2", "https://quay.io:8443/v2/a/b/c"),
    ],
)
def test_where_an_image_is(text: str, base: str) -> None:
    assert Reference.parse(text).base(None) == base
    assert Reference.parse(text).base("http://mirror:5000/").startswith("http://mirror:5000/v2/")


def _tar(*members: tuple[str, bytes | str, bytes]) -> bytes:
    """A tar of files (``b""``) and links, each with its name and its content or target."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, held, kind in members:
            member = tarfile.TarInfo(name)
            if isinstance(held, str):
                member.type, member.linkname = kind, held
                archive.addfile(member)
            else:
                member.size, member.mode = len(held), 0o755
                archive.addfile(member, io.BytesIO(held))
    return packed.getvalue()


HARD, SOFT = tarfile.LNKTYPE, tarfile.SYMTYPE


def _flattened(folder: Path, *layers: bytes) -> tarfile.TarFile:
    files = []
    for number, content in enumerate(layers):
        files.append((LAYER, folder / f"l{number}"))
        files[-1][1].write_bytes(content)
    flatten(files, folder / "image.tar")
    return tarfile.open(folder / "image.tar")


def test_links_lead_where_they_lead_in_a_container(tmp_path: Path) -> None:
    layer = _tar(
        ("/opt/t", b"tool", b""),
        ("usr/bin/t", "/opt/t", SOFT),
        ("usr/bin/u", "t", SOFT),
        ("opt/same", "/opt/t", HARD),
    )
    with _flattened(tmp_path, layer) as opened:
        assert opened.getmember("opt/t").mode == 0o755
        assert opened.getmember("usr/bin/t").linkname == "../../opt/t"
        for name in ("usr/bin/t", "usr/bin/u", "opt/same"):
            stream = opened.extractfile(name)
            assert stream and stream.read() == b"tool", name


@pytest.mark.parametrize("upper", [("bin/a", b"new", b""), ("bin/.wh.a", b"", b"")])
def test_a_second_name_of_a_file_keeps_it_when_the_first_goes(
    upper: tuple[str, bytes, bytes], tmp_path: Path
) -> None:
    lower = _tar(("bin/a", b"old", b""), ("bin/b", "bin/a", HARD))
    with _flattened(tmp_path, lower, _tar(upper)) as opened:
        stream = opened.extractfile("bin/b")
        assert stream and stream.read() == b"old"


def test_a_second_name_of_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="a layer links 'bin/a', which it does not have"):
        _flattened(tmp_path, _tar(("bin/b", "bin/a", HARD)))


def test_a_member_that_leads_nowhere_is_told(
    tmp_path: Path, server: site.Server, store: Store
) -> None:
    layer = gzip.compress(_tar(("usr/share/tool/tool", "/nowhere", SOFT)))
    made = _image(CONFIG, layer)
    server.files |= {_manifest(made): made, _blob(layer): layer}
    said = str(one(_lock(tmp_path, made), _policy(server), store))
    assert "no file '../../../nowhere' in it" in said


@pytest.mark.parametrize("content", [b"\x1f\x8bbroken", site.tar_gz({"a": b"x" * 9000})[:40]])
def test_a_broken_layer_is_told(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be unpacked"):
        _flattened(tmp_path, content)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no program zstd on this machine")
def test_a_layer_that_is_packed_with_zstd(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(_tar(("bin/a", b"held", b"")))
    subprocess.run(["zstd", "-q", plain, "-o", tmp_path / "layer"], check=True)
    flatten([(f"{LAYER}+zstd", tmp_path / "layer")], tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as opened:
        assert opened.getnames() == ["bin/a"]


@pytest.mark.parametrize(
    ("reference", "taken"),
    [
        ("docker.io/grafana/grafana:12.4.2-ubuntu", True),
        ("localhost/tool:1", True),
        ("registry:5000/tool:1", True),
        # Which registry that is, engines guess; a pin says it.
        ("grafana/grafana:12.4.2", False),
        ("docker.io/grafana/grafana", False),
        ("docker.io/../x:1", False),
    ],
)
def test_a_reference_names_its_registry(reference: str, taken: bool, tmp_path: Path) -> None:
    try:
        _lock(tmp_path, reference=reference)
    except LockError as error:
        assert not taken, error
    else:
        assert taken
