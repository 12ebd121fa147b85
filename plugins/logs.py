"""Which logs a host's shipper reads: derived from what runs there and what people say."""

from __future__ import annotations

from plugins.rendering import RUNTIMES
from plugins.settings import LogSource
from plugins.site import Host, Site

# Where the smoke check writes the line that it then looks for, and the name it goes by.
SMOKE_FOLDER = "/var/log/stackwatch/smoke"
SMOKE_SERVICE = "stackwatch-smoke"


def log_sources(site: Site, host: Host) -> tuple[LogSource, ...]:
    """Every log source of a host, our components' own first.

    Args:
        site: The site.
        host: One of its hosts.
    """
    source = RUNTIMES[host.runtime].log_source
    said = (source(host, p.role.name, p.role.log_format) for p in site.on(host.name))
    own = [each for each in said if each is not None]
    files = [source for p in site.on(host.name) for source in p.settings.logs]
    smoke = LogSource(name=SMOKE_SERVICE, files=[f"{SMOKE_FOLDER}/*.log"], format="json")
    return (*own, *files, *host.logs, smoke)
