"""Rules of what a dashboard refers to: datasources, variables, families, other dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from plugins.dashboards.document import Dashboard, named, own_words
from plugins.dashboards.examples import LANGUAGES, around, promql_refused, unparsed, written
from plugins.dashboards.families import EXPOSED
from plugins.dashboards.findings import Found, Library, place
from plugins.dashboards.fitting import linked
from plugins.problem import suggestion
from plugins.role import all_roles

_NO_QUERIES = frozenset({"alertlist", "annolist", "dashlist", "news", "row", "text", "welcome"})
_NO_VARIABLE = frozenset({"-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__", "grafana"})


def _sources(dashboard: Dashboard) -> Iterator[tuple[str, Any]]:
    for panel in dashboard.panels:
        if panel.targets or panel.raw.get("datasource"):
            yield place(panel), panel.raw.get("datasource")
        for target in panel.targets:
            yield place(panel, target), target.raw.get("datasource") or panel.raw.get("datasource")
    for variable in dashboard.variables:
        if variable.type in ("query", "adhoc"):
            yield f"variable {variable.name!r}", variable.raw.get("datasource")
    for each in (dashboard.raw.get("annotations") or {}).get("list") or ():
        yield f"annotation {each.get('name')!r}", each.get("datasource")


def datasource(dashboard: Dashboard, library: Library) -> Found:
    """Datasources are variables: those of a site have names of their own."""
    types = {each.name: each.query for each in dashboard.variables if each.type == "datasource"}
    for where, said in _sources(dashboard):
        known = isinstance(said, Mapping)
        uid = str(said.get("uid") if known else said or "")
        if uid in _NO_VARIABLE:
            continue
        names = named(uid)
        if not names or not names <= types.keys():
            yield where, f"names its datasource {uid!r}, and not by a variable of type datasource"
        elif known and said.get("type") not in {types[name] for name in names}:
            yield where, f"takes ${{{min(names)}}} for a datasource of type {said.get('type')!r}"


def links(dashboard: Dashboard, library: Library) -> Found:
    """Links lead to dashboards that there are."""

    def of(where: str, value: Any) -> Found:
        for uid in sorted(_linked(value) - library.known):
            yield where, f"links to /d/{uid}, which is none of the dashboards"

    for panel in dashboard.panels:
        yield from of(place(panel), panel.raw)
    yield from of("", dashboard.raw.get("links"))


def _linked(value: Any) -> frozenset[str]:
    if isinstance(value, list):
        return frozenset().union(*map(_linked, value))
    if isinstance(value, Mapping):
        return linked(value).union(*map(_linked, value.values()))
    return frozenset()


def query(dashboard: Dashboard, library: Library) -> Found:
    """Every panel asks something, and its PromQL parses."""
    queries = [
        query
        for query in (*written(dashboard), *around(dashboard))
        if query.datasource == "prometheus"
    ]
    for query, reason in unparsed(queries, promql_refused):
        yield query.place, f"is no PromQL: {reason}"
    for panel in dashboard.panels:
        if panel.type not in _NO_QUERIES and not panel.targets:
            yield place(panel), "asks nothing"
        for target in panel.targets:
            if target.datasource in LANGUAGES and not target.expr.strip():
                yield place(panel, target), "asks nothing"


def needs(dashboard: Dashboard, library: Library) -> Found:
    """Panels need what there can be, and at least the datasources that they ask."""
    known = {*EXPOSED, *all_roles()}
    places = [("", dashboard.needs)]
    places += [(place(panel), panel.needs) for panel in (*dashboard.rows, *dashboard.panels)]
    for where, needs in places:
        for family in sorted({one for need in needs for one in need.split("|")} - known):
            yield where, f"needs {family!r}. {suggestion(family, known, 'families')}"
    for panel in dashboard.panels:
        asked = {target.datasource for target in panel.targets} & LANGUAGES.keys()
        for kind in sorted(asked - {*dashboard.needs, *panel.needs}):
            yield place(panel), f"asks {kind} and does not need it"
        if "empty" in own_words(panel.raw) and not panel.empty.strip():
            yield place(panel), "may be empty, and does not say why"


def variables(dashboard: Dashboard, library: Library) -> Found:
    """Variables that are used are declared, and the other way round."""
    declared = {each.name for each in dashboard.variables}
    used: set[str] = set()
    for panel in (*dashboard.rows, *dashboard.panels):
        # What transformations write as $1 is no variable.
        said = {key: value for key, value in panel.raw.items() if key not in _OTHERWISE}
        mentioned = {name for name in named(json.dumps(said)) if _is_variable(name)}
        mentioned |= {str(panel.raw["repeat"])} if panel.raw.get("repeat") else set()
        used |= mentioned
        for name in sorted(mentioned - declared):
            yield place(panel), f"uses ${name}, which is not declared"
    for variable in dashboard.variables:
        of = {key: variable.raw.get(key) for key in ("query", "regex", "datasource")}
        mentioned = {name for name in named(json.dumps(of)) if _is_variable(name)}
        used |= mentioned
        for name in sorted(mentioned - declared):
            yield f"variable {variable.name!r}", f"uses ${name}, which is not declared"
    used |= named(json.dumps([dashboard.raw.get("annotations"), dashboard.raw.get("links")]))
    for name in sorted(declared - used):
        yield f"variable {name!r}", "is used nowhere"


_OTHERWISE = frozenset({"transformations", "panels", "stackwatch"})


def _is_variable(name: str) -> bool:
    return not name.startswith("__") and not name[0].isdigit()
