"""Where the hosts of a run get their images from."""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra import host, logger

from plugins.comparison import Changes
from plugins.runtimes.registry import Registry, RegistryError
from plugins.site import Site


def site_registry(site: Site, lacking: Iterable[Changes]) -> Registry | None:
    """The site's registry, with every image that the current host lacks; None if there is none.

    A site may have one that is only being made by this very run: then images are sent, and
    that is told.

    Args:
        site: The site.
        lacking: Changes of components whose programs the host lacks.
    """
    images = [image for changes in lacking for image in changes.rendered.images]
    if site.settings.image_registry is None or not images:
        return None
    registry = Registry(site.settings.image_registry)
    try:
        pushed = registry.provide(images)
    except RegistryError as error:
        host.log(f"images are sent, not pulled: {error}", log_func=logger.warning)
        return None
    host.log(f"{len(images)} images are pulled, {pushed} were pushed", log_func=logger.info)
    return registry
