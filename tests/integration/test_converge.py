"""A run does what is needed, nothing else, and says so."""

from __future__ import annotations

import json
import subprocess

from tests.integration.machine import get, held, on, until
from tests.integration.project import FAST, ROOT, Project, words


def test_a_second_run_changes_nothing_with_two_commands_a_host(site: Project) -> None:
    # Settled: what an earlier test changed has travelled, so no check has to be repeated.
    site.deploy("--data", "prove=quick")
    before = _processes(site)
    outcome = site.deploy("--debug")

    assert outcome.changed() == {}
    assert _processes(site) == before
    assert "Nothing changed." in outcome.output
    grand = next(line for line in outcome.output.splitlines() if "Grand total" in line)
    operations, success, error, unchanged = grand.split()[2:]
    assert (success, error, unchanged) == ("-", "-", operations)
    assert {name: outcome.executed(name) for name in site.machines} == {"mon1": 2, "web1": 2}
    assert outcome.uploads() == 0


def _processes(site: Project) -> dict[str, str]:
    """What runs of everything on the host that watches."""
    names = ("prometheus", "alertmanager", "blackbox", "node_exporter")
    found = {name: site.runtime.process(site.machines["mon1"], name) for name in names}
    assert all(found.values()), found
    return found


def test_one_changed_interval_reloads_prometheus_and_touches_nothing_else(site: Project) -> None:
    site.deploy("--data", "prove=quick")
    mon = site.machines["mon1"]
    before = _processes(site)
    reloads = _loaded_at(site)

    site.everyone["prometheus"] = {**FAST, "scrape_interval": "7s"}
    outcome = site.deploy("--debug", "--data", "prove=quick")

    assert outcome.changed() == {"prometheus": {"mon1"}}
    assert "mon1: prometheus (reload)" in outcome.output
    assert _processes(site) == before
    assert "scrape_interval: 7s" in get(mon, "/api/v1/status/config")["data"]["yaml"]
    assert _loaded_at(site) > reloads
    # One more than a run that changes nothing, and only where something changed.
    assert {name: outcome.executed(name) for name in site.machines} == {"mon1": 3, "web1": 2}


def _loaded_at(site: Project) -> float:
    name = "prometheus_config_last_reload_success_timestamp_seconds"
    metrics = on(site.machines["mon1"], "curl -fsS http://127.0.0.1:9090/metrics")
    return float(next(line for line in metrics.splitlines() if line.startswith(name)).split()[1])


def test_a_new_target_needs_no_reload(site: Project) -> None:
    site.host_settings["web1"] = {"without": ["node_exporter"]}
    site.deploy("--data", "prove=quick")
    mon = site.machines["mon1"]
    # The job is the same; only its list of targets changes.
    until(lambda: _instances(site) == {"mon1:9100"}, what="the target to go")
    loaded = _loaded_at(site)

    site.host_settings["web1"] = {}
    site.deploy("--data", "prove=off")

    until(lambda: _instances(site) == {"mon1:9100", "web1:9100"}, what="the target to appear")
    assert _loaded_at(site) == loaded
    assert get(mon, "/-/ready").startswith("Prometheus")


def _instances(site: Project) -> set[str]:
    active = get(site.machines["mon1"], "/api/v1/targets?state=active")["data"]["activeTargets"]
    return {t["labels"]["instance"] for t in active if t["labels"]["job"] == "node_exporter"}


def test_an_alertmanager_change_is_a_proven_reload(site: Project) -> None:
    mon = site.machines["mon1"]
    before = site.runtime.process(mon, "alertmanager")

    site.everyone["alertmanager"] = {"receivers": [{"name": "team"}], "route": {"receiver": "team"}}
    outcome = site.deploy("--data", "prove=off")

    assert outcome.changed() == {"alertmanager": {"mon1"}}
    assert site.runtime.process(mon, "alertmanager") == before
    running = get(mon, "/api/v2/status", port=9093)["config"]["original"]
    assert "receiver: team" in running


def test_host_labels_and_own_services_reach_the_metrics(site: Project) -> None:
    mon = site.machines["mon1"]
    site.host_settings["web1"] = {
        "labels": {"rack": "r7"},
        "services": [{"name": "shop", "port": 9100, "metrics": "/metrics"}],
        "node_exporter": {"port": 9101},
    }
    # Nothing listens there: the service is in the inventory and down, which is told.
    told = site.run("deploy.py", "--data", "prove=deep", "--data", 'site={"check_deadline": 12}')
    assert (told.code, "shop web1:9100 is down" in told.output) == (1, True), told.output

    def up() -> dict[str, tuple[str, str]]:
        query = "/api/v1/query?query=up%7Bhost%3D%22web1%22%2Cjob%21%3D%22probe%22%7D"
        result = get(mon, query)["data"]["result"]
        found = {r["metric"]["instance"]: r for r in result}
        return {name: (r["metric"]["rack"], r["value"][1]) for name, r in found.items()}

    wanted = {"web1:9100": ("r7", "0"), "web1:9101": ("r7", "1")}
    # Some runtimes bring a target of their own.
    until(lambda: up().items() >= wanted.items(), what="both targets of web1, with their label")


def test_configuration_is_validated_as_the_user_that_will_read_it(site: Project) -> None:
    mon = site.machines["mon1"]
    site.everyone["prometheus"] = {**FAST, "scrape_interval": "8s"}
    halt = site.runtime.checking
    with held(mon, *halt) as wait:
        run = site.start("deploy.py", "--data", "prove=off")
        wait()
        # It stands still before it becomes the checker; what it was told is what it does.
        told = on(mon, f"pgrep -af '[{halt.program[0]}]{halt.program[1:]}.*promtool check config'")
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 0, output
    assert words(told, site.runtime.checked_as(mon, "prometheus")) == []


def test_dry_run_changes_nothing_and_tells_what_it_would(site: Project) -> None:
    mon = site.machines["mon1"]
    site.everyone["prometheus"] = {**FAST, "scrape_interval": "9s"}
    command = [word for word in site.command("deploy.py", "--dry") if word != "-y"]
    dry = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert dry.returncode == 0, dry.stderr
    assert "prometheus.yml: content differs" in dry.stderr + dry.stdout
    assert "scrape_interval: 9s" not in get(mon, "/api/v1/status/config")["data"]["yaml"]


def test_the_checks_are_written_as_junit_and_json(site: Project) -> None:
    junit, report = site.folder / "smoke.xml", site.folder / "smoke.json"
    outcome = site.run("smoke.py", "--data", f"junit={junit}", "--data", f"report={report}")
    assert outcome.code == 0, outcome.output
    results = json.loads(report.read_text())["checks"]
    assert all(result["ok"] for result in results)
    names = {(r["host"], r["component"], r["name"]) for r in results}
    assert ("mon1", "alertmanager", "an alert is delivered") in names
    assert ("mon1", "alertmanager", "Watchdog fires") in names
    assert ("web1", "node_exporter", f"{site.runtime.kind} runs") in names
    assert junit.read_text().count("<testcase ") == len(results)
