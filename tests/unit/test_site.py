"""Compiling a site: who gets what, and every mistake told at once."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.compiler import compile_site
from plugins.model import EndpointKind, SiteError
from plugins.role import all_roles
from tests.unit.sites import Line, compiled, lone, on, refused, written

ALL = "inventories/group_data/all.py"
WEB = "inventories/group_data/web.py"
KNOWN = ", ".join(sorted(all_roles()))
PLAIN = {"site": {"groups": ["web"]}}


@pytest.mark.parametrize(
    ("lines", "said", "fault"),
    [
        (
            [on("a")],
            {"everyone": {"environmnet": "x"}},
            f"{ALL}: environmnet: unknown setting. Did you mean 'environment'?",
        ),
        (
            [on("a", prometheus={"prot": 1})],
            {},
            # A host without the role has the key all the same: it is known.
            "",
        ),
        (
            [on("a", "prometheus", prometheus={"prot": 1})],
            {},
            "inventories/test.py: a: prometheus.prot: unknown setting. Did you mean 'port'?",
        ),
        (
            [on("a", "prometheus")],
            {"groups": {"prometheus": {"prometheus": {"scrape_interval": "15"}}}},
            "inventories/group_data/prometheus.py: prometheus.scrape_interval: write a duration",
        ),
        (
            [on("a", "prometheus")],
            {"data": {"prometheus": 9090}},
            "command line --data: prometheus: expected a dict, got 9090. Write {...}",
        ),
        (
            [on("a", "promteheus")],
            {},
            "inventories/test.py: promteheus: unknown group. Did you mean 'prometheus'? "
            f"Known roles: {KNOWN}; a group for settings only goes into "
            "site = {'groups': ['promteheus']}",
        ),
        (
            [on("a", "prometheus", alertmanager={}, prometheus={"port": 9100})],
            {},
            "prometheus.port (host a): port 9100 is also node_exporter's on this host. "
            "Give prometheus or node_exporter another",
        ),
        (
            [on("a", services=[{"name": "shop", "port": 9100}])],
            {},
            "shop.port (host a): port 9100 is also node_exporter's on this host",
        ),
        (
            [on("a", services=[{"name": "x", "port": 1}, {"name": "y", "port": 1}])],
            {},
            "y.port (host a): port 1 is also x's on this host",
        ),
        (
            [on("a", address="10.0.0.1"), on("b", address="10.0.0.1")],
            {},
            "address (host b): has the address 10.0.0.1 of host a. Set `address`",
        ),
        (
            [on("a", ssh_hostname="127.0.0.1"), on("b", ssh_hostname="127.0.0.1")],
            {},
            "address (host b): has the address 127.0.0.1 of host a",
        ),
        (
            [on("a", without=["node_exprter"])],
            {},
            "inventories/test.py: a: without: unknown role 'node_exprter'. "
            "Did you mean 'node_exporter'?",
        ),
        (
            [on("a", architecture="riscv64")],
            {},
            "inventories/test.py: a: architecture: input should be 'amd64' or 'arm64', "
            "got 'riscv64'",
        ),
        ([on("a", os="windows")], {}, "inventories/test.py: a: os: input should be 'linux'"),
        (
            [on("a", node_exporter={"textfile": "/opt/stackwatch/node_exporter/textfile"})],
            {},
            "inventories/test.py: a: node_exporter.textfile: programs are below /opt/stackwatch",
        ),
        (
            [on("a", runtime="podman")],
            {},
            "inventories/test.py: a: runtime: input should be 'docker' or 'systemd'",
        ),
        (
            [on("a")],
            {"everyone": {"site": {"check_deadline": "90"}}},
            f"{ALL}: site.check_deadline: input should be a valid integer, got '90'",
        ),
        (
            [on("a", "web")],
            {"everyone": PLAIN, "groups": {"web": {"site": {"name": "x"}}}},
            f"{WEB}: site: is not read here",
        ),
        ([], {}, "inventories/test.py: the inventory has no hosts. List at least one host"),
    ],
)
def test_mistakes(lines: list[Line], said: dict[str, Any], fault: str) -> None:
    if not fault:
        assert compiled(*lines, **said).name == "test"
        return
    (found,) = refused(*lines, **said)
    assert found.startswith(fault)


def test_tells_every_mistake_at_once() -> None:
    found = refused(
        on("a", "prometheus", "webb", architecture="mips", labels={"a-b": "c"}),
        on("a2", "prometheus"),
        on("b", "alertmanager", "web", address="10.0.0.1", without=["nodeexporter"]),
        on("c", address="10.0.0.1"),
        on("d", services=[{"name": "shop", "port": 9100}]),
        everyone={"site": {"groups": ["web"], "nmae": "x"}, "enviroment": "x"},
        groups={"prometheus": {"prometheus": {"port": "9090", "agent": 1}}},
        data={"alertmanager": {"retention": "forever"}},
    )
    told = [
        "address (host c): has the address 10.0.0.1 of host b",
        "command line --data: alertmanager.retention: ",
        "inventories/group_data/all.py: enviroment: ",
        "inventories/group_data/all.py: site.nmae: ",
        "inventories/group_data/prometheus.py: prometheus.agent: ",
        "inventories/group_data/prometheus.py: prometheus.port: ",
        "inventories/test.py: a: architecture: ",
        "inventories/test.py: a: labels: ",
        "inventories/test.py: b: without: ",
        "inventories/test.py: webb: ",
        "shop.port (host d): port 9100 is also node_exporter's on this host",
    ]
    assert len(found) == len(told)
    assert [fault[: len(start)] for fault, start in zip(sorted(found), told, strict=True)] == told


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"prometheus": {"prot": 1}}, f"{WEB}: prometheus.prot: unknown setting"),
        ({"node_exporter": {"port": "1"}}, f"{WEB}: node_exporter.port: input should be"),
        ({"enviroment": "x"}, f"{WEB}: enviroment: unknown setting"),
        ({"without": ["lokki"]}, f"{WEB}: without: unknown role 'lokki'"),
        ({"labels": {"a-b": "c"}}, f"{WEB}: labels: 'a-b' is no label name"),
    ],
)
def test_one_mistake_of_a_group_is_told_once(said: dict[str, Any], fault: str) -> None:
    lines = [
        on(f"web{n}", "web", "prometheus", ssh_user="root", labels={"rack": str(n)})
        for n in range(50)
    ]
    (found,) = refused(*lines, everyone=PLAIN, groups={"web": said})
    assert found.startswith(fault)


def test_carries_the_problems_and_shows_them() -> None:
    with pytest.raises(SiteError) as error:
        compiled(on("a", os="x", runtime="y"))
    assert len(error.value.problems) == 2
    assert str(error.value).count("\n") == 1


def ports(*lines: Line, **said: Any) -> dict[str, int]:
    site = compiled(*lines, **said)
    return {p.host.name: p.settings.port for p in site.placed("node_exporter")}


def layered(port: int) -> dict[str, Any]:
    return {"node_exporter": {"port": port}}


def test_later_layers_win() -> None:
    lines = [
        on("plain"),
        on("grouped", "web"),
        on("both", "web", "db"),
        on("own", "web", **layered(4)),
    ]
    layers = {
        "everyone": {**PLAIN, "site": {"groups": ["web", "db"]}, **layered(1)},
        "groups": {"web": layered(2), "db": layered(3)},
    }
    assert ports(*lines, **layers) == {"plain": 1, "grouped": 2, "both": 3, "own": 4}
    assert set(ports(*lines, **layers, data=layered(5)).values()) == {5}


def test_hosts_with_the_same_layers_share_one_settings_object() -> None:
    site = compiled(
        on("web1", "web"),
        on("web2", "web"),
        everyone=PLAIN,
        groups={"web": {"node_exporter": {"flags": ["--x"]}}},
    )
    first, second = site.placed("node_exporter")
    assert first.settings.flags == ["--x"]
    assert first.settings is second.settings


def test_hosts_with_their_own_layers_never_share_settings() -> None:
    # Layers are told apart by identity: one that is made in passing may get the identity of
    # another that is gone.
    numbers = range(10_000, 10_300)
    ports = [on(f"web{n}", node_exporter={"port": n}) for n in numbers]
    assert [p.settings.port for p in compiled(*ports).placed("node_exporter")] == [*numbers]
    labels = [on(f"web{n}", labels={"n": str(n)}) for n in numbers]
    assert [host.labels["n"] for host in compiled(*labels).hosts.values()] == [
        str(n) for n in numbers
    ]


@pytest.mark.parametrize(
    ("line", "placed"),
    [
        (on("a"), {"node_exporter"}),
        (on("a", without=["node_exporter"]), set()),
        (on("a", "prometheus"), {"node_exporter", "prometheus"}),
        (on("a", "prometheus", without=["prometheus"]), {"node_exporter"}),
        (on("a", "node_exporter"), {"node_exporter"}),
    ],
)
def test_what_a_host_gets(line: Line, placed: set[str]) -> None:
    assert {p.role.name for p in compiled(line).on("a")} == placed


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (on("web1.example.org"), "web1.example.org"),
        (on("web1", ssh_hostname="10.0.0.7"), "10.0.0.7"),
        (on("web1", ssh_hostname="10.0.0.7", address="10.1.0.7"), "10.1.0.7"),
        (on("@docker/web1"), "web1"),
    ],
)
def test_address(line: Line, address: str) -> None:
    (host,) = compiled(line).hosts.values()
    assert host.address == address
    (health,) = compiled(line).endpoints(EndpointKind.HEALTH)
    assert health.url == f"http://{address}:9100/"


@pytest.mark.parametrize(
    ("said", "name", "files"),
    [
        ({}, "test", "inventories/files/test"),
        ({"everyone": {"site": {"name": "prod"}}}, "prod", "inventories/files/prod"),
        ({"everyone": {"site": {"files": "/srv/mine"}}}, "test", "/srv/mine"),
        ({"data": {"site": {"name": "other"}}}, "other", "inventories/files/other"),
    ],
)
def test_name_and_drop_in_folder(said: dict[str, Any], name: str, files: str) -> None:
    site = compiled(on("a"), **said)
    assert (site.name, str(site.files)) == (name, files)


def test_components_are_converged_in_one_order_everywhere() -> None:
    assert lone().component_names == ("alertmanager", "blackbox", "node_exporter", "prometheus")


def test_without_leaves_a_role_of_one_architecture_out() -> None:
    site = compiled(on("a", "prometheus"), on("b", "prometheus", architecture="arm64"))
    kept = site.without([("prometheus", "arm64")])
    assert [p.host.name for p in kept.placed("prometheus")] == ["a"]
    assert [e.host for e in kept.endpoints(EndpointKind.API)] == ["a"]
    assert [p.host.name for p in site.placed("prometheus")] == ["a", "b"]


def test_two_compilations_do_not_share_anything() -> None:
    declared = written(on("a", node_exporter={"port": 1}))
    again = written(on("a", node_exporter={"port": 2}))
    first, second = (compile_site(said, all_roles()) for said in (declared, again))
    assert [p.settings.port for s in (first, second) for p in s.placements] == [1, 2]
