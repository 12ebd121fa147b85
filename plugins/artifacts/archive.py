"""Take programs, or whole folders, out of release archives and Debian packages, in pure Python."""

from __future__ import annotations

import difflib
import importlib
import lzma
import posixpath
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from plugins.artifacts.tree import take
from plugins.model import ArtifactError

AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60  # bytes
TAR_ENDINGS = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar")


def extract(
    archive: Path, file_name: str, members: Mapping[str, str], into: Path
) -> dict[str, Path]:
    """Write the wanted members of an archive as flat programs.

    Args:
        archive: A verified file.
        file_name: Its upstream name; the ending decides the format (tar, zip, deb, else the
            file is the program).
        members: Program name to path in the archive.
        into: Folder to write to.

    Returns:
        Program name to the written file, mode 0755.

    Raises:
        ArtifactError: A member is missing or no regular file, or the archive cannot be read.
    """
    into.mkdir(parents=True, exist_ok=True)
    with _readable(file_name):
        if file_name.endswith((".deb", *TAR_ENDINGS)):
            with _tar(archive, file_name, into) as opened:
                written = _extract_tar(opened, file_name, members, into)
        elif file_name.endswith(".zip"):
            written = _extract_zip(archive, file_name, members, into)
        else:
            written = _copy_plain(archive, file_name, members, into)
    for path in written.values():
        path.chmod(0o755)
    return written


def extract_tree(archive: Path, file_name: str, top: str, into: Path) -> dict[str, Path]:
    """Write everything below one folder of an archive, see :func:`plugins.artifacts.tree.take`.

    Args:
        archive: A verified file.
        file_name: Its upstream name; the ending decides the format (tar or deb).
        top: The folder.
        into: Folder to write to; paths are kept below it.

    Returns:
        Path in the tree to the written file.

    Raises:
        ArtifactError: There is no such folder, something in it cannot be taken as it is, or the
            archive cannot be read.
    """
    if not file_name.endswith((".deb", *TAR_ENDINGS)):
        kinds = ", ".join((*TAR_ENDINGS, ".deb"))
        raise ArtifactError(f"{file_name}: a tree can be taken out of {kinds} only")
    into.mkdir(parents=True, exist_ok=True)
    with _readable(file_name), _tar(archive, file_name, into) as opened:
        return take(opened, file_name, top, into)


@contextmanager
def _readable(file_name: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        raise ArtifactError(f"{file_name}: cannot be unpacked: {error}") from error


def _extract_tar(
    archive: tarfile.TarFile, file_name: str, members: Mapping[str, str], into: Path
) -> dict[str, Path]:
    # Debian writes ./usr/bin/x, upstreams usr/bin/x
    present = {posixpath.normpath(member.name): member for member in archive}
    written = {}
    for program, member in members.items():
        found = present.get(posixpath.normpath(member))
        # extractfile follows a link to another member and gives None for a folder or device
        try:
            stream = archive.extractfile(found) if found is not None else None
        except KeyError as error:
            where = found.linkname if found is not None else member
            raise missing(file_name, where, present) from error
        if stream is None:
            raise missing(file_name, member, present)
        with stream:
            written[program] = _write(stream, into / program)
    return written


def _extract_zip(
    archive: Path, file_name: str, members: Mapping[str, str], into: Path
) -> dict[str, Path]:
    written = {}
    with zipfile.ZipFile(archive) as opened:
        present = {info.filename: info for info in opened.infolist() if not info.is_dir()}
        for program, member in members.items():
            if member not in present:
                raise missing(file_name, member, present)
            with opened.open(present[member]) as stream:
                written[program] = _write(stream, into / program)
    return written


def _copy_plain(
    archive: Path, file_name: str, members: Mapping[str, str], into: Path
) -> dict[str, Path]:
    written = {}
    for program, member in members.items():
        if member != file_name:
            raise missing(file_name, member, [file_name])
        with archive.open("rb") as stream:
            written[program] = _write(stream, into / program)
    return written


@contextmanager
def _tar(archive: Path, file_name: str, scratch: Path) -> Iterator[tarfile.TarFile]:
    """The tar that a file is, or that is in a Debian package."""
    if not file_name.endswith(".deb"):
        with tarfile.open(archive) as opened:
            yield opened
        return
    with archive.open("rb") as stream:
        inner, size = _seek_data(stream, file_name)
        payload = scratch / inner
        with payload.open("wb") as written:
            _copy_exactly(stream, written, size)
    try:
        if inner.endswith(".zst"):
            plain = payload.with_suffix("")
            decompress_zstd(payload, plain, file_name)
            payload.unlink()
            payload = plain
        with tarfile.open(payload) as opened:
            yield opened
    finally:
        payload.unlink(missing_ok=True)


def _seek_data(stream: IO[bytes], file_name: str) -> tuple[str, int]:
    """Leave an ar stream at its data.tar.*; return the name and the size in bytes."""
    if stream.read(len(AR_MAGIC)) != AR_MAGIC:
        raise ArtifactError(f"{file_name}: not a Debian package (no ar header)")
    while len(header := stream.read(AR_HEADER)) == AR_HEADER:
        name = header[:16].decode("ascii", "replace").strip().rstrip("/")
        try:
            size = int(header[48:58])
        except ValueError:
            break
        if name.startswith("data.tar"):
            return name, size
        stream.seek(size + size % 2, 1)  # members start at even offsets
    raise ArtifactError(f"{file_name}: no data.tar in the Debian package")


def _copy_exactly(stream: IO[bytes], target: IO[bytes], size: int) -> None:
    # Not to the end: the padding of an odd size is garbage that zstd refuses.
    while size > 0 and (chunk := stream.read(min(size, 1 << 20))):
        target.write(chunk)
        size -= len(chunk)


def decompress_zstd(payload: Path, target: Path, file_name: str) -> None:
    """Write the plain content of a file that is packed with zstd.

    Raises:
        ArtifactError: Neither Python nor the machine can unpack it, or it is broken.
    """
    # Python has zstd from 3.14; Debian itself packs with xz, Ubuntu with zstd.
    try:
        zstd = importlib.import_module("compression.zstd")
    except ModuleNotFoundError:
        program = shutil.which("zstd")
        if program is None:
            raise ArtifactError(
                f"{file_name} is packed with zstd: install the zstd program or "
                "run with Python 3.14 or newer"
            ) from None
        argv = [program, "-dqf", "-o", str(target), str(payload)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ArtifactError(f"{file_name}: zstd: {done.stderr.strip()}") from None
        return
    try:
        with zstd.open(payload) as stream:
            _write(stream, target)
    except zstd.ZstdError as error:
        raise ArtifactError(f"{file_name}: zstd: {error}") from error


def _write(stream: IO[bytes], target: Path) -> Path:
    with target.open("wb") as written:
        shutil.copyfileobj(stream, written, 1 << 20)
    return target


def missing(
    file_name: str, member: str, present: Iterable[str], key: str = "members"
) -> ArtifactError:
    """The error of an archive that lacks a file, with the nearest ones it has.

    Args:
        file_name: The archive's upstream name.
        member: What it lacks.
        present: What it has.
        key: What to correct in the lock.
    """
    near = difflib.get_close_matches(member, list(present), n=3, cutoff=0.5)
    hint = f"; it has {', '.join(near)}" if near else ""
    return ArtifactError(
        f"{file_name}: no file {member!r} in it{hint}; correct `{key}` in the lock"
    )
