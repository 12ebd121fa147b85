"""Programs as they are packed: what every host receives, byte for byte the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The folder that a tree has in its archive, and in the root of an image made of it.
TREE = "tree"


@dataclass(frozen=True)
class Tree:
    """The files that come along with the programs of a release that is a folder of files.

    Attributes:
        listing: Digest of one line for each file and folder: kind, mode, owner, size, time and
            path, in the order of the bytes, as ``state.sh`` makes it of the folder on a host.
            That proves of ten thousand files what is proven of a program (nothing is missing,
            cut short, written to or added), by one line of a host's state. Contents were proven
            before they were unpacked: by the digest of the archive.
        size: Bytes they all take on a disk, programs included.
    """

    listing: str
    size: int


@dataclass(frozen=True)
class Artifact:
    """A verified program, packed the way every host receives it.

    Attributes:
        name: Its name in the lock file.
        version: Upstream's version of what was really obtained.
        source: ``mirror``, ``release``, ``package`` or ``module``.
        architecture: ``amd64`` or ``arm64``.
        path: The packed programs (``.tar.gz``) in the controller's store: flat, or all below
            the folder :data:`TREE`.
        sha256: Digest of the file at ``path``, hexadecimal.
        files: Program name to size in bytes, as they unpack; of a tree, its programs alone, by
            their paths in it.
        note: What this source's build lacks, if anything.
        lacks: Features that this source's build has not, by name, for roles to ask for.
        tree: Everything that comes with the programs; None where nothing does.
        dynamic: A program needs the libraries of its host.
    """

    name: str
    version: str
    source: str
    architecture: str
    path: Path
    sha256: str
    files: Mapping[str, int]
    note: str = ""
    lacks: frozenset[str] = frozenset()
    tree: Tree | None = None
    dynamic: bool = False

    @property
    def unpacked(self) -> int:
        """Bytes that it takes on a disk."""
        return self.tree.size if self.tree else sum(self.files.values())
