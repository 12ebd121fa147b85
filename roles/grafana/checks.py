"""What must be true of a running Grafana, asked of itself with the administrator's login."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from plugins.dashboards.examples import written
from plugins.dashboards.site import SiteDashboard
from plugins.model import Check, CheckKind, Endpoint
from roles.grafana.datasources import Datasource

# A command is one argument of a shell, which may have 128 KiB: so much of it is for queries.
_LARGEST_BODY = 48 << 10
# Before this version the API calls no store's health check, and the proxy takes no uid of ours.
_TELLS_HEALTH = 10
# By type, what a query is beside its expression; its data is not looked at.
_QUERIES: Mapping[str, Mapping[str, Any]] = {
    "prometheus": {"instant": True, "range": False},
    "loki": {"queryType": "range", "maxLines": 1},
}


def _healths(api: Endpoint, wired: Iterable[Datasource], version: str) -> Iterator[Check]:
    """https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/data_source/"""
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < _TELLS_HEALTH:
        return  # what dashboards ask proves those that matter most
    for each in wired:
        name = f"datasource {each.uid} answers"
        if each.proxied:
            asked = api.at(f"{api.path}api/datasources/proxy/uid/{each.uid}{each.probe}")
            yield Check(name, CheckKind.PROXIED, asked)
        else:
            asked = api.at(f"{api.path}api/datasources/uid/{each.uid}/health")
            # Of a type that people declare nobody here knows whether it has a check.
            must = ("must",) if each.endpoint else ()
            yield Check(name, CheckKind.DATASOURCE, asked, must)


def query_of(shown: SiteDashboard, wired: Iterable[Datasource]) -> dict[str, Any] | None:
    """The first query of a dashboard that can be asked, with example values; None without one.

    Args:
        shown: The dashboard.
        wired: The datasources that there are.
    """
    wired = tuple(wired)
    known = {key: each.type for each in wired for key in (each.uid, each.name)}
    for found in written(shown.dashboard, known):
        more = _QUERIES.get(found.datasource)
        alike = [each.uid for each in wired if each.type == found.datasource]
        if more is None or not alike:
            continue
        uid = found.uid if found.uid in alike else alike[0]
        return {
            "refId": shown.uid,
            "datasource": {"type": found.datasource, "uid": uid},
            "expr": found.texts[0],
            "intervalMs": 60_000,
            "maxDataPoints": 10,
            **more,
        }
    return None


def _queries(
    api: Endpoint, wired: tuple[Datasource, ...], shown: Iterable[SiteDashboard]
) -> Check | None:
    """One query of each dashboard, all in one request."""
    made = [query for each in shown if (query := query_of(each, wired))]
    sent: list[dict[str, Any]] = []
    size = 0
    for query in made:
        size += len(json.dumps(query))
        if size > _LARGEST_BODY:
            break
        sent.append(query)
    if not sent:
        return None
    name = "a query of each dashboard is answered"
    if len(sent) < len(made):
        name = f"a query of {len(sent)} of {len(made)} dashboards is answered"
    body = json.dumps({"from": "now-5m", "to": "now", "queries": sent})
    return Check(
        name,
        CheckKind.QUERIES,
        api.at(f"{api.path}api/ds/query"),
        tuple(query["refId"] for query in sent),
        body,
    )


def checks_of(
    api: Endpoint,
    health: Endpoint,
    wired: tuple[Datasource, ...],
    shown: tuple[SiteDashboard, ...],
    version: str,
) -> tuple[Check, ...]:
    """The checks of one Grafana.

    Args:
        api: Its API, with a login.
        health: Its health, which its database is part of.
        wired: Its datasources.
        shown: Its dashboards.
        version: Of Grafana.
    """
    found = [Check("is healthy", CheckKind.HTTP, health), *_healths(api, wired, version)]
    if shown:
        listed = api.at(f"{api.path}api/search?type=dash-db&limit=5000")
        marks = tuple(f"{each.uid} {each.mark}" for each in shown)
        found.append(Check("dashboards are there", CheckKind.DASHBOARDS, listed, marks))
    asked = _queries(api, wired, shown)
    return (*found, asked) if asked else tuple(found)
