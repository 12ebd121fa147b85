"""Obtaining artifacts: sources, their order and errors, and reuse of the store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins import run
from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain, unpacked
from plugins.artifacts.__main__ import main
from plugins.model import Artifact, ArtifactError
from tests.unit import artifact_site as site
from tests.unit.artifact_site import TOOL as KEY
from tests.unit.artifact_site import got, one, policy


@pytest.fixture
def server() -> Iterator[site.Server]:
    with site.serving() as running:
        running.files = {
            site.RELEASE_PATH: site.ARCHIVE,
            site.MIRROR_PATH: site.ARCHIVE,
            site.PACKAGE_PATH: site.PACKAGE,
        }
        yield running


@pytest.fixture
def lock(tmp_path: Path, server: site.Server) -> Lock:
    return site.write_lock(tmp_path, {"tool": site.entry(server.url)})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize(
    ("source", "version", "path"),
    [
        ("mirror", "1.2.3", site.MIRROR_PATH),
        ("release", "1.2.3", site.RELEASE_PATH),
        ("package", "1.1", site.PACKAGE_PATH),
    ],
)
def test_each_source(
    source: str, version: str, path: str, lock: Lock, store: Store, server: site.Server
) -> None:
    artifact = got(one(lock, policy(server, source), store))
    assert (artifact.name, artifact.architecture) == KEY
    assert (artifact.version, artifact.source) == (version, source)
    assert artifact.files == {"client": len(site.CLIENT), "tool": len(site.PROGRAM)}
    assert artifact.sha256 == site.sha256(artifact.path.read_bytes())
    assert server.requests == {path: 1}
    said = subprocess.run([unpacked(artifact) / "tool"], capture_output=True, check=True)
    assert said.stdout == b"tool 1.2.3\n"


def test_a_package_of_upstreams_own_repository(
    tmp_path: Path, store: Store, server: site.Server
) -> None:
    entry = site.entry(server.url)
    entry["package"]["repository"] = f"{server.url}/apt"
    path = site.PACKAGE_PATH.replace("/debian/", "/apt/")
    server.files = {path: site.PACKAGE}
    lock = site.write_lock(tmp_path, {"tool": entry})
    # A site's Debian mirror has nothing to do with it.
    artifact = got(one(lock, policy(server, "package"), store))
    assert (artifact.version, artifact.source) == ("1.1", "package")
    assert server.requests == {path: 1}
    assert main(["lock", "--check", "--lock", str(lock.path)]) == 1  # its release is not there
    assert server.requests[path] == 2


@pytest.mark.parametrize(
    ("source", "lacks"),
    [("mirror", {"sealing"}), ("release", {"sealing"}), ("package", set())],
)
def test_an_artifact_says_what_its_source_lacks(
    source: str, lacks: set[str], tmp_path: Path, store: Store, server: site.Server
) -> None:
    entry = site.entry(server.url)
    entry["release"] |= {"lacks": ["sealing"], "note": "no seals"}
    lock = site.write_lock(tmp_path, {"tool": entry})
    noted = run._noted(lock, got(one(lock, policy(server, source), store)))
    assert noted.lacks == lacks
    assert noted.note == ("no seals" if lacks else "")


def test_mirror_without_sha256_folders(lock: Lock, store: Store, server: site.Server) -> None:
    server.files[site.PLAIN_MIRROR_PATH] = server.files.pop(site.MIRROR_PATH)
    assert got(one(lock, policy(server, "mirror"), store)).source == "mirror"
    assert server.requests == {site.MIRROR_PATH: 1, site.PLAIN_MIRROR_PATH: 1}


def test_sources_are_tried_in_the_sites_order(
    lock: Lock, store: Store, server: site.Server
) -> None:
    said: list[str] = []
    server.status[site.PACKAGE_PATH] = 503
    artifact = got(one(lock, policy(server, "package", "release", "mirror"), store, said))
    assert artifact.source == "release"
    assert list(server.requests) == [site.PACKAGE_PATH, site.RELEASE_PATH]
    assert [line for line in said if "package: " in line and "HTTP 503" in line]


def test_another_version_than_the_release_is_announced(
    lock: Lock, store: Store, server: site.Server
) -> None:
    said: list[str] = []
    one(lock, policy(server, "package"), store, said)
    assert "tool 1.1 amd64: obtained from package (not 1.2.3, the locked release)" in said[0]


@pytest.mark.parametrize(
    ("served", "cut", "status", "reason", "requests"),
    [
        (b"tampered", [], 200, f"expected {site.sha256(site.ARCHIVE)}, got", 1),
        (site.ARCHIVE, [40, 40], 200, f"truncated download: expected {len(site.ARCHIVE)} bytes", 2),
        (site.ARCHIVE, [], 404, "HTTP 404", 1),
        (site.ARCHIVE, [], 403, "HTTP 403", 1),
    ],
    ids=["wrong sha256", "truncated", "not found", "forbidden"],
)
def test_a_bad_download_is_refused_and_explained(
    served: bytes, cut: list[int], status: int, reason: str, requests: int,
    lock: Lock, store: Store, server: site.Server,
) -> None:  # fmt: skip
    server.files[site.RELEASE_PATH] = served
    server.cut[site.RELEASE_PATH] = list(cut)
    server.status[site.RELEASE_PATH] = status
    result = one(lock, policy(server, "release"), store)
    assert isinstance(result, ArtifactError)
    assert reason in str(result)
    assert server.url + site.RELEASE_PATH in str(result)
    assert ("truncated" in str(result)) == bool(cut)
    assert server.requests[site.RELEASE_PATH] == requests
    assert not list(store.root.glob("deliverables/*"))
    assert not list(store.root.glob("staging/*"))


def test_a_connection_lost_once_is_made_good(lock: Lock, store: Store, server: site.Server) -> None:
    server.cut[site.RELEASE_PATH] = [40]
    said: list[str] = []
    assert got(one(lock, policy(server, "release"), store, said)).source == "release"
    assert "got 40 bytes; trying once more" in said[0]


def test_the_error_lists_every_source_and_the_remedy(tmp_path: Path, server: site.Server) -> None:
    lock = site.write_lock(tmp_path, {"tool": site.entry(server.url)})
    server.files.clear()
    chosen = ArtifactPolicy(("mirror", "release", "module"), None, None)
    lines = str(one(lock, chosen, Store(tmp_path / "store"))).splitlines()
    assert lines[0] == "tool 1.2.3 (amd64) could not be obtained:"
    assert lines[1] == "  mirror: no mirror is set for this site"
    assert lines[2] == f"  release: {server.url}{site.RELEASE_PATH}: HTTP 404 Not Found"
    assert lines[3] == "  module: the lock has no Go module for tool"
    assert lines[4] == "  not allowed by this site: image, package, python"
    assert f"copy its store to {tmp_path / 'store'}" in lines[5]


def test_an_unreachable_host_is_tried_once(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    connections: list[Any] = []
    connect = socket.create_connection

    def counted(address: tuple[str, int], *rest: Any, **options: Any) -> socket.socket:
        connections.append(address)
        return connect(address, *rest, **options)

    monkeypatch.setattr(socket, "create_connection", counted)
    entries = {name: site.entry(f"http://127.0.0.1:{port}") for name in ("one", "two")}
    lock = site.write_lock(tmp_path, entries)
    wanted = [("one", "amd64"), ("two", "amd64")]
    results = obtain(lock, wanted, ArtifactPolicy(("release",)), store, print)
    assert [address[1] for address in connections] == [port]
    for result in results.values():
        assert "127.0.0.1 cannot be reached" in str(result)


def test_a_mirrors_password_is_never_shown(lock: Lock, store: Store, server: site.Server) -> None:
    server.files.clear()
    address = server.url.replace("//", "//user:s3cret@")
    said: list[str] = []
    result = one(lock, ArtifactPolicy(("mirror", "package"), address, server.url), store, said)
    assert f"{server.url}/{site.sha256(site.ARCHIVE)}/" in str(result)
    assert "s3cret" not in str(result) + "".join(said)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("tol", "amd64"), "no artifact 'tol'; did you mean tool?"),
        (("zzz", "amd64"), "no artifact 'zzz'; known: tool"),
        (("tool", "riscv64"), "unknown architecture 'riscv64'"),
        (("tool", "arm64"), "tool-1.2.3-arm64.tar.gz; nothing is trusted on first use"),
        (("tool", "arm64"), "its sha256 is null: run `make lock`"),
    ],
)
def test_what_the_lock_does_not_have(
    wanted: tuple[str, str], message: str, lock: Lock, store: Store, server: site.Server
) -> None:
    results = obtain(lock, [wanted, KEY], policy(server), store, print)
    assert isinstance(results[wanted], ArtifactError)
    assert message in str(results[wanted])
    assert isinstance(results[KEY], Artifact), "one error must not stop the others"
    assert not [path for path in server.requests if "arm64" in path]


def test_a_second_obtain_needs_no_network_and_no_http_client(
    lock: Lock, store: Store, server: site.Server
) -> None:
    first = got(one(lock, policy(server), store))
    server.requests.clear()
    assert one(lock, policy(server), store) == first
    assert not server.requests
    script = (
        "import sys; from pathlib import Path\n"
        "from plugins.artifacts import *\n"
        "lock, store = Lock.load(Path(sys.argv[1])), Store(Path(sys.argv[2]))\n"
        "print(*obtain(lock, [('tool', 'amd64')], ArtifactPolicy(), store, print).values())\n"
        "print('httpx' in sys.modules)"
    )
    argv = [sys.executable, "-c", script, str(lock.path), str(store.root)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert first.sha256 in said
    assert said.endswith("False\n")


def test_the_preferred_source_in_the_store_wins(
    lock: Lock, store: Store, server: site.Server
) -> None:
    one(lock, policy(server, "package"), store)
    one(lock, policy(server, "release"), store)
    server.requests.clear()
    assert got(one(lock, policy(server, "package", "release"), store)).source == "package"
    assert got(one(lock, policy(server, "release", "package"), store)).source == "release"
    assert not server.requests


def test_a_changed_pin_is_fetched(tmp_path: Path, store: Store, server: site.Server) -> None:
    entry = site.entry(server.url)
    lock = site.write_lock(tmp_path, {"tool": entry})
    former = got(one(lock, policy(server, "release"), store))
    archive = site.tar_gz({"tool-1.2.4/tool": b"new", "tool-1.2.4/client": site.CLIENT})
    entry["version"] = "1.2.4"
    entry["release"]["files"][0]["sha256"]["amd64"] = site.sha256(archive)
    server.files["/dl/tool-1.2.4-amd64.tar.gz"] = archive
    fresh = got(one(site.write_lock(tmp_path, {"tool": entry}), policy(server, "release"), store))
    assert fresh.version == "1.2.4"
    assert fresh.sha256 != former.sha256


def test_a_damaged_deliverable_is_fetched_again(
    lock: Lock, store: Store, server: site.Server
) -> None:
    first = got(one(lock, policy(server, "release"), store))
    one(lock, policy(server, "package"), store)
    first.path.write_bytes(b"x" * first.path.stat().st_size)
    server.requests.clear()
    said: list[str] = []
    again = got(one(lock, policy(server, "release", "package"), store, said))
    assert again == first
    assert site.sha256(again.path.read_bytes()) == first.sha256
    assert server.requests == {site.RELEASE_PATH: 1}
    assert [line for line in said if "is damaged; fetching it again" in line]


def test_a_touched_deliverable_is_hashed_and_kept(
    lock: Lock, store: Store, server: site.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = got(one(lock, policy(server), store))
    os.utime(first.path, (1, 1))
    server.requests.clear()
    assert one(lock, policy(server), store) == first
    assert not server.requests
    # It was recorded: the next run does not hash again.
    monkeypatch.setattr("plugins.artifacts.store.digest", lambda _path: "not called")
    assert one(lock, policy(server), store) == first


def test_concurrent_runs_fetch_once(lock: Lock, store: Store, server: site.Server) -> None:
    barrier = threading.Barrier(8)
    results: list[Artifact | ArtifactError] = []

    def run() -> None:
        barrier.wait()
        results.append(one(lock, policy(server, "release"), store))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({got(result).sha256 for result in results}) == 1
    assert server.requests == {site.RELEASE_PATH: 1}


def test_waiting_for_another_run_is_announced(
    lock: Lock, store: Store, server: site.Server
) -> None:
    said: list[str] = []
    waits = threading.Event()

    def progress(line: str) -> None:
        said.append(line)
        waits.set()

    def run() -> None:
        obtain(lock, [KEY], policy(server, "release"), store, progress)

    thread = threading.Thread(target=run)
    with store.locked(f"fetch-{lock.pin('tool', 'release', 'amd64')}"):
        thread.start()
        assert waits.wait(10)
        # another source is another matter
        assert got(one(lock, policy(server, "package"), store)).source == "package"
    thread.join()
    assert said == ["tool amd64: another run is fetching it from release; waiting"]
