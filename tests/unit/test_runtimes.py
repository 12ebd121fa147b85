"""Sites of both runtimes: what components are called, bound to and read by on each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.compiler import _context
from plugins.logs import log_sources
from plugins.model import Endpoint, EndpointKind
from plugins.rendering import RUNTIMES, tools
from plugins.role import Context
from plugins.runtimes.docker import Container
from plugins.runtimes.systemd import Unit
from plugins.settings import HostSettings, LogSource, RoleSettings, unbound
from plugins.site import Site
from plugins.state import HostState
from plugins.support import SYSTEMS, unsupported
from roles.otelcol import Settings as Collector
from roles.otelcol.configuration import _journal
from roles.otelcol.reading import statements
from tests.unit.container_site import contained, everything, made
from tests.unit.host_states import FACTS
from tests.unit.sites import compiled, file, on

SHOP = {"name": "shop", "containers": ["shop_1", "shop.worker"], "format": "json", "class": "audit"}


def mixed(**own: Any) -> Site:
    """Containers on one host, units on the other; all logs and traces go to the first."""
    roles = ("prometheus", "loki", "jaeger", "reference_app")
    return compiled(
        on("box1", *roles, address="10.0.0.1", runtime="docker", architecture="arm64", **own),
        on("web1", "reference_app", address="10.0.0.2"),
    )


def test_each_host_has_its_own_runtime(tmp_path: Path) -> None:
    site = mixed()
    kinds = {host: {*map(type, made(site, host, tmp_path).values())} for host in site.hosts}
    assert kinds == {"box1": {Container}, "web1": {Unit}}
    # The shell of images is fetched for those who have any.
    assert tools(site.hosts.values()) == {("busybox", "arm64")}
    assert tools([site.hosts["web1"]]) == frozenset()
    shell, programs = contained(site, "box1", "prometheus", tmp_path).image.layers[1:]
    got = everything(tmp_path)
    assert shell.digest == f"sha256:{got['busybox', 'arm64'].sha256}"
    assert programs.digest == f"sha256:{got['prometheus', 'arm64'].sha256}"


def test_the_host_says_which_engine(tmp_path: Path) -> None:
    site = mixed(engine="podman")
    assert contained(site, "box1", "loki", tmp_path).engine == "podman"
    assert contained(mixed(), "box1", "loki", tmp_path).engine == "docker"


def test_who_counts_the_hosts_traffic_shares_its_network_and_finds_its_files(
    tmp_path: Path,
) -> None:
    site = mixed()
    on_it = {name for name, c in made(site, "box1", tmp_path).items() if c.busybox == ""}
    assert on_it == {"node_exporter", "reference_app"}
    for host, flag in (("box1", True), ("web1", False)):
        argv = made(site, host, tmp_path)["node_exporter"].component.service.argv
        assert ("--path.rootfs=/host" in argv) == flag


def context(site: Site, host: str, role: str, folder: Path) -> Context:
    """What a role may look at."""
    placement = next(p for p in site.on(host) if p.role.name == role)
    return _context(site, everything(folder), placement)


BESIDE = Endpoint("loki", "box1", EndpointKind.API, "10.0.0.1", 3100, "/x", bind="127.0.0.1")


@pytest.mark.parametrize(
    ("host", "role", "bind", "url"),
    [
        ("box1", "otelcol", "127.0.0.1", "http://stackwatch-loki:3100/x"),
        ("box1", "otelcol", "::1", "http://stackwatch-loki:3100/x"),
        ("box1", "otelcol", "localhost", "http://stackwatch-loki:3100/x"),
        ("box1", "otelcol", "", "http://10.0.0.1:3100/x"),
        ("box1", "otelcol", "10.0.0.1", "http://10.0.0.1:3100/x"),
        # Who shares the host's network finds its loopback there, and no names.
        ("box1", "node_exporter", "127.0.0.1", "http://127.0.0.1:3100/x"),
        ("web1", "otelcol", "127.0.0.1", "http://127.0.0.1:3100/x"),
        ("web1", "otelcol", "", "http://10.0.0.1:3100/x"),
    ],
)
def test_how_a_component_reaches_another(
    host: str, role: str, bind: str, url: str, tmp_path: Path
) -> None:
    assert context(mixed(), host, role, tmp_path).reach(replace(BESIDE, bind=bind)) == url


@pytest.mark.parametrize(
    ("runtime", "url"),
    [("docker", "http://stackwatch-loki:3100/otlp"), ("systemd", "http://127.0.0.1:3100/otlp")],
)
def test_a_store_on_loopback_is_shipped_to_from_beside_it(
    runtime: str, url: str, tmp_path: Path
) -> None:
    site = compiled(on("mon1", "loki", runtime=runtime, loki={"listen": "127.0.0.1"}))
    component = made(site, "mon1", tmp_path)["otelcol"].component
    exporters = yaml.safe_load(file(component, "otelcol.yml").content)["exporters"]
    assert [exporter["endpoint"] for exporter in exporters.values()] == [url]


@pytest.mark.parametrize(
    ("host", "own", "url"),
    [
        ("box1", {}, "http://127.0.0.1:4318"),
        ("web1", {}, "http://127.0.0.1:4318"),
    ],
)
def test_an_application_sends_its_traces_to_the_collector_beside_it(
    host: str, own: dict[str, Any], url: str, tmp_path: Path
) -> None:
    component = made(mixed(**own), host, tmp_path)["reference_app"].component
    assert component.service.environment["REFERENCE_OTLP_ENDPOINT"] == url


def test_settings_bound_to_no_address() -> None:
    said = Collector(listen="10.0.0.1", otlp_listen="127.0.0.1", port=8889)
    free = unbound(said)
    assert (free.listen, free.otlp_listen, free.port) == ("", "", 8889)
    assert (said.listen, said.otlp_listen) == ("10.0.0.1", "127.0.0.1")
    assert unbound(RoleSettings(port=1, listen="::1")).listen == ""


def test_a_container_takes_all_comers_inside_and_its_port_is_bound_outside(
    tmp_path: Path,
) -> None:
    site = mixed(prometheus={"listen": "10.0.0.1"}, node_exporter={"listen": "10.0.0.1"})
    prometheus = contained(site, "box1", "prometheus", tmp_path)
    assert "--web.listen-address=:9090" in prometheus.argv
    assert prometheus.ports == (("9090/tcp", "10.0.0.1", 9090),)
    node = contained(site, "box1", "node_exporter", tmp_path)
    assert "--web.listen-address=10.0.0.1:9100" in node.argv
    assert node.environment["STACKWATCH_HEALTH"] == "http://10.0.0.1:9100/"


DOCKER = {**{key: value for key, value in FACTS.items() if key != "systemd"}, "docker": "yes"}
DOWN = {**FACTS, "docker.error": " permission denied "}


@pytest.mark.parametrize(
    ("facts", "own", "why"),
    [
        (DOCKER, {"runtime": "docker"}, None),
        (FACTS, {}, None),
        (DOCKER, {}, "systemd does not run on it; for containers say runtime = 'docker'"),
        (
            FACTS,
            {"runtime": "docker"},
            "docker is not installed: put the host into the group docker_engine, or install it",
        ),
        (
            DOWN,
            {"runtime": "docker"},
            "docker does not answer (permission denied): start it, for example "
            "systemctl start docker",
        ),
        (
            {**DOCKER, "podman.error": "no"},
            {"runtime": "docker", "engine": "podman"},
            "podman does not answer (no): start it, for example systemctl start podman",
        ),
        (
            DOCKER,
            {"runtime": "docker", "engine": "podman"},
            "podman is not installed: put the host into the group docker_engine, or install it",
        ),
    ],
)
def test_hosts_that_cannot_run_what_they_are_to(
    facts: dict[str, str], own: dict[str, str], why: str | None
) -> None:
    host = compiled(on("box1", "prometheus", **own)).hosts["box1"]
    assert [*unsupported(HostState(facts), host, SYSTEMS)] == ([why] if why else [])


def test_a_host_does_not_move_away_from_an_engine_that_does_not_answer() -> None:
    units = compiled(on("box1", "prometheus")).hosts["box1"]
    ran = {"prometheus": ("release", "started"), "loki": ("release", "started")}
    assert [*unsupported(HostState(DOWN, loaded=ran), units, SYSTEMS)] == [
        "docker does not answer (permission denied), and it ran loki, prometheus, which must not "
        "run twice: start it, for example systemctl start docker"
    ]
    # An engine that never ran any of ours is nobody's concern.
    assert [*unsupported(HostState(DOWN), units, SYSTEMS)] == []
    containers = compiled(on("box1", "prometheus", runtime="docker")).hosts["box1"]
    assert len([*unsupported(HostState(DOWN, loaded=ran), containers, SYSTEMS)]) == 1


def test_defaults_are_units() -> None:
    assert (HostSettings().runtime, HostSettings().engine) == ("systemd", "docker")
    assert RUNTIMES.keys() == {"docker", "systemd"}


def test_our_own_logs_are_read_where_the_runtime_writes_them() -> None:
    site = mixed(logs=[SHOP])
    for host, found in (
        ("box1", {"containers": ["stackwatch-loki"], "units": []}),
        ("web1", None),
    ):
        sources = {source.name: source for source in log_sources(site, site.hosts[host])}
        if found:
            loki = sources["loki"]
            assert {"containers": loki.containers, "units": loki.units} == found
            assert (loki.format, sources["shop"].class_) == ("logfmt", "audit")
    otelcol = {s.name: s for s in log_sources(site, site.hosts["web1"])}["otelcol"]
    assert (otelcol.units, otelcol.containers) == (["stackwatch-otelcol.service"], [])


def source(**said: Any) -> LogSource:
    return LogSource.model_validate({"name": "x", **said})


def test_the_journal_is_asked_for_containers_and_units_together() -> None:
    both = [source(units=["ssh.service"]), source(containers=["shop_1"])]
    assert _journal(both, "s")["matches"] == [
        {"_SYSTEMD_UNIT": "ssh.service"},
        {"UNIT": "ssh.service", "_PID": "1"},
        {"CONTAINER_NAME": "shop_1"},
    ]
    assert "units" not in _journal(both, "s")
    # What an earlier boot wrote last is read too, of units and of containers.
    assert [_journal(each, "s")["merge"] for each in (both, both[:1])] == [True, True]
    units = _journal(both[:1], "s")
    assert (units["units"], "matches" in units) == (["ssh.service"], False)


def test_lines_of_a_container_are_told_by_its_name_and_have_no_level_of_the_engine() -> None:
    said = statements([source(**{**SHOP, "name": "shop"})], ())
    for name in ("shop_1", "shop.worker"):
        assert (
            f'set(log.attributes["stackwatch.unit"], "{name}") where '
            'log.attributes["stackwatch.journal"] != nil and IsMap(log.body) and '
            f'log.body["CONTAINER_NAME"] == "{name}"'
        ) in said
        for key, value in (("service", "shop"), ("class", "audit"), ("stackwatch.format", "json")):
            told = f'set(log.attributes["{key}"], "{value}") where '
            assert f'{told}log.attributes["stackwatch.unit"] == "{name}"' in said
    taken = [line for line in said if 'body["CONTAINER_NAME"] != nil' in line]
    assert [line.partition(" where")[0] for line in taken] == [
        'delete_key(log.attributes, "stackwatch.priority")'
    ]
    # Its level must be gone before levels are read from it, and the body is still a map then.
    body = next(n for n, line in enumerate(said) if line.startswith("set(log.body,"))
    assert said.index(taken[0]) < body


def test_a_host_without_containers_has_the_configuration_it_had() -> None:
    said = statements([source(units=["ssh.service"])], ())
    assert not [line for line in said if "CONTAINER_NAME" in line]
    more = statements([source(units=["ssh.service"]), source(containers=["shop_1"])], ())
    assert {*said} < {*more}


def alloy(*sources: LogSource, runtime: str, folder: Path) -> str:
    """What Alloy is told on a host with some log sources."""
    logs = [source.model_dump(by_alias=True) for source in sources]
    own = {"without": ["otelcol", "node_exporter"], "runtime": runtime, "logs": logs}
    site = compiled(on("mon1", "loki", "alloy", **own))
    return file(made(site, "mon1", folder)["alloy"].component, "config.alloy").content


def test_alloy_reads_containers_by_name_and_takes_no_level_of_the_engine(tmp_path: Path) -> None:
    only = alloy(source(containers=["shop_1"]), runtime="docker", folder=tmp_path)
    assert 'matches = "CONTAINER_NAME=shop_1"' in only
    assert 'matches = "CONTAINER_NAME=stackwatch-loki"' in only
    assert "_SYSTEMD_UNIT" not in only
    assert "with .priority" not in only
    both = alloy(source(units=["ssh.service"]), runtime="docker", folder=tmp_path)
    assert both.count("with .priority") == 1
    assert 'matches = "_SYSTEMD_UNIT=ssh.service"' in both
    units = alloy(source(units=["ssh.service"]), runtime="systemd", folder=tmp_path)
    assert "CONTAINER_NAME" not in units
    assert units.count("with .priority") == 3
