"""Containers of unit tests' sites: programs that are real files, small and always the same."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from plugins.compiler import components_of
from plugins.model import Artifact
from plugins.rendering import RUNTIMES
from plugins.runtimes.docker import Container
from plugins.runtimes.rendered import Rendered
from plugins.site import Site
from tests.unit.sites import PROGRAMS

ALL = {**PROGRAMS, "alloy": ("alloy",), "busybox": ("busybox",)}


def packed(*programs: str, architecture: str = "amd64") -> bytes:
    """Programs as the store packs them, not compressed: other versions of zlib do it otherwise."""
    tar_file = io.BytesIO()
    with tarfile.open(fileobj=tar_file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in programs:
            content = f"#!{name} {architecture}\n".encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(tar_file.getvalue(), compresslevel=0, mtime=0)


def deliverable(
    folder: Path, name: str, version: str = "3.14.0", architecture: str = "amd64", more: str = ""
) -> Artifact:
    """A program in a store.

    Args:
        folder: The store's root.
        name: The program.
        version: Its version.
        architecture: What it is for.
        more: A further program beside it.
    """
    content = packed(*ALL[name], *([more] if more else []), architecture=architecture)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / "deliverables" / f"{digest}.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Artifact(name, version, "release", architecture, path, digest, dict.fromkeys(ALL, 1))


def everything(folder: Path) -> dict[tuple[str, str], Artifact]:
    """Every program for every architecture."""
    return {
        (name, architecture): deliverable(folder, name, architecture=architecture)
        for name in ALL
        for architecture in ("amd64", "arm64")
    }


def made(site: Site, host: str, folder: Path) -> dict[str, Rendered]:
    """The components of one host as its runtime wants them, by name."""
    got = everything(folder)
    placements = {placement.role.name: placement for placement in site.on(host)}
    render = RUNTIMES[site.hosts[host].runtime].render
    return {c.name: render(c, placements[c.role], got) for c in components_of(site, got, host)}


def contained(site: Site, host: str, name: str, folder: Path) -> Container:
    """One component of one host as a container."""
    container = made(site, host, folder)[name]
    assert isinstance(container, Container)
    return container
