"""The content-addressed store of packed programs on the controller.

deliverables/<sha256>.tar.gz   what hosts receive: programs, flat, or a tree; reproducible
index/<pin>.json               from a pin of the lock to a deliverable
unpacked/<sha256>/             programs for the controller's own use
staging/ locks/                work in progress; safe to delete when nothing runs
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from plugins.artifacts.packing import PACKED_MTIME, is_dynamic, pack, packed_tree
from plugins.model import Artifact, ArtifactError, Tree
from plugins.packed import TREE

Progress = Callable[[str], None]

STALE_STAGING = 86_400  # seconds after which an abandoned staging folder is removed


class DamagedError(ArtifactError):
    """A file of the store is not what was stored."""


def default_root() -> Path:
    """``$STACKWATCH_STORE``, else ``stackwatch/artifacts`` in the user's cache folder."""
    if configured := os.environ.get("STACKWATCH_STORE"):
        return Path(configured).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "stackwatch" / "artifacts"


def digest(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class Store:
    """A store of deliverables; any number of processes may use one at the same time.

    Attributes:
        root: Its folder; made when first written.
    """

    root: Path

    @classmethod
    def default(cls) -> Store:
        """The store of this user, see :func:`default_root`."""
        return cls(default_root())

    def lookup(self, pin: str) -> Artifact | None:
        """The deliverable of ``pin``, or None if it is not there.

        Size and time of change recorded when it was stored stand for its digest: hashing
        every program again would cost a run that changes nothing a second. It is hashed
        when they differ.

        Raises:
            DamagedError: It is there and is not what was stored.
        """
        try:
            record = json.loads((self.root / "index" / f"{pin}.json").read_bytes())
            artifact = Artifact(
                name=record["name"],
                version=record["version"],
                source=record["source"],
                architecture=record["architecture"],
                path=self._deliverable(record["sha256"]),
                sha256=record["sha256"],
                files=dict(record["files"]),
                # Stores that were filled before there were such things have no word of them.
                tree=Tree(**record["tree"]) if record.get("tree") else None,
                dynamic=record.get("dynamic", False),
            )
            state = artifact.path.stat()
            recorded = (record["size"], record["mtime_ns"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if (state.st_size, state.st_mtime_ns) == recorded:
            return artifact
        if digest(artifact.path) == artifact.sha256:
            self._write_index(pin, artifact)
            return artifact
        raise DamagedError(f"{artifact.name}: {artifact.path} is damaged; fetching it again")

    def add(
        self,
        pin: str,
        *,
        name: str,
        version: str,
        source: str,
        architecture: str,
        programs: Mapping[str, Path],
        of_tree: Collection[str] = (),
    ) -> Artifact:
        """Pack verified programs and index them under ``pin``; replaces a damaged deliverable.

        Args:
            pin: From :meth:`plugins.artifacts.lock.Lock.pin`.
            name: Artifact name in the lock.
            version: What was really obtained.
            source: Where it came from.
            architecture: ``amd64`` or ``arm64``.
            programs: Program name to the verified file; of a tree, all its files.
            of_tree: Those of a tree that are its programs; empty where there is no tree.

        Raises:
            OSError: The store cannot be written.
        """
        tree = packed_tree(programs) if of_tree else None
        with self.staging() as staging:
            packed = staging / "packed"
            pack(programs, packed, tree=tree is not None)
            sha256 = digest(packed)
            target = self._deliverable(sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            packed.chmod(0o644)
            packed.replace(target)
        artifact = Artifact(
            name=name,
            version=version,
            source=source,
            architecture=architecture,
            path=target,
            sha256=sha256,
            files={name: programs[name].stat().st_size for name in sorted(of_tree or programs)},
            tree=tree,
            dynamic=any(is_dynamic(programs[name]) for name in of_tree or programs),
        )
        self._write_index(pin, artifact)
        return artifact

    def unpack(self, artifact: Artifact) -> Path:
        """A folder with the programs of ``artifact``; unpacked once, checked at each call.

        Raises:
            DamagedError: The deliverable is not what was stored.
        """
        target = self.root / "unpacked" / artifact.sha256
        programs = target / TREE if artifact.tree else target
        if _is_whole(programs, artifact):
            return programs
        with self.locked(f"unpack-{artifact.sha256}"), self.staging() as staging:
            if _is_whole(programs, artifact):  # another process was faster
                return programs
            if not artifact.path.exists() or digest(artifact.path) != artifact.sha256:
                artifact.path.unlink(missing_ok=True)
                raise DamagedError(
                    f"{artifact.name}: {artifact.path} is damaged and was removed; "
                    "run again to fetch it anew"
                )
            fresh = staging / "fresh"
            with tarfile.open(artifact.path) as archive:
                archive.extractall(fresh, filter="data")
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():  # changed by somebody: never run what was not verified
                target.rename(staging / "former")
            fresh.rename(target)
        return programs

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder on the store's own file system, so that moves out of it are atomic."""
        parent = self.root / "staging"
        parent.mkdir(parents=True, exist_ok=True)
        for abandoned in parent.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - abandoned.stat().st_mtime > STALE_STAGING:
                    shutil.rmtree(abandoned, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def locked(self, key: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold a lock between threads and processes; the kernel drops it if this one dies.

        Args:
            key: What is locked.
            waiting: Called once if somebody else holds it.
        """
        path = self.root / "locks" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting is not None:
                    waiting()
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _deliverable(self, sha256: str) -> Path:
        return self.root / "deliverables" / f"{sha256}.tar.gz"

    def _write_index(self, pin: str, artifact: Artifact) -> None:
        state = artifact.path.stat()
        record = {
            "name": artifact.name,
            "version": artifact.version,
            "source": artifact.source,
            "architecture": artifact.architecture,
            "sha256": artifact.sha256,
            "size": state.st_size,
            "mtime_ns": state.st_mtime_ns,
            "files": dict(artifact.files),
            "tree": asdict(artifact.tree) if artifact.tree else None,
            "dynamic": artifact.dynamic,
        }
        with self.staging() as staging:
            fresh = staging / "index.json"
            fresh.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
            target = self.root / "index" / f"{pin}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh.replace(target)


def unpacked(artifact: Artifact) -> Path:
    """A folder with the programs of ``artifact``, in the store it lies in.

    For the controller's own use (promtool, amtool, tests); safe against concurrent calls.

    Raises:
        DamagedError: The deliverable is not what was stored.
    """
    return Store(artifact.path.parent.parent).unpack(artifact)


def _is_whole(folder: Path, artifact: Artifact) -> bool:
    try:
        states = {program: (folder / program).stat() for program in artifact.files}
    except OSError:
        return False
    return all(
        (state.st_size, int(state.st_mtime)) == (artifact.files[program], PACKED_MTIME)
        and state.st_mode & 0o111
        for program, state in states.items()
    )
