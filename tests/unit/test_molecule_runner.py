"""What runs molecule's scenarios: words, runtimes, what is skipped, what is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from plugins.rendering import RUNTIMES
from roles.molecule import __main__ as runner
from roles.molecule import obtainable, scenario, services
from roles.molecule.__main__ import Outcome, main
from roles.molecule.scenario import Scenario


@pytest.mark.parametrize(
    ("word", "titles"),
    [
        ("loki", ["loki", "loki (docker)"]),
        ("alertmanager", ["alertmanager", "alertmanager (docker)"]),
        ("alertmanager/default", ["alertmanager", "alertmanager (docker)"]),
        ("alertmanager/cluster", ["alertmanager/cluster", "alertmanager/cluster (docker)"]),
        ("reference_worker", ["reference_app", "reference_app (docker)"]),
        ("node_exporter", ["exporters", "exporters (docker)"]),
        ("grafana", ["grafana", "grafana (docker)"]),
        ("kibana", []),
        ("loki/cluster", []),
    ],
)
def test_a_word_means_scenarios(word: str, titles: list[str]) -> None:
    assert [each.title for each in scenario.asked_for(word)] == titles
    alone = scenario.asked_for(word, ["docker"])
    assert [each.title for each in alone] == titles[1:]


def test_what_else_a_role_has_is_told() -> None:
    alone, cluster = Scenario("alertmanager"), Scenario("alertmanager", "cluster")
    assert runner.more([alone, Scenario("loki")]) == [cluster]
    assert runner.more([alone, cluster]) == []


def test_a_role_without_a_scenario_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prometheus", "kibana"]) == 2
    assert "no scenario: kibana; there are alertmanager, alertmanager/cluster, " in " ".join(
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
    assert main(["loki", "alloy", "--runtime", "systemd"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "1 ran in 30 s, 0 failed, 1 skipped" in told
    assert told[-1] == "  skipped  alloy: no program for alloy"
    assert [line.split()[:2] for line in told if line.startswith(" alloy")] == [
        ["alloy", "skipped"]
    ]
    # Nothing ran, so nothing is proven.
    assert main(["alloy"]) == 1
    assert capsys.readouterr().out.count("alloy (docker): no program for alloy") == 2


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


def test_each_runtime_is_run_and_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[tuple[str, str]] = []

    def run(each: Scenario) -> Outcome:
        runs.append((each.title, runner.environment(each)["STACKWATCH_RUNTIME"]))
        return Outcome(each, tests="3 passed")

    monkeypatch.setattr(runner, "run", run)
    assert main(["loki"]) == 0
    assert runs == [("loki", "systemd"), ("loki (docker)", "docker")]
    assert len({runner.log(each) for each in scenario.asked_for("loki")}) == 2
    runs.clear()
    assert main(["--runtime", "docker", "alertmanager"]) == 0
    assert runs == [("alertmanager (docker)", "docker")]
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "  not asked for  alertmanager/cluster (docker)"


def test_what_a_run_of_everything_leaves_out_is_told_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[Scenario] = []

    def run(each: Scenario) -> Outcome:
        runs.append(each)
        return Outcome(each, tests="3 passed")

    monkeypatch.setattr(runner, "run", run)
    assert main([]) == 0
    left_out = [each for each in scenario.scenarios() if each not in runs]
    assert {each.title for each in left_out} == set(scenario.LEFT_OUT)
    told = capsys.readouterr().out
    for title, reason in scenario.LEFT_OUT.items():
        assert f"  left out  {title}: {reason}\n" in told
    # Every role runs in both, and what is left out runs when it is asked for.
    roles = {each.role for each in runs}
    assert {(each.role, each.runtime) for each in runs} == {(r, n) for r in roles for n in RUNTIMES}
    runs.clear()
    for each in left_out:
        assert main([each.word, "--runtime", each.runtime]) == 0
    assert runs == left_out
    assert "left out" not in capsys.readouterr().out


def test_a_host_is_asked_as_what_its_settings_say_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = {
        "group_vars": {"all": {"runtime": "docker"}},
        "host_vars": {"mon2": {"runtime": "systemd"}},
    }
    said = {"platforms": [], "provisioner": {"inventory": inventory}}
    file = tmp_path / "molecule.yml"
    file.write_text(yaml.safe_dump(said))
    monkeypatch.setenv("MOLECULE_FILE", str(file))
    assert services.service("mon1", "loki").stop == "docker stop stackwatch-loki"
    assert services.service("mon2", "loki").stop == "systemctl stop stackwatch-loki.service"
    assert scenario.settings()["runtime"] == "docker"
    assert scenario.own("mon2") == {"runtime": "systemd"}
    assert set(services.RUNTIMES) == set(scenario.RUNTIMES) == set(RUNTIMES)
