"""Every query parses and asks for metrics that exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from stackwatch_instrumentation import families

from files.dashboards.committed import FOLDER

METRICS = FOLDER.parent / "metrics"
NAMESPACE = "shop"
VALUES = {
    "namespace": NAMESPACE,
    "objective": "99.9",
    "__rate_interval": "5m",
    "__range": "1h",
    "__interval": "1m",
}
OURS = (
    families.HTTP,
    families.BUSINESS,
    families.AI,
    families.JOBS,
    families.AUTH,
    families.DATABASE,
    families.CACHE,
)
_NEVER_ZERO = re.compile(r">0\)?$|^\(1-99\.9/100\)$|^100$|^\(?countby")


def filled(expr: str) -> str:
    """An expression as Grafana sends it, every other variable standing for all."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: VALUES.get(found[1], ".+"), expr)


def queries(source: str) -> Iterator[tuple[str, str]]:
    """Where each query stands, and its expression."""
    for path in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == source and "expr" in target:
                    where = f"{path.stem}: {panel['title']}: {target['refId']}"
                    yield where, target["expr"]


def series(kind: str, name: str) -> tuple[str, ...]:
    if kind == "histogram":
        return tuple(f"{name}_{part}" for part in ("bucket", "sum", "count"))
    return (name,)


def known() -> frozenset[str]:
    """Every series that something tells: the package of the applications, or upstream."""
    names = {
        each
        for group in OURS
        for family in group.values()
        for each in series(family.kind, family.name.format(ns=NAMESPACE))
    }
    for path in METRICS.glob("*.yml"):
        for name, kind in yaml.safe_load(path.read_text())["metrics"].items():
            names.update(series(kind, name.format(ns=NAMESPACE)))
    return frozenset(names)


def selectors(node: Any) -> Iterator[promql_parser.VectorSelector]:
    """The selectors in an expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(node, part, None)
        if isinstance(inner, promql_parser.Expr | promql_parser.VectorSelector):
            yield from selectors(inner)
    for argument in getattr(node, "args", ()):
        yield from selectors(argument)


def test_promql_parses_and_asks_for_metrics_that_exist() -> None:
    there, wrong = known(), []
    for where, expr in queries("prometheus"):
        try:
            found = list(selectors(promql_parser.parse(filled(expr))))
        except ValueError as error:
            wrong.append(f"{where}: {error}")
            continue
        assert found or expr.startswith("vector("), where
        wrong += [f"{where}: {each.name}" for each in found if each.name and each.name not in there]
    assert not wrong, "\n".join(wrong)


def divisors(node: Any) -> Iterator[Any]:
    """What an expression divides by."""
    if isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "/":
        yield node.rhs
    for part in ("expr", "lhs", "rhs", "param"):
        inner = getattr(node, part, None)
        if isinstance(inner, promql_parser.Expr):
            yield from divisors(inner)
    for argument in getattr(node, "args", ()):
        yield from divisors(argument)


def test_nothing_is_divided_by_what_may_be_zero() -> None:
    wrong = [
        f"{where}: / {said}"
        for where, expr in queries("prometheus")
        for divisor in divisors(promql_parser.parse(filled(expr)))
        # Only what is above 0 is kept; a count of series is at least 1; no objective is 100 %.
        if not _NEVER_ZERO.search(said := re.sub(r"\s+", "", str(divisor.prettify())))
    ]
    assert not wrong, "\n".join(wrong)


def test_logql_selects_by_labels_and_never_by_ids() -> None:
    found = [(where, re.search(r"\{([^}]*)\}", expr)) for where, expr in queries("loki")]
    assert found
    for where, selected in found:
        assert selected, where
        labels = re.findall(r'(\w+)(?:=~|!~|!=|=)"', selected[1])
        assert labels, where
        assert set(labels) <= {"service", "environment", "host", "level"}, where


def test_an_empty_box_fits_every_line() -> None:
    boxes = [
        found
        for _, expr in queries("loki")
        for found in re.findall(r'\| (\w+)=~"\$\{(\w+)\}(.*?)"', expr)
    ]
    assert {name for name, _, _ in boxes} == {"requestId", "entityId", "traceId"}
    assert all(name == variable and rest == ".*" for name, variable, rest in boxes)


@pytest.mark.parametrize("path", sorted(METRICS.glob("*.yml")), ids=lambda path: str(path.stem))
def test_a_list_of_metrics_says_its_family_and_its_source(path: Path) -> None:
    said = yaml.safe_load(path.read_text())
    assert said["family"] == path.stem
    assert set(said["metrics"].values()) <= {"counter", "gauge", "histogram"}
    assert path.read_text().startswith("---\n# ")


def test_lists_hold_nothing_that_is_not_asked_for() -> None:
    asked = "\n".join(path.read_text() for path in FOLDER.glob("*.json"))
    for path in METRICS.glob("*.yml"):
        for name in yaml.safe_load(path.read_text())["metrics"]:
            assert name.replace("{ns}", "${namespace}") in asked, f"{path.name}: {name}"


def test_a_number_of_now_does_not_stay_when_what_it_counts_has_ended() -> None:
    stale = [
        f"{path.stem}: {panel['title']}"
        for path in sorted(FOLDER.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        if panel["type"] in ("stat", "gauge")
        for target in panel["targets"]
        if target["datasource"]["type"] == "prometheus"
        and not target["instant"]
        and not target["expr"].endswith("or vector(0)")
        and not target["expr"].startswith("vector(")
    ]
    assert not stale


def test_what_every_member_of_a_cluster_knows_is_not_summed() -> None:
    of_all = re.compile(r"(sum|count)( by \([^)]*\) )?\(alertmanager_(silences|alerts)\{")
    assert [where for where, expr in queries("prometheus") if of_all.search(expr)] == []
    assert of_all.search('sum by (state) (alertmanager_alerts{environment="x"})')


def test_the_state_of_a_probe_is_its_endpoints_and_not_the_probers() -> None:
    told = [
        expr
        for where, expr in queries("prometheus")
        if where
        in ("stackwatch-stack: Components of the inventory: A", "stackwatch-stack: Up and down: A")
    ]
    assert len(told) == 2
    assert all(re.search(r"probe_success\{[^}]*\} or up\{", expr) for expr in told)
