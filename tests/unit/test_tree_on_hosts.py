"""Programs that come as a tree of files, on the way to a host and there."""

from __future__ import annotations

import io
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from plugins.artifacts import Store
from plugins.artifacts.packing import is_dynamic
from plugins.compare import Action, compare
from plugins.model import Component, Tree
from plugins.payload import programs
from plugins.runtimes.images import image_of
from plugins.runtimes.mounts import mounts
from plugins.runtimes.systemd import Unit
from plugins.state import HostState, parse_state
from tests.unit.container_site import deliverable
from tests.unit.host_states import Edit, file_gone, file_is, matching
from tests.unit.sites import components, lone
from tests.unit.test_payload import variables


def elf(kinds: list[int], order: str = "<", bits: int = 2) -> bytes:
    """The head of a program with segments of some kinds."""
    ident = b"\x7fELF" + bytes([bits, 1 if order == "<" else 2]) + bytes(10)
    head = struct.pack(f"{order}HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, len(kinds), 0, 0, 0)
    return ident + head + b"".join(struct.pack(f"{order}I52x", kind) for kind in kinds)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (elf([6, 3, 1]), True),
        (elf([1, 3], ">"), True),
        (elf([6, 1, 1]), False),
        (elf([]), False),
        (elf([3], bits=1), False),
        (elf([1, 3])[:120], False),
        (b"#!/bin/sh\n", False),
        (b"", False),
    ],
)
def test_programs_that_need_a_loader(content: bytes, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(content)
    assert is_dynamic(tmp_path / "program") is expected


def test_a_dynamic_program_is_shown_the_libraries_of_its_host(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(elf([3]))
    store = Store(tmp_path / "store")
    made = store.add("p", name="tool", version="1", source="release", architecture="amd64",
                     programs={"tool": tmp_path / "tool"})  # fmt: skip
    assert made.dynamic
    assert store.lookup("p") == made
    component = replace(components(lone(), "mon1")["prometheus"], artifact=made)
    assert "/usr" in {mount.target for mount in mounts(component, (), capable=False)}
    static = replace(component, artifact=replace(made, dynamic=False))
    assert "/usr" not in {mount.target for mount in mounts(static, (), capable=False)}


def test_a_tree_is_not_on_the_same_level_as_what_an_image_needs(tmp_path: Path) -> None:
    flat = deliverable(tmp_path, "prometheus")
    shell = deliverable(tmp_path, "busybox")
    links = {}
    for artifact in (flat, replace(flat, tree=Tree("digest", 1))):
        skeleton = image_of("prometheus", artifact, shell).layers[0].read()
        with tarfile.open(fileobj=io.BytesIO(skeleton)) as archive:
            links[artifact.tree] = archive.getmember("opt/stackwatch/prometheus/current").linkname
    assert list(links.values()) == ["/", "/tree"]


def of_tree(component: Component) -> Component:
    made = replace(component.artifact, files={"bin/prometheus": 1000}, tree=Tree("listed", 5 << 20))
    return replace(component, artifact=made)


UNIT = Unit(of_tree(components(lone(), "mon1")["prometheus"]))
FOLDER = "/opt/stackwatch/prometheus/3.14.0"


def tree_is(**trees: str) -> Edit:
    """Folders of the version with what is told of them; none for a version without folders."""
    return lambda state: replace(state, trees={FOLDER: trees["listed"]} if trees else {})


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (tree_is(listed="listed"), []),
        (tree_is(listed="other"), [f"{FOLDER}: not the files that were installed"]),
        (tree_is(), [f"{FOLDER}: not the files that were installed"]),
        # What a state shows of its first level is told by the listing.
        (lambda state: file_is(f"{FOLDER}/LICENSE")(tree_is(listed="listed")(state)), []),
        (file_gone(FOLDER, f"{FOLDER}/bin/prometheus"), [f"{FOLDER}: missing"]),
        (
            lambda state: file_is(FOLDER, mode="777")(tree_is(listed="listed")(state)),
            [f"{FOLDER}: mode 0777, should be 0755"],
        ),
    ],
    ids=["whole", "changed", "no folders in it", "first level", "missing", "mode"],
)
def test_a_host_with_a_tree(edit: Edit, told: list[str]) -> None:
    changes = compare(UNIT, edit(matching(UNIT)))
    assert [f"{d.subject}: {d.what}" for d in changes.differences] == told
    assert (changes.artifact, changes.action) == (
        (True, Action.RESTART) if told else (False, Action.NONE)
    )


def test_a_tree_travels_as_one_and_room_is_asked_for_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(b"p" * 4096)
    component = replace(UNIT.component, artifact=replace(UNIT.component.artifact, path=path))
    told = variables(programs([compare(Unit(component), HostState())], lock_timeout=9), "programs")
    assert told["orders"].split()[:3] == ["prometheus", "tree", "3.14.0"]
    assert int(told["needed"]) == 1024 + 4 + 5 * 1024


def test_a_state_tells_of_trees() -> None:
    lines = ["#host", "uid 0", "#files", "#sums", "#trees", f"abc {FOLDER}", "#end"]
    assert parse_state(lines).trees == {FOLDER: "abc"}
