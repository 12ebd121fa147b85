"""The systemd runtime: units, and what a restart is needed for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from plugins.model import (
    Component,
    Directory,
    Hardening,
    ManagedFile,
    OnChange,
    Reload,
    Service,
    SiteError,
)
from plugins.runtimes.systemd import HARDENED, Unit
from tests.unit.recorded import golden
from tests.unit.sites import compiled, components, lone, on, rendered, three_hosts


@pytest.mark.parametrize("name", ["node_exporter", "prometheus"])
def test_unit_is_the_golden_one(name: str) -> None:
    unit = rendered(three_hosts(), "mon1", name)
    kept, made = golden(f"{unit.unit}", unit.unit_text)
    assert made == kept


def test_the_unit_of_an_exporter_that_asks_the_docker_engine_is_the_golden_one() -> None:
    site = compiled(on("web1", "cadvisor", cadvisor={"listen": "10.0.0.1"}))
    unit = rendered(site, "web1", "cadvisor")
    kept, made = golden(f"{unit.unit}", unit.unit_text)
    assert made == kept
    assert unit.component.account.groups == ("docker",)


@pytest.mark.parametrize(
    ("said", "flag"),
    [
        ({"housekeeping_interval": "1m30s"}, "-housekeeping_interval=0h1m30s"),
        ({"container_labels": []}, "-whitelisted_container_labels=restartcount"),
        ({"disable_metrics": ["tcp", "udp"]}, "-disable_metrics=tcp,udp"),
    ],
)
def test_settings_of_cadvisor_become_flags(said: dict[str, Any], flag: str) -> None:
    site = compiled(on("web1", "cadvisor", cadvisor=said))
    assert flag in components(site, "web1")["cadvisor"].service.argv


@pytest.mark.parametrize(
    "said",
    [
        {"container_labels": ["a,b"]},
        {"disable_metrics": ["everything"]},
        {"housekeeping_interval": "0s"},
    ],
)
def test_settings_that_cadvisor_would_not_take_are_refused(said: dict[str, Any]) -> None:
    (key,) = said
    with pytest.raises(SiteError, match=key):
        compiled(on("web1", "cadvisor", cadvisor=said))


BASE = components(lone(), "mon1")["prometheus"]


def with_service(**changed: Any) -> Component:
    return replace(BASE, service=replace(BASE.service, **changed))


def with_file(file: ManagedFile) -> Component:
    kept = tuple(f for f in BASE.files if f.path != file.path)
    return replace(BASE, files=(*kept, file))


RESTART = ManagedFile("web.yml", "a: 1", on_change=OnChange.RESTART)


@pytest.mark.parametrize(
    ("component", "restarts"),
    [
        (BASE, False),
        (with_service(argv=(*BASE.service.argv, "--more")), True),
        (with_service(environment={"A": "b"}), True),
        (with_service(hardening=Hardening(memory_max="5G")), True),
        (with_service(hardening=Hardening(overrides={"ProtectClock": "no"})), True),
        (with_service(reload=Reload(signal="USR1")), True),
        (with_service(stop_timeout=121), True),
        (with_service(start_timeout=301), False),
        (replace(BASE, artifact=replace(BASE.artifact, sha256="other")), True),
        (replace(BASE, directories=(Directory("/srv/more"),)), True),
        (with_file(RESTART), True),
        (with_file(ManagedFile("prometheus.yml", "changed")), False),
        (with_file(ManagedFile("targets/node_exporter.json", "[]", OnChange.NOTHING)), False),
        (replace(BASE, files=BASE.files[1:]), False),
        (replace(BASE, checks=(), validators=()), False),
    ],
)
def test_spec_changes_exactly_when_a_restart_is_needed(
    component: Component, restarts: bool
) -> None:
    assert (Unit(component).spec != Unit(BASE).spec) == restarts


def test_spec_follows_the_content_of_restart_files_and_of_all_without_a_reload() -> None:
    first, second = (Unit(with_file(replace(RESTART, content=c))) for c in ("a", "b"))
    assert first.spec != second.spec
    base = with_service(reload=None)
    changed = replace(with_file(ManagedFile("prometheus.yml", "x")), service=base.service)
    assert Unit(base).spec != Unit(changed).spec
    hot = ManagedFile("targets/node_exporter.json", "[]", OnChange.NOTHING)
    assert Unit(base).spec == Unit(replace(with_file(hot), service=base.service)).spec


def test_spec_stands_in_the_units_environment() -> None:
    unit = Unit(BASE)
    assert f"Environment=STACKWATCH_SPEC={unit.spec}\n" in unit.unit_text
    assert len(unit.spec) == 16


def test_release_and_hot_files_are_told_apart() -> None:
    unit = Unit(with_file(RESTART))
    assert {f.path for f in unit.hot} == {
        f"targets/{job}.json"
        for job in ("alertmanager", "blackbox", "node_exporter", "probe", "prometheus")
    }
    assert {f.path for f in unit.release} >= {"prometheus.yml", "rules/watchdog.yml", "web.yml"}
    assert {*unit.hot, *unit.release} == {*unit.component.files}
    assert [f.path for f in unit.restart_files] == ["web.yml"]


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        (ManagedFile("prometheus.yml", "changed"), True),
        (ManagedFile("more.yml", ""), True),
        (ManagedFile("targets/node_exporter.json", "[]", OnChange.NOTHING), False),
    ],
)
def test_release_hash_follows_the_release_alone(file: ManagedFile, changes: bool) -> None:
    assert (Unit(with_file(file)).release_hash != Unit(BASE).release_hash) == changes


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("--plain=/a/b:1,2@x", "--plain=/a/b:1,2@x"),
        ("--share=50%", "--share=50%%"),
        ("--match=^a$", '"--match=^a$$"'),
        ("--home=$HOME", "--home=$$HOME"),
        ("--say=two words", '"--say=two words"'),
        ('--say="x"', '"--say=\\"x\\""'),
        ("--say='x'", "\"--say='x'\""),
        ("--path=a\\b", '"--path=a\\\\b"'),
        ("--all=% $ \" '", '"--all=%% $$ \\" \'"'),
        (";", '";"'),
        ("", '""'),
    ],
)
def test_quoting_of_arguments(word: str, written: str) -> None:
    unit = Unit(with_service(argv=("/bin/x", word, "--last"))).unit_text
    assert f"\nExecStart=/bin/x {written} --last\n" in unit


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("b", "A=b"),
        ("two words", '"A=two words"'),
        ("50%", "A=50%%"),
        ("$HOME", "A=$HOME"),
        ('"', '"A=\\""'),
    ],
)
def test_quoting_of_the_environment(value: str, written: str) -> None:
    unit = Unit(with_service(environment={"A": value})).unit_text
    assert f"\nEnvironment={written}\n" in unit


def directives(service: Service) -> dict[str, str]:
    unit = Unit(replace(BASE, service=service)).unit_text
    pairs = (line.partition("=") for line in unit.splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


def hardened(**changed: Any) -> dict[str, str]:
    return directives(replace(BASE.service, hardening=Hardening(**changed)))


@pytest.mark.parametrize(
    ("said", "name", "value"),
    [
        ({}, "CapabilityBoundingSet", ""),
        ({"capabilities": ("CAP_NET_RAW",)}, "CapabilityBoundingSet", "CAP_NET_RAW"),
        ({"capabilities": ("CAP_NET_RAW",)}, "AmbientCapabilities", "CAP_NET_RAW"),
        ({}, "ProcSubset", "pid"),
        ({"protect_proc": "default"}, "ProcSubset", "all"),
        ({"memory_max": "7G"}, "MemoryMax", "7G"),
        ({"overrides": {"ProtectClock": "no"}}, "ProtectClock", "no"),
        ({"overrides": {"ReadWritePaths": "/x"}}, "ReadWritePaths", "/x"),
        ({}, "SystemCallFilter", "~@privileged @resources"),
    ],
)
def test_hardening_and_its_exceptions(said: dict[str, Any], name: str, value: str) -> None:
    assert hardened(**said)[name] == value


def test_every_unit_is_hardened_by_default() -> None:
    for name in components(lone(), "mon1"):
        lines = rendered(lone(), "mon1", name).unit_text.splitlines()
        missing = {f"{key}={value}" for key, value in HARDENED.items()} - {*lines}
        assert not missing, name


def test_only_writable_folders_are_writable() -> None:
    folders = (Directory("/srv/a"), Directory("/srv/b", writable=False))
    unit = Unit(replace(BASE, directories=folders)).unit_text
    assert "\nReadWritePaths=/var/lib/stackwatch/prometheus /srv/a\n" in unit


@pytest.mark.parametrize("name", ["prometheus", "node_exporter", "alertmanager", "blackbox"])
def test_command_lines_run_the_version_in_force(name: str) -> None:
    service = components(lone(), "mon1")[name].service
    assert service.argv[0].startswith(f"/opt/stackwatch/{name}/current/")


@pytest.mark.parametrize(
    ("reload", "line"),
    [(Reload(), "/bin/kill -HUP $MAINPID"), (Reload(signal="USR1"), "/bin/kill -USR1 $MAINPID")],
)
def test_reload_line(reload: Reload, line: str) -> None:
    assert directives(replace(BASE.service, reload=reload))["ExecReload"] == line
    assert "ExecReload" not in directives(replace(BASE.service, reload=None))


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", ""])
def test_managed_files_stay_in_their_folder(path: str) -> None:
    with pytest.raises(ValueError, match="must be relative"):
        ManagedFile(path, "")


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        (lambda: ManagedFile("a", ""), "0644"),
        (lambda: ManagedFile("a", "", secret=True), "0640"),
        (lambda: ManagedFile("a", "", executable=True), "0755"),
        (lambda: ManagedFile("a", "", secret=True, executable=True), "0640"),
    ],
)
def test_modes(make: Callable[[], ManagedFile], mode: str) -> None:
    assert make().mode == mode
