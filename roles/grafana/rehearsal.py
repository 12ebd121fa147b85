"""What Grafana would ask of its datasources, for a host where it could not be installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from plugins.dashboards.queries import path_of
from plugins.dashboards.site import SiteDashboard
from plugins.rehearsal import Rehearsal
from roles.grafana.checks import query_of
from roles.grafana.datasources import Datasource, plainly

# What Grafana's health checks of types that people declare call; others are asked for their URL.
_PROBES = {
    "elasticsearch": "/_cluster/health?wait_for_status=yellow",
    "grafana-opensearch-datasource": "/",
    "jaeger": "/api/services",
    "loki": "/loki/api/v1/query?query=vector(1)%2Bvector(1)",
    "prometheus": "/api/v1/query?query=1%2B1",
    "tempo": "/api/echo",
    "zipkin": "/api/v2/services",
}
_JSON = frozenset({"alertmanager", "elasticsearch", "jaeger", "loki", "prometheus", "zipkin"})
_TLS = frozenset({"tlsCACert", "tlsClientCert", "tlsClientKey"})
_PATHS = {"prometheus": "/api/v1/query", "loki": "/loki/api/v1/query_range"}


def _plain(text: str) -> str:
    """Text of a provisioning file without its doubled dollars."""
    return text.replace("$$", "$")


def _why_not(datasource: Datasource, url: str) -> str:
    said = f"{url} {datasource.more.get('basicAuthUser', '')}"
    if "$" in said.replace("$$", ""):
        return "its address or user stands in a variable of Grafana's environment"
    if urlsplit(url).scheme not in ("http", "https"):
        return "its address is no URL that can be called"
    if _TLS & datasource.secrets.keys():
        return "it has certificates of its own"
    return ""


def _asked(datasource: Datasource, name: str, path: str) -> Rehearsal:
    """A request to a datasource with the login that Grafana would have."""
    base = plainly(datasource.endpoint) if datasource.endpoint else datasource.url
    url = base.rstrip("/")
    why_not = _why_not(datasource, url)
    if why_not:
        return Rehearsal(name, url, unasked=why_not)
    login = datasource.more.get("basicAuth")
    headers = {
        str(value): datasource.secrets[key.replace("Name", "Value")]
        for key, value in datasource.options.items()
        if key.startswith("httpHeaderName") and key.replace("Name", "Value") in datasource.secrets
    }
    return Rehearsal(
        name,
        _plain(url) + path,
        username=_plain(str(datasource.more.get("basicAuthUser", ""))) if login else "",
        password=datasource.secrets.get("basicAuthPassword") if login else None,
        headers=headers,
        json=datasource.type in _JSON,
        insecure=bool(datasource.options.get("tlsSkipVerify")),
    )


def _queries(wired: tuple[Datasource, ...], shown: Iterable[SiteDashboard]) -> Iterator[Rehearsal]:
    by_uid = {each.uid: each for each in wired}
    for each in shown:
        query = query_of(each, wired)
        if query:
            asked = by_uid[query["datasource"]["uid"]]
            path = path_of(_PATHS[asked.type], query=query["expr"])
            yield _asked(asked, f"a query of dashboard {each.uid} is answered", path)


def rehearsals(
    wired: tuple[Datasource, ...], shown: tuple[SiteDashboard, ...]
) -> tuple[Rehearsal, ...]:
    """Every datasource, as its health check calls it, and one query of each dashboard.

    Args:
        wired: The datasources that Grafana would have.
        shown: The dashboards that it would show.
    """
    healths = (
        _asked(each, f"datasource {each.uid} answers", each.probe or _PROBES.get(each.type, "/"))
        for each in wired
    )
    return (*healths, *_queries(wired, shown))
