"""Dashboards that a site adds of its own; what is wrong with them is told before any host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from pyinfra import logger

from plugins.dashboards import logql, promql
from plugins.dashboards.document import GENERAL, Dashboard, DashboardError, library, named, read
from plugins.dashboards.examples import (
    LANGUAGES,
    Written,
    around,
    promql_refused,
    unparsed,
    written,
)
from plugins.dashboards.judges import UnjudgedError, judge
from plugins.dashboards.presence import families
from plugins.problem import Problem, suggestion
from plugins.site import Site

FOLDER = "dashboards"
# Datasources that every Grafana has: itself, expressions, several at once, another panel.
BUILT_IN = frozenset(
    {"", "default", "grafana", "-- Grafana --", "__expr__", "-- Mixed --", "-- Dashboard --"}
)
# A blank at its end Grafana cuts off, and then looks for the folder in vain.
_FOLDER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9._-])?")
# What Grafana counts by itself; a file that has it is refused or never the same again.
_COUNTED = frozenset({"id", "version", "iteration"})


def dropped_in(
    site: Site, problems: list[Problem], known: Mapping[str, str] | None
) -> tuple[Dashboard, ...]:
    """The dashboards of a site's drop-in folder.

    Args:
        site: The site.
        problems: Gets what is wrong with them, with file and panel.
        known: Uid or name to type of the site's datasources; None leaves that open.
    """
    folder = site.files / FOLDER
    found = []
    for file in _files(folder):
        try:
            found.append(_read(file, folder))
        except DashboardError as error:
            problems += error.problems
    problems += _doubles(found)
    if known is not None:
        problems += (problem for each in found for problem in _strange_sources(each, known))
    problems += _unparsed(site, found, known)
    return tuple(found)


def _files(folder: Path) -> list[Path]:
    """Its dashboards, those in folders too that are links to others."""
    linked = (each for each in folder.glob("*") if each.is_symlink() and each.is_dir())
    return sorted({*folder.rglob("*.json"), *(file for f in linked for file in f.rglob("*.json"))})


def _read(file: Path, folder: Path) -> Dashboard:
    """One file.

    Raises:
        DashboardError: It is no dashboard, or stands where none is looked for.
    """
    inside = file.relative_to(folder).parts[:-1]
    if len(inside) > 1:
        remedy = f"Put it into {folder} or a folder directly below"
        raise DashboardError([Problem(str(file), "stands too deep", remedy)])
    name = inside[0] if inside else GENERAL
    if not _FOLDER_NAME.fullmatch(name):
        remedy = (
            "Begin it with a letter or digit; letters, digits, blanks, dots, _ and - may follow"
        )
        raise DashboardError([Problem(str(file.parent), "is no name for a folder", remedy)])
    if name.lower() == GENERAL.lower():
        name = GENERAL
    dashboard = read(file)
    raw = {key: value for key, value in dashboard.raw.items() if key not in _COUNTED}
    return replace(dashboard, folder=name, raw=raw)


def _doubles(found: Iterable[Dashboard]) -> Iterator[Problem]:
    """Uids, and titles within a folder, that Grafana would meet twice: it then loads neither."""
    uids = {each.uid: each for each in library()}
    titles = {(each.folder, each.title): each for each in library()}
    for each in found:
        other = uids.setdefault(each.uid, each)
        if other is not each:
            what = f"has the uid {each.uid!r} of {_whose(other)}"
            yield Problem(str(each.file), what, "Give it another uid")
            continue
        same = titles.setdefault((each.folder, each.title), each)
        if same is not each:
            what = f"has the title {each.title!r} of {_whose(same)}, in the same folder"
            yield Problem(str(each.file), what, "Give it another title, or put it elsewhere")


def _unparsed(
    site: Site, found: Iterable[Dashboard], known: Mapping[str, str] | None
) -> Iterator[Problem]:
    """Queries that do not parse; says so where this machine cannot tell."""
    queries = [
        (each, query)
        for each in found
        for query in chain(written(each, known), around(each, known))
    ]
    files = {id(query): each.file for each, query in queries}
    of = {kind: [q for _, q in queries if q.datasource == kind] for kind in LANGUAGES}
    bad = list(unparsed(of["prometheus"], promql_refused))
    if bad and "prometheus" in families(site):
        bad = [(query, reason) for query, reason in bad if not _appealed(query, site)]
    # A query of a Loki that the site does not have is refused for that.
    if of["loki"] and "loki" in families(site):
        try:
            tool = logql.lokitool(site)
            bad += unparsed(of["loki"], lambda texts: logql.faults(texts, tool))
        except UnjudgedError as error:
            names = ", ".join(sorted({files[id(query)].name for query in of["loki"]}))
            logger.warning(f"LogQL in {names} was not checked: {error}")
    for query, reason in bad:
        where = f"{files[id(query)]}: {query.place}"
        what = f"is no {LANGUAGES[query.datasource]}: {reason.rstrip('.')}"
        yield Problem(where, what, f"Correct {query.expr.strip()!r}")


def _appealed(query: Written, site: Site) -> bool:
    """Whether the site's own Prometheus takes a query: its syntax may be newer than our parser."""
    try:
        promtool = judge("prometheus", "promtool", site)
        return any(promql.accepted(text, promtool) for text in query.texts)
    except UnjudgedError:
        return False


def _whose(dashboard: Dashboard) -> str:
    return "one of ours" if dashboard in library() else str(dashboard.file)


def _named_sources(dashboard: Dashboard) -> Iterator[tuple[str, str, str]]:
    """Where datasources are named, with type and uid or name as written."""

    def of(place: str, said: Any) -> Iterator[tuple[str, str, str]]:
        if isinstance(said, str):
            yield place, "", said
        elif isinstance(said, Mapping):
            yield place, str(said.get("type") or ""), str(said.get("uid") or "")

    for panel in (*dashboard.rows, *dashboard.panels):
        place = f"panel {(panel.title or panel.id)!r}"
        yield from of(place, panel.raw.get("datasource"))
        for target in panel.targets:
            yield from of(f"{place}, query {target.ref}", target.raw.get("datasource"))
    for variable in dashboard.variables:
        yield from of(f"variable {variable.name}", variable.raw.get("datasource"))
    for each in (dashboard.raw.get("annotations") or {}).get("list") or ():
        yield from of(f"annotation {each.get('name')}", each.get("datasource"))


def _strange_sources(dashboard: Dashboard, known: Mapping[str, str]) -> Iterator[Problem]:
    """Datasources that a site does not have, each place once."""
    declared = {each.name for each in dashboard.variables}
    told: set[str] = set()
    for place, kind, uid in _named_sources(dashboard):
        what, remedy = _strange(kind, uid, known, declared)
        # A panel's queries repeat what the panel says.
        about = f"{place.partition(', ')[0]} {what}"
        if what and about not in told:
            told.add(about)
            yield Problem(f"{dashboard.file}: {place}", what, remedy)
    for variable in dashboard.variables:
        if variable.type == "datasource" and variable.query not in {*known.values(), "grafana"}:
            yield Problem(
                f"{dashboard.file}: variable {variable.name}",
                f"chooses among datasources of type {variable.query!r}, and the site has none",
                suggestion(variable.query, set(known.values()), "types"),
            )


def _strange(
    kind: str, uid: str, known: Mapping[str, str], declared: Iterable[str]
) -> tuple[str, str]:
    """What is wrong with a datasource as written, and the remedy; empty if nothing is."""
    if uid in BUILT_IN:
        return "", ""
    variables = named(uid)
    if variables:
        missing = variables - set(declared)
        if not missing:
            return "", ""
        what = f"takes its datasource from a variable that there is not: {', '.join(missing)}"
        return what, "Declare a variable of type datasource, or name a datasource by its uid"
    if uid not in known:
        return f"names a datasource that the site does not have: {uid!r}", (
            f"{suggestion(uid, known, 'datasources')}; or use a variable"
        )
    if kind and known[uid] != kind:
        return f"takes {uid!r} for a datasource of type {kind!r}", (
            f"It is one of type {known[uid]!r}: correct `type` or `uid`"
        )
    return "", ""
