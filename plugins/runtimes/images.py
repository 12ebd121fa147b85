"""Images made of verified programs: the same bytes, so the same digests, on every controller.

An image has three layers: the mount points and links a container needs, a static busybox for
its health check, and the programs. The last two are the deliverables of the artifact store as
they are, so that an image is as much pinned by the lock as the programs are.

https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from plugins.artifacts.packing import PACKED_MTIME
from plugins.artifacts.store import Store
from plugins.model import Artifact
from plugins.packed import TREE
from plugins.paths import Paths
from plugins.runtimes.rendered import content

SHELL = "/busybox"
# Where the health check finds what to ask.
HEALTH = "STACKWATCH_HEALTH"
HEALTH_CHECK = [
    "CMD",
    SHELL,
    "sh",
    "-c",
    f'exec {SHELL} wget -q -T 5 -O /dev/null "${HEALTH}"',
]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# How often it is done, and how long it may take.
HEALTH_SECONDS = {"interval": 30, "timeout": 6, "start-period": 60}
_SECOND = 1_000_000_000
_CHUNK = 1 << 20
# Where merged-/usr systems have them: programs that borrow the host's /usr find its libraries.
_LINKS = {
    "bin": "usr/bin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "sbin": "usr/sbin",
    "var/run": "../run",
}
_FOLDERS = ("dev", "etc", "host", "opt", "proc", "run", "sys", "usr", "var")
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


def _sha256(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        digest: Of the bytes that travel, ``sha256:...``.
        size: Of them.
        unpacked: Digest of the unpacked tar, which the image's own digest is made of.
        packed: Whether they are gzip.
        path: The file that holds them; None where ``inline`` does.
    """

    digest: str
    size: int
    unpacked: str
    packed: bool
    path: Path | None = None
    inline: bytes = b""

    def read(self) -> bytes:
        """The bytes that travel."""
        return self.inline if self.path is None else content(self.path)


def _unpacked_digest(artifact: Artifact) -> str:
    """Digest of a deliverable's tar; kept beside it, since unpacking it takes a second."""
    kept = Store(artifact.path.parent.parent).root / "layers" / artifact.sha256
    if kept.is_file():
        return kept.read_text(encoding="ascii").strip()
    summed = hashlib.sha256()
    with gzip.open(artifact.path) as stream:
        while chunk := stream.read(_CHUNK):
            summed.update(chunk)
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(f".{id(artifact)}")
    fresh.write_text(f"{summed.hexdigest()}\n", encoding="ascii")
    fresh.replace(kept)
    return summed.hexdigest()


@lru_cache(maxsize=256)
def _programs(sha256: str, path: Path, name: str) -> Layer:
    artifact = Artifact(name, "", "", "", path, sha256, {})
    unpacked = f"sha256:{_unpacked_digest(artifact)}"
    return Layer(f"sha256:{sha256}", path.stat().st_size, unpacked, packed=True, path=path)


@lru_cache(maxsize=256)
def _skeleton(component: str, unpacked: str = "/") -> Layer:
    """Mount points, and the programs' folder as a link to where their layer puts them.

    Args:
        component: Its name.
        unpacked: Where its layer puts its programs.
    """
    programs = Paths(component).programs.lstrip("/")
    folders = [str(folder) for folder in Path(programs).parents if str(folder) not in (".", "opt")]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in (*_FOLDERS, *reversed(folders), "tmp"):
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755))
        for name, target in {**_LINKS, programs: unpacked}.items():
            tar.addfile(_entry(name, tarfile.SYMTYPE, 0o777, target))
    tar_bytes = packed.getvalue()
    summed = _sha256(tar_bytes)
    return Layer(summed, len(tar_bytes), summed, packed=False, inline=tar_bytes)


def _entry(name: str, kind: bytes, mode: int, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname, entry.mtime = kind, mode, target, PACKED_MTIME
    return entry


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        component: Whose it is.
        version: Of its program.
        architecture: ``amd64`` or ``arm64``.
        layers: From the lowest.
    """

    component: str
    version: str
    architecture: str
    layers: tuple[Layer, ...]

    @cached_property
    def config(self) -> bytes:
        """The image's configuration; its digest is what an engine calls the image's id."""
        return _dump(
            {
                "architecture": self.architecture,
                "os": "linux",
                "created": "1980-01-01T00:00:00Z",
                "config": {
                    "Env": [f"PATH={PATH}"],
                    "WorkingDir": "/",
                    "Labels": {"stackwatch.component": self.component},
                    # Docker's own addition to the format, which Podman does not read.
                    "Healthcheck": {
                        "Test": HEALTH_CHECK,
                        "Interval": HEALTH_SECONDS["interval"] * _SECOND,
                        "Timeout": HEALTH_SECONDS["timeout"] * _SECOND,
                        "StartPeriod": HEALTH_SECONDS["start-period"] * _SECOND,
                        "StartInterval": 5 * _SECOND,
                        "Retries": 3,
                    },
                },
                "rootfs": {"type": "layers", "diff_ids": [layer.unpacked for layer in self.layers]},
            }
        )

    @cached_property
    def manifest(self) -> bytes:
        """What a registry serves the image by."""
        return _dump(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": _described(_CONFIG_TYPE, self.config),
                "layers": [
                    {
                        "mediaType": f"{_LAYER_TYPE}+gzip" if layer.packed else _LAYER_TYPE,
                        "digest": layer.digest,
                        "size": layer.size,
                    }
                    for layer in self.layers
                ],
            }
        )

    @property
    def id(self) -> str:
        """What engines with their own image store call it."""
        return _sha256(self.config)

    @property
    def digest(self) -> str:
        """What registries call it, and engines that keep images in containerd's store."""
        return _sha256(self.manifest)

    @property
    def repository(self) -> str:
        """Its name without a tag."""
        return f"stackwatch/{self.component}"

    @property
    def tag(self) -> str:
        """Its full name; another image has another one."""
        return f"{self.repository}:{self.version}-{self.id[7:19]}"

    @property
    def size(self) -> int:
        """Bytes of its layers, packed."""
        return sum(layer.size for layer in self.layers)

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        """Everything a registry must have for it, by digest, without the manifest."""
        for layer in self.layers:
            yield layer.digest, layer.read()
        yield self.id, self.config

    def pieces(self) -> Iterator[bytes]:
        """A tar that every engine loads: an OCI layout with Docker's own list beside it.

        https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
        """
        listed = {
            "Config": _blob(self.id),
            "RepoTags": [self.tag],
            "Layers": [_blob(layer.digest) for layer in self.layers],
        }
        named = {
            **json.loads(_dump(_described(MANIFEST_TYPE, self.manifest))),
            "annotations": {
                "io.containerd.image.name": f"docker.io/{self.tag}",
                "org.opencontainers.image.ref.name": self.tag.rpartition(":")[2],
            },
        }
        index = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": [named]}
        yield from _file("oci-layout", _dump({"imageLayoutVersion": "1.0.0"}))
        yield from _file("index.json", _dump(index))
        yield from _file("manifest.json", _dump([listed]))
        yield from _file(_blob(self.digest), self.manifest)
        for digest, blob in self.blobs():
            yield from _file(_blob(digest), blob)
        yield bytes(2 * tarfile.BLOCKSIZE)


def _described(kind: str, blob: bytes) -> Mapping[str, Any]:
    return {"mediaType": kind, "digest": _sha256(blob), "size": len(blob)}


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _file(name: str, blob: bytes) -> Iterator[bytes]:
    """One file of a tar: its head, itself, and what fills its last block."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(blob), PACKED_MTIME, 0o644
    yield entry.tobuf(tarfile.USTAR_FORMAT)
    yield blob
    yield bytes(-len(blob) % tarfile.BLOCKSIZE)


def image_of(component: str, programs: Artifact, shell: Artifact) -> Image:
    """The image of a component.

    Args:
        component: Its name; its programs are found where :class:`Paths` says.
        programs: Its programs.
        shell: A static busybox.
    """
    layers = [
        _skeleton(component, f"/{TREE}" if programs.tree else "/"),
        *(_programs(each.sha256, each.path, each.name) for each in (shell, programs)),
    ]
    return Image(component, programs.version, programs.architecture, tuple(layers))
