"""The Docker registry as rendered."""

from __future__ import annotations

from typing import Any

import yaml

from plugins.model import Component, EndpointKind
from tests.unit.sites import compiled, components, file, on, refused


def _registry(**said: Any) -> Component:
    site = compiled(on("reg1", "docker_registry", address="10.0.0.1", docker_registry=said))
    return components(site, "reg1")["docker_registry"]


def _configuration(made: Component) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file(made, "config.yml").content)
    return loaded


def test_it_stores_below_its_own_folder_and_deletes_nothing() -> None:
    configuration = _configuration(_registry())
    assert configuration["storage"] == {
        "filesystem": {"rootdirectory": "/var/lib/stackwatch/docker_registry"},
        "delete": {"enabled": False},
    }
    assert configuration["http"]["addr"] == ":5000"
    assert configuration["http"]["debug"]["addr"] == ":5001"


def test_settings_and_native_keys_reach_it() -> None:
    native = {"log": {"level": "debug"}, "proxy": {"remoteurl": "https://images.example.org"}}
    made = _registry(
        port=5100, metrics_port=5101, listen="10.0.0.1", delete=True, memory_max="1G", native=native
    )
    configuration = _configuration(made)
    assert configuration["http"]["addr"] == "10.0.0.1:5100"
    assert configuration["http"]["debug"]["addr"] == "10.0.0.1:5101"
    assert configuration["storage"]["delete"] == {"enabled": True}
    assert configuration["log"]["level"] == "debug"
    assert configuration["log"]["formatter"] == "text"
    assert configuration["proxy"] == {"remoteurl": "https://images.example.org"}
    assert made.service.hardening.memory_max == "1G"


def test_metrics_are_on_a_port_of_their_own() -> None:
    found = {e.kind: e.url for e in _registry().endpoints}
    assert found == {
        EndpointKind.API: "http://10.0.0.1:5000/v2/",
        EndpointKind.HEALTH: "http://10.0.0.1:5000/",
        EndpointKind.METRICS: "http://10.0.0.1:5001/metrics",
    }


def test_one_port_for_both_is_refused() -> None:
    (told,) = refused(on("reg1", "docker_registry", docker_registry={"metrics_port": 5000}))
    assert "port 5000 is also docker_registry.port on this host" in told
