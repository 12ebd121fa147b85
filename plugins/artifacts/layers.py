"""The layers of an image as one tar: what a container of it would see, without an engine.

https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#applying-changesets
"""

from __future__ import annotations

import gzip
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from plugins.artifacts.archive import decompress_zstd
from plugins.model import ArtifactError

# A layer removes a file of those below it by a file of this name, and all of a folder by this.
_REMOVED = ".wh."
_EMPTIED = ".wh..wh..opq"


@dataclass(frozen=True)
class _Above:
    """What layers hide of those below them.

    Attributes:
        gone: Paths that are theirs, or that they removed.
        emptied: Folders of which nothing is seen any more.
    """

    gone: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()

    def hides(self, name: str) -> bool:
        """Whether what a lower layer has there is not seen."""
        return name in self.gone or not self.emptied.isdisjoint(_folders(name))


def flatten(layers: Sequence[tuple[str, Path]], target: Path) -> None:
    """Write what is left of layers after each has been laid upon those below it.

    Args:
        layers: Media type and file, from the lowest; the files are removed.
        target: The tar. Names in it are relative, and so is where symbolic links lead.

    Raises:
        ArtifactError: A layer is of no known kind, or cannot be read.
    """
    plain = [_plain(kind, path) for kind, path in layers]
    above = _Above()
    try:
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as written:
            # From the uppermost: what it has or takes away is not looked for below it.
            for path in reversed(plain):
                above = _copy(path, above, written)
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


def _folders(name: str) -> list[str]:
    """The folders that a path is in, and the root."""
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts))]


def _copy(path: Path, above: _Above, written: tarfile.TarFile) -> _Above:
    """Write what is seen of a layer; what hides those below it."""
    # Each with whether it is a folder.
    own: dict[str, bool] = {}
    removed: set[str] = set()
    emptied = set(above.emptied)
    with tarfile.open(path) as layer:
        for member in layer:
            name = _name(member.name)
            folder, base = posixpath.split(name)
            if base == _EMPTIED:
                emptied.add(folder)
            elif base.startswith(_REMOVED):
                removed.add(posixpath.join(folder, base.removeprefix(_REMOVED)))
            else:
                own[name] = member.isdir()
                if not above.hides(name):
                    _write(layer, member, above, own, written)
    # A file where a folder was takes away what was in it, too.
    emptied |= removed | {name for name, is_folder in own.items() if not is_folder}
    return _Above(above.gone | removed | own.keys(), frozenset(emptied))


def _write(
    layer: tarfile.TarFile,
    member: tarfile.TarInfo,
    above: _Above,
    own: Container[str],
    written: tarfile.TarFile,
) -> None:
    stream = _content(layer, member, above, own)
    # The headers of its own layer would bring the former names back.
    member.name, member.pax_headers = _name(member.name), {}
    if member.issym() and member.linkname.startswith("/"):
        member.linkname = posixpath.relpath(member.linkname, posixpath.dirname(f"/{member.name}"))
    written.addfile(member, stream)


def _content(
    layer: tarfile.TarFile, member: tarfile.TarInfo, above: _Above, own: Container[str]
) -> IO[bytes] | None:
    """What a member holds; a link to a file that another layer took away becomes that file."""
    if member.isreg():
        return layer.extractfile(member)
    if member.islnk():
        target, member.linkname = member.linkname, _name(member.linkname)
        if member.linkname not in own:
            raise ArtifactError(f"a layer links {target!r}, which it does not have")
        if above.hides(member.linkname):
            found = layer.getmember(target)
            member.type, member.size, member.linkname = tarfile.REGTYPE, found.size, ""
            return layer.extractfile(found)
    return None
