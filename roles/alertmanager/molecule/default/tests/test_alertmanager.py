"""Alertmanager lists an alert that is posted, and has the route that was said."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import yaml

from roles.molecule.fixtures import ask, post
from tests.integration.machine import until


def test_an_alert_that_is_posted_is_listed(machine: Any) -> None:
    token = uuid4().hex
    alert = {
        "labels": {"alertname": "Molecule", "run": token},
        "annotations": {"summary": f"posted by {token}"},
    }
    post(machine, 9093, "/api/v2/alerts", [alert])

    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(machine, 9093, "/api/v2/alerts", filter=f'run="{token}"')
        return [each for each in found if each["status"]["state"] == "active"]

    (found,) = until(listed, 10, "the alert")
    assert found["labels"] == alert["labels"]
    assert found["annotations"] == alert["annotations"]
    assert [receiver["name"] for receiver in found["receivers"]] == ["default"]


def test_the_route_is_as_said(machine: Any) -> None:
    status = ask(machine, 9093, "/api/v2/status")
    assert yaml.safe_load(status["config"]["original"])["route"]["group_wait"] == "7s"
