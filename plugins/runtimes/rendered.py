"""A component as a runtime puts it on a host: what every runtime has in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from plugins.model import Component, Directory, ManagedFile, OnChange
from plugins.paths import Paths

if TYPE_CHECKING:
    from plugins.runtimes.images import Image
    from plugins.runtimes.registry import Registry


def digest(value: object) -> str:
    """A short hash of a JSON-like value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Deliverable:
    """A component's programs, as they travel to its host.

    Attributes:
        kind: What is done with them there: ``programs`` and a ``tree`` are unpacked, an ``image``
            is loaded.
        name: Version or image.
        sha256: Of all pieces together, hexadecimal.
        pieces: The bytes.
        unpacked: Bytes they take below /opt.
    """

    kind: str
    name: str
    sha256: str
    pieces: tuple[bytes, ...]
    unpacked: int = 0

    @property
    def size(self) -> int:
        """How many bytes travel."""
        return sum(map(len, self.pieces))


@lru_cache(maxsize=8)
def content(path: Path) -> bytes:
    """A file of the store, read once for many hosts."""
    return path.read_bytes()


@dataclass(frozen=True)
class Rendered:
    """A component as its runtime puts it on a host.

    Attributes:
        component: What was rendered.
        runtime: Name of the runtime; hosts are told it, and comparisons are chosen by it.
        kind: What runs, for people.
    """

    runtime: ClassVar[str]
    kind: ClassVar[str]

    component: Component

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def paths(self) -> Paths:
        """Where its things are."""
        return Paths(self.component.name)

    @cached_property
    def release(self) -> tuple[ManagedFile, ...]:
        """Files that are swapped together."""
        return tuple(f for f in self.component.files if f.on_change is not OnChange.NOTHING)

    @cached_property
    def hot(self) -> tuple[ManagedFile, ...]:
        """Files the program watches, replaced one by one."""
        return tuple(f for f in self.component.files if f.on_change is OnChange.NOTHING)

    @cached_property
    def restart_files(self) -> tuple[ManagedFile, ...]:
        """Files that only a restart takes over: all of them where there is no reload."""
        if self.component.service.reload is None:
            return self.release
        return tuple(f for f in self.release if f.on_change is OnChange.RESTART)

    @cached_property
    def release_hash(self) -> str:
        """Hash of the release's contents; names its folder."""
        return digest({file.path: file.sha256 for file in self.release})

    @cached_property
    def directories(self) -> tuple[Directory, ...]:
        """The component's own storage first, then what its role adds."""
        return (Directory(self.paths.storage), *self.component.directories)

    @property
    def programs(self) -> str:
        """The folder of its programs that is validated with, before they are in force."""
        raise NotImplementedError

    @property
    def version(self) -> str:
        """What its programs are called on the host."""
        raise NotImplementedError

    @property
    def variables(self) -> Mapping[str, str]:
        """What the runtime's script is told beside what all are told."""
        return {}

    @property
    def spec(self) -> str:
        """Hash of everything a change of which needs a restart."""
        raise NotImplementedError

    @property
    def definition(self) -> str:
        """What the runtime reads to run it."""
        raise NotImplementedError

    @property
    def service(self) -> str:
        """What people find the running service under."""
        raise NotImplementedError

    @property
    def running(self) -> frozenset[str]:
        """The states of the service that are as they should be."""
        raise NotImplementedError

    @property
    def images(self) -> tuple[Image, ...]:
        """What a registry must have for it."""
        return ()

    @property
    def rehearsal(self) -> str:
        """What the runtime needs to check staged configuration, beyond the checkers themselves."""
        return ""

    @property
    def busybox(self) -> str:
        """Command that runs a busybox in the service's network; empty where that is the host's."""
        return ""

    def deliverable(self) -> Deliverable:
        """Its programs as they travel."""
        raise NotImplementedError

    def pulled(self, registry: Registry) -> Deliverable | None:
        """Its programs as the host gets them from a registry; None where it cannot.

        Args:
            registry: Has them already.
        """
        return None
