"""The images test hosts start from, named after the hashes of their recipes and packages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

import docker

from tests.hosts import rootfs
from tests.hosts.folders import cache_folder, locked
from tests.hosts.progress import step

REPOSITORY = "stackwatch-host"
CHANGES = ('CMD ["/usr/local/sbin/boot-host"]', "ENV container=docker")


def tag(packages: Collection[str] = ()) -> str:
    """Return an image's name: another recipe or other packages are another image."""
    recipe = [rootfs.SUITE, rootfs.PACKAGES, rootfs.RECIPE.read_text(), CHANGES]
    name = f"{REPOSITORY}:{_hash(recipe)}"
    more = [rootfs.MORE.read_text(), sorted(set(packages))]
    return f"{name}-{_hash(more)}" if packages else name


def cached_tarball(name: str) -> Path:
    """Return where the root filesystem of an image is kept between engines and checkouts."""
    return cache_folder() / f"{name.replace(':', '-')}.tar"


def ensure(client: docker.DockerClient, packages: Collection[str] = ()) -> str:
    """Return the name of an image, building or importing it first if the engine has none.

    Args:
        client: the engine.
        packages: what it has on top of the plain image, which is made first.

    Raises:
        HostsError: it could not be built.
    """
    name = tag(packages)
    if _exists(client, name):
        return name
    tarball = cached_tarball(name)
    base = ensure(client) if packages and not tarball.exists() else None
    with locked(cache_folder() / "image.lock", "building the image"):
        if _exists(client, name):
            return name
        if not tarball.exists():
            if base is None:
                rootfs.build(client, tarball)
            else:
                rootfs.extend(client, base, sorted(set(packages)), tarball)
        with step(f"importing {name} from {tarball}"):
            repository, _, version = name.partition(":")
            client.api.import_image_from_file(
                str(tarball), repository=repository, tag=version, changes=list(CHANGES)
            )
    return name


def remove(client: docker.DockerClient | None) -> bool:
    """Remove the images and their cached root filesystems, unless a container still uses one.

    Args:
        client: the engine; None where none answers, then only the cache goes.

    Returns:
        False if one is in use; then all of them stay.
    """
    if client is not None:
        names = _made(client)
        if any(client.containers.list(all=True, filters={"ancestor": name}) for name in names):
            return False
        for name in names:
            client.images.remove(name)
    plain = cached_tarball(tag())
    for tarball in (plain, *plain.parent.glob(f"{plain.stem}-*.tar")):
        tarball.unlink(missing_ok=True)
    return True


def _made(client: docker.DockerClient) -> list[str]:
    """Return the images of this recipe that the engine has: the plain one, those with packages."""
    tags = [each for image in client.images.list(name=REPOSITORY) for each in image.tags]
    return [each for each in tags if each == tag() or each.startswith(f"{tag()}-")]


def _hash(recipe: object) -> str:
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]


def _exists(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True
