"""Programs that come as a tree of files: taken out, packed, told of, compared by one line."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plugins.artifacts import Lock, LockError, Store, unpacked
from plugins.artifacts.archive import extract_tree
from plugins.artifacts.packing import PACKED_MTIME, packed_tree
from plugins.model import Artifact, ArtifactError
from plugins.scripts import script
from tests.unit import artifact_site as site
from tests.unit.artifact_site import got, one, policy

FILES: Mapping[str, tuple[bytes, int]] = {
    "tool-1.2.3/bin/tool": (site.PROGRAM, 0o755),
    "tool-1.2.3/bin/helper": (site.CLIENT, 0o644),
    "tool-1.2.3/LICENSE": (b"free", 0o600),
    "tool-1.2.3/public/build/a b.js": (b"x" * 5000, 0o664),
    "tool-1.2.3/public/é.js": (b"", 0o644),
    "tool-1.2.3/" + "long/" * 30 + "n" * 120: (b"long", 0o640),
    "tool-1.2.30/bin/tool": (b"another folder", 0o755),
    "README": (b"beside it", 0o644),
}
LONG = "long/" * 30 + "n" * 120
TAKEN = {
    "LICENSE": 0o644,
    "bin/helper": 0o644,
    "bin/tool": 0o755,
    LONG: 0o644,
    "public/build/a b.js": 0o644,
    "public/é.js": 0o644,
}


def entry(name: str, content: bytes = b"", mode: int = 0o644, **said: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.mode, made.mtime = len(content), mode, 1
    for key, value in said.items():
        setattr(made, key, value)
    return made


def release(*more: tarfile.TarInfo, files: Mapping[str, tuple[bytes, int]] = FILES) -> bytes:
    """An upstream archive, and what else is in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, (content, mode) in files.items():
            archive.addfile(entry(name, content, mode), io.BytesIO(content))
        for member in more:
            archive.addfile(member)
    return packed.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    return entry(name, type=kind, linkname=target)


def taken(folder: Path, content: bytes, top: str = "tool-1.2.3") -> dict[str, Path]:
    archive = folder / "archive"
    archive.write_bytes(content)
    return extract_tree(archive, "tool-1.2.3.tar.gz", top, folder / "into")


def test_everything_below_its_folder_is_taken_and_nothing_else(tmp_path: Path) -> None:
    folder = entry("tool-1.2.3/empty", type=tarfile.DIRTYPE)
    written = taken(tmp_path, release(folder))
    assert {name: path.stat().st_mode & 0o777 for name, path in written.items()} == TAKEN
    assert list(written) == sorted(written)
    assert written["public/build/a b.js"].read_bytes() == b"x" * 5000
    found = [path for path in (tmp_path / "into").rglob("*") if path.is_file()]
    assert sorted(found) == sorted(written.values())


@pytest.mark.parametrize("top", ["tool-1.2.3", "tool-*3", "*.2.3"])
def test_the_name_of_the_folder_may_have_a_part_that_upstream_changes(
    top: str, tmp_path: Path
) -> None:
    assert taken(tmp_path, release(), top).keys() == TAKEN.keys()


@pytest.mark.parametrize(
    "links",
    [
        [link("tool-1.2.3/run", "bin/tool")],
        [link("tool-1.2.3/lib/run", "../bin/tool")],
        [link("tool-1.2.3/run", "other"), link("tool-1.2.3/other", "bin/tool")],
        [link("tool-1.2.3/run", "tool-1.2.3/bin/tool", tarfile.LNKTYPE)],
    ],
)
def test_a_link_becomes_the_file_it_leads_to(links: list[tarfile.TarInfo], tmp_path: Path) -> None:
    written = taken(tmp_path, release(*links))
    run = written[links[0].name.removeprefix("tool-1.2.3/")]
    assert (run.is_symlink(), run.read_bytes()) == (False, site.PROGRAM)
    assert run.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("member", "what"),
    [
        (entry("tool-1.2.3/../../etc/x"), "it has a file 'tool-1.2.3/../../etc/x'"),
        (entry("tool-1.2.3/a\nb"), r"it has a file 'tool-1.2.3/a\nb'"),
        (link("tool-1.2.3/x", "/etc/passwd"), "the link 'tool-1.2.3/x' leads to no file"),
        (link("tool-1.2.3/x", "../README"), "the link 'tool-1.2.3/x' leads to no file"),
        (link("tool-1.2.3/x", "../../../x"), "the link 'tool-1.2.3/x' leads to no file"),
        (link("tool-1.2.3/x", "gone"), "the link 'tool-1.2.3/x' leads to no file"),
        (link("tool-1.2.3/x", "bin"), "the link 'tool-1.2.3/x' leads to no file"),
        (link("tool-1.2.3/x", "x"), "the link 'tool-1.2.3/x' leads to no file"),
        (link("tool-1.2.3/x", "README", tarfile.LNKTYPE), "'tool-1.2.3/x' leads to no file"),
        (entry("tool-1.2.3/x", type=tarfile.FIFOTYPE), "'tool-1.2.3/x' is neither a file nor"),
        (entry("tool-1.2.3/x", type=tarfile.CHRTYPE), "'tool-1.2.3/x' is neither a file nor"),
    ],
)
def test_what_cannot_be_a_file_of_the_tree_is_refused_before_anything_is_written(
    member: tarfile.TarInfo, what: str, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError) as caught:
        taken(tmp_path, release(member))
    assert "refused: " in str(caught.value)
    assert what in str(caught.value)
    assert not list((tmp_path / "into").iterdir())


@pytest.mark.parametrize(
    ("limit", "value", "what"),
    [("MOST_FILES", 5, "more than 5 files"), ("MOST_BYTES", 5000, "more than 0 GiB")],
)
def test_a_tree_of_no_sensible_size_is_refused(
    limit: str, value: int, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"plugins.artifacts.tree.{limit}", value)
    with pytest.raises(ArtifactError, match=what):
        taken(tmp_path, release())
    assert not list((tmp_path / "into").iterdir())


@pytest.mark.parametrize(
    ("file_name", "content", "what"),
    [
        ("a.tar.gz", release(files={"b/x": (b"", 0o644)}), "no folder 'a' in it; correct `tree`"),
        ("a.tar.gz", release(files={"a": (b"", 0o644)}), "no folder 'a' in it"),
        ("a.tar.gz", release()[:60], "a.tar.gz: cannot be unpacked"),
        ("a.zip", site.zipped({"a/tool": b""}), "a tree can be taken out of .tar.gz"),
        ("a.deb", site.deb({"./b/tool": b""}), "no folder 'a' in it"),
    ],
    ids=["another folder", "a file", "cut off", "zip", "another folder in a deb"],
)
def test_no_tree_in_it(file_name: str, content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        extract_tree(tmp_path / "archive", file_name, "a", tmp_path / "into")
    assert what in str(caught.value)


def test_a_name_that_is_not_one_folders(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"2 folders 'tool-\*' in it; correct `tree`"):
        taken(tmp_path, release(), "tool-*")


def test_a_tree_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(site.deb({"./usr/share/tool/x/tool": site.PROGRAM}))
    into = tmp_path / "into"
    written = extract_tree(tmp_path / "archive", "a.deb", "usr/share/tool", into)
    assert written == {"x/tool": into / "x/tool"}


PATH = "/mirror/tool-1.2.3-amd64.tar.gz"


def locked(content: bytes) -> dict[str, Any]:
    return {
        "version": "1.2.3",
        "programs": ["bin/tool", "bin/helper"],
        "release": {
            "files": [
                {
                    "url": "http://upstream.invalid/tool-{version}-{architecture}.tar.gz",
                    "tree": "tool-{version}",
                    "sha256": {"amd64": site.sha256(content), "arm64": None},
                }
            ]
        },
    }


@pytest.fixture
def server() -> Iterator[site.Server]:
    with site.serving() as running:
        running.files = {PATH: release()}
        yield running


@pytest.fixture
def lock(tmp_path: Path, server: site.Server) -> Lock:
    return site.write_lock(tmp_path, {"tool": locked(server.files[PATH])})


@pytest.fixture
def artifact(lock: Lock, server: site.Server, tmp_path: Path) -> Artifact:
    return got(one(lock, policy(server, "mirror"), Store(tmp_path / "store")))


def test_an_artifact_lists_its_programs_alone(artifact: Artifact, tmp_path: Path) -> None:
    assert artifact.files == {"bin/helper": len(site.CLIENT), "bin/tool": len(site.PROGRAM)}
    assert artifact.tree is not None
    # Six files and what folders take, in blocks.
    folders = 3 + 30
    assert artifact.unpacked == 4096 * (folders + 1 + 4 + 2)
    assert not artifact.dynamic
    (index,) = (tmp_path / "store" / "index").iterdir()
    assert Store(tmp_path / "store").lookup(index.stem) == artifact


def test_a_tree_is_packed_below_one_folder_owned_by_root(artifact: Artifact) -> None:
    with tarfile.open(artifact.path) as archive:
        members = archive.getmembers()
    assert {(m.uid, m.gid, m.mtime) for m in members} == {(0, 0, PACKED_MTIME)}
    assert members[0].name == "tree"
    files = {m.name.removeprefix("tree/"): m.mode for m in members if m.isreg()}
    # A declared program can be run whatever upstream says.
    assert files == {**TAKEN, "bin/helper": 0o755}
    assert {m.mode for m in members if m.isdir()} == {0o755}
    names = [m.name for m in members]
    for name in names[1:]:
        assert names.index(name.rpartition("/")[0]) < names.index(name)


def test_the_same_tree_gives_the_same_bytes(
    artifact: Artifact, server: site.Server, tmp_path: Path
) -> None:
    repacked = release(files=dict(reversed(list(FILES.items()))))
    server.files[PATH] = repacked
    (tmp_path / "b").mkdir()
    lock = site.write_lock(tmp_path / "b", {"tool": locked(repacked)})
    again = got(one(lock, policy(server, "mirror"), Store(tmp_path / "b" / "store")))
    assert (again.sha256, again.tree) == (artifact.sha256, artifact.tree)


def test_the_controller_runs_programs_of_a_tree(artifact: Artifact) -> None:
    folder = unpacked(artifact)
    said = subprocess.run([folder / "bin/tool"], capture_output=True, check=True)
    assert said.stdout == b"tool 1.2.3\n"
    assert unpacked(artifact) == folder
    (folder / "bin/tool").write_text("changed")
    assert (unpacked(artifact) / "bin/tool").read_bytes() == site.PROGRAM


def listing(folder: Path) -> str:
    """What state.sh tells of a folder; here it is another account's."""
    (line,) = [each.strip() for each in script("state").splitlines() if "sha256sum)" in each]
    line = line.replace("%u:%g", "root:root")
    command = f'LC_ALL=C; export LC_ALL; folder={folder}; {line}; echo "${{sum%% *}}"'
    return subprocess.check_output(["/bin/sh", "-c", command], text=True).strip()


def test_a_host_tells_of_a_tree_what_was_packed(artifact: Artifact, tmp_path: Path) -> None:
    assert artifact.tree is not None
    there = tmp_path / "there"
    there.mkdir()
    options = ["--strip-components=1", "--same-permissions"]
    subprocess.run(["tar", "-xzf", artifact.path, "-C", there, *options], check=True)
    assert listing(there) == artifact.tree.listing


@pytest.mark.parametrize("change", ["removed", "added", "longer", "newer", "mode", "linked"])
def test_a_host_tells_of_any_change_below_a_tree(change: str, tmp_path: Path) -> None:
    files = {}
    for name in ("a", "b/c"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.write_text(name)
        path.chmod(0o644)
        os.utime(path, (PACKED_MTIME, PACKED_MTIME))
        files[name] = path
    wanted = packed_tree(files).listing
    assert listing(tmp_path / "tree") == wanted
    match change:
        case "removed":
            files["b/c"].unlink()
        case "added":
            (tmp_path / "tree" / "b" / "d").touch()
        case "longer":
            files["b/c"].write_text("longer")
            os.utime(files["b/c"], (PACKED_MTIME, PACKED_MTIME))
        case "newer":
            os.utime(files["b/c"])
        case "mode":
            files["a"].chmod(0o666)
        case "linked":
            files["a"].unlink()
            files["a"].symlink_to("b/c")
    assert listing(tmp_path / "tree") != wanted


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"members": {"tool": "tool"}}, "give it either members or a tree"),
        ({"tree": None}, "give it either members or a tree"),
        ({"tree": "../etc"}, "String should match"),
        ({"tree": "/etc"}, "String should match"),
        ({"tree": "a/../b"}, "String should match"),
    ],
)
def test_mistakes_in_the_lock(change: dict[str, Any], what: str, tmp_path: Path) -> None:
    wrong = locked(b"")
    wrong["release"]["files"][0] |= change
    with pytest.raises(LockError, match=what):
        site.write_lock(tmp_path, {"tool": wrong})


def test_a_tree_is_the_only_file_of_its_source(tmp_path: Path) -> None:
    wrong = locked(b"")
    wrong["release"]["files"] *= 2
    with pytest.raises(LockError, match="release has a tree: that is the only file"):
        site.write_lock(tmp_path, {"tool": wrong})


def test_a_program_that_is_not_in_the_tree(server: site.Server, tmp_path: Path) -> None:
    wrong = locked(server.files[PATH]) | {"programs": ["bin/tol"]}
    lock = site.write_lock(tmp_path, {"tool": wrong})
    result = one(lock, policy(server, "mirror"), Store(tmp_path / "store"))
    assert isinstance(result, ArtifactError)
    assert "no file 'bin/tol' in it; it has bin/tool" in str(result)
    assert "correct `programs` in the lock" in str(result)


@pytest.mark.parametrize("change", [{"tree": "tool"}, {"programs": ["bin/tool"]}])
def test_folder_and_programs_decide_the_pin(change: dict[str, Any], tmp_path: Path) -> None:
    said = locked(b"")
    former = site.write_lock(tmp_path, {"tool": said}).pin("tool", "mirror", "amd64")
    (said["release"]["files"][0] if "tree" in change else said).update(change)
    assert site.write_lock(tmp_path, {"tool": said}).pin("tool", "mirror", "amd64") != former
