"""What the roles promise, read as values from what really runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts import TestHost
from tests.integration.machine import get, on, until
from tests.integration.project import FAST, Project


def _metric(machine: TestHost, port: int, name: str, path: str = "/metrics") -> float | None:
    """The value of one series, by its full name with labels."""
    for line in str(get(machine, path, port)).splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return None


@pytest.mark.parametrize(
    ("module", "target"),
    [
        ("http_2xx", "http://HOST:9093/-/ready"),
        ("tcp", "HOST:9093"),
        ("icmp", "HOST"),
    ],
)
def test_blackbox_probes_with_its_modules(stack: Project, module: str, target: str) -> None:
    mon = stack.machines["mon1"]
    target = target.replace("HOST", mon.address)
    path = f"/probe?module={module}&target={target}"
    assert _metric(mon, 9115, "probe_success", path) == 1.0
    # A probe that cannot fail proves nothing: a closed port, an address of this network that
    # no host has.
    nobody = f"{mon.address.rpartition('.')[0]}.250"
    closed = nobody if module == "icmp" else target.replace("9093", "9")
    failing = f"/probe?module={module}&target={closed}"
    assert _metric(mon, 9115, "probe_success", failing) == 0.0


def test_blackbox_takes_the_users_own_module(site: Project) -> None:
    own = {"prober": "http", "timeout": "2s", "http": {"valid_status_codes": [404]}}
    site.everyone["blackbox"] = {"modules": {"gone": own}}
    site.deploy("--data", "prove=off")
    mon = site.machines["mon1"]
    path = f"/probe?module=gone&target=http://{mon.address}:9093/nothing-here"
    assert _metric(mon, 9115, "probe_success", path) == 1.0


def test_node_exporter_reads_units_text_files_and_leaves_out_collectors(site: Project) -> None:
    web = site.machines["web1"]
    site.host_settings["web1"] = {"node_exporter": {"collectors_off": ["loadavg"]}}
    site.deploy("--data", "prove=off")
    folder = "/var/lib/stackwatch/node_exporter/textfile"
    on(web, f"echo 'backup_last_success_seconds 42' >{folder}/backup.prom")

    unit = 'name="ssh.service",state="active",type="notify"'
    assert _metric(web, 9100, f"node_systemd_unit_state{{{unit}}}") == 1.0
    assert _metric(web, 9100, "backup_last_success_seconds") == 42.0
    assert _metric(web, 9100, 'node_scrape_collector_success{collector="cpu"}') == 1.0
    assert _metric(web, 9100, "node_load1") is None
    on(web, f"rm {folder}/backup.prom")


def test_native_settings_labels_flags_and_drop_in_jobs_reach_prometheus(site: Project) -> None:
    jobs = site.drop_ins / "jobs"
    jobs.mkdir(parents=True)
    own = f"['{site.machines['mon1'].address}:9093']"
    (jobs / "own.yml").write_text(f"job_name: own\nstatic_configs: [{{targets: {own}}}]\n")
    site.everyone["prometheus"] = {
        **FAST,
        "external_labels": {"region": "north"},
        "flags": ["--log.level=debug"],
        "native": {"global": {"query_log_file": "/var/lib/stackwatch/prometheus/queries.log"}},
        "scrape_configs": [{"job_name": "given", "static_configs": [{"targets": ["[::1]:9115"]}]}],
    }
    try:
        site.deploy("--data", "prove=quick")
    finally:
        (jobs / "own.yml").unlink()
        jobs.rmdir()
    mon = site.machines["mon1"]
    running = get(mon, "/api/v1/status/config")["data"]["yaml"]
    for words in ("region: north", "queries.log", "job_name: own", "job_name: given"):
        assert words in running
    assert get(mon, "/api/v1/status/flags")["data"]["log.level"] == "debug"
    query = "/api/v1/query?query=up%7Bjob%3D%22own%22%7D"
    until(
        lambda: [r["value"][1] for r in get(mon, query)["data"]["result"]] == ["1"],
        what="the drop-in job to be scraped",
    )
    # Taken out again, its job and its metrics' source are gone.
    site.everyone["prometheus"] = dict(FAST)
    site.deploy("--data", "prove=quick")
    assert "job_name: own" not in get(mon, "/api/v1/status/config")["data"]["yaml"]


def test_a_rule_taken_out_is_pruned_from_the_host_and_the_process(site: Project) -> None:
    rules = site.drop_ins / "rules"
    rules.mkdir(parents=True)
    text = "groups: [{name: ours, rules: [{record: one, expr: vector(1)}]}]\n"
    (rules / "ours.yml").write_text(text)
    mon = site.machines["mon1"]

    def loaded() -> set[str]:
        return {group["name"] for group in get(mon, "/api/v1/rules")["data"]["groups"]}

    site.deploy("--data", "prove=quick")
    assert "ours" in loaded()
    (rules / "ours.yml").unlink()
    rules.rmdir()
    site.deploy("--data", "prove=quick")
    assert "ours" not in loaded()
    assert "ours" not in on(mon, "ls /etc/stackwatch/prometheus/live/rules")


@pytest.fixture
def agent(stack: Project, machines: dict[str, TestHost]) -> Iterator[Project]:
    """A Prometheus in agent mode on a host of its own, forwarding to the site's."""
    receiver = f"http://{machines['mon1'].address}:9090/api/v1/write"
    project = Project(
        stack.folder / "agent",
        {"web2": machines["web2"]},
        groups={"prometheus": ["web2"]},
        runtime=stack.runtime,
        everyone={
            "environment": "edge",
            "prometheus": {
                "scrape_interval": "3s",
                "agent": True,
                "external_labels": {"edge": "web2"},
                "remote_write": [{"url": receiver}],
            },
        },
    )
    yield project
    purge = "purge=/var/lib/stackwatch/prometheus"
    project.run("remove.py", "--data", "component=prometheus", "--data", purge)


def test_an_agent_forwards_what_it_scrapes(site: Project, agent: Project) -> None:
    site.everyone["prometheus"] = {**FAST, "flags": ["--web.enable-remote-write-receiver"]}
    site.deploy("--data", "prove=off")
    agent.deploy("--data", "prove=quick")
    query = "/api/v1/query?query=up%7Bedge%3D%22web2%22%7D"

    def forwarded() -> set[str]:
        result = get(site.machines["mon1"], query)["data"]["result"]
        return {r["metric"]["job"] for r in result if r["value"][1] == "1"}

    until(lambda: forwarded() >= {"node_exporter", "prometheus"}, what="the agent's samples")
