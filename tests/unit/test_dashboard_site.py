"""A site's dashboards: ours as far as it has what they need, and its own beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins.dashboards import drop_ins, site
from plugins.dashboards.fitting import fitted, marked
from plugins.dashboards.grid import compacted
from plugins.dashboards.presence import families, lacking
from plugins.dashboards.site import SiteDashboard, site_dashboards
from plugins.problem import Problem
from plugins.site import Site
from tests.unit.dashboard_files import (
    LOKI,
    Raw,
    board,
    made,
    needs,
    panel,
    row,
    source,
    target,
    write,
)
from tests.unit.sites import SHOP, compiled, lone, on, refused, three_hosts

KNOWN = {"prometheus-mon1": "prometheus", "Prometheus": "prometheus", "loki-mon1": "loki"}
At = tuple[int, int, int, int]


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes some dashboards the project's own."""

    def use(*raws: Raw) -> None:
        boards = tuple(made(raw) for raw in raws)
        monkeypatch.setattr(site, "library", lambda: boards)
        monkeypatch.setattr(drop_ins, "library", lambda: boards)
        site._ours.cache_clear()

    monkeypatch.setattr(site, "library", tuple)
    monkeypatch.setattr(drop_ins, "library", tuple)
    site._ours.cache_clear()
    return use


@pytest.fixture
def own(tmp_path: Path, ours: Callable[..., None]) -> Site:
    """A site with a drop-in folder of its own, and none of ours."""
    return replace(three_hosts(), files=tmp_path)


def problems_of(site: Site, known: dict[str, str] | None = KNOWN) -> list[str]:
    problems: list[Problem] = []
    site_dashboards(site, problems, known)
    return [str(problem) for problem in problems]


def test_roles_what_they_expose_and_what_services_say_are_there() -> None:
    shop = {**SHOP, "exposes": ["application", "postgresql"]}
    found = families(compiled(on("mon1", "prometheus"), on("web1", services=[shop])))
    assert {"prometheus", "node_exporter", "systemd", "application", "postgresql"} <= found
    assert not found & {"loki", "business", "shop"}


def test_what_a_role_exposes_follows_its_settings() -> None:
    assert "systemd" not in families(lone(node_exporter={"collectors_on": []}))


def test_the_reference_application_exposes_what_it_counts() -> None:
    app, worker = (
        families(compiled(on("a", f"reference_{n}"))) - {"node_exporter", "systemd"}
        for n in ("app", "worker")
    )
    assert app == {
        "reference_app",
        "application",
        "business",
        "ai",
        "auth",
        "database_client",
        "cache_client",
    }
    assert worker == {"reference_worker", "jobs", "database_client"}


def test_a_family_that_is_not_known_is_refused_with_the_nearest() -> None:
    service = {**SHOP, "exposes": ["postgres"]}
    (problem,) = refused(on("web1", services=[service]))
    assert "unknown family" in problem
    assert "Did you mean 'postgresql'?" in problem


def test_a_service_without_metrics_exposes_nothing() -> None:
    (problem,) = refused(on("web1", services=[{**SHOP, "metrics": None, "exposes": ["redis"]}]))
    assert "take `exposes` out" in problem


def test_needs_are_all_of_them_and_one_of_several() -> None:
    present = frozenset({"a", "b"})
    assert lacking(["a", "x|b"], present) == ()
    assert lacking(["a", "x|y", "z"], present) == ("x|y", "z")


def placed(*panels: Raw, without: set[int]) -> dict[int, At]:
    """Where panels stand when some have gone."""
    kept = frozenset(
        id(each)
        for outer in panels
        for each in (outer, *outer.get("panels", ()))
        if each["id"] not in without
    )
    found = compacted(panels, kept)
    return {
        each["id"]: tuple(each["gridPos"][key] for key in "xywh")
        for outer in found
        for each in (outer, *outer.get("panels", ()))
    }


STATS = [panel(n, at=(4 * (n - 1), 0, 4, 4)) for n in range(1, 7)]
GRAPHS = [panel(7, at=(0, 4, 12, 8)), panel(8, at=(12, 4, 12, 8))]


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (set(), {1: (0, 0, 4, 4), 6: (20, 0, 4, 4), 7: (0, 4, 12, 8), 8: (12, 4, 12, 8)}),
        ({2, 3}, {1: (0, 0, 6, 4), 4: (6, 0, 6, 4), 6: (18, 0, 6, 4), 8: (12, 4, 12, 8)}),
        ({3}, {1: (0, 0, 5, 4), 2: (5, 0, 5, 4), 4: (10, 0, 4, 4), 6: (19, 0, 5, 4)}),
        ({1, 2, 3, 4, 5, 6}, {7: (0, 0, 12, 8), 8: (12, 0, 12, 8)}),
        ({7}, {6: (20, 0, 4, 4), 8: (0, 4, 24, 8)}),
    ],
    ids=["none", "two", "one", "a whole line", "half"],
)
def test_what_goes_leaves_no_hole(without: set[int], expected: dict[int, At]) -> None:
    found = placed(*STATS, *GRAPHS, without=without)
    assert {number: found[number] for number in expected} == expected
    assert not without & found.keys()
    for line in {(at[1], at[3]) for at in found.values()}:
        assert sum(at[2] for at in found.values() if (at[1], at[3]) == line) == 24


def test_halves_that_are_left_of_two_lines_stand_side_by_side() -> None:
    lower = [panel(9, at=(0, 12, 12, 8)), panel(10, at=(12, 12, 12, 8))]
    found = placed(*GRAPHS, *lower, without={7, 10})
    assert found == {8: (0, 0, 12, 8), 9: (12, 0, 12, 8)}


def test_what_stands_beside_two_that_are_stacked_stays_beside_them() -> None:
    stacked = [
        panel(1, at=(0, 5, 12, 8)),
        panel(2, at=(12, 5, 12, 4)),
        panel(3, at=(12, 9, 12, 4)),
    ]
    whole = placed(panel(9, at=(0, 0, 24, 5)), *stacked, without={9})
    assert whole == {1: (0, 0, 12, 8), 2: (12, 0, 12, 4), 3: (12, 4, 12, 4)}
    broken = placed(*stacked, without={3})
    assert broken == {1: (0, 0, 24, 8), 2: (0, 8, 24, 4)}


def test_a_row_goes_with_the_last_of_its_panels() -> None:
    panels = (
        row(1, 0),
        panel(2, at=(0, 1, 24, 8)),
        row(3, 9),
        panel(4, at=(0, 10, 24, 8)),
        row(5, 18, panel(6, at=(0, 19, 12, 8)), panel(7, at=(12, 19, 12, 8))),
        row(8, 19, panel(9, at=(0, 20, 24, 8))),
    )
    found = placed(*panels, without={2, 7, 9})
    assert found == {
        3: (0, 0, 24, 1),
        4: (0, 1, 24, 8),
        5: (0, 9, 24, 1),
        # In a collapsed row; what follows does not make room for it.
        6: (0, 10, 24, 8),
    }
    assert placed(*panels, without={1})[3] == (0, 0, 24, 1)


def test_panels_that_a_site_has_nothing_for_are_left_out() -> None:
    raw = board(panel(1), panel(2, **needs("loki")), row(3, 30), panel(4, **needs("jaeger|loki")))
    found = fitted(made(raw), frozenset({"prometheus"}))
    assert found
    assert [each["id"] for each in found["panels"]] == [1]
    whole = fitted(made(raw), frozenset({"prometheus", "loki"}))
    assert whole
    assert [each["id"] for each in whole["panels"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "raw",
    [
        board(panel(1), stackwatch={"needs": ["nats"]}),
        board(row(1, 0), panel(2, **needs("nats"))),
    ],
    ids=["by what it needs itself", "because no panel is left"],
)
def test_a_whole_dashboard_is_left_out(raw: Raw) -> None:
    assert fitted(made(raw), frozenset({"prometheus"})) is None
    assert fitted(made(raw), frozenset({"prometheus", "nats"}))


def test_variables_and_annotations_go_with_their_datasource() -> None:
    of_loki = {"datasource": {"type": "loki", "uid": "${loki}"}}
    listed = [source("prometheus"), source("loki"), {"name": "service", "type": "query", **of_loki}]
    notes = [{"name": "deploys", **of_loki}, {"name": "alerts", "datasource": "-- Grafana --"}]
    first = panel(1, at=(0, 0, 24, 8))
    raw = board(first, templating={"list": listed}, annotations={"list": notes})
    found = fitted(made(raw), frozenset({"prometheus"}))
    assert found
    assert [each["name"] for each in found["templating"]["list"]] == ["prometheus"]
    assert [each["name"] for each in found["annotations"]["list"]] == ["alerts"]
    assert fitted(made(raw), frozenset({"prometheus", "loki"})) == raw


def test_a_panel_goes_with_the_variable_it_asks_with() -> None:
    of_loki = {"datasource": {"type": "loki", "uid": "${loki}"}}
    listed = [source("prometheus"), source("loki"), {"name": "service", "type": "query", **of_loki}]
    by_service = panel(2, targets=[target('up{job="$service"}')])
    raw = board(panel(1), by_service, templating={"list": listed})
    found = fitted(made(raw), frozenset({"prometheus"}))
    assert found
    assert [each["id"] for each in found["panels"]] == [1]


def test_a_prometheus_that_only_forwards_is_asked_nothing(ours: Callable[..., None]) -> None:
    ours(board(panel(1, **needs("prometheus"))))
    asks = site_dashboards(compiled(on("mon1", "prometheus")), [])
    forwards = site_dashboards(compiled(on("mon1", "prometheus", prometheus={"agent": True})), [])
    assert (len(asks), len(forwards)) == (1, 0)


def test_panels_for_what_no_datasource_leads_to_are_left_out(ours: Callable[..., None]) -> None:
    logs = panel(2, **needs("loki"), datasource=LOKI, targets=[target("{a='b'}", datasource=LOKI)])
    listed = {"list": [source("prometheus"), source("loki")]}
    ours(board(panel(1, **needs("prometheus")), logs, templating=listed))
    site = compiled(on("mon1", "prometheus"), on("mon2", "loki", loki={"listen": "127.0.0.1"}))
    panels = [
        [each.title for each in site_dashboards(site, [], known)[0].dashboard.panels]
        for known in (None, {"prometheus-mon1": "prometheus"})
    ]
    assert panels == [["Panel 1", "Panel 2"], ["Panel 1"]]


def test_a_dashboard_for_a_host_has_its_mark_and_none_of_our_words(
    ours: Callable[..., None],
) -> None:
    ours(board(panel(2, **needs("prometheus", empty="no errors"))))
    (found,) = site_dashboards(three_hosts(), [])
    raw = json.loads(found.content)
    assert raw["tags"] == ["stackwatch", found.mark]
    assert "stackwatch" not in raw
    assert "stackwatch" not in raw["panels"][0]
    assert (found.folder, found.path) == ("Stack", "Stack/stackwatch-test.json")
    assert found.ours
    assert found.dashboard.panels[0].empty == "no errors"
    assert found.dashboard.panels[0].grid.y == 0


def test_a_mark_tells_one_text_from_another_and_is_the_same_for_the_same() -> None:
    text, mark = marked(board(panel(1)))
    assert marked(board(panel(1))) == (text, mark)
    assert marked(board(panel(1, title="Other")))[1] != mark
    assert len(mark) == len("sw-") + 12


def test_links_to_dashboards_that_a_site_has_not_are_left_out(ours: Callable[..., None]) -> None:
    def to(uid: str) -> dict[str, str]:
        return {"title": uid, "url": f"/d/{uid}?var-job=$job"}

    links = [to("stackwatch-b"), to("stackwatch-c"), {"title": "all", "type": "dashboards"}]
    overrides = [{"properties": [{"id": "links", "value": [to("stackwatch-c")]}]}]
    config = {"defaults": {"links": links}, "overrides": overrides}
    first = board(panel(1, links=links, fieldConfig=config), links=links, uid="stackwatch-a")
    absent = board(panel(1), uid="stackwatch-c", stackwatch={"needs": ["nats"]})
    ours(first, board(panel(1), uid="stackwatch-b"), absent)
    found = {each.uid: each for each in site_dashboards(three_hosts(), [])}
    assert found.keys() == {"stackwatch-a", "stackwatch-b"}
    raw = json.loads(found["stackwatch-a"].content)
    for where in (raw, raw["panels"][0], raw["panels"][0]["fieldConfig"]["defaults"]):
        assert [each["title"] for each in where["links"]] == ["stackwatch-b", "all"]
    assert raw["panels"][0]["fieldConfig"]["overrides"][0]["properties"][0]["value"] == []


def test_a_sites_own_stand_beside_ours(own: Site, ours: Callable[..., None]) -> None:
    ours(board(panel(1)))
    folder = own.files / "dashboards"
    plain = {k: v for k, v in board(panel(1), uid="queue").items() if k != "stackwatch"}
    write(folder, "queue.json", {**plain, "id": 17, "version": 4})
    write(folder, "Team A/load.json", {**plain, "uid": "load"})
    write(folder, "general/last.json", {**plain, "uid": "last", "title": "Last"})
    write(folder, "README.md", {})
    problems: list[Problem] = []
    found = site_dashboards(own, problems, KNOWN)
    assert problems == []
    assert [(each.path, each.ours) for each in found] == [
        ("last.json", False),
        ("queue.json", False),
        ("Stack/stackwatch-test.json", True),
        ("Team A/load.json", False),
    ]
    queue = next(each for each in found if each.uid == "queue")
    assert not {"id", "version"} & json.loads(queue.content).keys()
    assert queue.mark in json.loads(queue.content)["tags"]


def test_a_folder_may_be_a_link(own: Site, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "load.json", board(panel(1), uid="load"))
    (own.files / "dashboards").mkdir()
    (own.files / "dashboards" / "Team").symlink_to(tmp_path / "elsewhere")
    assert [each.path for each in site_dashboards(own, [], KNOWN)] == ["Team/load.json"]


def check(own: Site, raw: Raw, name: str = "x.json") -> list[str]:
    write(own.files / "dashboards", name, raw)
    return problems_of(own)


def test_what_is_no_json_is_told_with_its_file(own: Site) -> None:
    path = write(own.files / "dashboards", "x.json", {})
    path.write_text("{")
    (problem,) = problems_of(own)
    assert problem.startswith(f"{path}: is no valid JSON")


def test_two_files_with_one_uid_are_refused(own: Site) -> None:
    write(own.files / "dashboards", "A/a.json", board(panel(1)))
    (problem,) = check(own, board(panel(1), title="Other"), "Team/b.json")
    assert "Team/b.json: has the uid 'stackwatch-test' of" in problem
    assert "a.json. Give it another uid" in problem


def test_the_uid_of_one_of_ours_is_refused(own: Site, ours: Callable[..., None]) -> None:
    # Of one that this site does not have, too: another host's exporter may bring it.
    ours(board(panel(1), stackwatch={"needs": ["nats"]}))
    (problem,) = check(own, board(panel(1)))
    assert "has the uid 'stackwatch-test' of one of ours" in problem


def test_two_of_one_title_in_one_folder_are_refused(own: Site) -> None:
    write(own.files / "dashboards", "Team/a.json", board(panel(1), title="Load"))
    write(own.files / "dashboards", "Other/a.json", board(panel(1), title="Load", uid="c"))
    (problem,) = check(own, board(panel(1), title="Load", uid="b"), "Team/b.json")
    assert "has the title 'Load' of" in problem
    assert "in the same folder" in problem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b/x.json", "a/b/x.json: stands too deep"),
        ("-x/x.json", "-x: is no name for a folder"),
        ("Team /x.json", "Team : is no name for a folder"),
    ],
)
def test_folders_that_grafana_would_not_show_are_refused(
    own: Site, name: str, expected: str
) -> None:
    (problem,) = check(own, board(panel(1)), name)
    assert expected in problem


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Thanos", "panel 'Panel 1': names a datasource that the site does not have: 'Thanos'"),
        ({"type": "prometheus", "uid": "loki-mon1"}, "takes 'loki-mon1' for a datasource of type"),
        ({"type": "loki", "uid": "${DS_LOKI}"}, "a variable that there is not: DS_LOKI"),
        ({"uid": "prometheus-mon2"}, "Did you mean 'prometheus-mon1'?"),
    ],
)
def test_a_datasource_that_the_site_has_not_is_refused_once_a_panel(
    own: Site, said: Any, expected: str
) -> None:
    raw = board(panel(1, datasource=said, targets=[target("up", datasource=said)]))
    (problem,) = check(own, raw)
    assert "x.json: " in problem
    assert expected in problem


@pytest.mark.parametrize(
    "said",
    [
        "-- Mixed --",
        {"type": "datasource", "uid": "grafana"},
        {"type": "datasource", "uid": "-- Grafana --"},
        {"type": "__expr__", "uid": "__expr__"},
        {"type": "prometheus", "uid": "prometheus-mon1"},
        {"type": "prometheus"},
        "Prometheus",
        None,
    ],
)
def test_datasources_that_are_there_are_accepted(own: Site, said: Any) -> None:
    assert check(own, board(panel(1, datasource=said))) == []


def test_queries_variables_and_annotations_are_looked_at_too(own: Site) -> None:
    gone = {"datasource": {"type": "mysql", "uid": "crm"}}
    listed = [source("elasticsearch"), {"name": "team", "type": "query", **gone}]
    raw = board(
        panel(1, datasource=None, targets=[target("up", **gone)]),
        templating={"list": listed},
        annotations={"list": [{"name": "deploys", **gone}]},
    )
    found = check(own, raw)
    places = ["panel 'Panel 1', query A", "variable team", "annotation deploys"]
    assert [p.split("x.json: ")[1].split(":")[0] for p in found[:3]] == places
    assert "variable elasticsearch: chooses among datasources of type 'elasticsearch'" in found[3]


def test_the_datasource_of_a_heading_is_looked_at_too(own: Site) -> None:
    (problem,) = check(own, board({**row(2, 0), "datasource": "Thanos"}, panel(1)))
    assert "panel 'Row 2': names a datasource that the site does not have: 'Thanos'" in problem


def test_without_a_list_of_datasources_none_is_refused(own: Site) -> None:
    write(own.files / "dashboards", "x.json", board(panel(1, datasource="Thanos")))
    assert problems_of(own, None) == []


def test_every_dashboard_is_of_one_type() -> None:
    assert all(isinstance(each, SiteDashboard) for each in site_dashboards(three_hosts(), []))
