"""How verified files are packed: the same files give the same bytes, whoever packs them."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from plugins.model import Tree
from plugins.packed import TREE

# Measured on 54 MB of Go programs: level 2 0.67 s 41 %, level 4 0.92 s 39 %, level 6 2.1 s 38 %.
# It is paid once per artifact, each host then saves the transfer.
GZIP_LEVEL = 4
# One fixed time for all members.
PACKED_MTIME = 315_532_800  # 1980-01-01, in Unix seconds
_BLOCK = 4096  # bytes that a file takes at least
_ELF = b"\x7fELF"
_INTERPRETER = 3  # PT_INTERP: the loader that a dynamically linked program names


def pack(files: Mapping[str, Path], target: Path, *, tree: bool = False) -> None:
    """Write a ``.tar.gz``.

    Args:
        files: Name in the archive to the file.
        target: The archive.
        tree: All goes below one folder, files keep whether they can be run. Else they are
            programs, and flat.
    """
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed,
        # Only a name that is too long for the plain format makes a difference.
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        if tree:
            archive.addfile(_member(TREE, tarfile.DIRTYPE))
            files = {f"{TREE}/{name}": path for name, path in files.items()}
            for folder in _folders(name.removeprefix(f"{TREE}/") for name in files):
                archive.addfile(_member(f"{TREE}/{folder}", tarfile.DIRTYPE))
        for name, path in sorted(files.items()):
            member = _member(name, tarfile.REGTYPE)
            member.size = path.stat().st_size
            member.mode = _mode(path) if tree else 0o755
            with path.open("rb") as stream:
                archive.addfile(member, stream)
    with target.open("rb") as written:
        os.fsync(written.fileno())


def packed_tree(files: Mapping[str, Path]) -> Tree:
    """What a tree will be on a host: see :class:`plugins.packed.Tree`.

    Args:
        files: Path in the tree to the file.
    """
    lines = [f"d 755 root:root {folder}\n" for folder in _folders(files)]
    size = _BLOCK * (len(lines) + 1)
    for name, path in files.items():
        length = path.stat().st_size
        lines.append(f"f {_mode(path):o} root:root {length} {PACKED_MTIME} {name}\n")
        size += -(-length // _BLOCK) * _BLOCK
    listing = b"".join(sorted(line.encode() for line in lines))
    return Tree(hashlib.sha256(listing).hexdigest(), size)


def is_dynamic(program: Path) -> bool:
    """Whether a program is one that a loader of its host must load.

    https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
    """
    with program.open("rb") as stream:
        head = stream.read(64)
        if len(head) < 64 or head[:4] != _ELF or head[4] != 2:  # 64 bits
            return False
        order = "<" if head[5] == 1 else ">"
        (offset,) = struct.unpack_from(f"{order}Q", head, 32)
        size, count = struct.unpack_from(f"{order}HH", head, 54)
        stream.seek(offset)
        table = stream.read(size * count)
    starts = range(0, len(table) - 3, size or 1)
    return any(struct.unpack_from(f"{order}I", table, at)[0] == _INTERPRETER for at in starts)


def _folders(files: Iterable[str]) -> list[str]:
    found = {str(folder) for name in files for folder in PurePosixPath(name).parents}
    return sorted(found - {"."})


def _member(name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, 0o755, PACKED_MTIME
    return member


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
