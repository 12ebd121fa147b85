"""What is asked of a running Grafana, and with what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins.checks import asked
from plugins.dashboards import drop_ins
from plugins.dashboards import site as site_module
from plugins.model import Check, CheckKind, Component
from roles.grafana import checks as grafana_checks
from roles.grafana.checks import checks_of
from roles.grafana.datasources import datasources
from tests.unit.dashboard_files import LOKI, board, made, panel, source, target
from tests.unit.grafana_site import grafana, grafana_site

RATE = "sum(rate(${ns}_http_total[$__rate_interval]))"
NAMESPACE = {"name": "ns", "type": "query", "query": "label_values(x)"}
METRICS = board(
    panel(1, targets=[target(RATE)]),
    uid="m",
    templating={"list": [source("prometheus"), NAMESPACE]},
)
LOGS = board(
    panel(1, type="logs", datasource=LOKI, targets=[{**target('{a="b"}'), "datasource": LOKI}]),
    uid="l",
)
NOTHING = board(panel(1, type="text", targets=[]), uid="n")


@pytest.fixture(autouse=True)
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    boards = tuple(map(made, (METRICS, LOGS, NOTHING)))
    for module in (site_module, drop_ins):
        monkeypatch.setattr(module, "library", lambda: boards)
    site_module._ours.cache_clear()
    yield
    site_module._ours.cache_clear()


def by_kind(component: Component, kind: CheckKind) -> list[Check]:
    return [check for check in component.checks if check.kind is kind]


def path(check: Check) -> str:
    return check.endpoint.path


def test_every_datasource_is_asked_through_grafana() -> None:
    component = grafana(grafana_site(datasources=[{"name": "Sheet", "type": "csv"}]))
    assert {path(check): check.expected for check in by_kind(component, CheckKind.DATASOURCE)} == {
        "/api/datasources/uid/loki-mon1/health": ("must",),
        "/api/datasources/uid/prometheus-mon1/health": ("must",),
        "/api/datasources/uid/csv-sheet/health": (),
    }
    assert [path(check) for check in by_kind(component, CheckKind.PROXIED)] == [
        "/api/datasources/proxy/uid/alertmanager-mon1/api/v2/status",
        "/api/datasources/proxy/uid/jaeger-mon1/api/services",
    ]


def test_an_old_grafana_is_not_asked_what_it_cannot_tell() -> None:
    site = grafana_site()
    (placement,) = site.placed("grafana")
    wired = datasources(site, placement.host, placement.settings)
    api = placement.endpoints[0]
    kinds = {
        version: {c.kind for c in checks_of(api, api, wired, (), version)}
        for version in ("9.4.0", "12.4.2", "nightly")
    }
    told = {CheckKind.DATASOURCE, CheckKind.PROXIED}
    assert not kinds["9.4.0"] & told
    assert kinds["12.4.2"] == kinds["nightly"] > told


def test_every_dashboard_is_looked_for_with_the_mark_of_its_content() -> None:
    (check,) = by_kind(grafana(grafana_site()), CheckKind.DASHBOARDS)
    assert path(check) == "/api/search?type=dash-db&limit=5000"
    marks = dict(each.split(" ") for each in check.expected)
    assert marks.keys() == {"m", "l", "n"}
    sent = {
        json.loads(f.content)["uid"]: json.loads(f.content)["tags"]
        for f in grafana(grafana_site()).files
        if f.path.startswith("dashboards/")
    }
    assert all(mark in sent[uid] for uid, mark in marks.items())


def test_one_query_of_each_dashboard_is_asked_in_one_request() -> None:
    (check,) = by_kind(grafana(grafana_site()), CheckKind.QUERIES)
    assert path(check) == "/api/ds/query"
    assert check.expected == ("l", "m")
    logs, metrics = json.loads(check.body)["queries"]
    assert metrics["datasource"] == {"type": "prometheus", "uid": "prometheus-mon1"}
    assert "$" not in metrics["expr"]
    assert metrics["instant"]
    assert (logs["datasource"]["uid"], logs["queryType"]) == ("loki-mon1", "range")


def test_dashboards_beyond_what_a_command_holds_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grafana_checks, "_LARGEST_BODY", 250)
    (check,) = by_kind(grafana(grafana_site()), CheckKind.QUERIES)
    assert check.name == "a query of 1 of 2 dashboards is answered"
    assert len(check.expected) == 1


def test_everything_but_health_is_asked_with_the_administrators_login() -> None:
    component = grafana(grafana_site(root_url="https://x/g/"))
    logins = {check.name: check.endpoint.credentials for check in component.checks}
    assert [name for name, login in logins.items() if not login] == ["is healthy"]
    assert all(path(check).startswith("/g/api/") for check in component.checks)


def test_quick_checks_are_two_and_the_rest_follows_a_change() -> None:
    component = grafana(grafana_site())
    quick, deep = ([c for _, c in asked([component], deep=d)] for d in (False, True))
    assert [check.name for check in quick] == ["is healthy", "dashboards are there"]
    assert len(quick) + len(deep) == len(component.checks)


def test_a_dashboard_may_name_one_datasource_itself(tmp_path: Path) -> None:
    said: dict[str, Any] = {"type": "prometheus", "uid": "prometheus-other"}
    raw = board(
        panel(1, datasource=said, targets=[{**target("up"), "datasource": said}]), uid="own"
    )
    del raw["stackwatch"]
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards" / "own.json").write_text(json.dumps(raw))
    site = grafana_site(datasources=[{"name": "other", "type": "prometheus"}])
    (check,) = by_kind(grafana(replace(site, files=tmp_path)), CheckKind.QUERIES)
    sent = {each["refId"]: each["datasource"]["uid"] for each in json.loads(check.body)["queries"]}
    assert sent["own"] == "prometheus-other"
