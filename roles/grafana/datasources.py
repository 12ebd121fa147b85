"""Every datasource of a site: found by what its roles say they are, wired to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from plugins.datasources import DatasourceType, Linked, Signal, uid_of
from plugins.model import Endpoint, EndpointKind
from plugins.site import Host, Placement, Site
from roles.grafana.provisioning import NativeEntry
from roles.grafana.settings import Settings


@dataclass(frozen=True)
class Datasource:
    """One datasource of a Grafana.

    Attributes:
        uid: What dashboards and other datasources know it by.
        name: Its name for people.
        type: Grafana's plugin id.
        url: Where Grafana asks it.
        default: Whether it is the default one.
        options: ``jsonData``, as its provisioning file has it.
        secrets: ``secureJsonData``.
        more: Further keys of its entry.
        endpoint: What it is on the site; None for one that people declared.
        probe: Path and query below its URL that Grafana's own health check calls.
        proxied: True where Grafana's proxy is asked for that path instead of its health check.
    """

    uid: str
    name: str
    type: str
    url: str
    default: bool
    options: Mapping[str, Any]
    secrets: Mapping[str, SecretStr]
    more: Mapping[str, Any]
    endpoint: Endpoint | None = None
    probe: str = ""
    proxied: bool = False


def literal(value: Any) -> Any:
    """A value that arrives as it is: provisioning takes a ``$`` for a variable, and two for one.

    https://grafana.com/docs/grafana/latest/administration/provisioning/#using-environment-variables

    Args:
        value: Text, or lists and dictionaries of it.
    """
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: literal(inner) for key, inner in value.items()}
    return [literal(inner) for inner in value] if isinstance(value, list) else value


def plainly(endpoint: Endpoint) -> str:
    """The URL of an endpoint for who runs on its host, or where it takes all comers."""
    return endpoint.local_url if endpoint.local_only else endpoint.url


def _sharing(site: Site, host: Host, settings: Settings) -> tuple[str, ...]:
    """Hosts of the Grafanas that are one with this one, since they have one database."""
    if settings.database is None or settings.database.local:
        return (host.name,)
    others = site.placed("grafana")
    return tuple(p.host.name for p in others if p.settings.database == settings.database)


def _found(
    site: Site, host: Host, settings: Settings
) -> Iterator[tuple[Placement, DatasourceType, Endpoint]]:
    """What of the site is a datasource that a Grafana reaches; the nearest of a signal first.

    Those that share a database must find the same: each would change what the other provisioned.
    """
    sharing = _sharing(site, host, settings) or (host.name,)
    found = []
    for placement in site.placements:
        declared = placement.role.datasource
        for endpoint in placement.endpoints:
            reached = sharing == (endpoint.host,) or not endpoint.local_only
            if declared and endpoint.kind is EndpointKind.API and reached:
                found.append((placement, declared, endpoint))
                break
    return iter(sorted(found, key=lambda each: each[0].host.name != sharing[0]))


def _declared(entry: NativeEntry) -> Datasource:
    """A datasource as people declared it; what is not secret is Grafana's own syntax."""
    said = entry.model_dump(exclude_unset=True)
    taken = ("uid", "name", "type", "url", "isDefault", "jsonData", "secureJsonData", "editable")
    return Datasource(
        uid=entry.uid or uid_of(entry.type, entry.name),
        name=entry.name,
        type=entry.type,
        url=entry.url,
        default=entry.isDefault,
        options=entry.jsonData,
        secrets=entry.secureJsonData,
        more={key: value for key, value in said.items() if key not in taken},
    )


def datasources(
    site: Site,
    host: Host,
    settings: Settings,
    reach: Callable[[Endpoint], str] = plainly,
) -> tuple[Datasource, ...]:
    """Every datasource of the Grafana on a host: of the site, then those that people declared.

    Args:
        site: The site.
        host: The host that Grafana runs on.
        settings: Of the role grafana there.
        reach: From an endpoint to the URL that Grafana reaches it by.
    """
    found = list(_found(site, host, settings))
    first: dict[Signal, str] = {}
    for placement, declared, _ in found:
        first.setdefault(declared.signal, uid_of(declared.name, placement.host.name))
    linked = Linked(**{str(signal): uid for signal, uid in first.items()})
    theirs = tuple(map(_declared, settings.datasources))
    taken = any(each.default for each in theirs)
    ours = []
    for placement, declared, endpoint in found:
        uid = uid_of(declared.name, placement.host.name)
        ours.append(
            Datasource(
                uid=uid,
                name=f"{declared.title} {placement.host.name}",
                type=declared.name,
                url=reach(endpoint).rstrip("/"),
                default=not taken and uid == first.get(Signal.METRICS),
                options=literal(declared.options(placement.settings, linked)),
                secrets={},
                more={},
                endpoint=endpoint,
                probe=declared.probe,
                proxied=declared.proxied,
            )
        )
    return (*ours, *theirs)


def entry(datasource: Datasource) -> dict[str, Any]:
    """A datasource as its provisioning file has it, with its secrets.

    Args:
        datasource: Of :func:`datasources`.
    """
    made: dict[str, Any] = {
        "name": datasource.name,
        "type": datasource.type,
        "uid": datasource.uid,
        "access": "proxy",
        "url": datasource.url,
        "isDefault": datasource.default,
        "editable": False,
        **datasource.more,
        "jsonData": dict(datasource.options),
    }
    if datasource.secrets:
        secrets = {key: secret.get_secret_value() for key, secret in datasource.secrets.items()}
        made["secureJsonData"] = literal(secrets)
    return made
