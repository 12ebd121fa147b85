"""Comparing a host as a whole: what is too much on it, and whether it can be converged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.compare import leftovers
from plugins.state import HostState
from plugins.support import unsupported
from tests.unit.host_states import FACTS, file_is, matching
from tests.unit.sites import compiled, lone, on, rendered

PROMETHEUS, NODE = (rendered(lone(), "mon1", name) for name in ("prometheus", "node_exporter"))


def test_components_the_inventory_does_not_put_there() -> None:
    state = file_is("/etc/stackwatch/loki/live")(matching(PROMETHEUS, NODE))
    found = leftovers(state, ["prometheus"])
    assert [str(difference) for difference in found] == [
        f"{name}: component {name}: not in the inventory for this host: "
        f"remove.py --data component={name}"
        for name in ("loki", "node_exporter")
    ]
    assert leftovers(state, ["prometheus", "node_exporter", "loki"]) == ()


SYSTEMS = {"debian": "Debian", "ubuntu": "Ubuntu"}


@pytest.mark.parametrize(
    ("facts", "architecture", "told"),
    [
        ({}, "amd64", []),
        ({"os": "ubuntu 24.04"}, "amd64", []),
        ({"os": "arch "}, "amd64", ["operating system 'arch ' is not supported (debian, ubuntu"]),
        ({}, "arm64", ["its architecture is amd64, the inventory says arm64: set architecture"]),
        ({"machine": "aarch64"}, "arm64", []),
        ({"uid": "1000"}, "amd64", ["not logged in as root: set _sudo = True"]),
        ({"systemd": None}, "amd64", ["systemd does not run on it; for containers say runtime"]),
        ({"curl": None}, "amd64", ["curl is not installed"]),
        ({"curl": None, "uid": "1"}, "amd64", ["not logged in as root", "curl is not installed"]),
    ],
)
def test_unsupported(facts: dict[str, str | None], architecture: str, told: list[str]) -> None:
    found = {key: value for key, value in {**FACTS, **facts}.items() if value is not None}
    host = replace(compiled(on("a")).hosts["a"], architecture=architecture)
    reasons = list(unsupported(HostState(found), host, SYSTEMS))
    assert [reason[: len(start)] for reason, start in zip(reasons, told, strict=True)] == told


@pytest.mark.parametrize(
    ("facts", "brought", "told"),
    [
        ({"docker": "26.1.5"}, (), []),
        ({}, (), ["docker is not installed: put the host into the group docker_engine"]),
        # It comes before any container does.
        ({}, ("dockerd", "docker"), []),
        # What brings it starts it, too.
        ({"docker.error": "refused"}, ("dockerd", "docker"), []),
        ({"docker.error": "refused"}, (), ["docker does not answer (refused)"]),
    ],
)
def test_containers_need_an_engine(
    facts: dict[str, str], brought: tuple[str, ...], told: list[str]
) -> None:
    host = compiled(on("a", runtime="docker")).hosts["a"]
    reasons = list(unsupported(HostState({**FACTS, **facts}), host, SYSTEMS, brought))
    assert [reason[: len(start)] for reason, start in zip(reasons, told, strict=True)] == told
