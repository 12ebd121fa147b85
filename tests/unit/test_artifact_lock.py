"""The lock: what is refused and how it is said, pins, checking and filling, the commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.artifacts import DEFAULT_LOCK, ArtifactPolicy, Lock, LockError, NotOfferedError
from plugins.artifacts.__main__ import main
from plugins.model import ArtifactError
from tests.unit import artifact_site as site

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def server() -> Iterator[site.Server]:
    with site.serving() as running:
        running.files = {site.RELEASE_PATH: site.ARCHIVE, site.PACKAGE_PATH: site.PACKAGE}
        yield running


def release_file(entry: dict[str, Any]) -> dict[str, Any]:
    file: dict[str, Any] = entry["release"]["files"][0]
    return file


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        (lambda e: e.update(sha=1), "tool.sha", "unknown key"),
        (lambda e: release_file(e).update(size=1), "tool.release.files.0.size", "unknown key"),
        (lambda e: e.pop("version"), "tool.version", "Field required"),
        (lambda e: e.update(version=1.2), "tool.version", "Input should be a valid string"),
        (
            lambda e: release_file(e)["sha256"].update(amd64="abc"),
            "tool.release.files.0.sha256.amd64",
            "String should match",
        ),
        (
            lambda e: release_file(e)["sha256"].update(mips=None),
            "tool.release.files.0.sha256.mips",
            "Input should be 'amd64' or 'arm64'",
        ),
        (lambda e: release_file(e).update(url="ftp://x"), "tool.release.files.0.url", "match"),
        (lambda e: e.update(programs=["tool"]), "tool", "release provides ['client', 'tool']"),
        (lambda e: (e.pop("release"), e.pop("package")), "tool", "no source: give it a release"),
        (
            lambda e: e.update(
                module={
                    "folder": "tool",
                    "packages": {"tool": "x/tool", "client": "x/client"},
                    "stamp": {"x.Version": "a b"},
                }
            ),
            "tool.module.stamp.x.Version",
            "String should match",
        ),
    ],
)
def test_mistakes_name_file_and_key(change: Change, key: str, what: str, tmp_path: Path) -> None:
    entry = site.entry("http://upstream.invalid")
    change(entry)
    with pytest.raises(LockError) as caught:
        site.write_lock(tmp_path, {"tool": entry})
    problems = {problem.where: problem.what for problem in caught.value.problems}
    assert what in problems[f"{tmp_path / 'artifacts.lock.yaml'}: {key}"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("tool: {", "expected node content"),
        ("tool:\n  version: '1'\n  version: '2'\n", "key 'version' stands twice"),
        ("- tool\n", "valid dictionary"),
        (None, "No such file"),
    ],
)
def test_unreadable_locks(text: str | None, what: str, tmp_path: Path) -> None:
    path = tmp_path / "artifacts.lock.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LockError, match=re.escape(str(path))) as caught:
        Lock.load(path)
    assert what in str(caught.value)


def test_spelling_and_version_are_put_in(tmp_path: Path) -> None:
    entry = site.entry("http://upstream.invalid")
    entry["release"]["spelling"] = {"amd64": "x86_64"}
    (pinned,) = site.write_lock(tmp_path, {"tool": entry}).pinned("tool", "release", "amd64")
    assert pinned.location == "http://upstream.invalid/dl/tool-1.2.3-x86_64.tar.gz"
    assert pinned.file_name == "tool-1.2.3-x86_64.tar.gz"
    assert pinned.members["tool"] == "tool-1.2.3/tool"


@pytest.mark.parametrize(
    ("change", "source", "same"),
    [
        (lambda e: e, "release", True),
        (lambda e: release_file(e).update(url="https://elsewhere/{version}"), "release", True),
        (lambda e: e["release"].update(note="text"), "release", True),
        (lambda e: e["release"].update(lacks=["sealing"]), "release", True),
        (lambda e: e["module"].update(lacks=["sealing"], note="text"), "module", True),
        (lambda e: release_file(e)["sha256"].update(arm64="0" * 64), "release", True),
        (lambda e: release_file(e)["sha256"].update(amd64="0" * 64), "release", False),
        (lambda e: release_file(e)["members"].update(tool="other"), "release", False),
        (lambda e: e.update(version="1.2.4"), "release", False),
        (lambda e: e.update(version="1.2.4"), "package", True),
        (lambda e: e["package"].update(version="1.2"), "package", False),
        (lambda e: e["module"].update(tags=["netgo"]), "module", False),
        (lambda e: e["module"].update(stamp={"x.Version": "2"}), "module", False),
        (lambda e: release_file(e)["sha256"].update(amd64="0" * 64), "module", True),
    ],
)
def test_a_pin_is_what_decides_the_bytes(
    change: Change, source: str, same: bool, tmp_path: Path
) -> None:
    entry = site.entry("http://upstream.invalid")
    entry["module"] = {"folder": "tool", "packages": {"tool": "x/tool", "client": "x/client"}}
    lock = site.write_lock(tmp_path, {"tool": entry})
    site.write_module(lock, "tool")
    former = lock.pin("tool", source, "amd64")
    change(entry)
    changed = site.write_lock(tmp_path, {"tool": entry}).pin("tool", source, "amd64")
    assert (changed == former) is same


def test_a_pin_knows_the_module_and_the_architecture(tmp_path: Path) -> None:
    entry = site.entry("http://upstream.invalid")
    entry["module"] = {"folder": "tool", "packages": {"tool": "x/tool", "client": "x/client"}}
    lock = site.write_lock(tmp_path, {"tool": entry})
    with pytest.raises(ArtifactError, match=r"tool/go\.mod: No such file"):
        lock.pin("tool", "module", "amd64")
    site.write_module(lock, "tool")
    pins = {lock.pin("tool", "module", each) for each in ("amd64", "arm64")}
    (tmp_path / "modules" / "tool" / "go.sum").write_text("changed")
    pins.add(lock.pin("tool", "module", "amd64"))
    assert len(pins) == 3
    assert lock.pin("tool", "mirror", "amd64") == lock.pin("tool", "release", "amd64")


def test_a_pin_knows_source_of_our_own_but_not_its_tests(tmp_path: Path) -> None:
    entry = site.entry("http://upstream.invalid")
    entry["module"] = {"folder": "tool", "packages": {"tool": ".", "client": "./client"}}
    lock = site.write_lock(tmp_path, {"tool": entry})
    site.write_module(lock, "tool")
    client = tmp_path / "modules" / "tool" / "client"
    client.mkdir()

    def pin_with(name: str, content: str) -> str:
        (client / name).write_text(content)
        return lock.pin("tool", "module", "amd64")

    former = lock.pin("tool", "module", "amd64")
    source = pin_with("main.go", "package main")
    assert source != former
    assert pin_with("main_test.go", "package main") == source
    assert pin_with("main.go", "package main // changed") != source
    assert pin_with("main.go", "package main") == source
    (client / "main.go").rename(client / "other.go")
    assert lock.pin("tool", "module", "amd64") not in (former, source)


@pytest.mark.parametrize("source", ["release", "module", "package"])
def test_every_source_may_lack_features(source: str, tmp_path: Path) -> None:
    entry = site.entry("http://upstream.invalid")
    entry["module"] = {"folder": "tool", "packages": {"tool": "x/tool", "client": "x/client"}}
    entry[source]["lacks"] = ["web_interface", "sealing"]
    lock = site.write_lock(tmp_path, {"tool": entry})
    lacking = {
        each: getattr(lock.entry("tool"), each).lacks for each in ("release", "module", "package")
    }
    assert lacking.pop(source) == ("web_interface", "sealing")
    assert set(lacking.values()) == {()}
    entry[source]["lacks"] = ["Not a name"]
    with pytest.raises(LockError, match=rf"tool\.{source}\.lacks\.0"):
        site.write_lock(tmp_path, {"tool": entry})


def test_the_lock_of_this_repository() -> None:
    lock = Lock.load(DEFAULT_LOCK)
    assert lock.entries
    for name, entry in lock.entries.items():
        if entry.module is not None:
            pins = {lock.pin(name, "module", each) for each in ("amd64", "arm64")}
            assert len(pins) == 2
        for source in ("release", "package"):
            try:
                pinned = lock.pinned(name, source, "amd64")
            except NotOfferedError:
                continue
            for file in pinned:
                assert "{" not in file.location + file.tree + "".join(file.members.values())


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("release", "its sha256 is null: run `make lock`"),
        ("package", "write `arm64: null` below tool in artifacts.lock.yaml and run `make lock`"),
    ],
)
def test_a_missing_sha256_is_told_with_what_to_do(
    source: str, remedy: str, tmp_path: Path, server: site.Server
) -> None:
    lock = site.write_lock(tmp_path, {"tool": site.entry(server.url)})
    with pytest.raises(NotOfferedError) as error:
        lock.pinned("tool", source, "arm64")
    assert str(error.value).endswith(f"nothing is trusted on first use: {remedy}")


def test_unknown_source_in_a_policy() -> None:
    with pytest.raises(ArtifactError, match=r"unknown artifact sources \['torrent'\]"):
        ArtifactPolicy(("torrent", "release"))


def run(*arguments: str, lock: Lock) -> int:
    return main([*arguments, "--lock", str(lock.path)])


def test_check_reports_every_pin(
    tmp_path: Path, server: site.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = site.write_lock(tmp_path, {"tool": site.entry(server.url)})
    text = lock.path.read_text()
    assert run("lock", "--check", "--debian-mirror", server.url + "/debian", lock=lock) == 0
    said = capsys.readouterr()
    assert "2 verified, 1 no sha256" in said.err
    assert "tool-1.2.3-arm64.tar.gz: no sha256; run `make lock`" in said.err
    assert lock.path.read_text() == text


@pytest.mark.parametrize(
    ("content", "status", "code", "counted"),
    [
        (b"tampered", 200, 1, "1 failed"),
        (b"", 404, 1, "1 failed"),
        (b"", 403, 0, "1 not verified"),
        (b"", 503, 0, "1 not verified"),
    ],
)
def test_check_tells_wrong_from_out_of_reach(
    content: bytes, status: int, code: int, counted: str,
    tmp_path: Path, server: site.Server, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    lock = site.write_lock(tmp_path, {"tool": site.entry(server.url)})
    server.files[site.RELEASE_PATH] = content
    server.status[site.RELEASE_PATH] = status
    assert run("lock", "--check", "--debian-mirror", server.url + "/debian", lock=lock) == code
    assert counted in capsys.readouterr().err


@pytest.mark.parametrize("written", ["null", "", "~"])
def test_fill_writes_only_the_unknown_sums(
    written: str, tmp_path: Path, server: site.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = site.write_lock(tmp_path, {"other": site.entry(server.url)})
    text = "# kept\n" + lock.path.read_text().replace("arm64: null", f"arm64: {written}  # why")
    lock.path.write_text(text.replace(": " + "  # why", ":  # why"))
    before = lock.path.read_text()
    server.files["/dl/tool-1.2.3-arm64.tar.gz"] = b"for arm64"
    assert run("lock", lock=lock) == 0
    after = lock.path.read_text()
    expected = site.sha256(b"for arm64")
    assert yaml.safe_load(after)["other"]["release"]["files"][0]["sha256"]["arm64"] == expected
    changed = set(after.splitlines()) ^ set(before.splitlines())
    assert len(changed) == 2
    assert "1 filled" in capsys.readouterr().err
    assert run("lock", lock=lock) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert lock.path.read_text() == after


def test_fill_fails_if_it_cannot(tmp_path: Path, server: site.Server) -> None:
    lock = site.write_lock(tmp_path, {"tool": site.entry(server.url)})
    text = lock.path.read_text()
    assert run("lock", lock=lock) == 1
    assert lock.path.read_text() == text


def test_fetch_and_list(
    tmp_path: Path, server: site.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = site.write_lock(tmp_path, {"tool": site.entry(server.url)})
    store = str(tmp_path / "store")
    source = ["--store", store, "--source", "release"]
    assert run("fetch", "tool", "--architecture", "amd64", *source, lock=lock) == 0
    assert "1 of 1 obtained" in capsys.readouterr().err
    assert run("fetch", "tool", "--architecture", "arm64", *source, lock=lock) == 1
    assert "nothing is trusted on first use" in capsys.readouterr().err
    assert run("list", "--store", store, lock=lock) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "release" in line]
    assert rows[0][-2:] == ["amd64", "amd64"]
    for packed in (tmp_path / "store" / "deliverables").iterdir():
        packed.write_bytes(b"")
    assert run("list", "--store", store, lock=lock) == 0
    assert "damaged" in capsys.readouterr().out


def test_a_wrong_name_is_code_2(
    tmp_path: Path, server: site.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = site.write_lock(tmp_path, {"tool": site.entry(server.url)})
    assert run("fetch", "tol", lock=lock) == 2
    assert "did you mean tool?" in capsys.readouterr().err
