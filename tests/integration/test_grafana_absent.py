"""A site whose Grafana cannot be obtained: said plainly, and what it would ask is asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration import grafana
from tests.integration.machine import on
from tests.integration.project import Project, words

LEFT_OUT = "grafana was NOT installed and does NOT run"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def without(site: Project, tmp_path: Path) -> Iterator[Project]:
    """The small site with a Grafana that nobody serves."""
    lock = tmp_path / "site.lock.yaml"
    archive = tmp_path / "grafana-0.0.1.linux-amd64.tar.gz"
    archive.write_bytes(b"served by nobody")
    pinned = grafana.Archive(archive, "0.0.1").pinned()
    pinned["grafana"]["release"]["files"][0]["url"] = f"{NOWHERE}/{archive.name}"
    lock.write_text(yaml.safe_dump(pinned))
    site.groups["grafana"] = ["mon1"]
    site.everyone["grafana"] = grafana.settings(tmp_path / "vault")
    site.everyone["site"] = {"artifact_lock": str(lock), "allow_missing": ["grafana"]}
    yield site


def test_it_is_left_out_and_every_datasource_is_asked_in_its_place(without: Project) -> None:
    outcome = without.deploy()
    assert words(outcome.output, ["Left out: grafana:", LEFT_OUT, "checks hold"]) == []
    assert outcome.changed() == {}
    mon = without.machines["mon1"]
    assert (
        on(mon, "ls -d /etc/stackwatch/grafana /opt/stackwatch/grafana 2>/dev/null || true") == ""
    )


def test_it_stops_the_run_where_it_may_not_be_left_out(without: Project) -> None:
    del without.everyone["site"]["allow_missing"]
    outcome = without.run("deploy.py")
    assert outcome.code == 1
    expected = [
        f"grafana 0.0.1 ({grafana.ARCHITECTURE}) could not be obtained",
        "allow_missing = ['grafana']",
    ]
    assert words(outcome.output, expected) == [], outcome.output


def test_a_datasource_that_does_not_answer_is_told(without: Project) -> None:
    gone = {"name": "Gone", "type": "prometheus", "url": NOWHERE}
    without.everyone["grafana"] = {**without.everyone["grafana"], "datasources": [gone]}
    without.everyone["site"]["check_deadline"] = 1
    outcome = without.run("deploy.py")
    assert outcome.code == 1
    expected = ["grafana (not installed)", "datasource prometheus-gone answers", LEFT_OUT]
    assert words(outcome.output, expected) == [], outcome.output


def test_its_mistakes_are_told_though_it_is_left_out(without: Project) -> None:
    own = without.drop_ins / "dashboards"
    own.mkdir(parents=True)
    broken = own / "broken.json"
    broken.write_text(grafana.dashboard("team-broken", "Broken", expression="rate(up["))
    try:
        outcome = without.run("deploy.py")
    finally:
        broken.unlink()
    assert outcome.code == 1
    assert words(outcome.output, ["broken.json", "Targets", "rate(up["]) == [], outcome.output
