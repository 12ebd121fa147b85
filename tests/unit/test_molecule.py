"""Molecule's scenarios as files: every role has one, and each asserts a value."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.role import all_roles
from roles.molecule import exporters, scenario
from roles.molecule.__main__ import main

ROLES = scenario.ROLES
# Roles without a scenario, and why.
WITHOUT = {
    "alloy": "its program has no pinned sum",
    "reference_app": "an application; tests/integration/test_application.py has its services",
    "reference_worker": "as reference_app",
}
FOLDERS = {p.parent.name for p in ROLES.glob("*/__init__.py")} - {scenario.EXPORTERS}
# What reads a value over HTTP on a host: a function of roles.molecule.fixtures, or curl itself.
ASKING = re.compile(r"\b(ask\(|metric\(|curl[( ])")


def _tests(role: str) -> list[Path]:
    return sorted((ROLES / role / "molecule" / "default" / "tests").glob("test_*.py"))


def _configuration(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def test_every_role_has_a_scenario() -> None:
    assert set(scenario.scenarios()) == FOLDERS - set(WITHOUT) | {scenario.EXPORTERS}
    backends = {r.name for r in all_roles().values() if r.kind == "backend"}
    assert backends - set(WITHOUT) <= set(scenario.scenarios())


def test_what_is_left_out_is_so_for_the_reason_given() -> None:
    lock = _configuration(scenario.ROOT / "files" / "artifacts.lock.yaml")
    (file,) = lock["alloy"]["release"]["files"]
    assert set(file["sha256"].values()) == {None}, "alloy can be had now: give it a scenario"
    kinds = {all_roles()[name].kind for name in WITHOUT if name != "alloy"}
    assert kinds == {"application"}


@pytest.mark.parametrize("role", scenario.scenarios())
def test_a_scenario_asserts_a_value(role: str) -> None:
    asserting = []
    for path in _tests(role):
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
    assert asserting, f"roles/{role}/molecule/default/tests has no assertion on a value"
    assert any(ASKING.search(path.read_text()) for path in _tests(role))


@pytest.mark.parametrize("role", scenario.scenarios())
def test_a_scenario_places_its_role(role: str) -> None:
    said = _configuration(ROLES / role / "molecule" / "default" / "molecule.yml")
    groups = [group for platform in said["platforms"] for group in platform["groups"]]
    assert role in groups
    assert set(groups) - {scenario.EXPORTERS} <= set(all_roles())


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


def test_the_group_of_hosts_is_a_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLECULE_PROJECT_DIRECTORY", "/checkout/roles/reference_app")
    assert scenario.group() == "molecule-reference-app"


def test_every_step_that_proves_something_is_in_the_sequence() -> None:
    shared = _configuration(scenario.ROOT / ".config" / "molecule" / "config.yml")
    sequence = shared["scenario"]["test_sequence"]
    proving = ["create", "converge", "idempotence", "verify", "destroy"]
    assert [step for step in sequence if step in proving] == ["destroy", *proving]
    for play in shared["ansible"]["playbooks"].values():
        assert (ROLES / "prometheus" / "molecule" / "default" / play).is_file()


def test_a_role_without_a_scenario_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prometheus", "grafana"]) == 2
    assert "no scenario: grafana; there are alertmanager, blackbox" in capsys.readouterr().out
