"""Where on a site people make things by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from plugins.backup import grafana, grafana_restore, silences
from plugins.backup.folder import Backup
from plugins.backup.kept import Copy, Kind, Store
from plugins.endpoint import Endpoint, EndpointKind
from plugins.site import Site

GRAFANA = Kind("grafana", grafana.read, grafana_restore.plan)
ALERTMANAGER = Kind("alertmanager", silences.read, silences.plan)


def _together(kind: Kind, members: tuple[Endpoint, ...]) -> tuple[Store, ...]:
    """All of a site are one cluster."""
    return (Store(kind.role, kind, members),) if members else ()


def _by_database(kind: Kind, members: tuple[Endpoint, ...]) -> tuple[Store, ...]:
    """Each has a database of its own, or shares one (label ``shared``)."""
    sharing: dict[str, list[Endpoint]] = defaultdict(list)
    for member in members:
        sharing[member.labels.get("shared", member.host)].append(member)
    return tuple(
        Store(f"{kind.role}/{min(m.host for m in found)}", kind, tuple(found))
        for _, found in sorted(sharing.items())
    )


def grafanas(site: Site) -> tuple[Store, ...]:
    """The Grafanas of a site; those that share a database are one."""
    return _by_database(GRAFANA, site.endpoints(EndpointKind.API, GRAFANA.role))


def stores(site: Site) -> tuple[Store, ...]:
    """Everything of a site that is worth a backup."""
    alertmanagers = site.endpoints(EndpointKind.API, ALERTMANAGER.role)
    return (*grafanas(site), *_together(ALERTMANAGER, alertmanagers))


def matched(backup: Backup, wanted: tuple[Store, ...]) -> Mapping[str, Copy]:
    """Which copy of a backup belongs into which store of a site, by the store's name.

    A store that is the only one of its kind, as it was in the backup, may have moved.
    """
    found = {}
    for store in wanted:
        alike = [name for name in backup.copies if name.split("/")[0] == store.kind.role]
        only = len(alike) == 1 and sum(each.kind is store.kind for each in wanted) == 1
        name = alike[0] if only else store.name
        if name in backup.copies:
            found[store.name] = backup.copies[name]
    return found
