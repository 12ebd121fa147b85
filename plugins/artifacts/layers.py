"""The layers of an image as one tar: what a container of it would see, without an engine.

https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#applying-changesets
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Sequence
from pathlib import Path

from plugins.artifacts.archive import decompress_zstd
from plugins.model import ArtifactError

# A layer removes a file of those below it by a file of this name, and all of a folder by this.
_REMOVED = ".wh."
_EMPTIED = ".wh..wh..opq"


def flatten(layers: Sequence[tuple[str, Path]], target: Path) -> None:
    """Write what is left of layers after each has been laid upon those below it.

    Args:
        layers: Media type and file, from the lowest; the files are removed.
        target: The tar.

    Raises:
        ArtifactError: A layer is of no known kind, or cannot be read.
    """
    plain = [_plain(kind, path) for kind, path in layers]
    # Path to the number of the layer that it comes from.
    seen: dict[str, int] = {}
    try:
        for number, path in enumerate(plain):
            _lay(path, number, seen)
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as written:
            for number, path in enumerate(plain):
                _copy(path, number, seen, written)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArtifactError(f"a layer of the image cannot be unpacked: {error}") from error
    for path in plain:
        path.unlink()


def _plain(kind: str, path: Path) -> Path:
    if kind.endswith("+zstd"):
        plain = path.with_suffix(".tar")
        decompress_zstd(path, plain, "a layer of the image")
        path.unlink()
        return plain
    if not kind.endswith(("tar", "tar+gzip", "tar.gzip")):
        raise ArtifactError(f"the image has a layer of kind {kind!r}, which holds no files")
    return path


def _name(member: tarfile.TarInfo) -> str:
    return posixpath.normpath(member.name.lstrip("/"))


def _lay(path: Path, number: int, seen: dict[str, int]) -> None:
    own: dict[str, bool] = {}
    emptied: set[str] = set()
    with tarfile.open(path) as layer:
        for member in layer:
            name = _name(member)
            folder, base = posixpath.split(name)
            if base == _EMPTIED:
                emptied.add(folder)
            elif base.startswith(_REMOVED):
                gone = posixpath.join(folder, base.removeprefix(_REMOVED))
                seen.pop(gone, None)
                emptied.add(gone)
            else:
                own[name] = member.isdir()
    # A file where a folder was takes away what was in it.
    emptied |= {name for name, is_folder in own.items() if not is_folder}
    for name in [name for name in seen if emptied.intersection(_above(name))]:
        del seen[name]
    seen.update(dict.fromkeys(own, number))


def _above(name: str) -> list[str]:
    """The folders that a path is in."""
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts))]


def _copy(path: Path, number: int, seen: dict[str, int], written: tarfile.TarFile) -> None:
    with tarfile.open(path) as layer:
        for member in layer:
            if seen.get(_name(member)) != number:
                continue
            stream = layer.extractfile(member) if member.isreg() else None
            written.addfile(member, stream)
