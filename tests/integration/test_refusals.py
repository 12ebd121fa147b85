"""What is wrong is refused before it does harm, and the old keeps running."""

from __future__ import annotations

from typing import Any

import pytest

from tests import hosts
from tests.integration.machine import get, on
from tests.integration.project import FAST, Project, words

BANANA = {**FAST, "native": {"global": {"scrape_timeout": "banana"}}}
BROKEN_RULE = """
groups:
  - name: broken
    rules:
      - alert: Broken
        expr: sum by (job (up)
"""


def _release(site: Project, component: str) -> str:
    return on(site.machines["mon1"], f"readlink /etc/stackwatch/{component}/live")


@pytest.mark.parametrize(
    ("key", "settings", "expected"),
    [
        (
            "prometheus",
            BANANA,
            ["/etc/stackwatch/prometheus/live/prometheus.yml", "banana", "refused by promtool"],
        ),
        (
            "alertmanager",
            {"route": {"receiver": "nobody"}},
            ["/etc/stackwatch/alertmanager/live/alertmanager.yml", 'undefined receiver "nobody"'],
        ),
        (
            "blackbox",
            {"modules": {"odd": {"prober": "http", "http": {"method_of_travel": "GET"}}}},
            ["refused by blackbox_exporter", "method_of_travel"],
        ),
    ],
    ids=["prometheus", "alertmanager", "blackbox"],
)
def test_bad_native_settings_are_refused_on_the_host_before_the_swap(
    site: Project, key: str, settings: dict[str, Any], expected: list[str]
) -> None:
    mon = site.machines["mon1"]
    before = (_release(site, key), site.runtime.process(mon, key))

    site.everyone[key] = settings
    outcome = site.run("deploy.py", "--data", "prove=off")

    assert outcome.code == 1, outcome.output
    assert words(outcome.output, [*expected, f"{key} on mon1", "Failed hosts: mon1"]) == []
    assert (_release(site, key), site.runtime.process(mon, key)) == before
    assert on(mon, f"ls /etc/stackwatch/{key}/releases | wc -l") == "1"


def test_a_rule_with_broken_promql_is_refused_with_file_and_line(site: Project) -> None:
    rules = site.drop_ins / "rules"
    rules.mkdir(parents=True)
    (rules / "team.yml").write_text(BROKEN_RULE)
    try:
        outcome = site.run("deploy.py", "--data", "prove=off")
    finally:
        (rules / "team.yml").unlink()
        rules.rmdir()

    assert outcome.code == 1, outcome.output
    # File, line and column, and the checker's own words.
    assert words(outcome.output, ["/live/rules/site-team.yml", "5:", "parse error"]) == []
    names = {g["name"] for g in get(site.machines["mon1"], "/api/v1/rules")["data"]["groups"]}
    assert "broken" not in names and "watchdog" in names


def test_a_service_that_does_not_become_healthy_is_rolled_back(site: Project) -> None:
    mon = site.machines["mon1"]
    runtime = site.runtime
    before = (runtime.definition(mon, "alertmanager"), _release(site, "alertmanager"))

    site.everyone["alertmanager"] = {"flags": ["--no-such-flag"], "receivers": [{"name": "x"}]}
    outcome = site.run("deploy.py", "--data", "prove=off")

    assert outcome.code == 1, outcome.output
    expected = [
        "restart failed",
        "rolled back: the former version and configuration run again",
        runtime.last_words("alertmanager"),
        "unknown long flag '--no-such-flag'",
    ]
    assert words(outcome.output, expected) == [], outcome.output
    assert (runtime.definition(mon, "alertmanager"), _release(site, "alertmanager")) == before
    assert get(mon, "/-/ready", port=9093) == "OK"
    # Nothing is left over, and the former state is whole: a plain run has nothing to do.
    site.everyone.pop("alertmanager")
    assert site.deploy("--data", "prove=off").changed() == {}


def test_two_mistakes_are_told_together_before_any_connection(site: Project) -> None:
    site.everyone["prometheus"] = {"scrape_intervall": "5s"}
    site.everyone["alertmanager"] = {"port": 9090}
    site.groups["promtheus"] = ["mon1"]
    outcome = site.run("deploy.py")

    assert outcome.code == 1, outcome.output
    expected = [
        "group_data/all.py: prometheus.scrape_intervall: unknown setting",
        "Did you mean 'scrape_interval'?",
        "promtheus: unknown group",
        "Did you mean 'prometheus'?",
        "no host was touched",
    ]
    assert words(outcome.output, expected) == []
    assert "Connecting to hosts" not in outcome.output


def test_a_limit_that_matches_nothing_is_an_error(site: Project) -> None:
    outcome = site.run("deploy.py", "--limit", "web9")
    assert outcome.code == 1
    assert "--limit or --exclude leaves no host" in outcome.output


def test_a_full_disk_fails_its_host_alone_and_says_how_much_is_missing(
    site: Project, machines: dict[str, Any]
) -> None:
    wider = Project(
        site.folder / "wider",
        {name: machines[name] for name in ("small", "web1")},
        everyone={"environment": "test"},
        runtime=site.runtime,
        host_settings={"small": {"node_exporter": {"port": 9100}}},
    )
    outcome = wider.run("deploy.py", "--data", "prove=off")

    assert outcome.code == 1, outcome.output
    expected = ["node_exporter on small: no space: /opt/stackwatch has", "MiB free"]
    assert words(outcome.output, [*expected, "Failed hosts: small"]) == [], outcome.output
    assert "web1" not in outcome.output.partition("Failed hosts:")[2].partition("\n")[0]
    assert on(machines["small"], "ls -A /opt/stackwatch") == ""
    assert site.runtime.left(machines["small"], "node_exporter") == []


def test_a_host_that_is_down_does_not_stop_the_others(
    site: Project, machines: dict[str, Any]
) -> None:
    hosts.stop(machines["web1"])
    try:
        site.everyone["prometheus"] = {**FAST, "scrape_interval": "4s"}
        outcome = site.run("deploy.py", "--data", "prove=off")
    finally:
        hosts.start(machines["web1"])

    assert outcome.code == 1
    assert "Failed hosts: web1" in outcome.output
    assert outcome.changed() == {"prometheus": {"mon1"}}
    running = get(machines["mon1"], "/api/v1/status/config")["data"]["yaml"]
    assert "scrape_interval: 4s" in running
