"""The artifact lock: what every program is, where it comes from and what it must hash to."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from plugins.artifacts import projects
from plugins.artifacts.entry import (
    Entry,
    Image,
    Module,
    Name,
    Package,
    Release,
    SourceFile,
)
from plugins.model import ArtifactError, Problem

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_LOCK = ROOT / "files" / "artifacts.lock.yaml"
ARCHITECTURES = ("amd64", "arm64")
SOURCES = ("mirror", "release", "image", "module", "package", "python")
# Part of every pin: raise it when the packed form changes, and stores fill anew.
FORMAT = 1


class LockError(ArtifactError):
    """The lock file has mistakes; carries all of them.

    Attributes:
        problems: One per mistake, each naming the file and the key.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NotOfferedError(ArtifactError):
    """The lock or the site has nothing to fetch there: no such source, sha256 or mirror."""


@dataclass(frozen=True)
class Pinned:
    """One file to fetch, for one architecture, with nothing left to fill in.

    Attributes:
        location: URL (release, package of upstream's own repository), path below the mirror root
            (package of the distribution) or reference (image).
        sha256: Expected digest, hexadecimal; of an image's manifest.
        members: Program name to its path in the archive.
        tree: Folder in the archive that is taken whole instead; empty where members are.
    """

    location: str
    sha256: str
    members: Mapping[str, str]
    tree: str = ""

    @property
    def file_name(self) -> str:
        """The last part of the location."""
        return self.location.rsplit("/", 1)[-1]


def filled(text: str, version: str, spelling: Mapping[Any, str], architecture: str) -> str:
    """``text`` with ``{version}`` and ``{architecture}`` put in."""
    text = text.replace("{version}", version)
    return text.replace("{architecture}", spelling.get(architecture, architecture))


def located(declared: Release | Image | Package, file: SourceFile) -> str:
    """Where a file of a source is, see :attr:`Pinned.location`; nothing is filled in yet."""
    own = declared.repository if isinstance(declared, Package) else None
    return f"{own}/{file.where}" if own else file.where


@dataclass(frozen=True)
class Lock:
    """A loaded lock file.

    Attributes:
        path: The file; Go modules are looked for in ``modules/`` beside it, Python projects too.
        entries: Artifact name to its entry.
    """

    path: Path
    entries: Mapping[str, Entry]

    @classmethod
    def load(cls, path: Path = DEFAULT_LOCK) -> Lock:
        """Read and validate a lock file.

        Raises:
            LockError: It cannot be read, is not YAML, or has unknown or wrong keys; every
                problem names the file and the key.
        """
        try:
            raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506
        except (OSError, yaml.YAMLError) as error:
            what = " ".join(str(error).split())
            raise LockError(
                [Problem(str(path), what, "Correct it, or restore it from git.")]
            ) from error
        try:
            entries = TypeAdapter(dict[Name, Entry]).validate_python(raw)
        except ValidationError as error:
            raise LockError(_problem(path, detail) for detail in error.errors()) from error
        return cls(path, entries)

    def overlaid(self, path: Path) -> Lock:
        """This lock with the entries of a site's own lock file in place of ours.

        Args:
            path: The site's file; Go modules of its entries still lie beside ours.

        Raises:
            LockError: As :meth:`load`.
        """
        return Lock(self.path, {**self.entries, **Lock.load(path).entries})

    def entry(self, name: str) -> Entry:
        """The entry of ``name``.

        Raises:
            ArtifactError: There is none; names the nearest ones there are.
        """
        if name in self.entries:
            return self.entries[name]
        near = difflib.get_close_matches(name, self.entries, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "known: " + ", ".join(self.entries)
        raise ArtifactError(f"{self.path}: no artifact {name!r}; {hint}")

    def module_folder(self, module: Module) -> Path:
        """Where the go.mod, the go.sum and any source of our own of a module build are."""
        return self.path.parent / "modules" / module.folder

    def pinned(self, name: str, source: str, architecture: str) -> tuple[Pinned, ...]:
        """The files of ``name`` for one architecture, of a source that fetches some.

        Raises:
            NotOfferedError: The lock has no such source, or no sha256 for the architecture.
        """
        declared = self.entry(name).fetched(source)
        if declared is None:
            kind = "release" if source == "mirror" else source
            raise NotOfferedError(f"the lock has no {kind} of {name}")
        version = self.version(name, source)
        return tuple(
            self._pin(name, version, declared, file, architecture) for file in declared.files
        )

    def _pin(
        self,
        name: str,
        version: str,
        declared: Release | Image | Package,
        file: SourceFile,
        architecture: str,
    ) -> Pinned:
        sha256 = {str(key): value for key, value in file.sha256.items()}
        location = located(declared, file)

        def fill(text: str) -> str:
            return filled(text, version, declared.spelling, architecture)

        digest = sha256.get(architecture)
        if digest is None:
            remedy = (
                "its sha256 is null: run `make lock`"
                if architecture in sha256
                else f"write `{architecture}: null` below {name} in {self.path.name} and run "
                "`make lock`"
            )
            raise NotOfferedError(
                f"the lock has no sha256 for {fill(location)}; nothing is trusted on first use: "
                f"{remedy}"
            )
        members = {program: fill(member) for program, member in file.members.items()}
        return Pinned(fill(location), digest, members, fill(file.tree or ""))

    def version(self, name: str, source: str) -> str:
        """The version that ``source`` gives of ``name``."""
        entry = self.entry(name)
        return entry.package.version if source == "package" and entry.package else entry.version

    def programs_of_tree(self, name: str, source: str) -> tuple[str, ...]:
        """The programs of ``name`` where ``source`` gives a tree of files with them, else none."""
        entry = self.entry(name)
        found = entry.fetched(source)
        trees = found is not None and any(file.tree for file in found.files)
        return entry.programs if trees else ()

    def pin(self, name: str, source: str, architecture: str) -> str:
        """What identifies a deliverable before it exists: a hash of everything that decides it.

        A mirror and the upstream release are the same bytes, so they share one pin. The Go
        toolchain is left out on purpose: a newer Go on a controller must not cause a redeploy.

        Raises:
            ArtifactError: The lock cannot say what it would be (see :meth:`pinned`).
        """
        decided: dict[str, Any] = {
            "format": FORMAT,
            "name": name,
            "architecture": architecture,
            "version": self.version(name, source),
        }
        if source == "module":
            decided["module"] = self._module_state(name)
        elif source == "python":
            decided["python"] = self._python_state(name)
        else:
            pinned = self.pinned(name, source, architecture)
            decided["files"] = [(file.sha256, dict(file.members)) for file in pinned]
            if programs := self.programs_of_tree(name, source):
                # Which of its files are programs is kept with it.
                decided["tree"] = [pinned[0].tree, sorted(programs)]
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()

    def _module_state(self, name: str) -> dict[str, Any]:
        module = self.entry(name).module
        if module is None:
            raise NotOfferedError(f"the lock has no Go module for {name}")
        state = module.model_dump(mode="json", exclude={"note", "lacks", "folder"})
        folder = self.module_folder(module)
        # Tests decide nothing: a better one must not cause a redeploy.
        own = sorted(
            str(path.relative_to(folder))
            for path in folder.rglob("*.go")
            if not path.name.endswith("_test.go")
        )
        for locked in ("go.mod", "go.sum", *own):
            path = folder / locked
            try:
                state[locked] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                raise ArtifactError(f"{path}: {error.strerror}; restore it from git") from error
        return state

    def _python_state(self, name: str) -> dict[str, Any]:
        python = self.entry(name).python
        if python is None:
            raise NotOfferedError(f"the lock has no Python program for {name}")
        return projects.state(self.path.parent, python)


# The C loader reads 25 entries in 3 ms instead of 40; wheels of PyYAML have it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeys(_Loader):  # type: ignore[misc]
    """Refuses a key that stands twice; YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _problem(path: Path, detail: ErrorDetails) -> Problem:
    # pydantic marks a wrong key, as against a wrong value, with one more part
    key = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    if detail["type"] == "extra_forbidden":
        return Problem(f"{path}: {key}", "unknown key", "Remove it or correct its spelling.")
    what = re.sub(r"^Value error, ", "", detail["msg"])
    return Problem(f"{path}: {key}", what, "Correct the lock file.")
