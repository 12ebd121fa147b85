"""Dashboards on their way to Grafana: files, folders, what a change asks of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from plugins.dashboards import drop_ins
from plugins.dashboards import site as site_module
from plugins.model import Component, OnChange
from plugins.site import Site
from tests.unit.dashboard_files import board, made, panel
from tests.unit.grafana_site import Ini, grafana, grafana_site, refusals
from tests.unit.sites import file

PROVIDER = "provisioning/dashboards/stackwatch.yml"
HOME = made(board(panel(1), uid="stackwatch-home"))


@pytest.fixture(autouse=True)
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One dashboard is the project's own."""
    for module in (site_module, drop_ins):
        monkeypatch.setattr(module, "library", lambda: (HOME,))
    site_module._ours.cache_clear()
    yield
    site_module._ours.cache_clear()


@pytest.fixture
def own(tmp_path: Path) -> Site:
    """A site with a drop-in folder of its own."""
    return replace(grafana_site(), files=tmp_path)


def drop_in(site: Site, path: str, uid: str) -> None:
    target = site.files / "dashboards" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    raw = board(panel(1), uid=uid)
    del raw["stackwatch"]
    target.write_text(json.dumps(raw))


def sent(component: Component) -> dict[str, OnChange]:
    return {f.path: f.on_change for f in component.files if f.path.startswith("dashboards/")}


def provider(component: Component) -> str:
    return file(component, PROVIDER).content


def test_dashboards_are_watched_files_in_the_folders_that_people_see(own: Site) -> None:
    drop_in(own, "Team A/orders.json", "orders")
    drop_in(own, "top.json", "top")
    component = grafana(own)
    assert sent(component) == dict.fromkeys(
        (
            "dashboards/Stack/stackwatch-home.json",
            "dashboards/Team A/orders.json",
            "dashboards/top.json",
        ),
        OnChange.NOTHING,
    )
    (said,) = yaml.safe_load(provider(component))["providers"]
    # Not below the release: another path would be another dashboard.
    assert said["options"] == {
        "path": "/etc/stackwatch/grafana/hot/dashboards",
        "foldersFromFilesStructure": True,
    }
    assert (said["disableDeletion"], said["allowUiUpdates"]) == (False, False)


def test_people_see_our_home_first_where_the_site_has_it(own: Site) -> None:
    key = ("dashboards", "default_home_dashboard_path")
    path = "/etc/stackwatch/grafana/hot/dashboards/Stack/stackwatch-home.json"
    assert Ini(grafana(own)).value(*key) == path
    other = replace(grafana_site(home_dashboard="orders"), files=own.files)
    assert "[dashboards]" not in file(grafana(other), "grafana.ini").content
    drop_in(own, "orders.json", "orders")
    assert Ini(grafana(other)).value(*key) == "/etc/stackwatch/grafana/hot/dashboards/orders.json"


@pytest.mark.parametrize("change", ["another", "renamed", "changed", "removed"])
def test_every_change_of_a_dashboard_is_a_reload_and_no_restart(own: Site, change: str) -> None:
    drop_in(own, "orders.json", "orders")
    before = grafana(own)
    there = own.files / "dashboards" / "orders.json"
    if change == "another":
        drop_in(own, "more.json", "more")
    elif change == "renamed":
        drop_in(own, "Team/orders.json", "orders")
        there.unlink()
    elif change == "changed":
        there.write_text(there.read_text().replace("Orders", "Others"))
    else:
        there.unlink()
    after = grafana(own)
    assert provider(before) != provider(after)
    assert file(after, PROVIDER).on_change is OnChange.RELOAD
    restarting = [
        {f.path: f.sha256 for f in each.files if f.on_change is OnChange.RESTART}
        for each in (before, after)
    ]
    assert restarting[0] == restarting[1]


def test_without_a_change_nothing_is_read_anew(own: Site) -> None:
    assert provider(grafana(own)) == provider(grafana(own))


def test_a_datasource_that_is_declared_may_be_used_by_name(own: Site) -> None:
    raw = board(panel(1, datasource="Orders", targets=[]), uid="orders")
    del raw["stackwatch"]
    (own.files / "dashboards").mkdir()
    (own.files / "dashboards" / "orders.json").write_text(json.dumps(raw))
    (told,) = refusals(own)
    assert "orders.json" in told
    assert "Orders" in told
    assert "Panel 1" in told
    declared = grafana_site(datasources=[{"name": "Orders", "type": "prometheus"}])
    assert "dashboards/orders.json" in sent(grafana(replace(declared, files=own.files)))


def test_mistakes_in_dashboards_settings_and_datasources_are_told_together(own: Site) -> None:
    (own.files / "dashboards").mkdir()
    (own.files / "dashboards" / "bad.json").write_text("{")
    said = grafana_site(
        native={"smtp": {"password": "hunter2"}},
        datasources=[{"name": "A", "type": "jaeger", "jsonData": {"nodeGraph": 5}}],
    )
    told = refusals(replace(said, files=own.files))
    assert len(told) == 3
    assert "bad.json" in "".join(told)
