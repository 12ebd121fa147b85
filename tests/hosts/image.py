"""The image all test hosts start from, named after the hash of its recipe."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import docker

from tests.hosts import rootfs
from tests.hosts.folders import cache_folder, locked
from tests.hosts.progress import step

REPOSITORY = "stackwatch-host"
CHANGES = ('CMD ["/usr/local/sbin/boot-host"]', "ENV container=docker")


def tag() -> str:
    """Return the image's name: another recipe is another image."""
    recipe = [rootfs.SUITE, rootfs.PACKAGES, rootfs.RECIPE.read_text(), CHANGES]
    return f"{REPOSITORY}:{hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]}"


def cached_tarball() -> Path:
    """Return where the root filesystem of this recipe is kept between engines and checkouts."""
    return cache_folder() / f"{tag().replace(':', '-')}.tar"


def ensure(client: docker.DockerClient) -> str:
    """Return the name of the image, building or importing it first if the engine has none.

    Raises:
        HostsError: it could not be built.
    """
    name = tag()
    if _exists(client, name):
        return name
    with locked(cache_folder() / "image.lock", "building the image"):
        if _exists(client, name):
            return name
        tarball = cached_tarball()
        if not tarball.exists():
            rootfs.build(client, tarball)
        with step(f"importing {name} from {tarball}"):
            repository, _, version = name.partition(":")
            client.api.import_image_from_file(
                str(tarball), repository=repository, tag=version, changes=list(CHANGES)
            )
    return name


def remove(client: docker.DockerClient | None) -> bool:
    """Remove the image and its cached root filesystem, unless a container still uses it.

    Args:
        client: the engine; None where none answers, then only the cache goes.

    Returns:
        False if it is in use and stays.
    """
    if client is not None and _exists(client, tag()):
        if client.containers.list(all=True, filters={"ancestor": tag()}):
            return False
        client.images.remove(tag())
    cached_tarball().unlink(missing_ok=True)
    return True


def _exists(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True
