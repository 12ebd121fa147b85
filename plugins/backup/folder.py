"""A backup on disk: a folder with a date; its manifest says what is in it, and what is missing.

backups/<site>/2026-11-21T213355Z/manifest.json
backups/<site>/2026-11-21T213355Z/grafana/<host>/dashboards/<uid>.json
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from plugins.backup.kept import Copy

MANIFEST = "manifest.json"
_UNFINISHED = ".unfinished-"


class Described(BaseModel):
    """What a manifest says of one store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    counts: dict[str, int]


class Manifest(BaseModel):
    """What a backup says of itself.

    Attributes:
        format: Of the folder; another one is not read.
        site: The site's name.
        made: When, ISO 8601 in UTC.
        missing: What could not be read, in words; a whole backup has none.
        stores: Folder of a store to what was read of it.
        files: Path to sha256, of every other file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    site: str
    made: str
    missing: list[str]
    stores: dict[str, Described]
    files: dict[str, str]


@dataclass(frozen=True)
class Backup:
    """A backup that was read and is what its manifest says.

    Attributes:
        path: Its folder.
        manifest: Its manifest.
        copies: By the folders of the stores.
    """

    path: Path
    manifest: Manifest
    copies: Mapping[str, Copy]


class BackupError(Exception):
    """A folder is no backup, or a damaged or incomplete one; says why."""


def as_text(content: Any) -> str:
    """JSON as it is kept: sorted, so that two backups of the same are the same."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)


def stamp(moment: datetime) -> str:
    """The name of a backup's folder: a time in UTC that sorts, and is a name everywhere."""
    return f"{moment:%Y-%m-%dT%H%M%SZ}"


def write(
    root: Path, site: str, moment: datetime, copies: Mapping[str, Copy], missing: list[str]
) -> Path:
    """Write a backup; its folder is there whole, or not at all.

    Args:
        root: The folder of all backups.
        site: The site's name.
        moment: When it was made, UTC.
        copies: Folder of a store to what was read of it.
        missing: What could not be read, in words.

    Returns:
        Its folder.

    Raises:
        OSError: It cannot be written, or there is one of the same second.
    """
    files = {
        f"{store}/{path}": as_text(content)
        for store, copy in sorted(copies.items())
        for path, content in sorted(copy.files.items())
    }
    manifest = Manifest(
        site=site,
        made=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        missing=missing,
        stores={
            store: Described(version=copy.version, counts=dict(copy.counts))
            for store, copy in copies.items()
        },
        files={name: _sha256(text.encode()) for name, text in files.items()},
    )
    parent = root / site
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = parent / stamp(moment)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=parent))
    try:
        _write(unfinished, files | {MANIFEST: as_text(manifest.model_dump())})
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target


def _manifest(path: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        BackupError: There is none, or it is damaged.
    """
    try:
        return Manifest.model_validate_json((path / MANIFEST).read_bytes())
    except OSError as error:
        raise BackupError(f"{path} is no backup: {MANIFEST}: {error.strerror}") from error
    except ValidationError as error:
        raise BackupError(f"{path / MANIFEST} is damaged: {error.errors()[0]['msg']}") from error


def _faults(path: Path, files: Mapping[str, str]) -> Iterator[str]:
    for name, wanted in sorted(files.items()):
        inside = (path / name).resolve().is_relative_to(path.resolve())
        if not inside or not (path / name).is_file():
            yield f"{name} is missing"
        elif _sha256((path / name).read_bytes()) != wanted:
            yield f"{name} is not what was saved (its sha256 differs)"


def read(path: Path) -> Backup:
    """Read a backup, every file of which is what its manifest says.

    Raises:
        BackupError: It is none, or damaged, or incomplete.
    """
    manifest = _manifest(path)
    faults = list(_faults(path, manifest.files))
    if faults:
        raise BackupError(f"{path} is damaged: {'; '.join(faults)}")
    if manifest.missing:
        raise BackupError(f"{path} is incomplete: {'; '.join(manifest.missing)}")
    copies = {}
    for store, said in manifest.stores.items():
        below = f"{store}/"
        files = {
            name.removeprefix(below): json.loads((path / name).read_bytes())
            for name in manifest.files
            if name.startswith(below)
        }
        copies[store] = Copy(said.version, said.counts, files)
    return Backup(path, manifest, copies)


def prune(parent: Path, keep: int) -> tuple[Path, ...]:
    """Remove all but the newest whole backups of a site, and what is older than those.

    Args:
        parent: The folder of the site's backups; what has no manifest in there is left alone.
        keep: How many whole ones stay.

    Returns:
        What was removed.
    """
    ours = {}
    for path in sorted(parent.iterdir(), reverse=True):
        try:
            ours[path] = not _manifest(path).missing
        except BackupError:
            continue
    whole = [path for path, complete in ours.items() if complete][:keep]
    gone = tuple(path for path in ours if len(whole) == keep and path.name < whole[-1].name)
    for path in gone:
        shutil.rmtree(path)
    return gone
