"""Grafana's transformations of tables, the ones that dashboards use.

https://grafana.com/docs/grafana/latest/panels-visualizations/query-transform-data/transform-data/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plugins.preview import reducing
from plugins.preview.frames import TIME, Cell, Frame

Said = Mapping[str, Any]
Frames = tuple[Frame, ...]


def _union(columns: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in columns for name in each))


def _merge(frames: Frames, said: Said) -> Frames:
    """One table; rows that agree in all they share of text become one."""
    columns = _union([frame.columns for frame in frames])
    # What found nothing does not tell what its rows would be called by.
    there = [frame for frame in frames if frame.rows]
    shared = [
        name
        for name in columns
        if name != TIME and all(name in f.columns and not f.numeric(name) for f in there)
    ]
    rows: dict[tuple[Any, ...], dict[str, Cell]] = {}
    for number, frame in enumerate(frames):
        for place, row in enumerate(frame.rows):
            key = tuple(row.get(name) for name in shared) if shared else (number, place)
            rows[key] = {**row, **rows.get(key, {})} if key in rows else dict(row)
            rows[key].update({name: row[name] for name in row if name not in shared})
    return (Frame(columns, tuple(rows.values())),) if frames else ()


def _joined(frames: Frames, said: Said) -> Frames:
    """One table; rows with the same value of one column become one."""
    by = str(said.get("byField") or TIME)
    columns = _union([(by,), *(frame.columns for frame in frames)])
    rows: dict[Cell, dict[str, Cell]] = {}
    for frame in frames:
        for row in frame.rows:
            rows.setdefault(row.get(by), {}).update(row)
    inner = said.get("mode") == "inner"
    common = [{row.get(by) for row in frame.rows} for frame in frames]
    kept = [row for key, row in rows.items() if not inner or all(key in each for each in common)]
    return (Frame(columns, tuple(kept)),) if frames else ()


def _organized(frame: Frame, said: Said) -> Frame:
    excluded, renamed = said.get("excludeByName") or {}, said.get("renameByName") or {}
    included = said.get("includeByName") or {}
    order = said.get("indexByName") or {}
    columns = [
        name
        for name in frame.columns
        if not excluded.get(name) and (not included or included.get(name))
    ]
    columns.sort(key=lambda name: order.get(name, len(order) + frame.columns.index(name)))
    names = {name: str(renamed.get(name) or name) for name in columns}
    rows = tuple({names[key]: row.get(key) for key in columns} for row in frame.rows)
    return Frame(tuple(names.values()), rows, frame.ref)


def _chosen(frame: Frame, said: Said) -> Frame:
    include, exclude = said.get("include") or {}, said.get("exclude") or {}

    def named(rule: Said, name: str) -> bool:
        pattern = str(rule.get("pattern") or "").strip("/")
        return name in (rule.get("names") or ()) or bool(pattern and re.search(pattern, name))

    columns = tuple(
        name
        for name in frame.columns
        if (not include or named(include, name)) and not (exclude and named(exclude, name))
    )
    return Frame(columns, tuple({n: row.get(n) for n in columns} for row in frame.rows), frame.ref)


def _sorted(frame: Frame, said: Said) -> Frame:
    rows = list(frame.rows)
    for each in reversed(said.get("sort") or ()):
        name = str(each.get("field"))

        def key(row: Mapping[str, Cell], name: str = name) -> tuple[bool, float, str]:
            cell = row.get(name)
            number = float(cell) if isinstance(cell, float | int) else 0.0
            return (cell is not None, number, cell if isinstance(cell, str) else "")

        rows.sort(key=key, reverse=bool(each.get("desc")))
    return Frame(frame.columns, tuple(rows), frame.ref)


def _limited(frame: Frame, said: Said) -> Frame:
    limit = int(said.get("limitField") or 10)
    return Frame(frame.columns, frame.rows[:limit], frame.ref)


def _reduced(frames: Frames, said: Said) -> Frames:
    """A row for every column of numbers, with what calculations make of it."""
    calculations = [str(each) for each in said.get("reducers") or ("lastNotNull",)]
    rows: list[Mapping[str, Cell]] = []
    for frame in frames:
        for column in frame.columns:
            if frame.numeric(column):
                cells = [row.get(column) for row in frame.rows]
                numbers = [cell if isinstance(cell, float | int) else None for cell in cells]
                said_of = {reducing.name(c): reducing.reduced(c, numbers) for c in calculations}
                rows.append({"Field": column, **said_of})
    return (Frame(("Field", *map(reducing.name, calculations)), tuple(rows)),)


def _grouped(frame: Frame, said: Said) -> Frame:
    rules: Mapping[str, Any] = said.get("fields") or {}
    by = [name for name, rule in rules.items() if rule.get("operation") == "groupby"]
    wanted = [
        (name, str(calculation), f"{name} ({calculation})")
        for name, rule in rules.items()
        if rule.get("operation") == "aggregate"
        for calculation in rule.get("aggregations") or ()
    ]
    groups: dict[tuple[Cell, ...], list[Mapping[str, Cell]]] = {}
    for row in frame.rows:
        groups.setdefault(tuple(row.get(name) for name in by), []).append(row)
    rows: list[Mapping[str, Cell]] = []
    for key, members in groups.items():
        made: dict[str, Cell] = dict(zip(by, key, strict=True))
        for name, calculation, title in wanted:
            cells = [member.get(name) for member in members]
            if calculation == "count":
                made[title] = float(len(members))
            else:
                numbers = [cell if isinstance(cell, float | int) else None for cell in cells]
                made[title] = reducing.reduced(calculation, numbers)
        rows.append(made)
    return Frame((*by, *(title for _, _, title in wanted)), tuple(rows), frame.ref)


def _renamed(frame: Frame, said: Said) -> Frame:
    pattern = str(said.get("regex") or "")
    into = re.sub(r"\$(\d)", r"\\\1", str(said.get("renamePattern") or ""))
    names = {name: re.sub(pattern, into, name, count=1) for name in frame.columns}
    rows = tuple({names[key]: row.get(key) for key in frame.columns} for row in frame.rows)
    return Frame(tuple(names.values()), rows, frame.ref)


def _extracted(frame: Frame, said: Said) -> Frame:
    """What is in a column of JSON as columns; labels of logs are columns already."""
    source = str(said.get("source") or "")
    if source not in frame.columns:
        return frame
    rows: list[Mapping[str, Cell]] = []
    for row in frame.rows:
        rows.append({**_fields(row.get(source)), **row})
    columns = _union([frame.columns, *(sorted(row) for row in rows)])
    return Frame(columns, tuple(rows), frame.ref)


def _fields(cell: Cell) -> dict[str, Cell]:
    try:
        found = json.loads(cell) if isinstance(cell, str) else None
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        key: float(value)
        if isinstance(value, int | float)
        else value
        if isinstance(value, str)
        else json.dumps(value)
        for key, value in found.items()
    }


def _as_they_are(frames: Frames, said: Said) -> Frames:
    """Labels of tables are columns here from the beginning."""
    return frames


def _each(one: Callable[[Frame, Said], Frame]) -> Callable[[Frames, Said], Frames]:
    return lambda frames, said: tuple(one(frame, said) for frame in frames)


TRANSFORMATIONS: Mapping[str, Callable[[Frames, Said], Frames]] = {
    "merge": _merge,
    "joinByField": _joined,
    "seriesToColumns": _joined,
    "joinByLabels": _merge,
    "organize": _each(_organized),
    "filterFieldsByName": _each(_chosen),
    "sortBy": _each(_sorted),
    "limit": _each(_limited),
    "reduce": _reduced,
    "groupBy": _each(_grouped),
    "renameByRegex": _each(_renamed),
    "extractFields": _each(_extracted),
    "labelsToFields": _as_they_are,
    "timeSeriesTable": _as_they_are,
}


def transformed(
    frames: Frames, wanted: Sequence[Mapping[str, Any]]
) -> tuple[Frames, tuple[str, ...]]:
    """Tables after their transformations, and the ids of those that are not known here."""
    unknown = []
    for each in wanted:
        name = str(each.get("id"))
        if each.get("disabled"):
            continue
        if name not in TRANSFORMATIONS:
            unknown.append(name)
            continue
        frames = TRANSFORMATIONS[name](frames, each.get("options") or {})
    return frames, tuple(unknown)
