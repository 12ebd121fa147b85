"""Pack a program written in Python with its dependencies into one executable file.

An executable zip: ``any/`` holds what is the same for every interpreter, ``3.13/`` and others what
is not, ``__main__.py`` is :mod:`plugins.artifacts.prelude`. Hosts need Python's standard library,
no pip and no network.

Why not pex (2.105 tried with FastAPI, pydantic, psycopg, OpenTelemetry for three interpreters): the
pip it brings knows no newer wheel tags, so every foreign interpreter needs a file that describes
it; its archive was half as large again, its first start took 10 s instead of 2 s, and what it
unpacks is kept twice and never removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plugins.artifacts import projects
from plugins.artifacts.entry import Python
from plugins.artifacts.lock import NotOfferedError
from plugins.artifacts.sources import Request
from plugins.model import ArtifactError

FIRST_REPORT = 2.0  # seconds until a build is worth a line
NEXT_REPORT = 10.0
SHOWN_LINES = 6  # of a failed pip
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# The C libraries that wheels are accepted for. 2.28 is RHEL 8's and Debian 10's.
GLIBC = range(28, 4, -1)
SHEBANG = b"#!/usr/bin/python3\n"  # the distribution's own, whatever else is on PATH
PACKED_TIME = (1980, 1, 1, 0, 0, 0)

Tree = dict[str, bytes]


def build(request: Request, staging: Path) -> dict[str, Path]:
    """Pack the program of an artifact; ``python`` as a source.

    Reproducible: the same files, by name and content, give the same bytes (with the same zlib).

    Raises:
        ArtifactError: No pip, a wheel that is missing or not the locked one, or projects and
            requirements that do not fit together.
    """
    entry = request.lock.entry(request.name)
    python, base = entry.python, request.lock.path.parent
    if python is None:
        raise NotOfferedError(f"the lock has no Python program for {request.name}")
    projects.check_requirements(base, python)
    own = _own(base, python)
    machine = MACHINES[request.architecture]
    wheels = _download(request, python, machine, staging)
    trees = {}
    for interpreter in python.interpreters:
        tree = _unpacked(wheels[interpreter])
        for name, content in own.items():
            if tree.setdefault(name, content) != content:
                raise ArtifactError(f"{name} is in {request.name} and in one of its requirements")
        trees[interpreter] = tree
    target = staging / entry.programs[0]
    _pack(python, machine, trees, target)
    return {target.name: target}


def _own(base: Path, python: Python) -> Tree:
    """The files of our projects, with the metadata that an installer would have written."""
    tree: Tree = {}
    for project in projects.projects(base, python):
        files = {name: path.read_bytes() for name, path in project.files().items()}
        for name, content in (files | _metadata(project.metadata)).items():
            if name in tree:
                raise ArtifactError(f"{project.folder}: {name} is in another project too")
            tree[name] = content
    module = python.entry.replace(".", "/")
    if not {f"{module}.py", f"{module}/__main__.py"} & tree.keys():
        raise ArtifactError(f"no project has {module}/__main__.py, which the entry is to run")
    return tree


def _metadata(table: Mapping[str, Any]) -> Tree:
    name, version = table["name"], table["version"]
    folder = f"{re.sub(r'[-_.]+', '_', name)}-{version}.dist-info"
    groups = dict(table.get("entry-points", {}))
    if "scripts" in table:
        groups["console_scripts"] = table["scripts"]
    points = "\n".join(
        "\n".join([f"[{group}]", *(f"{key} = {value}" for key, value in members.items()), ""])
        for group, members in groups.items()
    )
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    tree = {f"{folder}/METADATA": metadata.encode()}
    return tree | ({f"{folder}/entry_points.txt": points.encode()} if points else {})


def _download(request: Request, python: Python, machine: str, staging: Path) -> dict[str, Path]:
    """Let pip fetch the wheels, for all interpreters at the same time; a folder for each.

    pip reads its own configuration: a site's index, proxy and certificates are set there.
    """
    if importlib.util.find_spec("pip") is None:
        raise ArtifactError(
            f"no pip in {sys.prefix}; run `{sys.executable} -m ensurepip`, or use another source"
        )
    locked = projects.locked(request.lock.path.parent / python.requirements)
    started = time.monotonic()
    what = f"packing {request.name} for {request.architecture}"
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for each in python.interpreters:
            lines = [one.line for one in locked if one.applies(each, machine)]
            (staging / f"{each}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
            running[each] = _pip(each, machine, staging)
        wait = FIRST_REPORT
        while _any_runs(running, wait):
            wait = NEXT_REPORT
            count = sum(
                _log(staging, each).count("\nCollecting ") + 1 for each in python.interpreters
            )
            total = len(locked) * len(running)
            progress = f"{count} of at most {total} wheels, {time.monotonic() - started:.0f} s"
            request.progress(f"{what}: {progress}")
    finally:
        for process in running.values():
            process.kill()  # only still there when we are interrupted; does nothing otherwise
            process.wait()
    for each, process in running.items():
        if process.returncode != 0:
            raise ArtifactError(f"{what}, Python {each}: {_reason(_log(staging, each))}")
    return {each: staging / each for each in python.interpreters}


def _pip(interpreter: str, machine: str, staging: Path) -> subprocess.Popen[bytes]:
    (staging / interpreter).mkdir()
    argv = [sys.executable, "-m", "pip", "download", "--no-input", "--progress-bar=off"]
    argv += ["--disable-pip-version-check", "--no-color", "--no-deps", "--require-hashes"]
    argv += ["--only-binary=:all:", "--implementation=cp", f"--python-version={interpreter}"]
    argv += [f"--platform=manylinux_2_{minor}_{machine}" for minor in GLIBC]
    argv += [f"--platform=manylinux2014_{machine}"]
    argv += ["-r", str(staging / f"{interpreter}.txt"), "-d", str(staging / interpreter)]
    with (staging / f"{interpreter}.log").open("wb") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _any_runs(running: Mapping[str, subprocess.Popen[bytes]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    for process in running.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    return any(process.poll() is None for process in running.values())


def _log(staging: Path, interpreter: str) -> str:
    return (staging / f"{interpreter}.log").read_text(encoding="utf-8", errors="replace")


def _reason(log: str) -> str:
    """What pip complains of, with the requirement it names."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if missing := re.search(r"No matching distribution found for (\S+)", log):
        if lost := re.search(r"connection broken by [\"'](.+)[\"']: /", log):
            return f"pip cannot reach its index for {missing[1]}: {lost[1]}"
        return f"no wheel of {missing[1]} for it in pip's index"
    if "DO NOT MATCH THE HASHES" in log:
        start = next(i for i, line in enumerate(lines) if "DO NOT MATCH" in line)
        return "a wheel is not the locked one: " + " ".join(lines[start + 1 :][:SHOWN_LINES])
    errors = [line for line in lines if line.startswith("ERROR:")]
    return "pip failed: " + "\n    ".join((errors or lines)[-SHOWN_LINES:])


def _unpacked(folder: Path) -> Tree:
    """The files of all wheels in a folder as an installer would lay them out."""
    tree: Tree = {}
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                # Scripts and headers have no place here: their shebang would be the controller's.
                kept = re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", name)
                if not re.match(r"[^/]+\.data/", kept) and not kept.endswith("/"):
                    tree[kept] = archive.read(name)
    return tree


def _pack(python: Python, machine: str, trees: Mapping[str, Tree], target: Path) -> None:
    shared = set.intersection(*(set(tree.items()) for tree in trees.values()))
    members = {f"any/{name}": content for name, content in shared}
    for interpreter, tree in trees.items():
        members |= {f"{interpreter}/{name}": content for name, content in tree.items() - shared}
    members["__main__.py"] = projects.PRELUDE.read_bytes()
    hashed = hashlib.sha256(f"{python.entry}\n{machine}\n".encode())
    for name in sorted(members):
        hashed.update(f"{name} {hashlib.sha256(members[name]).hexdigest()}\n".encode())
    about = {
        "entry": python.entry,
        "interpreters": list(python.interpreters),
        "key": hashed.hexdigest()[:16],
        "machine": machine,
    }
    members["about.json"] = json.dumps(about).encode()
    with target.open("wb") as stream:
        stream.write(SHEBANG)
        with zipfile.ZipFile(stream, "w") as archive:
            for name in sorted(members):
                member = zipfile.ZipInfo(name, PACKED_TIME)
                member.create_system, member.external_attr = 3, 0o100644 << 16
                archive.writestr(member, members[name], zipfile.ZIP_DEFLATED, 9)
    target.chmod(0o755)
