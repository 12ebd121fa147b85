"""Archives, apt sources and Go builds: what is read from files and programs of others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain
from plugins.artifacts.apt import debian_mirrors
from plugins.artifacts.archive import extract
from plugins.model import Artifact, ArtifactError
from tests.unit import artifact_site as site

KEY = ("tool", "amd64")


@pytest.mark.parametrize(
    ("file_name", "content", "member"),
    [
        ("a.tar.gz", site.tar_gz({"a/tool": site.PROGRAM}), "a/tool"),
        ("a.tgz", site.tar_gz({"./a/tool": site.PROGRAM}), "a/tool"),
        ("a.tar", site.tar({"a/tool": site.PROGRAM}), "./a/tool"),
        ("a.zip", site.zipped({"a/tool": site.PROGRAM}), "a/tool"),
        ("a.deb", site.deb({"./usr/bin/tool": site.PROGRAM}), "usr/bin/tool"),
        ("a.deb", site.deb({"./tool": site.PROGRAM}, "data.tar", bytes), "tool"),
        ("tool-linux-amd64", site.PROGRAM, "tool-linux-amd64"),
    ],
)
def test_extract(file_name: str, content: bytes, member: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    written = extract(archive, file_name, {"tool": member}, tmp_path / "into")
    assert written == {"tool": tmp_path / "into" / "tool"}
    assert written["tool"].read_bytes() == site.PROGRAM
    assert written["tool"].stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["tool"]


@pytest.mark.parametrize(
    ("file_name", "content", "member", "message"),
    [
        (
            "a.tar.gz",
            site.tar_gz({"a/tool": b""}),
            "b/tool",
            "no file 'b/tool' in it; it has a/tool",
        ),
        ("a.zip", site.zipped({"a/tool": b""}), "b/tool", "no file 'b/tool' in it; it has a/tool"),
        ("a.deb", site.deb({"./tool": b""}), "usr/x", "no file 'usr/x' in it"),
        ("tool", b"", "other", "no file 'other' in it"),
        ("a.tar.gz", b"<html>", "tool", "a.tar.gz: cannot be unpacked"),
        ("a.tar.gz", site.tar_gz({"tool": site.PROGRAM})[:40], "tool", "cannot be unpacked"),
        ("a.zip", b"<html>", "tool", "a.zip: cannot be unpacked"),
        ("a.deb", b"<html>", "tool", "not a Debian package"),
        ("a.deb", b"!<arch>\n", "tool", "no data.tar"),
        (
            "a.deb",
            site.deb({}, "data.tar.xz", lambda _packed: b"junk"),
            "tool",
            "a.deb: cannot be unpacked",
        ),
    ],
)
def test_what_cannot_be_extracted(
    file_name: str, content: bytes, member: str, message: str, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        extract(archive, file_name, {"tool": member}, tmp_path / "into")
    assert message in str(caught.value)


def test_zstd_needs_the_program_before_python_314(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    archive = tmp_path / "archive"
    # an odd size is padded in the package, and zstd refuses the padding
    archive.write_bytes(
        site.deb({"./tool": site.PROGRAM}, "data.tar.zst", lambda packed: packed + b"\0")
    )
    size = len(site.tar({"./tool": site.PROGRAM})) + 1
    monkeypatch.setattr("importlib.import_module", missing)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ArtifactError, match="packed with zstd: install the zstd program"):
        extract(archive, "a.deb", {"tool": "tool"}, tmp_path / "into")
    zstd = tmp_path / "zstd"  # the payload is not packed at all, so copying it will do
    zstd.write_text(f'#!/bin/sh\n[ $(/usr/bin/wc -c <"$4") = {size} ] && /bin/cp "$4" "$3"\n')
    zstd.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    written = extract(archive, "a.deb", {"tool": "tool"}, tmp_path / "into")
    assert written["tool"].read_bytes() == site.PROGRAM
    zstd.write_text("#!/bin/sh\necho broken frame >&2\nexit 1\n")
    with pytest.raises(ArtifactError, match="zstd: broken frame"):
        extract(archive, "a.deb", {"tool": "tool"}, tmp_path / "into")


DEB822 = """\
# comment: not a field
Types: deb deb-src
URIs: http://one.invalid/debian/
Suites: trixie trixie-updates
Components: main

Types: deb
URIs: https://third.invalid/party
Suites: trixie
Components:
  main
  extra

Types: deb
Enabled: no
URIs: http://off.invalid/debian
Suites: trixie
Components: main

Types: deb
URIs: http://security.invalid/debian
Suites: trixie-security
Components: main
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"sources.list.d/debian.sources": DEB822},
            ("http://one.invalid/debian", "https://third.invalid/party"),
        ),
        (
            {
                "sources.list": "# deb http://no.invalid/debian trixie main\n"
                "deb [arch=amd64 signed-by=/k] http://b.invalid/debian bookworm main contrib # x\n"
                "deb-src http://src.invalid/debian bookworm main\n"
                "deb http://ubuntu.invalid/ubuntu noble main\n"
                "deb http://vendor.invalid/debian bookworm stable # main\n"
                "deb cdrom:[Debian]/ bookworm main\n"
            },
            ("http://b.invalid/debian",),
        ),
        (
            {
                "sources.list.d/z.list": "deb https://z.invalid/debian stable main\n",
                "sources.list.d/a.list": "deb http://a.invalid/vendor stable main\n",
                "sources.list.d/b.list.save": "deb http://saved.invalid/debian stable main\n",
            },
            ("https://z.invalid/debian", "http://a.invalid/vendor"),
        ),
        ({}, ()),
    ],
)
def test_debian_mirrors(files: dict[str, str], expected: tuple[str, ...], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert debian_mirrors(tmp_path) == expected


def test_debian_mirrors_listed_in_a_file(tmp_path: Path) -> None:
    listed = tmp_path / "mirrors.list"
    listed.write_text("# cloud image\nhttps://cloud.invalid/debian\tpriority:1\n")
    (tmp_path / "sources.list").write_text(f"deb mirror+file:{listed} trixie main\n")
    assert debian_mirrors(tmp_path) == ("https://cloud.invalid/debian",)


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    entry = site.entry("http://upstream.invalid")
    entry["module"] = {
        "folder": "tool",
        "packages": {"tool": "example.invalid/tool", "client": "example.invalid/tool/client"},
        "stamp": {"example.invalid/tool.Version": "v{version}"},
        "tags": ["netgo"],
    }
    lock = site.write_lock(tmp_path, {"tool": entry})
    site.write_module(lock, "tool", go="1.25.8")
    return lock


@pytest.fixture
def install_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a ``go`` first on PATH that answers ``go env`` and runs a script for ``go build``."""

    def install(build: str, version: str = "go1.26.1", toolchain: str = "auto") -> None:
        folder = tmp_path / "path"
        folder.mkdir()
        (folder / "go").write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = env ]; then echo {version}; echo {toolchain}; exit 0; fi\n'
            f"{build}\n"
        )
        (folder / "go").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return install


# Writes its arguments and surroundings as the program that it was told to build.
RECORD = """
for word in "$@"; do [ "$previous" = -o ] && target=$word; previous=$word; done
{ echo "$@"; pwd; env; } > "$target"
"""


def build(lock: Lock, tmp_path: Path) -> Artifact | ArtifactError:
    policy = ArtifactPolicy(("module",))
    return obtain(lock, [KEY], policy, Store(tmp_path / "store"), print)[KEY]


def test_how_a_module_is_built(
    lock: Lock, tmp_path: Path, install_go: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install_go(RECORD)
    for name in ("GOFLAGS", "GOWORK", "CGO_ENABLED", "GOARCH", "GOAMD64"):
        monkeypatch.setenv(name, "the user's own")
    artifact = build(lock, tmp_path)
    assert isinstance(artifact, Artifact), artifact
    assert (artifact.version, artifact.source) == ("1.2.3", "module")
    shutil.unpack_archive(artifact.path, tmp_path / "programs")
    command, folder, *environment = (tmp_path / "programs" / "client").read_text().splitlines()
    assert command.startswith("build -v -trimpath -buildvcs=false -ldflags ")
    assert "-s -w -X example.invalid/tool.Version=v1.2.3 -tags netgo" in command
    assert command.endswith(" example.invalid/tool/client")
    assert folder == str(tmp_path / "modules" / "tool")
    wanted = {"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-mod=readonly",
              "GOWORK=off", "GOAMD64=v1"}  # fmt: skip
    assert wanted <= set(environment)


@pytest.mark.parametrize(
    ("script", "version", "toolchain", "message"),
    [
        ("exit 1", "go1.24.9", "local", "is go1.24.9, tool needs Go 1.25.8; install a newer Go"),
        ("exit 1", "go1.20.14", "", "set GOTOOLCHAIN=auto to let it fetch one"),
        (
            "echo go: downloading a v1; echo go: a@v1: 403 Forbidden >&2; exit 1",
            "go1.26.1",
            "auto",
            "building tool 1.2.3 for amd64 failed: go: a@v1: 403 Forbidden",
        ),
    ],
    ids=["too old", "before toolchains", "refused"],
)
def test_builds_that_fail(
    script: str, version: str, toolchain: str, message: str,
    lock: Lock, tmp_path: Path, install_go: Callable[..., None],
) -> None:  # fmt: skip
    install_go(script, version, toolchain)
    result = build(lock, tmp_path)
    assert isinstance(result, ArtifactError)
    assert message in str(result)


@pytest.mark.parametrize(("have", "toolchain"), [("go1.25.8", "local"), ("go1.24.9", "auto")])
def test_a_go_that_is_new_enough_or_gets_one(
    have: str, toolchain: str, lock: Lock, tmp_path: Path, install_go: Callable[..., None]
) -> None:
    install_go(RECORD, have, toolchain)
    assert isinstance(build(lock, tmp_path), Artifact)


def test_no_go(lock: Lock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "module: no Go toolchain on PATH; install Go" in str(build(lock, tmp_path))


def test_progress_of_a_slow_build(
    lock: Lock, tmp_path: Path, install_go: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    # The first build ends when the first line of progress has been said.
    install_go(f"echo go: downloading a v1; echo pkg; until [ -e {tmp_path}/said ]; do :; done"
               + RECORD)  # fmt: skip
    monkeypatch.setattr("plugins.artifacts.module.FIRST_REPORT", 0.01)

    def progress(line: str) -> None:
        said.append(line)
        if "1 modules fetched, 1 packages" in line:
            (tmp_path / "said").touch()

    monkeypatch.setattr("plugins.artifacts.module.NEXT_REPORT", 0.01)
    obtain(lock, [KEY], ArtifactPolicy(("module",)), Store(tmp_path / "store"), progress)
    assert any("building tool 1.2.3 for amd64: 1 modules fetched, 1 packages" in x for x in said)
