"""The Prometheus role: its configuration, its rules, and what proves a reload."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.compiler import components_of
from plugins.model import Artifact, CheckKind, Component, SiteError
from plugins.runtimes.systemd import Unit
from plugins.site import Site
from tests.unit.recorded import golden
from tests.unit.sites import (
    MONITORING,
    artifact,
    compiled,
    components,
    file,
    lone,
    on,
    three_hosts,
    two_and_three,
)


def prometheus(site: Site, host: str = "mon1") -> Component:
    return components(site, host)["prometheus"]


def configuration(site: Site, host: str = "mon1") -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(file(prometheus(site, host), "prometheus.yml").content)
    return parsed


def release_hash(component: Component) -> str:
    reload = component.service.reload
    assert reload
    assert reload.proof
    ((path, text),) = reload.proof.contains
    assert path == "/api/v1/rules?type=record"
    return text


@pytest.mark.parametrize(
    ("folder", "make", "host"),
    [
        ("three_hosts", three_hosts, "mon1"),
        ("two_and_three", two_and_three, "mon1"),
        ("two_and_three", two_and_three, "mon2"),
    ],
)
def test_configuration_is_the_golden_one(folder: str, make: Callable[[], Site], host: str) -> None:
    component = prometheus(make(), host)
    for path in ("prometheus.yml", "rules/expected_jobs.yml", "targets/probe.json"):
        kept, made = golden(f"{folder}/{host}/{path}", file(component, path).content)
        assert made == kept


def test_replicas_are_told_apart_and_alert_all_alertmanagers() -> None:
    first, second = (configuration(two_and_three(), host) for host in ("mon1", "mon2"))
    assert first["global"]["external_labels"] == {"site": "test", "replica": "mon1"}
    assert second["global"]["external_labels"] == {"site": "test", "replica": "mon2"}
    assert first["alerting"] == second["alerting"]
    assert first["alerting"] == {
        "alert_relabel_configs": [{"regex": "replica", "action": "labeldrop"}],
        "alertmanagers": [
            {
                "static_configs": [
                    {"targets": ["10.0.0.1:9093", "10.0.0.2:9093", "mon3.example.org:9093"]}
                ]
            }
        ],
    }


def test_one_prometheus_has_no_replica_and_may_have_no_alertmanager() -> None:
    found = configuration(compiled(on("a", "prometheus")), "a")
    assert found["global"]["external_labels"] == {"site": "test"}
    assert "alerting" not in found
    assert [job["job_name"] for job in found["scrape_configs"]] == ["node_exporter", "prometheus"]


def test_probes_go_through_the_blackbox_of_its_own_host_if_there_is_one() -> None:
    site = compiled(on("a", "blackbox"), on("b", "prometheus", "blackbox"), on("c", "prometheus"))
    for host, prober in (("b", "b:9115"), ("c", "a:9115")):
        job = configuration(site, host)["scrape_configs"][-1]
        assert job["job_name"] == "probe"
        assert job["relabel_configs"][-1]["replacement"] == prober


@pytest.mark.parametrize(
    ("version", "flag"), [("2.53.0", "--enable-feature=agent"), ("3.14.0", "--agent")]
)
def test_agent_mode(version: str, flag: str) -> None:
    remote = [{"url": "http://central:9090/api/v1/write"}]
    site = lone(prometheus={"agent": True, "remote_write": remote})
    got: dict[tuple[str, str], Artifact] = {
        (name, "amd64"): artifact(name, version)
        for name in ("prometheus", "alertmanager", "blackbox_exporter", "node_exporter")
    }
    (agent,) = (c for c in components_of(site, got, "mon1") if c.name == "prometheus")
    found = yaml.safe_load(file(agent, "prometheus.yml").content)
    assert found.keys() == {"global", "scrape_configs", "remote_write"}
    assert found["global"].keys() == {"scrape_interval", "external_labels"}
    assert found["remote_write"] == remote
    assert not [f.path for f in agent.files if f.path.startswith("rules/")]
    assert flag in agent.service.argv
    assert not [word for word in agent.service.argv if word.startswith("--storage.tsdb")]
    (check,) = agent.validators
    assert check.argv == ("{bin}/promtool", "check", "config", "--agent", "{config}/prometheus.yml")
    kinds = {CheckKind.HTTP, CheckKind.TARGETS, CheckKind.TARGETS_UP}
    assert {check.kind for check in agent.checks} == kinds
    assert agent.service.reload
    assert agent.service.reload.proof
    assert agent.service.reload.proof.contains == ()


def test_native_configuration_is_merged_over_ours() -> None:
    native = {
        "global": {"scrape_timeout": "9s", "scrape_interval": "1m"},
        "scrape_configs": [{"job_name": "native"}],
        "storage": {"tsdb": {"out_of_order_time_window": "30m"}},
    }
    own = [{"job_name": "own"}]
    found = configuration(lone(prometheus={"native": native, "scrape_configs": own}))
    assert found["global"]["scrape_timeout"] == "9s"
    assert found["global"]["scrape_interval"] == "1m"
    assert found["global"]["evaluation_interval"] == "15s"
    assert found["storage"] == native["storage"]
    assert [job["job_name"] for job in found["scrape_configs"]][-3:] == ["probe", "own", "native"]


def dropped(folder: Path, files: dict[str, str], **said: Any) -> Site:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    everyone = {"site": {"files": str(folder), **said}}
    return compiled(on("mon1", *MONITORING), everyone=everyone)


GROUP = "groups:\n- name: mine\n  rules:\n  - {record: a, expr: vector(1)}\n"


def test_drop_in_jobs_and_rules(tmp_path: Path) -> None:
    site = dropped(
        tmp_path,
        {
            "jobs/b.yml": "- {job_name: two}\n- {job_name: three}\n",
            "jobs/a.yml": "job_name: one\n",
            "jobs/ignored.txt": "?",
            "rules/mine.yml": GROUP,
            "rules/empty.yml": "# nothing yet\n",
        },
    )
    jobs = [job["job_name"] for job in configuration(site)["scrape_configs"]]
    assert jobs[-3:] == ["one", "two", "three"]
    component = prometheus(site)
    assert file(component, "rules/site-mine.yml").content == GROUP
    (rules,) = (check for check in component.checks if check.kind is CheckKind.RULES)
    assert {"mine", "watchdog", "expected_jobs", "stackwatch_config"} <= {*rules.expected}


@pytest.mark.parametrize(
    ("path", "text", "fault"),
    [
        ("jobs/a.yml", "a: [", "is no valid YAML: "),
        ("jobs/a.yml", "scrape: x\n", "holds no scrape config. Write a native scrape config"),
        ("jobs/a.yml", "- {job_name: x}\n- 5\n", "holds no scrape config"),
        ("rules/a.yml", "a: [", "is no valid YAML: "),
        ("rules/a.yml", "rules: []\n", "holds no rule groups. Write `groups:`"),
        ("rules/a.yml", "- a\n", "holds no rule groups"),
        ("rules/a.yml", "groups: 5\n", "holds no rule groups"),
        ("rules/a.yml", "groups:\n- rules: []\n", "has a rule group without a name"),
        ("rules/a.yml", "groups:\n- text\n", "has a rule group without a name"),
    ],
)
def test_drop_ins_that_are_not_valid(tmp_path: Path, path: str, text: str, fault: str) -> None:
    with pytest.raises(SiteError) as error:
        prometheus(dropped(tmp_path, {path: text}))
    (problem,) = error.value.problems
    assert str(problem).startswith(f"{tmp_path / path}: {fault}")


def test_all_drop_in_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SiteError) as error:
        prometheus(
            dropped(tmp_path, {"jobs/a.yml": "x: 1", "rules/a.yml": "- a", "rules/b.yml": "["})
        )
    assert [p.where for p in error.value.problems] == [
        str(tmp_path / name) for name in ("jobs/a.yml", "rules/a.yml", "rules/b.yml")
    ]


def test_rules_link_to_the_sites_runbooks(tmp_path: Path) -> None:
    component = prometheus(dropped(tmp_path, {}, runbook_base_url="https://wiki.test/ops/"))
    rules = [f for f in component.files if f.path.startswith("rules/")]
    linked = [line for f in rules for line in f.content.splitlines() if "runbook_url" in line]
    assert len(linked) > 10
    assert {line.partition("https://")[2].partition("/ops/")[0] for line in linked} == {"wiki.test"}


def test_an_alert_for_every_expected_job() -> None:
    content = file(prometheus(three_hosts()), "rules/expected_jobs.yml").content
    rules = yaml.safe_load(content)["groups"][0]["rules"]
    assert [rule["expr"] for rule in rules] == [
        f'absent(up{{job="{job}"}})'
        for job in ("alertmanager", "blackbox", "node_exporter", "prometheus", "shop")
    ]


def test_tests_of_rules_are_not_sent() -> None:
    assert not [f.path for f in prometheus(lone()).files if ".test." in f.path]


BASE = release_hash(prometheus(lone()))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, {"prometheus": {"scrape_interval": "16s"}}),
        ({"rules/a.yml": GROUP}, {}),
        ({"jobs/a.yml": "job_name: a\n"}, {}),
        ({}, {"services": [{"name": "shop", "port": 1}]}),
    ],
)
def test_any_change_of_the_release_changes_the_hash_that_proves_it(
    tmp_path: Path, files: dict[str, str], said: dict[str, Any]
) -> None:
    everyone = dropped(tmp_path, files).settings.model_dump(include={"files"})
    changed = compiled(on("mon1", *MONITORING, **said), everyone={"site": everyone})
    assert release_hash(prometheus(changed)) != BASE


def test_the_hash_is_a_rule_that_tells_it_and_does_not_follow_targets() -> None:
    component = prometheus(lone())
    shown = yaml.safe_load(file(component, "rules/stackwatch_config.yml").content)
    assert shown["groups"][0]["rules"][0]["labels"]["release"] == BASE
    more = compiled(on("mon1", *MONITORING), on("web1"))
    assert release_hash(prometheus(more)) == BASE
    assert Unit(prometheus(more)).release_hash == Unit(component).release_hash
    targets = "targets/node_exporter.json"
    assert file(prometheus(more), targets) != file(component, targets)


def test_checks_expect_every_target_alertmanager_and_probe() -> None:
    expected = {check.kind: check.expected for check in prometheus(three_hosts()).checks}
    assert expected[CheckKind.ALERTMANAGERS] == ("http://10.0.0.1:9093/api/v2/alerts",)
    assert "shop web1:8080" in expected[CheckKind.TARGETS]
    assert "probe http://10.0.0.2:8080/healthz" in expected[CheckKind.TARGETS]
    assert len(expected[CheckKind.TARGETS]) == 14
    assert expected[CheckKind.TARGETS_UP] == expected[CheckKind.TARGETS]
    assert len(expected[CheckKind.PROBES]) == 7


def test_targets_stand_in_files_beside_the_release() -> None:
    component = prometheus(three_hosts())
    (shop,) = json.loads(file(component, "targets/shop.json").content)
    assert shop["targets"] == ["10.0.0.2:8080"]
    jobs = configuration(three_hosts())["scrape_configs"]
    assert [job["file_sd_configs"][0]["files"][0] for job in jobs] == [
        f"/etc/stackwatch/prometheus/hot/targets/{job['job_name']}.json" for job in jobs
    ]
