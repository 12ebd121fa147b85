"""Molecule's scenarios as files: every role has one, and each asserts a value."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import combine

from plugins.artifacts.lock import Lock
from plugins.role import all_roles
from roles.molecule import exporters, obtainable, scenario
from roles.molecule.scenario import Scenario
from tests.hosts import HostSpec, task
from tests.unit.sites import compiled, on

ROLES = scenario.ROLES
ALL = scenario.scenarios()
FOLDERS = {p.parent.name for p in ROLES.glob("*/__init__.py")}
# What reads a value over HTTP on a host: a function of the molecule folder, or curl itself.
ASKING = re.compile(r"\b(ask\(|metric\(|shipped\(|curl[( ])")
every_scenario = pytest.mark.parametrize("each", ALL, ids=lambda each: each.title)


def _tests(each: Scenario) -> list[Path]:
    return sorted((each.folder / "tests").glob("test_*.py"))


def _configuration(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def test_every_role_has_a_scenario() -> None:
    assert {role for role in FOLDERS if not scenario.asked_for(role)} == set()
    assert {name for name in all_roles() if not scenario.asked_for(name)} == set()


def test_what_is_left_out_is_so_because_nothing_pins_it() -> None:
    skipped = {each.title: obtainable.missing(each) for each in ALL if obtainable.missing(each)}
    assert set(skipped) <= {"alloy", "alloy (docker)"}
    lock = _configuration(Lock.load().path)
    (file,) = lock["alloy"]["release"]["files"]
    assert bool(skipped) == (set(file["sha256"].values()) == {None})


def test_a_program_that_is_pinned_now_is_not_skipped(tmp_path: Path) -> None:
    text = Lock.load().path.read_text()
    head, _, alloy = text.partition("\nalloy:\n")
    alloy = alloy.replace("amd64: null", f"amd64: {'a' * 64}", 1)
    alloy = alloy.replace("arm64: null", f"arm64: {'b' * 64}", 1)
    path = tmp_path / "artifacts.lock.yaml"
    path.write_text(f"{head}\nalloy:\n{alloy}")
    (tmp_path / "modules").symlink_to(Lock.load().path.parent / "modules")
    for each in scenario.asked_for("alloy"):
        assert obtainable.missing(each, Lock.load(path)) == ""


@every_scenario
def test_a_scenario_asserts_a_value(each: Scenario) -> None:
    asserting = []
    for path in _tests(each):
        for test in ast.walk(ast.parse(path.read_text())):
            if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_"):
                continue
            compared = [
                node
                for node in ast.walk(test)
                if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare)
            ]
            asserting += compared
            assert compared or "until(" in ast.unparse(test) or "raises" in ast.unparse(test)
    assert asserting, f"{each.folder}/tests has no assertion on a value"
    assert any(ASKING.search(path.read_text()) for path in _tests(each))


@every_scenario
def test_nothing_waits_without_asking(each: Scenario) -> None:
    assert not [path for path in _tests(each) if re.search(r"\bsleep\b", path.read_text())]


@every_scenario
def test_a_scenario_places_its_role(each: Scenario) -> None:
    said = scenario.said(each.file)
    groups = [group for platform in said["platforms"] for group in platform["groups"]]
    assert each.role in groups
    assert set(groups) - {scenario.EXPORTERS} <= set(all_roles())


@every_scenario
def test_a_scenario_is_a_site_and_its_platforms_are_hosts(each: Scenario) -> None:
    platforms = scenario.said(each.file)["platforms"]
    placed = scenario.placed(each.file)
    lines = [
        on(name, "everything", *(c for c, hosts in placed.items() if name in hosts), address=at)
        for at, name in ((f"10.0.0.{n}", said["name"]) for n, said in enumerate(platforms, 1))
    ]
    said = {"runtime": each.runtime, **scenario.settings(each.file)}
    site = compiled(*lines, everyone=said)
    found = (*site.placements, *site.preparations)
    assert {(p.role.name, p.host.name) for p in found} >= {
        (component, host) for component, hosts in placed.items() for host in hosts
    }
    assert [task.spec(said).name for said in platforms] == list(site.hosts)
    assert {host.runtime for host in site.hosts.values()} == {each.runtime}


def _platforms(each: Scenario) -> list[HostSpec]:
    """The hosts of a scenario as its playbook makes them."""
    language = jinja2.Environment(autoescape=True)
    language.filters["combine"] = combine
    variables = _configuration(ROLES / "molecule" / "platforms.yml")
    everyone = {"all": {"runtime": each.runtime}}
    said = {**scenario.said(each.file), "provisioner": {"inventory": {"group_vars": everyone}}}
    found: dict[str, Any] = {"molecule_yml": said, "needed": variables["needed"]}
    for name in ("runtime", "platforms"):
        text = variables[name].strip().removeprefix("{{").removesuffix("}}")
        found[name] = language.compile_expression(text)(**found)
    return [task.spec(platform) for platform in found["platforms"]]


@every_scenario
def test_a_host_has_the_engine_that_its_runtime_needs(each: Scenario) -> None:
    said = [task.spec(platform) for platform in scenario.said(each.file)["platforms"]]
    made = _platforms(each)
    assert [host.name for host in made] == [host.name for host in said]
    for before, host in zip(said, made, strict=True):
        assert set(host.packages) >= set(before.packages)
        # One that can have an engine of its own is left alone; the rest have what their runtime is.
        assert host.docker is (before.docker or each.runtime == "docker")
        wanted = before.docker or each.runtime != "docker"
        assert (host == before) is wanted
        assert wanted or {"docker.io", "docker-cli", "iptables"} <= set(host.packages)


def test_the_table_has_a_plausible_value_for_every_exporter() -> None:
    rows = exporters.table()
    files = {p.stem for p in (ROLES / "exporters").glob("*.py")} - {"__init__"}
    assert [row.name for row in rows] == sorted(files)
    assert set(exporters.SAYS) <= files
    for row in rows:
        assert 0 < row.least < row.most
        assert row.port == all_roles()[row.name].settings.model_fields["port"].default


def test_an_exporter_is_placed_and_asked_by_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "exporters"
    folder.mkdir()
    for name in ("__init__", "new_exporter", "node_exporter"):
        (folder / f"{name}.py").touch()
    said = tmp_path / "molecule.yml"
    said.write_text("platforms: [{name: web1, groups: [exporters, loki]}]\n")
    monkeypatch.setattr(scenario, "ROLES", tmp_path)
    monkeypatch.setenv("MOLECULE_FILE", str(said))
    assert scenario.placed() == {
        "new_exporter": ["web1"],
        "node_exporter": ["web1"],
        "loki": ["web1"],
    }


def test_what_stands_for_a_secret_is_sealed_wherever_it_stands(tmp_path: Path) -> None:
    said = tmp_path / "molecule.yml"
    said.write_text(
        "provisioner: {inventory: {group_vars: {all: {a: [{b: {secret: hidden}}], c: {secret: x, "
        "d: 1}}}}}\n"
    )
    found = scenario.settings(said)
    (sealed,) = (each["b"] for each in found["a"])
    assert (sealed.get_secret_value(), "hidden" in str(found)) == ("hidden", False)
    assert found["c"] == {"secret": "x", "d": 1}


@pytest.mark.parametrize(
    ("role", "name", "group"),
    [
        ("reference_app", "default", "molecule-reference-app"),
        ("alertmanager", "cluster", "molecule-alertmanager-cluster"),
    ],
)
def test_the_group_of_hosts_is_a_host_name(
    role: str, name: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLECULE_PROJECT_DIRECTORY", f"/checkout/roles/{role}")
    monkeypatch.setenv("MOLECULE_SCENARIO_NAME", name)
    assert scenario.group() == group


def test_every_step_that_proves_something_is_in_the_sequence() -> None:
    shared = _configuration(scenario.ROOT / ".config" / "molecule" / "config.yml")
    sequence = shared["scenario"]["test_sequence"]
    proving = ["create", "converge", "idempotence", "verify", "destroy"]
    assert [step for step in sequence if step in proving] == ["destroy", *proving]
    for play in shared["ansible"]["playbooks"].values():
        assert all((each.folder / play).is_file() for each in ALL)


@pytest.mark.parametrize(
    ("platforms", "hosts", "checked", "proven"),
    [
        (["mon1", "mon2"], ["mon2", "mon1"], ["mon1", "mon2", "mon1"], True),
        ([], [], [], False),
        (["mon1"], [], [], False),
        (["mon1", "mon2"], ["mon1"], ["mon1"], False),
        (["mon1", "mon2"], ["mon1", "mon2"], ["mon1"], False),
    ],
)
def test_a_scenario_that_does_not_converge_and_check_every_host_fails(
    platforms: list[str], hosts: list[str], checked: list[str], proven: bool
) -> None:
    (play,) = yaml.safe_load((ROLES / "molecule" / "converge.yml").read_text())
    (proof,) = [step for step in play["tasks"] if "ansible.builtin.assert" in step]
    said = {
        "molecule_yml": {"platforms": [{"name": name} for name in platforms]},
        "deployed": {"hosts": hosts, "checks": [{"host": name} for name in checked]},
    }
    conditions = proof["ansible.builtin.assert"]["that"]
    language = jinja2.Environment(autoescape=True)
    assert all(language.compile_expression(text)(**said) for text in conditions) is proven
