"""Which families of metrics, logs and traces a site has."""

from __future__ import annotations

from collections.abc import Iterable

from plugins.site import Site


def families(site: Site) -> frozenset[str]:
    """Roles that are placed on a site, and what they and the users' services expose.

    Args:
        site: The site.
    """
    placed = {placement.role.name for placement in site.placements}
    exposed = {
        family
        for placement in site.placements
        for family in placement.role.exposes(placement.settings)
    }
    said = {
        family
        for host in site.hosts.values()
        for service in host.services
        for family in service.exposes
    }
    return frozenset(placed | exposed | said)


def lacking(needs: Iterable[str], present: frozenset[str]) -> tuple[str, ...]:
    """What of some needs a site does not have.

    Args:
        needs: Families, all of which must be there; ``a|b`` is one of several.
        present: What the site has.
    """
    return tuple(need for need in needs if not present.intersection(need.split("|")))
