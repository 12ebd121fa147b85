"""Where on a site people make things by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module

from plugins.backup.folder import Backup
from plugins.backup.kept import Copy, Kind, Store
from plugins.endpoint import Endpoint, EndpointKind
from plugins.role import Role
from plugins.site import Site


def _roles(site: Site) -> tuple[Role, ...]:
    placed = {p.role.name: p.role for p in site.placements if p.role.handmade}
    return tuple(role for _, role in sorted(placed.items()))


def _stores(site: Site, role: Role) -> Iterator[Store]:
    if role.handmade is None:
        return
    members = site.endpoints(EndpointKind.API, role.name)
    kind: Kind = import_module(role.handmade.module).KIND
    if role.handmade.clustered:
        yield Store(role.name, role.name, kind, members)
        return
    sharing: dict[str, list[Endpoint]] = defaultdict(list)
    for member in members:
        sharing[member.labels.get("shared", member.host)].append(member)
    for _, found in sorted(sharing.items()):
        name = f"{role.name}/{min(member.host for member in found)}"
        yield Store(name, role.name, kind, tuple(found))


def stores(site: Site) -> tuple[Store, ...]:
    """Everything of a site that is worth a backup."""
    return tuple(store for role in _roles(site) for store in _stores(site, role))


def galleries(site: Site) -> tuple[Store, ...]:
    """Those of a site's stores that dashboards can be pulled from."""
    return tuple(store for store in stores(site) if store.kind.pull)


def matched(backup: Backup, wanted: tuple[Store, ...]) -> Mapping[str, Copy]:
    """Which copy of a backup belongs into which store of a site, by the store's name.

    A store that is the only one of its role, as it was in the backup, may have moved.
    """
    found = {}
    for store in wanted:
        alike = [name for name in backup.copies if name.split("/")[0] == store.role]
        only = len(alike) == 1 and sum(each.role == store.role for each in wanted) == 1
        name = alike[0] if only else store.name
        if name in backup.copies:
            found[store.name] = backup.copies[name]
    return found
