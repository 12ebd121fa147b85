"""Files out of upstream's image: pulled from a registry by digest, flattened, no engine needed.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from plugins.artifacts.download import (
    LoginWantedError,
    NotServedError,
    WrongDigestError,
    download,
    shown,
)
from plugins.artifacts.layers import flatten
from plugins.artifacts.login import bearer
from plugins.artifacts.store import Progress
from plugins.artifacts.tree import MOST_BYTES

# Docker Hub goes by another name on the wire than in references, and has a folder for its own.
_HUB, _HUB_SERVER, _HUB_OWN = "docker.io", "registry-1.docker.io", "library"
_KINDS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
# More than registries themselves take.
_MOST_OF_JSON = 4 << 20
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
M = TypeVar("M", bound=BaseModel)


class _Json(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Descriptor(_Json):
    digest: Digest
    kind: str = Field("", alias="mediaType")
    size: int = Field(ge=0)


class _Platform(_Json):
    os: str = ""
    architecture: str = ""


class _Listed(_Descriptor):
    platform: _Platform | None = None


class _Manifest(_Json):
    """Of one architecture, with a configuration; or the list of all, which has none."""

    config: _Descriptor | None = None
    layers: tuple[_Descriptor, ...] = ()
    manifests: tuple[_Listed, ...] = ()


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
        if registry == _HUB and "/" not in repository:
            repository = f"{_HUB_OWN}/{repository}"
        return cls(registry, repository, tag)

    def base(self, mirror: str | None) -> str:
        """Where its manifests and blobs are served."""
        server = _HUB_SERVER if self.registry == _HUB else self.registry
        root = mirror.rstrip("/") if mirror else f"https://{server}"
        return f"{root}/v2/{self.repository}"


@dataclass(frozen=True)
class _Source:
    """Where one image is read.

    Attributes:
        base: Of its manifests and blobs.
        scratch: A file for what is read and not kept.
        progress: Receives a line every few seconds.
    """

    base: str
    scratch: Path
    progress: Progress

    def fetch(
        self, place: str, digest: str | None, target: Path, most: int, accept: str = "*/*"
    ) -> str:
        """Write what is at a place below the base; its digest, hexadecimal."""
        url = f"{self.base}/{place}"
        accepted = {"Accept": accept}
        try:
            return download(url, digest, target, self.progress, accepted, most)
        except LoginWantedError as wanted:
            # Each time anew: such a login may hold for a minute only, and a layer take longer.
            plain, login = bearer(url, wanted.challenge)
            return download(plain, digest, target, self.progress, {**accepted, **login}, most)

    def manifest(self, wanted: str, digest: str | None) -> tuple[_Manifest, str]:
        """What a tag or digest names, and its digest."""
        got = self.fetch(f"manifests/{wanted}", digest, self.scratch, _MOST_OF_JSON, _KINDS)
        read = self._read(_Manifest)
        if read.config is None and not read.manifests:
            raise WrongDigestError(f"{shown(self.base)}: {wanted} is no manifest of an image")
        return read, got

    def architecture(self, manifest: _Manifest) -> str:
        """What an image of one architecture is for: only its configuration says."""
        if manifest.config is None:
            return ""
        digest = manifest.config.digest
        self.fetch(f"blobs/{digest}", _hexadecimal(digest), self.scratch, _MOST_OF_JSON)
        return self._read(_Platform).architecture

    def _read(self, model: type[M]) -> M:
        try:
            return model.model_validate_json(self.scratch.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "its answer"
            what = f"{where}: {first['msg']}: it is no registry, or has no such image"
            raise WrongDigestError(f"{shown(self.base)}: {what}") from error
        finally:
            self.scratch.unlink()


def _hexadecimal(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _of_one(source: _Source, sha256: str, architecture: str) -> _Manifest:
    """The manifest that is pinned.

    Raises:
        ArtifactError: It is not served, or is of all architectures, or of another one.
    """
    manifest, _ = source.manifest(f"sha256:{sha256}", sha256)
    where = f"{shown(source.base)}: sha256:{sha256}"
    remedy = "write null for it in the lock and run `make lock`"
    if manifest.config is None:
        raise WrongDigestError(f"{where} is the list of an image's architectures: {remedy}")
    found = source.architecture(manifest)
    if found != architecture:
        raise WrongDigestError(f"{where} is for {found!r}, not {architecture!r}: {remedy}")
    return manifest


def pull(
    reference: Reference,
    sha256: str,
    architecture: str,
    mirror: str | None,
    target: Path,
    progress: Progress,
) -> None:
    """Write the files of an image as one plain tar.

    Args:
        reference: Where it is.
        sha256: Digest of the manifest of one architecture, hexadecimal.
        architecture: ``amd64`` or ``arm64``.
        mirror: Base URL of a registry that has it under the same repository; None asks its own.
        target: The tar; layers are kept beside it for as long as it is written.
        progress: Receives a line every few seconds.

    Raises:
        ArtifactError: The registry is not reached, does not have it or wants a login that it does
            not give to everyone, what it serves is not what was pinned, or is no image of files.
    """
    source = _Source(reference.base(mirror), target.with_name("read.json"), progress)
    manifest = _of_one(source, sha256, architecture)
    if sum(layer.size for layer in manifest.layers) > MOST_BYTES:
        raise WrongDigestError(f"{shown(source.base)}: larger than {MOST_BYTES >> 30} GiB")
    flatten(_layers(source, manifest.layers, target), target)


def _layers(source: _Source, layers: Iterable[_Descriptor], beside: Path) -> list[tuple[str, Path]]:
    fetched = []
    for number, layer in enumerate(layers):
        path = beside.with_name(f"layer{number}")
        source.fetch(f"blobs/{layer.digest}", _hexadecimal(layer.digest), path, layer.size)
        fetched.append((layer.kind, path))
    return fetched


def manifest_of(
    reference: Reference, sha256: str | None, architecture: str, scratch: Path, progress: Progress
) -> str:
    """The digest of an image's manifest for one architecture, asked at its own registry.

    Args:
        reference: The image.
        sha256: The digest that is expected to be served; None resolves the tag.
        architecture: ``amd64`` or ``arm64``.
        scratch: A file for what is read.
        progress: Receives a line every few seconds.

    Returns:
        Hexadecimal.

    Raises:
        ArtifactError: As :func:`pull`, or the image is not there for this architecture.
    """
    source = _Source(reference.base(None), scratch, progress)
    if sha256:
        _of_one(source, sha256, architecture)
        return sha256
    manifest, got = source.manifest(reference.tag, None)
    if manifest.config and source.architecture(manifest) == architecture:
        return got
    for each in manifest.manifests:
        if each.platform == _Platform(os="linux", architecture=architecture):
            return _hexadecimal(each.digest)
    raise NotServedError(f"{source.base}: {reference.tag} is not there for {architecture}")
