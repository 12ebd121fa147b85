"""Whatever stands in a dashboard's JSON, it is refused with its place, or can be worked with."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.dashboards.document import DashboardError, parse
from plugins.dashboards.drop_ins import _strange_sources
from plugins.dashboards.examples import written
from plugins.dashboards.fitting import fitted, marked
from plugins.dashboards.lint import lint
from plugins.dashboards.queries import questions
from plugins.dashboards.substitution import Window
from plugins.dashboards.variables import asked, given, learned, rounds
from tests.unit.dashboard_files import Raw
from tests.unit.test_dashboard_lint import fine

WINDOW = Window(0, 3600, 60)
JUNK = (None, 5, "x(", {"a": 5}, [None])


def whole() -> Raw:
    """A dashboard with everything that is looked at."""
    raw: Raw = json.loads(json.dumps(fine()))
    raw["templating"]["list"][2].update(current={"value": "a"}, regex="/a(.*)/", sort=1)
    raw["panels"][1]["fieldConfig"]["defaults"]["thresholds"] = {"steps": [{"value": None}]}
    raw["panels"][2]["targets"][0]["maxLines"] = 20
    return raw


def paths(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Of everything inside a value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield (*path, key)
        if isinstance(value[key], dict | list):
            yield from paths(value[key], (*path, key))


def replaced(path: tuple[int | str, ...], junk: Any) -> Raw:
    raw = copy.deepcopy(whole())
    found: Any = raw
    for key in path[:-1]:
        found = found[key]
    found[path[-1]] = junk
    return raw


def use(text: str) -> bool:
    """Do all that is done with a dashboard; False if it is refused."""
    try:
        dashboard = parse(text, Path("mine.json"))
    except DashboardError as error:
        assert all(problem.where.startswith("mine.json") for problem in error.problems)
        return False
    list(_strange_sources(dashboard, {"prometheus-mon1": "prometheus"}))
    list(written(dashboard))
    lint([dashboard])
    fitted(dashboard, frozenset({"prometheus"}))
    marked(dashboard.raw)
    questions(dashboard, given(dashboard), 0, 3600, 60)
    assert rounds(dashboard) <= 3
    for question in asked(dashboard, given(dashboard), WINDOW):
        learned(dashboard, question, 200, '{"data": ["a", "b1"]}')
    return True


@pytest.mark.parametrize("part", [key for key in whole() if isinstance(whole()[key], dict | list)])
def test_junk_anywhere_is_refused_with_its_place_or_harmless(part: str) -> None:
    inside = [path for path in paths(whole()) if path[0] == part]
    used = [use(json.dumps(replaced(path, junk))) for path in inside for junk in JUNK]
    assert len(used) > len(JUNK)
    # Most of it is looked at, and some of it is not.
    assert not all(used)
