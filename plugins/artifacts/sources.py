"""The sources that fetch files: a site's mirror, the upstream release or image, packages.

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
from plugins.artifacts.image import Reference, pull
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
        image_mirror: Base URL of a registry that has upstream's images; None asks upstream's.
        progress: Receives a line for anything over two seconds.
    """

    lock: Lock
    name: str
    architecture: str
    mirror: str | None
    debian_mirror: str | None
    image_mirror: str | None
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


def image(request: Request, staging: Path) -> dict[str, Path]:
    """From upstream's image, pulled by its digest; no engine is needed.

    Raises:
        ArtifactError: Not pinned, no registry reachable, or not the pinned image.
    """
    (pinned,) = request.lock.pinned(request.name, "image", request.architecture)
    archive = staging / "image.tar"
    reference = Reference.parse(pinned.location)
    pull(
        reference,
        pinned.sha256,
        request.architecture,
        request.image_mirror,
        archive,
        request.progress,
    )
    return _taken(request, pinned, archive, f"{pinned.file_name}.tar", staging)


def package(request: Request, staging: Path) -> dict[str, Path]:
    """From Debian's packages or upstream's own, unpacked and not installed.

    Raises:
        ArtifactError: Not pinned, no Debian mirror known or reachable, or not the pinned file.
    """

    def urls(pinned: Pinned) -> list[str]:
        found = package_urls(pinned.location, request.debian_mirror)
        if not found:
            raise ArtifactError("no Debian mirror in this machine's apt sources, and none is set")
        return found

    return _fetch(request, "package", urls, staging)


def package_urls(location: str, debian_mirror: str | None) -> list[str]:
    """Where a package is served.

    Args:
        location: Of :class:`Pinned`.
        debian_mirror: Base URL; None reads the machine's apt sources.

    Returns:
        One URL per mirror; none where no mirror is known.
    """
    # '+' is legal in a path, but mirrors behind object storage read it as a space; apt does so too
    path = location.replace("+", "%2B")
    if "://" in location:
        return [path]
    bases = (debian_mirror,) if debian_mirror else debian_mirrors()
    return [f"{base.rstrip('/')}/{path}" for base in bases]


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
        programs |= _taken(request, pinned, archive, pinned.file_name, staging)
    return programs


def _taken(
    request: Request, pinned: Pinned, archive: Path, file_name: str, staging: Path
) -> dict[str, Path]:
    """What is wanted of an archive, which is removed then: its programs, or a tree with them."""
    into = staging / "programs"
    if pinned.tree:
        files = extract_tree(archive, file_name, pinned.tree, into)
        for program in request.lock.entry(request.name).programs:
            if program not in files:
                raise missing(file_name, program, files, "programs")
            files[program].chmod(0o755)
    else:
        files = extract(archive, file_name, pinned.members, into)
    archive.unlink()
    return files
