"""Check every sha256 of the lock against what is really served, and fill the missing ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plugins.artifacts.download import (
    NotServedError,
    TruncatedError,
    UnreachableError,
    WrongDigestError,
)
from plugins.artifacts.image import Reference, manifest_of
from plugins.artifacts.lock import Lock, LockError, filled, located
from plugins.artifacts.sources import fetch_first, package_urls
from plugins.artifacts.store import Progress
from plugins.model import Problem

VERIFIED = "verified"
UNVERIFIED = "not verified"
FAILED = "failed"
UNPINNED = "no sha256"
FILLED = "filled"


@dataclass(frozen=True)
class Place:
    """One sha256 of the lock: where it stands and what it is the digest of.

    Attributes:
        name: Artifact name.
        source: ``release``, ``image`` or ``package``.
        architecture: ``amd64`` or ``arm64``.
        key: Path of keys and list positions in the YAML.
        location: As in :class:`plugins.artifacts.lock.Pinned`.
        sha256: The pin; None where the lock says null.
    """

    name: str
    source: str
    architecture: str
    key: tuple[str | int, ...]
    location: str
    sha256: str | None


@dataclass(frozen=True)
class Finding:
    """What came of one place.

    Attributes:
        place: The sha256.
        outcome: One of the constants above.
        detail: The digest of what was served, or the reason why there is none.
    """

    place: Place
    outcome: str
    detail: str

    @property
    def is_digest(self) -> bool:
        """Whether the detail is a digest."""
        return self.outcome in (VERIFIED, FILLED)


def places(lock: Lock, names: Iterable[str]) -> Iterator[Place]:
    """Every sha256 that stands in the lock for ``names``.

    Raises:
        ArtifactError: An unknown name.
    """
    for name in names:
        entry = lock.entry(name)
        for source in ("release", "image", "package"):
            declared = entry.fetched(source)
            if declared is None:
                continue
            for position, file in enumerate(declared.files):
                location = located(declared, file)
                for architecture, sha256 in file.sha256.items():
                    yield Place(
                        name,
                        source,
                        architecture,
                        (name, source, "files", position, "sha256", architecture),
                        filled(
                            location, lock.version(name, source), declared.spelling, architecture
                        ),
                        sha256,
                    )


def check(
    lock: Lock, names: Iterable[str], debian_mirror: str | None, staging: Path, progress: Progress
) -> Iterator[Finding]:
    """Download what is pinned and compare.

    Args:
        lock: The lock.
        names: Artifacts to check.
        debian_mirror: Base URL; None reads the machine's apt sources.
        staging: Folder for downloads; each is deleted at once.
        progress: Receives a line every few seconds.

    Yields:
        One finding per sha256, as it is known.
    """
    for place in places(lock, names):
        if place.sha256 is None:
            yield Finding(place, UNPINNED, f"{place.location}: no sha256; run `make lock`")
            continue
        yield _fetched(place, debian_mirror, staging, progress)


def fill(
    lock: Lock, names: Iterable[str], debian_mirror: str | None, staging: Path, progress: Progress
) -> Iterator[Finding]:
    """Download what has ``null`` for a sha256 and write the digest into the lock file.

    Only the nulls change; comments and order stay. What arrives is trusted because somebody
    asked for it by name, over TLS: look at the diff before it is committed.
    """
    for place in places(lock, names):
        if place.sha256 is None:
            finding = _fetched(place, debian_mirror, staging, progress)
            if finding.outcome == VERIFIED:
                _write(lock.path, place.key, finding.detail)
                finding = Finding(place, FILLED, finding.detail)
            yield finding


def _fetched(place: Place, debian_mirror: str | None, staging: Path, progress: Progress) -> Finding:
    target = staging / "download"
    try:
        if place.source == "image":
            reference = Reference.parse(place.location)
            found = manifest_of(reference, place.sha256, place.architecture, target, progress)
            return Finding(place, VERIFIED, found)
        urls = [place.location]
        if place.source == "package":
            urls = package_urls(place.location, debian_mirror)
        if not urls:
            return Finding(place, UNVERIFIED, "no Debian mirror in this machine's apt sources")
        return Finding(place, VERIFIED, fetch_first(urls, place.sha256, target, progress))
    except (UnreachableError, TruncatedError) as error:
        return Finding(place, UNVERIFIED, str(error))
    except (NotServedError, WrongDigestError) as error:
        return Finding(place, FAILED, str(error))
    finally:
        target.unlink(missing_ok=True)


def _write(path: Path, key: tuple[str | int, ...], sha256: str) -> None:
    """Replace the null at ``key`` in the text, so that everything else stays as written."""
    text = path.read_text(encoding="utf-8")
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in key:
        if isinstance(node, yaml.MappingNode):
            node = next(value for name, value in node.value if name.value == step)
        else:
            node = node.value[step]
    if node.tag != "tag:yaml.org,2002:null":
        where = ".".join(map(str, key))
        raise LockError([Problem(f"{path}: {where}", "is not null any more", "Run it again.")])
    start, end = node.start_mark.index, node.end_mark.index
    # `amd64:` with nothing behind it is null too, and needs its space
    gap = " " if text[start - 1] == ":" else ""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text[:start] + gap + sha256 + text[end:], encoding="utf-8")
    fresh.replace(path)
