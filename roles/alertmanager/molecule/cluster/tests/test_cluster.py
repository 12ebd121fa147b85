"""Three Alertmanagers are one: what two Prometheus say is told once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from roles.molecule.fixtures import Machines, ask, curl, metric
from roles.molecule.services import service
from tests.integration.machine import until

ALERT = "ExporterStopped"
MEMBERS = ("mon1", "mon2", "mon3")
REPLICAS = ("mon1", "mon2")


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_knows_the_whole_cluster(machines: Machines, member: str) -> None:
    cluster = ask(machines[member], 9093, "/api/v2/status")["cluster"]
    assert cluster["status"] == "ready"
    addresses = [machines[name].check_output("hostname -i").split()[0] for name in MEMBERS]
    peers = {peer["address"] for peer in cluster["peers"]}
    assert peers == {f"{address}:9094" for address in addresses}


@pytest.mark.parametrize("replica", REPLICAS)
def test_every_replica_sends_to_every_member(machines: Machines, replica: str) -> None:
    found = ask(machines[replica], 9090, "/api/v1/alertmanagers")["data"]
    assert len(found["activeAlertmanagers"]) == 3


@pytest.fixture
def stopped(machines: Machines) -> Iterator[None]:
    """An alert is on its way: both replicas miss an exporter."""
    exporter = service("mon3", "node_exporter")
    machines["mon3"].check_output(f": >/var/lib/receiver/requests; {exporter.stop}")
    yield
    machines["mon3"].check_output(exporter.start)


def _received(machines: Machines) -> list[dict[str, Any]]:
    text = machines["mon3"].check_output("cat /var/lib/receiver/requests")
    return [json.loads(line) for line in text.splitlines()]


def _looked(machines: Machines, member: str) -> float:
    """How often a member asked its notes whether a group has been told already.

    It does so at the end of its wait for the others, each time that it would notify.
    """
    return metric(curl(machines[member], 9093, "/metrics"), "alertmanager_nflog_queries_total")


def _firing_on(machines: Machines, replica: str) -> list[str]:
    """The hosts that a replica fires the alert for, as soon as it does."""
    query = f'ALERTS{{alertname="{ALERT}", alertstate="firing"}}'

    def found() -> list[str]:
        data = ask(machines[replica], 9090, "/api/v1/query", query=query)["data"]
        return [series["metric"]["host"] for series in data["result"]]

    hosts: list[str] = until(found, 20, f"the alert in Prometheus of {replica}")
    return hosts


def _listed_by(machines: Machines, member: str) -> list[dict[str, Any]]:
    """The alert in a member, as soon as it is there."""
    wanted = f'alertname="{ALERT}"'
    found: list[dict[str, Any]] = until(
        lambda: ask(machines[member], 9093, "/api/v2/alerts", filter=wanted),
        20,
        f"the alert in Alertmanager of {member}",
    )
    return found


@pytest.mark.usefixtures("stopped")
def test_one_alert_of_two_replicas_is_one_notification(machines: Machines) -> None:
    before = {name: _looked(machines, name) for name in MEMBERS}
    for replica in REPLICAS:
        assert _firing_on(machines, replica) == ["mon3"]
    for member in MEMBERS:
        (alert,) = _listed_by(machines, member)
        assert "replica" not in alert["labels"]
        assert [receiver["name"] for receiver in alert["receivers"]] == ["inbox"]
    until(lambda: _received(machines), 20, "a notification")

    # Once after the wait of the group and once after its interval, each of the three had its turn.
    def all_had_their_turns() -> bool:
        return all(_looked(machines, name) >= before[name] + 2 for name in MEMBERS)

    until(all_had_their_turns, 60, "two turns of every member")
    received = _received(machines)
    assert len(received) == 1, f"{len(received)} notifications of one alert"
    (told,) = received
    assert (told["receiver"], told["status"]) == ("inbox", "firing")
    (alert,) = told["alerts"]
    assert (alert["labels"]["alertname"], alert["labels"]["host"]) == (ALERT, "mon3")

    # Its end is the second one, which also leaves the next run nothing to be told of.
    machines["mon3"].check_output(service("mon3", "node_exporter").start)
    until(lambda: len(_received(machines)) > 1, 30, "the end of it")
    assert [each["status"] for each in _received(machines)] == ["firing", "resolved"]
