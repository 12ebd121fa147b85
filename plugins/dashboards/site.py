"""The dashboards of a site: the project's own, fitted to it, and those that the site adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from plugins.dashboards.document import GENERAL, Dashboard, library, read_raw
from plugins.dashboards.drop_ins import dropped_in
from plugins.dashboards.fitting import fitted, marked, unlinked
from plugins.dashboards.presence import families
from plugins.endpoint import EndpointKind
from plugins.problem import Problem
from plugins.site import Site


@dataclass(frozen=True)
class SiteDashboard:
    """One dashboard as it is provisioned.

    Attributes:
        uid: Its id in URLs.
        title: Its name.
        folder: Where people find it; ``General`` is Grafana's top, which is no folder.
        path: Its file below the folder of dashboards, whose folders are Grafana's.
        content: Its text.
        mark: The tag that tells which text it is.
        ours: Whether it is the project's own.
        dashboard: The same, read; of ours with what Grafana does not get.
    """

    uid: str
    title: str
    folder: str
    path: str
    content: str
    mark: str
    ours: bool
    dashboard: Dashboard


def site_dashboards(
    site: Site, problems: list[Problem], known: Mapping[str, str] | None = None
) -> tuple[SiteDashboard, ...]:
    """Every dashboard of a site, by folder and uid.

    Args:
        site: The site; its own stand in its drop-in folder's ``dashboards/``.
        problems: Gets what is wrong with the site's own files, with file and panel.
        known: Uid or name to type of the site's datasources; None leaves open which there are.
    """
    # One that cannot be asked is placed and no datasource: a Prometheus that only forwards, or
    # one on another host's loopback.
    asked = {endpoint.component for endpoint in site.endpoints(EndpointKind.API)}
    types = asked if known is None else set(known.values())
    ours = _ours(families(site), frozenset(types))
    theirs = tuple(_provisioned(each, ours=False) for each in dropped_in(site, problems, known))
    return tuple(sorted((*ours, *theirs), key=lambda each: (each.folder, each.uid)))


def _provisioned(dashboard: Dashboard, ours: bool) -> SiteDashboard:
    content, mark = marked(dashboard.raw)
    uid, folder = dashboard.uid, dashboard.folder
    # Grafana has no folder of that name, and refuses to make one.
    path = f"{uid}.json" if folder == GENERAL else f"{folder}/{uid}.json"
    return SiteDashboard(uid, dashboard.title, folder, path, content, mark, ours, dashboard)


@cache
def _ours(present: frozenset[str], types: frozenset[str]) -> tuple[SiteDashboard, ...]:
    """The project's own dashboards as a site with some families has them."""
    plain = {each.uid: (each, fitted(each, present, types)) for each in library()}
    absent = frozenset(uid for uid, (_, raw) in plain.items() if raw is None)
    return tuple(
        _provisioned(read_raw(unlinked(raw, absent), each.file), ours=True)
        for each, raw in plain.values()
        if raw is not None
    )
