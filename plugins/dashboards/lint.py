"""What is wrong with a dashboard although it is one: rules, each of which says its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plugins.dashboards import logql, looks, references
from plugins.dashboards.document import Dashboard
from plugins.dashboards.examples import around, unparsed, written
from plugins.dashboards.findings import Finding, Library, Rule

__all__ = ["RULES", "Finding", "Library", "lint", "lint_logql"]

RULES: Mapping[str, Rule] = {
    "unit": looks.unit,
    "description": looks.description,
    "legend": looks.legend,
    "ids": looks.ids,
    "grid": looks.grid,
    "datasource": references.datasource,
    "deprecated": looks.deprecated,
    "links": references.links,
    "query": references.query,
    "needs": references.needs,
    "title": looks.titles,
    "variables": references.variables,
}


def lint(dashboards: Sequence[Dashboard], known: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Everything that is wrong with some dashboards, but for their LogQL.

    Args:
        dashboards: To look at.
        known: Uids that links may lead to beside theirs.
    """
    library = Library(tuple(dashboards), frozenset({*known, *(each.uid for each in dashboards)}))
    return tuple(
        Finding(dashboard.file, where, name, words)
        for dashboard in dashboards
        for name, rule in RULES.items()
        for where, words in rule(dashboard, library)
    )


def lint_logql(dashboards: Sequence[Dashboard], tool: Path) -> tuple[Finding, ...]:
    """Queries that Loki's own tool refuses.

    Args:
        dashboards: To look at.
        tool: Where lokitool is.

    Raises:
        UnjudgedError: It does not run here.
    """
    queries = [
        (d, q) for d in dashboards for q in (*written(d), *around(d)) if q.datasource == "loki"
    ]
    files = {id(query): dashboard.file for dashboard, query in queries}
    bad = unparsed([q for _, q in queries], lambda texts: logql.faults(texts, tool))
    return tuple(
        Finding(files[id(query)], query.place, "query", f"is no LogQL: {reason}")
        for query, reason in bad
    )
