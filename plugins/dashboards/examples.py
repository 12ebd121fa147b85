"""Queries with example values: what can be judged of them without asking anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from plugins.dashboards import promql
from plugins.dashboards.document import Dashboard, Variable
from plugins.dashboards.model import source
from plugins.dashboards.substitution import Values, Window, substitute

_HOUR = Window(start=1_800_000_000, end=1_800_003_600, step=60)
_DEFAULT = ("", "default")
_CALL = re.compile(r"^\s*(?P<name>\w+)\s*\(\s*(?P<inside>.*?)\s*\)\s*$", re.DOTALL)
_WORD, _NUMBER, _SPAN = "x", "1", "5m"
LANGUAGES: Mapping[str, str] = {"prometheus": "PromQL", "loki": "LogQL"}


@dataclass(frozen=True)
class Written:
    """One query of a dashboard that is written in a language.

    Attributes:
        place: Where it stands, in words.
        uid: The datasource as written.
        expr: The query as written.
        datasource: Type of the datasource.
        texts: It with example values, the likeliest first: a variable may stand for a word, a
            number, or a span of time.
    """

    place: str
    uid: str
    expr: str
    datasource: str
    texts: tuple[str, ...]


def options(variable: Variable) -> tuple[str, ...]:
    """The values that a variable lists itself: ``text : value`` pairs or plain values."""
    listed = re.split(r"(?<!\\),", variable.query)
    values = (each.rpartition(" : ")[2].replace("\\,", ",").strip() for each in listed)
    return tuple(value for value in values if value)


def chosen(variable: Variable) -> str | tuple[str, ...]:
    """What a dashboard was saved with; empty where that is everything, or nothing."""
    value = (variable.raw.get("current") or {}).get("value")
    several = value if isinstance(value, list) else [value]
    # What Grafana works out itself: all of them, or an interval that fits.
    kept = tuple(str(each) for each in several if each and not str(each).startswith("$__"))
    return kept if isinstance(value, list) else "".join(kept)


def _likeliest(variable: Variable) -> str:
    saved = chosen(variable)
    saved = saved if isinstance(saved, str) else "".join(saved[:1])
    listed = options(variable) if variable.type in ("custom", "interval", "constant") else ()
    first = next((each for each in listed if not each.startswith("$")), "")
    return saved or first or (_SPAN if variable.type == "interval" else _WORD)


def _readings(dashboard: Dashboard) -> Iterator[Values]:
    likeliest = {each.name: _likeliest(each) for each in dashboard.variables}
    yield likeliest
    for other in (_WORD, _NUMBER, _SPAN):
        yield {name: other if text == _WORD else text for name, text in likeliest.items()}
    yield dict.fromkeys(likeliest, _WORD)


def written(dashboard: Dashboard, known: Mapping[str, str] | None = None) -> Iterator[Written]:
    """The queries of a dashboard's panels that are written in a language that can be parsed.

    Args:
        dashboard: Any.
        known: Uid or name to type of datasources, for queries that do not tell the type.
    """
    for panel in dashboard.panels:
        for target in panel.targets:
            kind = target.datasource or (known or {}).get(target.uid, "")
            if not kind and target.uid in _DEFAULT and "expr" in target.raw:
                kind = "prometheus"  # the default of every site
            place = f"panel {(panel.title or panel.id)!r}, query {target.ref}"
            yield from _read(dashboard, place, (kind, target.uid), target.expr)


def around(dashboard: Dashboard, known: Mapping[str, str] | None = None) -> Iterator[Written]:
    """The queries beside its panels: of its variables and annotations, see :func:`written`."""
    types = {each.name: each.query for each in dashboard.variables if each.type == "datasource"}
    for variable in dashboard.variables:
        if variable.type == "query":
            kind, uid = source(variable.raw.get("datasource"), types)
            kind = kind or (known or {}).get(uid, "prometheus")
            place = f"variable {variable.name}"
            yield from _read(dashboard, place, (kind, uid), _inside(variable))
    for each in (dashboard.raw.get("annotations") or {}).get("list") or ():
        kind, uid = source(each.get("datasource"), types)
        kind = kind or (known or {}).get(uid, "")
        inner = each.get("target") if isinstance(each.get("target"), Mapping) else {}
        said = str(each.get("expr") or inner.get("expr") or "")
        yield from _read(dashboard, f"annotation {each.get('name')}", (kind, uid), said)


def _inside(variable: Variable) -> str:
    """What of a variable's query is written in the language of its datasource."""
    query = variable.raw.get("query")
    if isinstance(query, Mapping) and "stream" in query:
        return str(query["stream"] or "")
    call = _CALL.match(variable.query)
    if call is None:
        return ""
    if call["name"] == "label_values":
        return call["inside"].rpartition(",")[0]
    return call["inside"] if call["name"] == "query_result" else ""


def _read(
    dashboard: Dashboard, place: str, source: tuple[str, str], expr: str
) -> Iterator[Written]:
    kind, uid = source
    if kind in LANGUAGES and expr.strip():
        texts = (substitute(expr, values, _HOUR) for values in _readings(dashboard))
        yield Written(place, uid, expr, kind, tuple(dict.fromkeys(texts)))


Refused = Mapping[str, str]


def promql_refused(texts: Iterable[str]) -> Refused:
    """What of some texts is no PromQL, each with the reason."""
    return {text: reason for text in texts if (reason := promql.fault(text))}


def unparsed(
    queries: Sequence[Written], refused: Callable[[Sequence[str]], Refused]
) -> Iterator[tuple[Written, str]]:
    """Queries that are none in any reading, with the reason in the likeliest.

    Args:
        queries: Of one language.
        refused: From texts to those that are none, with the reason.
    """
    reasons = refused([query.texts[0] for query in queries])
    for query in queries:
        reason = reasons.get(query.texts[0], "")
        if reason and refused(query.texts[1:]).keys() >= set(query.texts[1:]):
            yield query, reason
