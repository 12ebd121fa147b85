"""Packed Python programs: how they are built, what their pin covers, how they start."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.artifacts import LockError, projects, unpacked
from plugins.artifacts.__main__ import main
from plugins.model import ArtifactError
from tests.unit.artifact_site import got
from tests.unit.python_site import (
    ALL,
    ARCHITECTURE,
    FOREIGN,
    MACHINE,
    OWN,
    PythonSite,
    answer,
    complaint,
    only_wheels_of,
    start,
)

SHORT = "cp" + OWN.replace(".", "")
pytestmark = pytest.mark.skipif(OWN not in ALL, reason=f"the wheels are for {', '.join(ALL)}")


@pytest.fixture(autouse=True)
def _only_local_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_wheels_of(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as :class:`PythonSite` makes it, built once."""
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        only_wheels_of(folder, patch)
        return PythonSite.make(folder).program()


@pytest.fixture
def site(tmp_path: Path) -> PythonSite:
    return PythonSite.make(tmp_path)


def names(program: Path) -> list[str]:
    with zipfile.ZipFile(program) as archive:
        return archive.namelist()


def test_the_program_runs_with_its_own_packages(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trees" / "here"
    assert program.read_bytes().startswith(b"#!/usr/bin/python3\n")
    found = answer(start(program, folder, "a b", "c"))
    (tree,) = folder.iterdir()
    assert found == {
        "argv": ["a b", "c"],
        "native": SHORT,
        "plain": "plain",
        "tree": str(tree),
        "version": "1.0.0",
        "hooks": ["hello:hook"],
        "others": [],
    }
    assert tree.stat().st_mode & 0o077 == 0
    written = (tree / "native.py").stat()
    assert answer(start(program, folder))["tree"] == str(tree)
    assert (tree / "native.py").stat() == written, "it is unpacked once"
    failing = start(program, folder, "fail")
    assert failing.wait(60) == 3


def test_without_a_folder_it_unpacks_privately_and_cleans_up(program: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    plain = {"TMPDIR": str(tmp_path / "temporary"), "PATH": os.environ["PATH"]}
    said = subprocess.check_output([sys.executable, program], env=plain, text=True)
    assert json.loads(said)["tree"].startswith(f"{tmp_path}/temporary/stackwatch-")
    assert not list((tmp_path / "temporary").iterdir())
    cached = plain | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = subprocess.check_output([sys.executable, program], env=cached, text=True)
    assert json.loads(said)["tree"].startswith(f"{tmp_path}/cache/stackwatch/hello-")


def test_the_same_files_give_the_same_bytes(site: PythonSite, tmp_path: Path) -> None:
    first = got(site.build(interpreters=ALL))
    each_interpreter_has_its_own_files_and_shares_the_rest(unpacked(first) / "hello")
    for path in tmp_path.glob("apps/**/*"):
        os.utime(path, (1, 1))
    site.write("apps/hello/src/hello/__pycache__/left.pyc", "out")
    (tmp_path / "apps/hello/src/hello/__main__.py").chmod(0o600)
    second = got(site.build(store="another", interpreters=ALL))
    assert first.path != second.path
    assert first.path.read_bytes() == second.path.read_bytes()
    assert (first.source, first.version) == ("python", "1.0.0")


def each_interpreter_has_its_own_files_and_shares_the_rest(program: Path) -> None:
    packed = names(program)
    assert [name for name in packed if name.endswith("/native.py")] == [
        f"{each}/native.py" for each in ALL
    ]
    assert [name for name in packed if "native_shared" in name] == ["any/native_shared.py"]
    assert {"any/plain.py", "any/moved.py", "any/hello/__main__.py"} < set(packed)
    assert not [name for name in packed if "scripts" in name]


def test_only_what_an_interpreter_needs_is_packed(site: PythonSite, tmp_path: Path) -> None:
    for name, marker in (("old", "python_version < '3.12'"), ("late", "sys_platform == 'win32'")):
        site.wheel(name, {f"{name}.py": ""})
        site.requirements[-1] = site.requirements[-1].replace("==1.0", f"==1.0 ; {marker}")
    packed = [name for name in names(site.program(interpreters=ALL[:2])) if "dist-info" not in name]
    assert [name for name in packed if name.endswith(("old.py", "late.py"))] == ["3.11/old.py"]
    site.lock()
    patched = "a==1 ; python_full_version < '3.11.3' --hash=sha256:0"
    (one,) = projects.locked(site.write("some.lock", patched))
    assert [each for each in ALL if one.applies(each, MACHINE)] == ["3.11"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda site: site.write("apps/hello/src/hello/__pycache__/x.pyc", ""), True),
        (lambda site: site.write("apps/hello/README.md", "text"), True),
        (lambda site: site.write("apps/hello/src/hello/__init__.py", "# new"), False),
        (lambda site: site.write("apps/hello/src/hello/more.py", ""), False),
        (lambda site: site.write("apps/hello/pyproject.toml", "# new"), False),
        (lambda site: site.requirements.append("# another"), False),
    ],
)
def test_the_pin_is_what_decides_the_bytes(
    change: Callable[[PythonSite], object], same: bool, site: PythonSite
) -> None:
    former = site.lock().pin("hello", "python", "amd64")
    change(site)
    assert (site.lock().pin("hello", "python", "amd64") == former) is same
    assert site.lock().pin("hello", "python", "arm64") != former


def test_the_pin_covers_the_entry_and_not_its_note(site: PythonSite) -> None:
    former = site.lock().pin("hello", "python", "amd64")
    assert site.lock(note="text").pin("hello", "python", "amd64") == former
    assert site.lock(interpreters=ALL).pin("hello", "python", "amd64") != former
    shutil.rmtree(site.folder / "apps/hello/src")
    with pytest.raises(ArtifactError, match=r"apps/hello/src: no files"):
        site.lock().pin("hello", "python", "amd64")


def test_another_wheel_than_the_locked_one_is_refused(site: PythonSite) -> None:
    locked = site.requirements[0]
    site.wheel("plain", {"plain.py": "SAID = 'tampered'\n"})
    site.requirements = [locked, *site.requirements[1:-1]]
    text = site.refusal()
    assert "a wheel is not the locked one: plain==1.0" in text
    assert "Expected sha256" in text
    assert not list(site.folder.glob("store/deliverables/*"))


def test_a_wheel_that_is_not_there_is_named(site: PythonSite) -> None:
    (path,) = site.folder.glob(f"wheels/native-1.0-{SHORT}-*{MACHINE}.whl")
    path.unlink()
    text = site.refusal()
    assert f"Python {OWN}: no wheel of native==1.0 for it in pip's index" in text


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        ("more==1.0", "more==1.0 needs one exact version and its --hash"),
        ("more>=1.0 --hash=sha256:0", "more>=1.0 needs one exact version"),
        ("-r other.txt", "'-r other.txt' is no requirement"),
    ],
)
def test_what_is_not_locked_is_refused(requirement: str, text: str, site: PythonSite) -> None:
    site.requirements.append(requirement)
    assert text in site.refusal()


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("pyproject.toml", "[project]\nname = 'x'\n", "needs [project] with name, version"),
        ("pyproject.toml", "no toml", "needs [project] with name, version"),
        (
            "pyproject.toml",
            "[project]\nname = 'x'\nversion = '1'\ndependencies = ['plain>=2']\n",
            "hello needs plain>=2, ",
        ),
        ("src/plain.py", "", "plain.py is in hello and in one of its requirements"),
    ],
)
def test_projects_must_fit_the_requirements(
    file: str, content: str, text: str, site: PythonSite
) -> None:
    site.write(f"apps/hello/{file}", content)
    assert text in site.refusal()


def test_the_entry_must_be_there(site: PythonSite) -> None:
    assert "no project has other/__main__.py" in site.refusal(entry="other")


def test_without_pip_it_says_so(site: PythonSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert "no pip in " in site.refusal()


@pytest.mark.parametrize("wrong", [{"projects": ["../x"]}, {"entry": "a-b"}, {"interpreters": []}])
def test_the_lock_refuses(wrong: dict[str, Any], site: PythonSite) -> None:
    with pytest.raises(LockError, match=rf"hello\.python\.{next(iter(wrong))}"):
        site.lock(**wrong)


def test_the_commands_know_it(site: PythonSite, capsys: pytest.CaptureFixture[str]) -> None:
    site.lock()
    common = ["--lock", str(site.folder / "artifacts.lock.yaml"), "--store", str(site.folder / "s")]
    assert main(["fetch", "--source", "python", *common]) == 0
    assert main(["list", *common]) == 0
    assert "python" in capsys.readouterr().out


def test_many_starts_at_once_unpack_one_tree(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trees"
    found = [answer(each) for each in [start(program, folder) for _ in range(6)]]
    (tree,) = folder.iterdir()
    assert [each["tree"] for each in found] == [str(tree)] * 6


def test_a_former_tree_goes_when_nobody_runs_from_it(site: PythonSite, tmp_path: Path) -> None:
    folder = tmp_path / "trees"
    former = start(site.program(), folder, "wait")
    assert former.stdout is not None
    tree = Path(json.loads(former.stdout.readline())["tree"])
    (folder / ".hello-crashed").mkdir()
    (folder / "other-program").mkdir()

    def changed(text: str) -> Path:
        site.write("apps/hello/src/hello/__init__.py", text)
        return Path(answer(start(site.program(), folder))["tree"])

    second = changed("# second")
    assert sorted(folder.iterdir()) == sorted([tree, second, folder / "other-program"])
    former.communicate(timeout=60)
    third = changed("# third")
    assert sorted(folder.iterdir()) == sorted([third, folder / "other-program"])


def test_an_interpreter_without_files_is_told_which_there_are(
    site: PythonSite, tmp_path: Path
) -> None:
    other = next(each for each in ALL if each != OWN)
    process = start(site.program(interpreters=[other]), tmp_path / "trees")
    assert (
        complaint(process) == f"hello: this Python is {OWN}, and the program is packed for {other}"
    )


def test_another_machines_program_says_so(site: PythonSite, tmp_path: Path) -> None:
    process = start(site.program(FOREIGN), tmp_path / "trees")
    assert f"and this machine is {MACHINE}" in complaint(process)


def test_a_folder_that_cannot_be_used_is_named(program: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    text = complaint(start(program, tmp_path / "file" / "below"))
    assert "cannot unpack: " in text
    assert "set STACKWATCH_UNPACK to a folder" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_tree_of_another_account_is_not_run(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trees"
    answer(start(program, folder))
    (tree,) = folder.iterdir()
    os.chown(tree, 12345, 12345)
    assert "belongs to another account" in complaint(start(program, folder))


def test_a_long_build_says_how_far_it_is(site: PythonSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.artifacts.python.FIRST_REPORT", 0.0)
    monkeypatch.setattr("plugins.artifacts.python.NEXT_REPORT", 0.2)
    started = time.monotonic()
    got(site.build())
    assert time.monotonic() - started < 60
    assert f"packing hello for {ARCHITECTURE}: " in site.said[0]
    assert " of at most 2 wheels" in site.said[0]
