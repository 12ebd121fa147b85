"""Grafana has the datasources of its site; without Grafana, they answer what it would ask them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from roles.molecule.fixtures import ask, curl

PASSWORD = "mole$cule"  # noqa: S105  # the scenario's
LOGIN = "/etc/stackwatch/grafana/live/login/admin_password"


@pytest.fixture
def installed(machine: Any) -> None:
    if not machine.file("/opt/stackwatch/grafana").exists:
        pytest.skip("no Grafana: its release could not be obtained")


@pytest.mark.usefixtures("installed")
def test_the_administrator_has_the_password_of_the_vault(machine: Any) -> None:
    assert machine.file(LOGIN).content_string == PASSWORD
    told = json.loads(curl(machine, 3000, "/api/user", "-u", f"admin:{PASSWORD}"))
    assert told["login"] == "admin"


@pytest.mark.usefixtures("installed")
def test_its_datasources_are_those_of_the_site(machine: Any) -> None:
    told = json.loads(curl(machine, 3000, "/api/datasources", "-u", f"admin:{PASSWORD}"))
    found = {each["uid"]: (each["type"], each["isDefault"]) for each in told}
    assert found == {
        "alertmanager-mon1": ("alertmanager", False),
        "prometheus-mon1": ("prometheus", True),
    }


@pytest.mark.usefixtures("installed")
def test_a_query_through_it_has_the_value_that_its_store_has(machine: Any) -> None:
    source = {"type": "prometheus", "uid": "prometheus-mon1"}
    query = {"refId": "A", "expr": "vector(42)", "instant": True, "datasource": source}
    body = json.dumps({"from": "now-1m", "to": "now", "queries": [query]})
    header = "Content-Type: application/json"
    options = ("-u", f"admin:{PASSWORD}", "-H", header, "-d", body)
    told = json.loads(curl(machine, 3000, "/api/ds/query", *options))
    (frame,) = told["results"]["A"]["frames"]
    assert frame["data"]["values"][1] == [42]


def test_the_stores_answer_what_it_asks_them(machine: Any) -> None:
    """As the run that left it out has asked them, which failed if one did not."""
    found = ask(machine, 9090, "/api/v1/query", query="1+1")
    assert found["data"]["result"][1] == "2"
    assert ask(machine, 9093, "/api/v2/status")["versionInfo"]["version"] != ""
