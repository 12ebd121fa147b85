"""Two Prometheus and three Alertmanagers: a cluster is formed and everything knows everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts import TestHost
from tests.integration.machine import get, until
from tests.integration.project import FAST, Project

NAMES = ("mon1", "web1", "web2")


@pytest.fixture(scope="module")
def cluster(
    stack: Project, machines: dict[str, TestHost], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    project = Project(
        tmp_path_factory.mktemp("cluster"),
        {name: machines[name] for name in NAMES},
        groups={
            "prometheus": ["mon1", "web1"],
            "alertmanager": list(NAMES),
            "blackbox": ["mon1"],
        },
        everyone={"environment": "test", "prometheus": dict(FAST)},
        runtime=stack.runtime,
    )
    yield project
    for component, host in (
        ("alertmanager", "web1"),
        ("alertmanager", "web2"),
        ("prometheus", "web1"),
    ):
        purge = f"purge=/var/lib/stackwatch/{component}"
        arguments = ("--limit", host, "--data", f"component={component}", "--data", purge)
        assert project.run("remove.py", *arguments).code == 0
    stack.deploy("--data", "prove=off")


def test_a_cluster_forms_and_both_replicas_alert_through_all_of_it(cluster: Project) -> None:
    outcome = cluster.deploy("--data", "prove=deep")
    assert "checks hold" in outcome.output

    for name in NAMES:
        status = get(cluster.machines[name], "/api/v2/status", port=9093)["cluster"]
        assert (status["status"], len(status["peers"])) == ("ready", 3), name
    expected = {f"http://{cluster.machines[name].address}:9093/api/v2/alerts" for name in NAMES}
    for name in ("mon1", "web1"):
        found = get(cluster.machines[name], "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
        assert {entry["url"] for entry in found} == expected
        running = get(cluster.machines[name], "/api/v1/status/config")["data"]["yaml"]
        assert f"replica: {name}" in running


def test_two_replicas_make_one_alert_not_two(cluster: Project) -> None:
    path = "/api/v2/alerts?filter=alertname%3D%22Watchdog%22"

    def watchdogs() -> list[dict[str, str]]:
        return [alert["labels"] for alert in get(cluster.machines["web2"], path, port=9093)]

    until(watchdogs, what="the Watchdog in the third Alertmanager")
    assert len(watchdogs()) == 1
    assert "replica" not in watchdogs()[0]


def test_a_second_run_of_the_cluster_changes_nothing(cluster: Project) -> None:
    cluster.deploy("--data", "prove=quick")
    outcome = cluster.deploy("--debug")
    assert outcome.changed() == {}
    assert {name: outcome.executed(name) for name in NAMES} == dict.fromkeys(NAMES, 2)


def test_smoke_names_the_failing_check_host_and_url(cluster: Project) -> None:
    runtime = cluster.runtime
    runtime.stop(cluster.machines["web2"], "alertmanager")
    cluster.everyone["site"] = {"check_deadline": 3}
    outcome = cluster.run("smoke.py")
    assert outcome.code == 1, outcome.output
    address = cluster.machines["web2"].address
    expected = [
        "Failed hosts:",
        f"web2: alertmanager: {runtime.kind} runs: {runtime.service('alertmanager')}",
        f"expected {runtime.runs}",
        f"saw      {runtime.seen_stopped}",
        f"web2: alertmanager: is ready: http://{address}:9093/-/ready",
    ]
    assert [word for word in expected if word not in outcome.output] == [], outcome.output
    cluster.everyone.pop("site")
    assert cluster.deploy("--data", "prove=off").changed() == {"alertmanager": {"web2"}}
