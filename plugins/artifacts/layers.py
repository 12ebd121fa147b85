"""The layers of an image as one tar: what a container of it would see, without an engine.

https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#applying-changesets
"""

from __future__ import annotations

import gzip
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from plugins.artifacts.archive import decompress_zstd
from plugins.model import ArtifactError

# A layer removes a file of those below it by a file of this name, and all of a folder by this.
_REMOVED = ".wh."
_EMPTIED = ".wh..wh..opq"


def flatten(layers: Sequence[tuple[str, Path]], target: Path) -> None:
    """Write what is left of layers after each has been laid upon those below it.

    Args:
        layers: Media type and file, from the lowest; the files are removed.
        target: The tar. Names in it are relative, and so is where symbolic links lead.

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
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError) as error:
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
        known = "tar, with gzip or zstd or as it is"
        raise ArtifactError(f"the image has a layer of kind {kind!r}; what can be read is {known}")
    return path


def _name(text: str) -> str:
    return posixpath.normpath(text.lstrip("/"))


def _lay(path: Path, number: int, seen: dict[str, int]) -> None:
    own: dict[str, bool] = {}
    emptied: set[str] = set()
    with tarfile.open(path) as layer:
        for member in layer:
            name = _name(member.name)
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
    """The folders that a path is in, and the root."""
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts))]


def _copy(path: Path, number: int, seen: dict[str, int], written: tarfile.TarFile) -> None:
    with tarfile.open(path) as layer:
        for member in layer:
            name = _name(member.name)
            if seen.get(name) != number:
                continue
            stream = _content(layer, member, number, seen)
            # The headers of its own layer would bring the former names back.
            member.name, member.pax_headers = name, {}
            if member.issym() and member.linkname.startswith("/"):
                above = posixpath.dirname(f"/{name}")
                member.linkname = posixpath.relpath(member.linkname, above)
            written.addfile(member, stream)


def _content(
    layer: tarfile.TarFile, member: tarfile.TarInfo, number: int, seen: dict[str, int]
) -> IO[bytes] | None:
    """What a member holds; a link to a file that another layer took away becomes that file."""
    if member.isreg():
        return layer.extractfile(member)
    if member.islnk():
        target, member.linkname = member.linkname, _name(member.linkname)
        if seen.get(member.linkname) != number:
            try:
                found = layer.getmember(target)
            except KeyError as error:
                raise ArtifactError(f"a layer links {target!r}, which it does not have") from error
            member.type, member.size, member.linkname = tarfile.REGTYPE, found.size, ""
            return layer.extractfile(found)
    return None
