"""The store: reproducible deliverables, whole or refused, safe to share."""

from __future__ import annotations

import gzip
import os
import tarfile
import threading
import time
from pathlib import Path

import pytest

from plugins.artifacts import ArtifactPolicy, obtain
from plugins.artifacts.packing import PACKED_MTIME
from plugins.artifacts.store import (
    STALE_STAGING,
    DamagedError,
    Store,
    default_root,
    unpacked,
)
from plugins.model import Artifact, ArtifactError
from tests.unit import artifact_site as site


def add(store: Store, folder: Path, pin: str = "pin", content: bytes = b"program") -> Artifact:
    folder.mkdir(exist_ok=True)
    for program in ("beta", "alpha"):
        (folder / program).write_bytes(content + program.encode())
        (folder / program).chmod(0o600)
    return store.add(
        pin,
        name="tool",
        version="1.0",
        source="release",
        architecture="amd64",
        programs={program: folder / program for program in ("beta", "alpha")},
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_the_same_programs_give_the_same_bytes(tmp_path: Path) -> None:
    one = add(Store(tmp_path / "one"), tmp_path / "first")
    for path in (tmp_path / "first").iterdir():
        os.utime(path, (1, 1))
    two = add(Store(tmp_path / "two"), tmp_path / "second", pin="other")
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.path.read_bytes()[4:8] == bytes(4), "no time in the gzip header"


def test_a_deliverable_is_flat_and_owned_by_root(store: Store, tmp_path: Path) -> None:
    artifact = add(store, tmp_path / "programs")
    assert artifact.path == store.root / "deliverables" / f"{artifact.sha256}.tar.gz"
    with tarfile.open(artifact.path) as archive:
        found = [(m.name, m.mode, m.uid, m.gid, m.mtime, m.size) for m in archive]
    assert found == [
        ("alpha", 0o755, 0, 0, PACKED_MTIME, 12),
        ("beta", 0o755, 0, 0, PACKED_MTIME, 11),
    ]


def test_lookup_returns_what_was_added(store: Store, tmp_path: Path) -> None:
    artifact = add(store, tmp_path / "programs")
    assert store.lookup("pin") == artifact
    assert store.lookup("other") is None


@pytest.mark.parametrize("record", ["", "{", "[]", "null", '{"name": "tool"}'])
def test_a_broken_index_is_a_miss(record: str, store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "programs")
    (store.root / "index" / "pin.json").write_text(record)
    assert store.lookup("pin") is None


def test_a_deleted_deliverable_is_a_miss(store: Store, tmp_path: Path) -> None:
    add(store, tmp_path / "programs").path.unlink()
    assert store.lookup("pin") is None


def test_a_changed_deliverable_is_damaged(store: Store, tmp_path: Path) -> None:
    artifact = add(store, tmp_path / "programs")
    artifact.path.write_bytes(artifact.path.read_bytes()[:-1])
    with pytest.raises(DamagedError, match="is damaged"):
        store.lookup("pin")


def test_unpacked_programs_run_and_stay(store: Store, tmp_path: Path) -> None:
    artifact = add(store, tmp_path / "programs")
    folder = unpacked(artifact)
    assert (folder / "alpha").read_bytes() == b"programalpha"
    assert os.access(folder / "beta", os.X_OK)
    inode = folder.stat().st_ino
    assert unpacked(artifact).stat().st_ino == inode


@pytest.mark.parametrize("change", ["content", "removed", "mode"])
def test_a_changed_program_is_unpacked_again(change: str, store: Store, tmp_path: Path) -> None:
    artifact = add(store, tmp_path / "programs")
    program = unpacked(artifact) / "alpha"
    if change == "content":
        program.write_bytes(b"PROGRAMALPHA")
    elif change == "removed":
        program.unlink()
    else:
        program.chmod(0o644)
    program = unpacked(artifact) / "alpha"
    assert program.read_bytes() == b"programalpha"
    assert os.access(program, os.X_OK)


def test_a_damaged_deliverable_is_not_unpacked(store: Store, tmp_path: Path) -> None:
    artifact = add(store, tmp_path / "programs")
    # same size and time, and still a readable archive: only the digest tells
    state = artifact.path.stat()
    tampered = gzip.decompress(artifact.path.read_bytes()).replace(b"program", b"PROGRAM")
    artifact.path.write_bytes(gzip.compress(tampered))
    os.utime(artifact.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(DamagedError, match="run again to fetch it anew"):
        unpacked(artifact)
    assert store.lookup("pin") is None, "the next run must fetch it"


def test_concurrent_unpacking(store: Store, tmp_path: Path) -> None:
    artifact = add(store, tmp_path / "programs", content=b"p" * 3_000_000)
    barrier = threading.Barrier(8)
    inodes: list[int] = []

    def run() -> None:
        barrier.wait()
        inodes.append((unpacked(artifact) / "alpha").stat().st_ino)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inodes) == 8
    assert len(set(inodes)) == 1


def test_a_lock_is_exclusive_and_says_that_it_waits(store: Store) -> None:
    waits, order = threading.Event(), []

    def second() -> None:
        with store.locked("key", waits.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with store.locked("key"):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_abandoned_staging_is_removed(store: Store) -> None:
    old, fresh = store.root / "staging" / "old", store.root / "staging" / "fresh"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    then = time.time() - STALE_STAGING - 60
    os.utime(old, (then, then))
    with store.staging() as staging:
        assert staging.parent == store.root / "staging"
    assert sorted(path.name for path in (store.root / "staging").iterdir()) == ["fresh"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"STACKWATCH_STORE": "/s"}, "/s"),
        ({"STACKWATCH_STORE": "/s", "XDG_CACHE_HOME": "/x"}, "/s"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/stackwatch/artifacts"),
        ({}, "/h/.cache/stackwatch/artifacts"),
    ],
)
def test_where_the_store_is(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STACKWATCH_STORE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/h")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_root() == Path(expected)


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    lock = site.write_lock(tmp_path, {"tool": site.entry("http://127.0.0.1:9")})
    (tmp_path / "file").write_text("")
    key = ("tool", "amd64")
    result = obtain(lock, [key], ArtifactPolicy(("release",)), Store(tmp_path / "file"), print)[key]
    assert isinstance(result, ArtifactError)
    assert "set STACKWATCH_STORE to another folder" in str(result)
