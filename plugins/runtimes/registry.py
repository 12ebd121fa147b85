"""A site's own image registry: images are pushed to it once, and hosts pull them by digest.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from plugins.runtimes.images import MANIFEST_TYPE, Image

_TIMEOUT = httpx.Timeout(connect=5, read=60, write=60, pool=5)


class RegistryError(Exception):
    """The registry does not answer, or does not take an image; says which and why."""


@dataclass(frozen=True)
class Registry:
    """One registry.

    Attributes:
        url: ``https://host:port``, or ``http://...`` for one without TLS, which engines then
            need among their ``insecure-registries``.
    """

    url: str

    @property
    def authority(self) -> str:
        """What stands before an image's name."""
        return self.url.partition("://")[2]

    def reference(self, image: Image) -> str:
        """What an engine pulls an image by: its digest, so it gets nothing else."""
        return f"{self.authority}/{image.repository}@{image.digest}"

    def provide(self, images: Iterable[Image]) -> int:
        """Push the images that the registry lacks.

        Returns:
            How many that were.

        Raises:
            RegistryError: It does not answer, or refuses one.
        """
        try:
            with httpx.Client(base_url=self.url, timeout=_TIMEOUT) as client:
                return sum(_push(client, image) for image in images)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RegistryError(f"{self.url}: {error or type(error).__name__}") from error
        except KeyError as error:
            raise RegistryError(f"{self.url}: its answer has no {error}, it is none") from error


def _there(client: httpx.Client, path: str) -> bool:
    # Or it would answer for manifests of an older kind only.
    answer = client.head(path, headers={"Accept": MANIFEST_TYPE}, follow_redirects=True)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return False
    answer.raise_for_status()
    return True


def _push(client: httpx.Client, image: Image) -> bool:
    manifest = f"/v2/{image.repository}/manifests/{image.digest}"
    if _there(client, manifest):
        return False
    for digest, blob in image.blobs():
        if _there(client, f"/v2/{image.repository}/blobs/{digest}"):
            continue
        begun = client.post(f"/v2/{image.repository}/blobs/uploads/").raise_for_status()
        place = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
        octets = {"Content-Type": "application/octet-stream"}
        client.put(place, content=blob, headers=octets).raise_for_status()
    kind = {"Content-Type": MANIFEST_TYPE}
    client.put(manifest, content=image.manifest, headers=kind).raise_for_status()
    return True
