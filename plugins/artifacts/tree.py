"""A folder of a release with everything in it, taken out of a tar file by file.

Nothing but plain files is written, each below the folder it was asked for: what upstream packed
as a link becomes the file it leads to, and what cannot be such a file is refused.
"""

from __future__ import annotations

import posixpath
import shutil
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path

from plugins.model import ArtifactError

# What no release comes near: a larger one is a mistake, found before the disk is full.
MOST_FILES = 200_000
MOST_BYTES = 8 << 30
# A link may lead to a link.
_MOST_LINKS = 8


def take(archive: tarfile.TarFile, file_name: str, top: str, into: Path) -> dict[str, Path]:
    """Write everything below one folder of an archive.

    Folders that hold no file are left out. Files are 0755 if upstream lets their owner run them,
    0644 if not.

    Args:
        archive: Of a verified file.
        file_name: Its upstream name, for errors.
        top: The folder; with ``*`` in its name the one that is called so.
        into: Folder to write to.

    Returns:
        Path in the tree to the written file.

    Raises:
        ArtifactError: No such folder, a name with ``..`` or characters that cannot be printed, a
            device, a link that leads out of the tree or nowhere, too many files or bytes.
    """
    prefix = f"{_found(archive, file_name, top)}/"
    files, links = _members(archive, file_name, prefix)
    if len(files) + len(links) > MOST_FILES:
        raise ArtifactError(f"{file_name}: more than {MOST_FILES} files below {top!r}")
    if sum(member.size for member in files.values()) > MOST_BYTES:
        raise ArtifactError(f"{file_name}: more than {MOST_BYTES >> 30} GiB below {top!r}")
    targets = {path: _target(file_name, path, files, links) for path in links}
    written = {
        path.removeprefix(prefix): _written(archive, member, into / path.removeprefix(prefix))
        for path, member in files.items()
    }
    for path, target in targets.items():
        link = into / path.removeprefix(prefix)
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(written[target.removeprefix(prefix)], link)
        written[path.removeprefix(prefix)] = link
    return dict(sorted(written.items()))


def _found(archive: tarfile.TarFile, file_name: str, top: str) -> str:
    """The folder of an archive that is called so, with something in it."""
    depth = top.count("/") + 1
    above = (posixpath.normpath(member.name).split("/") for member in archive)
    folders = {"/".join(parts[:depth]) for parts in above if len(parts) > depth}
    called = sorted(folder for folder in folders if fnmatchcase(folder, top))
    if len(called) == 1:
        return called[0]
    what = f"{len(called)} folders" if called else "no folder"
    raise ArtifactError(f"{file_name}: {what} {top!r} in it; correct `tree` in the lock")


def _members(
    archive: tarfile.TarFile, file_name: str, prefix: str
) -> tuple[dict[str, tarfile.TarInfo], dict[str, str]]:
    """Files below a folder, and links with what they lead to, by their paths in the archive."""
    files: dict[str, tarfile.TarInfo] = {}
    links: dict[str, str] = {}
    for member in archive:
        if ".." in member.name.split("/") or not member.name.isprintable():
            raise ArtifactError(f"{file_name}: refused: it has a file {member.name!r}")
        path = posixpath.normpath(member.name)
        if not path.startswith(prefix) or member.isdir():
            continue
        if member.isreg():
            files[path] = member
        elif member.issym():
            links[path] = posixpath.normpath(f"{posixpath.dirname(path)}/{member.linkname}")
        elif member.islnk():
            links[path] = posixpath.normpath(member.linkname)
        else:
            raise ArtifactError(f"{file_name}: refused: {path!r} is neither a file nor a folder")
    return files, links


def _target(
    file_name: str, path: str, files: dict[str, tarfile.TarInfo], links: dict[str, str]
) -> str:
    target = path
    for _ in range(_MOST_LINKS):
        target = links.get(target, target)
    if target not in files:
        raise ArtifactError(f"{file_name}: refused: the link {path!r} leads to no file of the tree")
    return target


def _written(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    stream = archive.extractfile(member)
    if stream is None:  # never, of a plain file
        raise ArtifactError(f"{member.name}: cannot be read")
    with stream, target.open("wb") as written:
        shutil.copyfileobj(stream, written, 1 << 20)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
    return target
