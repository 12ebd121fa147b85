"""Files out of upstream's image: pulled from a registry by digest, flattened, no engine needed.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from plugins.artifacts.download import (
    TIMEOUT,
    NotServedError,
    UnreachableError,
    WrongDigestError,
    download,
)
from plugins.artifacts.layers import flatten
from plugins.artifacts.store import Progress
from plugins.model import ArtifactError

# Docker Hub goes by another name on the wire than in references.
_HUB = {"docker.io": "registry-1.docker.io"}
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Reference:
    """The name of an image.

    Attributes:
        registry: Host, with a port if it has one.
        repository: Path in it.
        tag: What is resolved when a digest is pinned, never when one is pulled.
    """

    registry: str
    repository: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of ``registry/repository:tag``; the lock takes no other form."""
        name, _, tag = text.rpartition(":")
        registry, _, repository = name.partition("/")
        return cls(registry, repository, tag)

    def base(self, mirror: str | None) -> str:
        """Where its manifests and blobs are served."""
        root = mirror.rstrip("/") if mirror else f"https://{_HUB.get(self.registry, self.registry)}"
        return f"{root}/v2/{self.repository}"


def pull(
    reference: Reference, sha256: str, mirror: str | None, target: Path, progress: Progress
) -> None:
    """Write the files of an image as one plain tar.

    Args:
        reference: Where it is.
        sha256: Digest of the manifest of one architecture, hexadecimal.
        mirror: Base URL of a registry that has it under the same repository; None asks its own.
        target: The tar; layers are kept beside it for as long as it is written.
        progress: Receives a line every few seconds.

    Raises:
        ArtifactError: The registry is not reached, does not have it or wants a login that it does
            not give to everyone, what it serves is not what was pinned, or is no image of files.
    """
    base = reference.base(mirror)
    read = target.with_name("manifest.json")
    login = _login(f"{base}/manifests/sha256:{sha256}")
    _manifest(f"{base}/manifests/sha256:{sha256}", sha256, login, read, progress)
    manifest = _parsed(read, base)
    read.unlink()
    if manifest.get("mediaType") in _INDEXES or "layers" not in manifest:
        raise WrongDigestError(
            f"{base}: sha256:{sha256} is the list of an image's architectures; pin the manifest of "
            "one: write null and run `make lock`"
        )
    layers = []
    for number, layer in enumerate(manifest["layers"]):
        digest = str(layer["digest"]).removeprefix("sha256:")
        path = target.with_name(f"layer{number}")
        download(f"{base}/blobs/sha256:{digest}", digest, path, progress, login)
        layers.append((str(layer["mediaType"]), path))
    flatten(layers, target)


def manifest_of(
    reference: Reference, sha256: str | None, architecture: str, scratch: Path, progress: Progress
) -> str:
    """The digest of an image's manifest for one architecture.

    Args:
        reference: The image; asked at its own registry.
        sha256: The digest that is expected to be served; None resolves the tag.
        architecture: ``amd64`` or ``arm64``.
        scratch: File to write what is served to.
        progress: Receives a line every few seconds.

    Returns:
        Hexadecimal.

    Raises:
        ArtifactError: As :func:`pull`, or the image is not there for this architecture.
    """
    base = reference.base(None)
    url = f"{base}/manifests/{f'sha256:{sha256}' if sha256 else reference.tag}"
    login = _login(url)
    got = _manifest(url, sha256, login, scratch, progress)
    if sha256:
        return got
    read = _parsed(scratch, base)
    if "manifests" not in read:
        # One of a single architecture does not say which; its configuration does.
        url = f"{base}/blobs/{read['config']['digest']}"
        digest = str(read["config"]["digest"]).removeprefix("sha256:")
        download(url, digest, scratch, progress, login)
        if _parsed(scratch, base).get("architecture") == architecture:
            return got
    for each in read.get("manifests", ()):
        platform = each.get("platform", {})
        if (platform.get("os"), platform.get("architecture")) == ("linux", architecture):
            return str(each["digest"]).removeprefix("sha256:")
    raise NotServedError(f"{base}: {reference.tag} is not there for {architecture}")


def _manifest(
    url: str, sha256: str | None, login: Mapping[str, str], target: Path, progress: Progress
) -> str:
    accept = {"Accept": ", ".join((*_MANIFESTS, *_INDEXES))}
    return download(url, sha256, target, progress, {**accept, **login})


def _parsed(path: Path, base: str) -> dict[str, Any]:
    try:
        read = json.loads(path.read_bytes())
    except ValueError as error:
        raise WrongDigestError(f"{base}: not a manifest: {error}") from error
    if not isinstance(read, dict):
        raise WrongDigestError(f"{base}: not a manifest")
    return read


def _login(url: str) -> dict[str, str]:
    """What a registry wants to see of everyone who only reads.

    https://distribution.github.io/distribution/spec/auth/token/
    """
    try:
        reply = httpx.head(url, timeout=TIMEOUT, follow_redirects=True)
        challenge = reply.headers.get("WWW-Authenticate", "")
        if reply.status_code != httpx.codes.UNAUTHORIZED or not challenge.startswith("Bearer "):
            return {}  # Whatever else it is, the request itself finds it, and says it better.
        asked = dict(_CHALLENGE.findall(challenge))
        realm = asked.pop("realm")
        credentials = httpx.URL(url)
        login = (credentials.username, credentials.password) if credentials.username else None
        given = httpx.get(realm, params=asked, auth=login, timeout=TIMEOUT).raise_for_status()
        answer = given.json()
        return {"Authorization": f"Bearer {answer.get('token') or answer['access_token']}"}
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(f"{_shown(url)}: {error or type(error).__name__}") from error
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"{_shown(url)}: its login is none of a registry: {error}") from error


def _shown(url: str) -> str:
    return str(httpx.URL(url).copy_with(username=None, password=None))
