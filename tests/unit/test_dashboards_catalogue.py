"""Every dashboard is there with what it must show, and every panel says what it is."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from files.dashboards.committed import FOLDER

Raw = dict[str, Any]
# By uid: the panels without which a dashboard is not what it is for.
CATALOGUE = {
    "stackwatch-stack": (
        "Components of the inventory",
        "Up and down",
        "Scrape duration",
        "Firing alerts by priority",
        "Prometheus: size",
        "Loki: stored in 30 days",
        "Elasticsearch: size",
        "Jaeger: size",
    ),
    "stackwatch-application": (
        "Request rate by status",
        "Duration",
        "p95 by path",
        "Paths",
        "Errors",
        "In flight",
        "Active entities",
        "Processes in 24 h",
        "AI requests",
        "AI latency",
        "Queue depth",
    ),
    "stackwatch-entity": (
        "Request rate by path",
        "Users per entity",
        "Processes by type",
        "Insights by severity",
    ),
    "stackwatch-system": (
        "CPU",
        "Memory",
        "Disk throughput",
        "Traffic",
        "Space",
        "Inodes",
        "CPU pressure",
        "Memory pressure",
        "Disk pressure",
        "Units by state",
        "Failed units",
    ),
    "stackwatch-containers": (
        "Nodes ready",
        "Nodes",
        "Pods by phase",
        "Restarts",
        "Pods that restart",
        "CPU against its quota",
        "Memory against its limit",
        "Pods: CPU against limits",
        "Pods: memory against limits",
        "Network in",
        "Network out",
        "Pods: network",
        "Storage",
        "Volumes",
    ),
    "stackwatch-databases": (
        "Connections",
        "Transactions",
        "Slow queries",
        "Replication lag",
        "Memory",
        "Hits",
        "Evictions",
        "Query duration",
        "Pool",
        "Cache hits",
    ),
    "stackwatch-nats": ("Messages", "Bytes", "Stream depth", "Consumer lag", "Connections"),
    "stackwatch-business": (
        "Characters created per hour",
        "Level-ups per hour",
        "AI queries per hour",
        "Exports per hour",
        "Active users",
        "Sessions",
        "Workflows per hour",
        "Tasks per hour",
        "Agents",
        "NPS",
        "Onboarding",
    ),
    "stackwatch-experience": (
        "Creation p95",
        "Level-up p95",
        "Page views by page",
        "Response size p95 by path",
        "Cache hit ratio",
    ),
    "stackwatch-slo": (
        "Objective",
        "Remaining budget",
        "Burn rate by window",
        "Budget over 30 days",
        "Services",
    ),
    "stackwatch-logs": ("Volume by level", "Volume by service", "Error stream", "Lines"),
    "stackwatch-traces": ("Span rate", "Errors", "p95 by operation", "Traces of the service"),
    "stackwatch-alerts": (
        "Firing by priority",
        "Notification failures",
        "Silences",
        "Firing",
    ),
    "stackwatch-home": ("Firing alerts by priority", "Alert list", "Dashboards", "Down"),
}
BOARDS: dict[str, Raw] = {
    raw["uid"]: raw for raw in (json.loads(path.read_text()) for path in FOLDER.glob("*.json"))
}
CURRENT = {
    *("timeseries", "stat", "gauge", "bargauge", "table", "heatmap", "logs", "traces", "alertlist"),
    *("dashlist", "text", "state-timeline", "barchart", "piechart", "nodeGraph"),
}
WITH_LEGEND = frozenset(("timeseries", "stat", "gauge", "bargauge", "heatmap", "state-timeline"))
WITHOUT_QUERY = {"dashlist", "alertlist", "text"}


def panels(uid: str) -> list[Raw]:
    return [panel for panel in BOARDS[uid]["panels"] if panel["type"] != "row"]


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def test_there_are_these_dashboards_and_no_others() -> None:
    assert sorted(BOARDS) == sorted(CATALOGUE)


@pytest.mark.parametrize(("uid", "titles"), sorted(CATALOGUE.items()))
def test_a_dashboard_has_the_panels_of_the_catalogue(uid: str, titles: tuple[str, ...]) -> None:
    assert set(titles) <= {panel["title"] for panel in panels(uid)}


@pytest.mark.parametrize("uid", sorted(CATALOGUE))
def test_a_dashboard_says_what_it_is(uid: str) -> None:
    raw = BOARDS[uid]
    assert raw["schemaVersion"] == 41
    assert raw["tags"] == ["stackwatch"]
    assert raw["editable"] is False
    assert raw["description"].endswith(".")
    assert raw["stackwatch"]["folder"]
    assert raw["stackwatch"]["needs"]


@pytest.mark.parametrize("uid", sorted(CATALOGUE))
def test_ids_are_unique_and_nothing_overlaps(uid: str) -> None:
    listed = BOARDS[uid]["panels"]
    assert len({panel["id"] for panel in listed}) == len(listed)
    for one, other in combinations([panel["gridPos"] for panel in listed], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in listed)


@pytest.mark.parametrize("uid", sorted(CATALOGUE))
def test_titles_within_a_row_differ(uid: str) -> None:
    row, seen = "", set()
    for panel in BOARDS[uid]["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        assert (row, panel["title"]) not in seen
        seen.add((row, panel["title"]))


@pytest.mark.parametrize("uid", sorted(CATALOGUE))
def test_a_panel_says_what_it_shows(uid: str) -> None:
    for panel in panels(uid):
        where = f"{uid}: {panel['title']}"
        assert panel["type"] in CURRENT, where
        assert panel["description"].endswith("."), where
        assert panel["fieldConfig"]["defaults"]["unit"], where
        assert (panel["type"] in WITHOUT_QUERY) != bool(panel["targets"]), where
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs), where
        if panel["type"] in WITH_LEGEND:
            assert all(target["legendFormat"] for target in panel["targets"]), where


@pytest.mark.parametrize("uid", sorted(CATALOGUE))
def test_a_panel_needs_what_it_asks(uid: str) -> None:
    variables = {each["name"]: each for each in BOARDS[uid]["templating"]["list"]}
    for panel in panels(uid):
        where = f"{uid}: {panel['title']}"
        for asked in [panel, *panel["targets"]]:
            if (source := asked.get("datasource")) is None:
                assert asked is panel, where
                continue
            assert source["uid"] == f"${{{source['type']}}}", where
            assert variables[source["type"]]["type"] == "datasource", where
            assert source["type"] in panel["stackwatch"]["needs"], where


@pytest.mark.parametrize("uid", sorted(CATALOGUE))
def test_variables_that_are_used_are_there(uid: str) -> None:
    raw = BOARDS[uid]
    there = {each["name"] for each in raw["templating"]["list"]}
    used = {
        name
        for text in strings([raw["panels"], raw["templating"], raw["links"]])
        for name in re.findall(r"\$\{?(\w+)", text)
        if not name.startswith("__")
    }
    assert used <= there


@pytest.mark.parametrize("uid", sorted(CATALOGUE))
def test_links_lead_to_dashboards_and_variables_that_are_there(uid: str) -> None:
    for url in (text for text in strings(BOARDS[uid]) if text.startswith("/d/")):
        target, _, query = url.removeprefix("/d/").partition("?")
        assert target in BOARDS
        there = {each["name"] for each in BOARDS[target]["templating"]["list"]}
        carried = re.findall(r"var-(\w+)=", query) + re.findall(r"\$\{(\w+):queryparam\}", query)
        assert set(carried) <= there, url


def test_durations_have_exemplars_and_lead_to_traces() -> None:
    found = [
        panel
        for uid in ("stackwatch-application", "stackwatch-databases")
        for panel in panels(uid)
        if panel["type"] == "timeseries"
        and any("histogram_quantile" in target["expr"] for target in panel["targets"])
    ]
    assert found
    for panel in found:
        assert all(target["exemplar"] for target in panel["targets"])
        links = panel["fieldConfig"]["defaults"]["links"]
        assert any(link["url"].startswith("/d/stackwatch-traces") for link in links)


def test_the_thresholds_of_active_users() -> None:
    panel = next(each for each in panels("stackwatch-business") if each["title"] == "Active users")
    defaults = panel["fieldConfig"]["defaults"]
    assert (defaults["min"], defaults["max"]) == (0, 1000)
    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, 500, 800]
