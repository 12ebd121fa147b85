"""What a packed Python program is made from: our projects, and the requirements they are locked to.

Pure reading: :mod:`plugins.artifacts.python` builds from it, the lock's pins are hashes of it.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from plugins.artifacts.entry import Python
from plugins.model import ArtifactError

PRELUDE = Path(__file__).with_name("prelude.py")
LEFT_OUT = re.compile(r"(^|/)(__pycache__|[^/]+\.egg-info)(/|$)|\.pyc$")
# Which patch release a host has is not known: what any of them needs is packed.
PATCHES = ("0", "99")


@dataclass(frozen=True)
class Locked:
    """One requirement of a hashed requirements file.

    Attributes:
        requirement: As parsed; pinned to one version.
        hashes: Its ``--hash`` options.
    """

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def line(self) -> str:
        """For pip: without its marker, which pip would judge by the controller's own Python."""
        bare = f"{self.requirement.name}{self.requirement.specifier}"
        return " ".join([bare, *self.hashes])

    def applies(self, interpreter: str, machine: str) -> bool:
        """Whether a Linux host with that CPython needs it."""
        marker = self.requirement.marker
        return marker is None or any(
            marker.evaluate(_environment(interpreter, patch, machine)) for patch in PATCHES
        )


@dataclass(frozen=True)
class Project:
    """A folder with ``src/`` and ``pyproject.toml``."""

    folder: Path

    @property
    def metadata(self) -> dict[str, Any]:
        """The table ``project`` of its pyproject.toml.

        Raises:
            ArtifactError: It cannot be read, or has no name and version.
        """
        path = self.folder / "pyproject.toml"
        try:
            table: dict[str, Any] = tomllib.loads(_content(path).decode())["project"]
            table["name"], table["version"]
        except (KeyError, ValueError) as error:
            raise ArtifactError(f"{path}: {error}; it needs [project] with name, version") from None
        return table

    def files(self) -> dict[str, Path]:
        """Every file to pack, by its name below ``src/``.

        Raises:
            ArtifactError: There is none.
        """
        source = self.folder / "src"
        found = {
            name: path
            for path in sorted(source.rglob("*"))
            if path.is_file() and not LEFT_OUT.search(name := str(path.relative_to(source)))
        }
        if not found:
            raise ArtifactError(f"{source}: no files; restore it from git")
        return found


def projects(base: Path, python: Python) -> tuple[Project, ...]:
    """The projects of a program, of which ``base`` holds the folders."""
    return tuple(Project(base / folder) for folder in python.projects)


def locked(path: Path) -> tuple[Locked, ...]:
    """Read a requirements file with hashes.

    Raises:
        ArtifactError: It cannot be read, or a line is not pinned and hashed.
    """
    return tuple(_locked(path, _content(path).decode()))


def state(base: Path, python: Python) -> dict[str, Any]:
    """Everything that decides the packed bytes.

    Raises:
        ArtifactError: A file of it is missing.
    """
    decided = python.model_dump(mode="json", exclude={"note", "lacks", "projects", "requirements"})
    decided["prelude"] = _sha256(PRELUDE)
    decided["requirements"] = _sha256(base / python.requirements)
    decided["projects"] = [
        [_sha256(each.folder / "pyproject.toml")]
        + [[name, _sha256(path)] for name, path in each.files().items()]
        for each in projects(base, python)
    ]
    return decided


def check_requirements(base: Path, python: Python) -> None:
    """See that the lock has what the projects say they need, in the versions they accept.

    Raises:
        ArtifactError: It has not; names the project and the requirement.
    """
    path = base / python.requirements
    pinned = {canonicalize_name(each.requirement.name): each.requirement for each in locked(path)}
    declared = {each: each.metadata for each in projects(base, python)}
    own = {canonicalize_name(table["name"]) for table in declared.values()}
    for project, table in declared.items():
        for text in table.get("dependencies", ()):
            needed = _parsed(project.folder / "pyproject.toml", text)
            name = canonicalize_name(needed.name)
            if name in own or needed.marker is not None:
                continue
            have = pinned.get(name)
            version = str(have.specifier).removeprefix("==") if have else "nothing"
            if have is None or not needed.specifier.contains(version, prereleases=True):
                raise ArtifactError(
                    f"{project.folder.name} needs {needed}, {path} has {version}; lock it anew"
                )


def _locked(path: Path, text: str) -> Iterator[Locked]:
    joined = re.sub(r"\\\r?\n", " ", text)
    for line in filter(
        None, (re.sub(r"(^|\s)#.*$", "", each).strip() for each in joined.split("\n"))
    ):
        requirement, *hashes = re.split(r"\s+(?=--hash[= ])", line)
        parsed = _parsed(path, requirement)
        if not re.fullmatch(r"==[^*,]+", str(parsed.specifier)) or not hashes:
            raise ArtifactError(
                f"{path}: {requirement} needs one exact version and its --hash; "
                "lock it with `uv pip compile --universal --generate-hashes`"
            )
        yield Locked(parsed, tuple(hashes))


def _parsed(path: Path, text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise ArtifactError(f"{path}: {text!r} is no requirement: {error}") from None


def _environment(interpreter: str, patch: str, machine: str) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{interpreter}.{patch}",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{interpreter}.{patch}",
        "python_version": interpreter,
        "sys_platform": "linux",
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}; restore it from git") from error


def _sha256(path: Path) -> str:
    return hashlib.sha256(_content(path)).hexdigest()
