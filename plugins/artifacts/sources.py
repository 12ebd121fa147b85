"""The sources that fetch files: a site's mirror, the upstream release, Debian's packages.

Every source has the shape ``source(request, staging) -> {program: path}`` (of a tree, all its
files) and raises an ArtifactError that says what it tried, what it got and what would help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from plugins.artifacts.apt import debian_mirrors
from plugins.artifacts.archive import extract, extract_tree, missing
from plugins.artifacts.download import NotServedError, UnreachableError, download
from plugins.artifacts.lock import Lock, NotOfferedError, Pinned
from plugins.artifacts.store import Progress
from plugins.model import ArtifactError


@dataclass(frozen=True)
class Request:
    """What one source is asked for.

    Attributes:
        lock: The lock that pins it.
        name: Artifact name.
        architecture: ``amd64`` or ``arm64``.
        mirror: Base URL of the site's mirror, if it has one.
        debian_mirror: Base URL of a Debian mirror; None reads the machine's apt sources.
        progress: Receives a line for anything over two seconds.
    """

    lock: Lock
    name: str
    architecture: str
    mirror: str | None
    debian_mirror: str | None
    progress: Progress


Source = Callable[[Request, Path], dict[str, Path]]


def mirror(request: Request, staging: Path) -> dict[str, Path]:
    """From the site's mirror: the release's files, as ``<sha256>/<file name>`` or ``<file name>``.

    Raises:
        ArtifactError: No mirror is set, or it does not serve the pinned file.
    """
    if request.mirror is None:
        raise NotOfferedError("no mirror is set for this site")
    base = request.mirror.rstrip("/")

    def urls(pinned: Pinned) -> list[str]:
        return [f"{base}/{pinned.sha256}/{pinned.file_name}", f"{base}/{pinned.file_name}"]

    return _fetch(request, "mirror", urls, staging)


def release(request: Request, staging: Path) -> dict[str, Path]:
    """From the upstream release.

    Raises:
        ArtifactError: Not pinned, not reachable, or not the pinned file.
    """
    return _fetch(request, "release", lambda pinned: [pinned.location], staging)


def package(request: Request, staging: Path) -> dict[str, Path]:
    """From Debian's packages, unpacked and not installed.

    Raises:
        ArtifactError: Not pinned, no Debian mirror known or reachable, or not the pinned file.
    """
    bases = (request.debian_mirror,) if request.debian_mirror else debian_mirrors()
    if not bases:
        raise ArtifactError("no Debian mirror in this machine's apt sources, and none is set")
    return _fetch(request, "package", lambda pinned: mirror_urls(bases, pinned.location), staging)


def mirror_urls(bases: Iterable[str], path: str) -> list[str]:
    """Where Debian mirrors serve a pool path."""
    # '+' is legal in a path, but mirrors behind object storage read it as a space; apt does so too
    return [f"{base.rstrip('/')}/{path.replace('+', '%2B')}" for base in bases]


def fetch_first(urls: Iterable[str], sha256: str | None, target: Path, progress: Progress) -> str:
    """Download from the first URL that serves the file; returns its sha256.

    A wrong sum or a truncated file ends the search: that must be seen, not passed over.

    Raises:
        ArtifactError: None served it, or the served file is not the pinned one.
    """
    refusals: list[ArtifactError] = []
    for url in urls:
        try:
            return download(url, sha256, target, progress)
        except (NotServedError, UnreachableError) as error:
            refusals.append(error)
    # A server that has not got it says more than one that was not reached.
    kind = next(
        (type(error) for error in refusals if isinstance(error, NotServedError)), UnreachableError
    )
    raise kind("; ".join(map(str, refusals)))


def _fetch(
    request: Request, source: str, urls: Callable[[Pinned], list[str]], staging: Path
) -> dict[str, Path]:
    programs: dict[str, Path] = {}
    for pinned in request.lock.pinned(request.name, source, request.architecture):
        archive = staging / pinned.file_name
        fetch_first(urls(pinned), pinned.sha256, archive, request.progress)
        if pinned.tree:
            programs |= _whole(request, pinned, archive, staging / "programs")
        else:
            programs |= extract(archive, pinned.file_name, pinned.members, staging / "programs")
        archive.unlink()
    return programs


def _whole(request: Request, pinned: Pinned, archive: Path, into: Path) -> dict[str, Path]:
    """A tree, with all its programs in it."""
    files = extract_tree(archive, pinned.file_name, pinned.tree, into)
    for program in request.lock.entry(request.name).programs:
        if program not in files:
            raise missing(pinned.file_name, program, files, "programs")
        files[program].chmod(0o755)
    return files
