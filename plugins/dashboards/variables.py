"""Values for the variables of a dashboard: what is chosen when it opens, asked where it must be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plugins.dashboards.document import Dashboard, Variable, named
from plugins.dashboards.examples import chosen, options
from plugins.dashboards.queries import path_of
from plugins.dashboards.results import Question, content
from plugins.dashboards.substitution import Value, Values, Window, substitute

_CALL = re.compile(r"^\s*(?P<name>\w+)\s*\(\s*(?P<inside>.*?)\s*\)\s*$", re.DOTALL)
_LAST_ARGUMENT = re.compile(r"^(?:(?P<selector>.*),)?\s*(?P<label>[\w.]+)\s*$", re.DOTALL)
# JavaScript's spelling of a named group.
_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")
# Grafana's numbers of orders: up and down, then the same without regard to case.
_ASCENDING, _DESCENDING = (1, 3, 5, 7), (2, 4, 6, 8)


@dataclass(frozen=True)
class Choice:
    """A variable that was asked for.

    Attributes:
        name: Its name.
        value: What is chosen; empty if there is nothing to choose.
        options: All that could be.
        error: Why nothing could be asked.
    """

    name: str
    value: Value
    options: tuple[str, ...] = ()
    error: str = ""


def _choose(variable: Variable, found: tuple[str, ...]) -> Value:
    """What is chosen of some values when a dashboard opens."""
    saved = chosen(variable)
    kept = tuple(each for each in found if each in ((saved,) if isinstance(saved, str) else saved))
    everything = variable.raw.get("allValue")
    if variable.include_all and not kept:
        return str(everything) if everything else found or ""
    if variable.multi:
        return kept or found[:1] or ""
    return (kept or found or ("",))[0]


def given(dashboard: Dashboard) -> dict[str, Value]:
    """Values of the variables that tell them themselves."""
    values: dict[str, Value] = {}
    for each in dashboard.variables:
        if each.type in ("custom", "interval"):
            listed = tuple(option for option in options(each) if not option.startswith("$"))
            values[each.name] = _choose(each, listed)
        elif each.type in ("constant", "textbox"):
            values[each.name] = chosen(each) or each.query
        elif each.type == "datasource":
            values[each.name] = each.query
    return values


def rounds(dashboard: Dashboard) -> int:
    """How many times must be asked one after the other, since values depend on values."""
    values: dict[str, Value] = given(dashboard)
    count = 0
    while ready := _ready(dashboard, values):
        values |= {each.name: "" for each in ready}
        count += 1
    return count


def _ready(dashboard: Dashboard, values: Values) -> list[Variable]:
    """Variables without a value that need no other that has none yet."""
    waiting = {e.name for e in dashboard.variables if e.type == "query" and e.name not in values}
    return [
        each
        for each in dashboard.variables
        if each.name in waiting and not (named(_written(each)) - {each.name}) & waiting
    ]


def _written(variable: Variable) -> str:
    return f"{variable.raw.get('query')} {variable.regex} {variable.raw.get('datasource')}"


def asked(dashboard: Dashboard, values: Values, window: Window) -> tuple[Question, ...]:
    """What can be asked for the next variables, once some have values.

    Args:
        dashboard: As the site has it.
        values: Of those that have one; empty where it is known that there is none.
        window: The span of time.
    """
    types = {each.name: each.query for each in dashboard.variables if each.type == "datasource"}
    made = []
    for each in _ready(dashboard, values):
        source = each.raw.get("datasource")
        uid = str(source.get("uid") or "") if isinstance(source, Mapping) else str(source or "")
        kind = str(source.get("type") or "") if isinstance(source, Mapping) else ""
        kind = kind or next((types[name] for name in named(uid) if name in types), "prometheus")
        query = substitute(each.query, values, window)
        path = _loki(each, values, window) if kind == "loki" else _prometheus(query, window)
        made.append(Question(dashboard.uid, 0, each.name, kind, query, path, "values", uid=uid))
    return tuple(made)


def _prometheus(query: str, window: Window) -> str:
    span = {"start": window.start, "end": window.end}
    call = _CALL.match(query)
    name, inside = (call["name"], call["inside"]) if call else ("", "")
    if name == "query_result":
        return path_of("/api/v1/query", query=inside, time=window.end)
    if name == "label_names":
        return path_of("/api/v1/labels", **span)
    if name == "metrics":
        return path_of("/api/v1/label/__name__/values", **span)
    found = _LAST_ARGUMENT.match(inside) if name == "label_values" else None
    if found:
        selector = {"match[]": (found["selector"] or "").strip()}
        return path_of(f"/api/v1/label/{found['label']}/values", **selector, **span)
    return path_of("/api/v1/query", query=query, time=window.end)


def _loki(variable: Variable, values: Values, window: Window) -> str:
    written: Any = variable.raw.get("query")
    if isinstance(written, Mapping):
        label, stream = str(written.get("label") or ""), str(written.get("stream") or "")
    else:
        call = _CALL.match(str(written))
        found = _LAST_ARGUMENT.match(call["inside"]) if call else None
        label, stream = (found["label"], found["selector"] or "") if found else ("", "")
    span = {"start": f"{window.start}000000000", "end": f"{window.end}000000000"}
    base = "/loki/api/v1"
    if not label:
        return path_of(f"{base}/labels", **span)
    query = substitute(stream, values, window).strip()
    return path_of(f"{base}/label/{label}/values", query=query, **span)


def learned(dashboard: Dashboard, question: Question, status: int, body: str) -> Choice:
    """What is chosen for a variable, from the answer to its question.

    Args:
        dashboard: Whose variable it is.
        question: What was asked.
        status: HTTP status; 0 where there was no answer.
        body: What was answered.
    """
    variable = next(each for each in dashboard.variables if each.name == question.ref)
    data, error = content(status, body)
    if error:
        return Choice(variable.name, "", error=error)
    try:
        picked = dict.fromkeys(_picked(_texts(question, data), variable.regex))
    except (AttributeError, KeyError, TypeError):
        return Choice(variable.name, "", error=f"no answer of {question.datasource}")
    except re.error as fault:
        return Choice(variable.name, "", error=f"its pattern is none: {fault}")
    found = _ordered(variable, picked)
    return Choice(variable.name, _choose(variable, found), found)


def _texts(question: Question, data: Any) -> list[str]:
    """Values as they were answered; of series, as Grafana writes them."""
    if isinstance(data, Mapping):
        return [
            "{}{{{}}} {} {}".format(
                each["metric"].get("__name__", ""),
                ",".join(f'{k}="{v}"' for k, v in each["metric"].items() if k != "__name__"),
                each["value"][1],
                int(float(each["value"][0]) * 1000),
            )
            for each in data["result"]
        ]
    texts = [str(each) for each in data or ()]
    call = _CALL.match(question.expr)
    if call and call["name"] == "metrics":
        return [text for text in texts if re.search(call["inside"], text)]
    return texts


def _picked(texts: Iterable[str], pattern: str) -> Iterable[str]:
    """The part of each value that a variable's pattern takes, of those that it matches."""
    if not pattern:
        yield from texts
        return
    inside = re.fullmatch(r"/(.*)/[a-z]*", pattern, re.DOTALL)
    compiled = re.compile(_NAMED_GROUP.sub("(?P<", inside[1] if inside else pattern))
    for text in texts:
        if found := compiled.search(text):
            groups = found.groupdict()
            first = found[1] if compiled.groups else found[0]
            picked = groups.get("value") or first
            if picked:
                yield picked


def _ordered(variable: Variable, found: Iterable[str]) -> tuple[str, ...]:
    order = variable.raw.get("sort") or 0
    if order in _ASCENDING or order in _DESCENDING:
        numbers = order in (3, 4)

        def key(text: str) -> tuple[float, str]:
            number = re.search(r"\d+", text) if numbers else None
            return (float(number[0]) if number else -1.0, text.lower())

        return tuple(sorted(found, key=key, reverse=order in _DESCENDING))
    return tuple(found)
