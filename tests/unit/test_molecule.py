"""Molecule's scenarios as files: every role has one, and each asserts a value."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from plugins.artifacts.lock import Lock
from plugins.role import all_roles
from roles.molecule import __main__ as runner
from roles.molecule import exporters, obtainable, scenario
from roles.molecule.__main__ import Outcome, main
from roles.molecule.scenario import Scenario
from tests.hosts import task
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
    assert set(skipped) <= {"alloy"}
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
    (alone,) = scenario.asked_for("alloy")
    assert obtainable.missing(alone, Lock.load(path)) == ""


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
    site = compiled(*lines, everyone=scenario.settings(each.file))
    found = (*site.placements, *site.preparations)
    assert {(p.role.name, p.host.name) for p in found} >= {
        (component, host) for component, hosts in placed.items() for host in hosts
    }
    assert [task.spec(said).name for said in platforms] == list(site.hosts)


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


@pytest.mark.parametrize(
    ("word", "titles"),
    [
        ("loki", ["loki"]),
        ("alertmanager", ["alertmanager"]),
        ("alertmanager/default", ["alertmanager"]),
        ("alertmanager/cluster", ["alertmanager/cluster"]),
        ("reference_worker", ["reference_app"]),
        ("node_exporter", ["exporters"]),
        ("grafana", []),
        ("loki/cluster", []),
    ],
)
def test_a_word_means_scenarios(word: str, titles: list[str]) -> None:
    assert [each.title for each in scenario.asked_for(word)] == titles


def test_what_else_a_role_has_is_told() -> None:
    alone, cluster = Scenario("alertmanager"), Scenario("alertmanager", "cluster")
    assert runner.more([alone, Scenario("loki")]) == [cluster]
    assert runner.more([alone, cluster]) == []


def test_a_role_without_a_scenario_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prometheus", "grafana"]) == 2
    assert "no scenario: grafana; there are alertmanager, alertmanager/cluster, " in " ".join(
        capsys.readouterr().out.split()
    )


def test_what_is_skipped_is_told_with_its_reason_and_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(each: Scenario) -> Outcome:
        if each.role == "alloy":
            return real(each)
        return Outcome(each, seconds=30, tests="3 passed")

    real = runner.run
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(obtainable, "missing", lambda each: f"no program for {each.role}")
    assert main(["loki", "alloy"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "1 ran in 30 s, 0 failed, 1 skipped" in told
    assert told[-1] == "  skipped  alloy: no program for alloy"
    assert [line.split()[:2] for line in told if line.startswith(" alloy")] == [
        ["alloy", "skipped"]
    ]
    # Nothing ran, so nothing is proven.
    assert main(["alloy"]) == 1


def test_a_run_without_a_test_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    molecule = tmp_path / "molecule"
    molecule.write_text("#!/bin/sh\necho 'INFO     [cluster > verify] Executing'\n")
    molecule.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(runner, "LOGS", tmp_path)
    outcome = runner.run(Scenario("alertmanager", "cluster"))
    assert (outcome.code, outcome.result) == (1, "failed: verify: no test ran")
    assert "alertmanager/cluster: verify" in capsys.readouterr().out
