"""Who scrapes, probes and alerts whom: pure functions from the site, nothing said twice."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from plugins.model import Endpoint, EndpointKind
from plugins.site import Host, Site

PROBE_JOB = "probe"


@dataclass(frozen=True)
class Target:
    """One address to scrape, with the labels it gets.

    Attributes:
        job: The scrape job.
        address: ``host:port`` to connect to; for probes the URL to probe.
        labels: Labels of the target, without ``job``.
    """

    job: str
    address: str
    labels: Mapping[str, str]


def _labels(host: Host, component: str, kind: str, extra: Mapping[str, str]) -> dict[str, str]:
    return {
        "host": host.name,
        "environment": host.environment,
        "component": component,
        "kind": kind,
        **host.labels,
        **extra,
    }


def _sorted(targets: Iterable[Target]) -> tuple[Target, ...]:
    return tuple(sorted(targets, key=lambda target: (target.job, target.address)))


def _scrape(job: str, host: Host, kind: str, endpoint: Endpoint) -> Target:
    # The instance says which host in words; the address may be a bare IP.
    labels = {"instance": f"{host.name}:{endpoint.port}"}
    if endpoint.path != "/metrics":
        labels["__metrics_path__"] = endpoint.path
    if endpoint.scheme != "http":
        labels["__scheme__"] = endpoint.scheme
    labels.update(_labels(host, endpoint.component, kind, endpoint.labels))
    return Target(job, endpoint.authority, labels)


def _service_endpoints(site: Site, kind: EndpointKind) -> Iterable[tuple[Host, str, Endpoint]]:
    """Endpoints of the users' own services, as (host, kind label, endpoint)."""
    for host in site.hosts.values():
        for service in host.services:
            path = service.metrics if kind is EndpointKind.METRICS else service.health
            if path is not None:
                yield (
                    host,
                    service.kind,
                    Endpoint(
                        service.name,
                        host.name,
                        kind,
                        host.address,
                        service.port,
                        path,
                        service.scheme,
                        labels=service.labels,
                    ),
                )


def scrape_targets(site: Site) -> tuple[Target, ...]:
    """Every metrics endpoint of the site, of our components and of the users' services."""
    ours = (
        _scrape(p.role.name, p.host, p.role.kind, endpoint)
        for p in site.placements
        for endpoint in p.endpoints
        if endpoint.kind is EndpointKind.METRICS and not endpoint.local_only
    )
    theirs = (
        _scrape(endpoint.component, host, kind, endpoint)
        for host, kind, endpoint in _service_endpoints(site, EndpointKind.METRICS)
    )
    return _sorted([*ours, *theirs])


def probe_targets(site: Site, module: str) -> tuple[Target, ...]:
    """Every health endpoint of the site as a URL for the blackbox exporter.

    Args:
        site: The site.
        module: The blackbox module that probes them.
    """
    ours = (
        (p.host, endpoint)
        for p in site.placements
        for endpoint in p.endpoints
        if endpoint.kind is EndpointKind.HEALTH and not endpoint.local_only
    )
    theirs = (
        (host, endpoint) for host, _, endpoint in _service_endpoints(site, EndpointKind.HEALTH)
    )
    return _sorted(
        Target(
            PROBE_JOB,
            endpoint.url,
            {"module": module, **_labels(host, endpoint.component, "probe", endpoint.labels)},
        )
        for host, endpoint in [*ours, *theirs]
    )


def nearest(endpoints: Iterable[Endpoint], host: Host) -> Endpoint | None:
    """The endpoint on a host itself, else the first there is; None without any.

    Args:
        endpoints: To choose from, in the site's order.
        host: Who asks.
    """
    return min(endpoints, key=lambda endpoint: endpoint.host != host.name, default=None)


def intakes(site: Site, kind: EndpointKind, host: Host) -> tuple[Endpoint, ...]:
    """Where a host sends its logs or traces: to every store, to one door of each.

    Doors that share a store (label ``shared``) are one: the host's own if it has one, else one
    that is picked by the host's name, so that a site's hosts spread over them and a door more
    or less moves few of them.

    Args:
        site: The site.
        kind: ``LOGS`` or ``TRACES``.
        host: Who sends.
    """
    stores: dict[tuple[str, str], list[Endpoint]] = defaultdict(list)
    for endpoint in site.endpoints(kind):
        if endpoint.local_only and endpoint.host != host.name:
            continue
        shared = endpoint.labels.get("shared")
        stores[endpoint.component, shared or f"host {endpoint.host}"].append(endpoint)

    def preference(door: Endpoint) -> tuple[bool, str]:
        mixed = hashlib.sha256(f"{host.name} {door.host}".encode()).hexdigest()
        return door.host != host.name, mixed

    return tuple(min(doors, key=preference) for _, doors in sorted(stores.items()))


def collector(site: Site, host: Host) -> Endpoint | None:
    """Where applications on a host send OTLP: its own collector, else one that takes all comers.

    Args:
        site: The site.
        host: Who sends.
    """
    found = site.endpoints(EndpointKind.OTLP)
    return nearest((e for e in found if e.host == host.name or not e.local_only), host)


def beside(site: Site, endpoint: Endpoint, kind: EndpointKind) -> Endpoint | None:
    """The endpoint of another kind that the same component on the same host has, if any."""
    found = site.endpoints(kind, endpoint.component)
    return next((other for other in found if other.host == endpoint.host), None)


def expected_jobs(site: Site) -> tuple[str, ...]:
    """Jobs that must have at least one target."""
    return tuple(sorted({target.job for target in scrape_targets(site)}))


def target_file(targets: Iterable[Target]) -> str:
    """Prometheus' file_sd format, one group a label set, sorted so that equal sites are equal.

    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for target in targets:
        groups[json.dumps(dict(target.labels), sort_keys=True)].append(target.address)
    listed = [
        {"targets": sorted(addresses), "labels": json.loads(labels)}
        for labels, addresses in sorted(groups.items())
    ]
    return json.dumps(listed, indent=1, sort_keys=True) + "\n"
