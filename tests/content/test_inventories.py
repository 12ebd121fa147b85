"""The example inventories compile, and the real programs accept what becomes of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.model import Component, ManagedFile
from plugins.paths import Paths
from tests.content import inventories
from tests.content.inventories import GRAFANA_SECRETS, PROD_SECRETS, Rendered

STAGING_SECRETS = (
    "https://slack.invalid/services/example",
    "https://dead-man.invalid/ping",
    "example-grafana-password",
)
CHANNELS = ("pagerduty_configs", "slack_configs", "email_configs", "webhook_configs")


@pytest.fixture(scope="module", autouse=True)
def without_cooperative_sockets() -> Iterator[None]:
    """Reading an inventory imports pyinfra's command, which would patch this whole process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gevent.monkey.patch_all", lambda **_: None)
        yield


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return inventories.prod(tmp_path_factory.mktemp("prod"))


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return inventories.staging(tmp_path_factory.mktemp("staging"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return inventories.demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(params=["prod", "staging", "demo"])
def inventory(request: pytest.FixtureRequest) -> Rendered:
    found: Rendered = request.getfixturevalue(request.param)
    return found


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sizes_are_as_described(prod: Rendered, staging: Rendered) -> None:
    assert {len(prod.find(n)) for n in ("prometheus", "blackbox")} == {2}
    assert len(prod.find("alertmanager")) == 3
    assert {len(staging.find(n)) for n in ("prometheus", "alertmanager", "blackbox")} == {1}
    for each in (prod, staging):
        assert {c.host for c in each.find("node_exporter")} == set(each.site.hosts)


def test_promtool_accepts_every_prometheus(inventory: Rendered, promtool: Path) -> None:
    for component in inventory.find("prometheus"):
        folder = inventory.config(component)
        output = run(promtool, "check", "config", folder / "prometheus.yml")
        assert "does not exist" not in output  # every target file of a job is there
        run(promtool, "check", "rules", *sorted((folder / "rules").glob("*.yml")))


def test_amtool_accepts_every_alertmanager(inventory: Rendered, amtool: Path) -> None:
    for component in inventory.find("alertmanager"):
        run(amtool, "check-config", inventory.config(component) / "alertmanager.yml")


def test_blackbox_exporter_accepts_its_configuration(
    inventory: Rendered, program: Callable[[str, str], Path]
) -> None:
    checker = program("blackbox_exporter", "blackbox_exporter")
    for component in inventory.find("blackbox"):
        config = inventory.config(component) / "blackbox.yml"
        run(checker, "--config.check", f"--config.file={config}")


def test_every_validator_accepts_what_is_rendered(
    inventory: Rendered, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """The same commands that hosts run before anything is replaced, for every component."""
    key = tmp_path / "machine-id"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    checked = set()
    for component in inventory.components:
        config = inventory.config(component)
        for file in config.rglob("otelcol.yml"):
            # The machine that tests need not have an id.
            sealed = f"create_directory: true\n    key_file: {key}\n"
            file.write_text(file.read_text().replace("create_directory: true\n", sealed))
        for validator in component.validators:
            name = validator.argv[0].removeprefix("{bin}/")
            folder = program(component.artifact.name, name).parent
            run(*(word.format(bin=folder, config=config) for word in validator.argv))
            checked.add(name)
    assert {"promtool", "amtool", "blackbox_exporter", "loki", "lokitool"} <= checked
    assert {"otelcol", "jaeger"} <= checked


SMOKE = "stackwatch-smoke"


@pytest.mark.parametrize(
    ("labels", "prod_receiver", "staging_receiver"),
    [
        ("alertname=Watchdog severity=none priority=none", "dead-man", "dead-man"),
        ("alertname=InfoInhibitor severity=none priority=none", "nobody", "channel"),
        ("alertname=ServiceDown severity=critical priority=P0", "p0", "channel"),
        ("alertname=HostHighCpu severity=critical priority=P1", "p1", "channel"),
        ("alertname=HostHighCpu severity=warning priority=P2", "p2", "channel"),
        ("alertname=CertExpiring severity=info priority=P3", "p3", "channel"),
        # What no route knows is read by people all the same.
        ("alertname=SomebodysOwn severity=critical", "unrouted", "channel"),
        ("alertname=SomebodysOwn priority=P9", "unrouted", "channel"),
        ("alertname=StackwatchSmoke severity=none run=1", SMOKE, SMOKE),
    ],
)
def test_alerts_go_where_their_priority_says(
    labels: str,
    prod_receiver: str,
    staging_receiver: str,
    prod: Rendered,
    staging: Rendered,
    amtool: Path,
) -> None:
    for each, receiver in ((prod, prod_receiver), (staging, staging_receiver)):
        for component in each.find("alertmanager"):
            config = each.config(component) / "alertmanager.yml"
            option = f"--config.file={config}"
            run(
                amtool,
                *("config", "routes", "test", option, f"--verify.receivers={receiver}"),
                *labels.split(),
            )


@pytest.mark.parametrize(
    ("receiver", "channels"),
    [
        ("p0", {"pagerduty_configs", "slack_configs", "email_configs"}),
        ("p1", {"pagerduty_configs", "slack_configs"}),
        ("p2", {"slack_configs"}),
        ("p3", {"email_configs"}),
        ("unrouted", {"slack_configs"}),
        ("dead-man", {"webhook_configs"}),
        ("nobody", set()),
    ],
)
def test_receivers_of_production_reach_the_right_channels(
    receiver: str, channels: set[str], prod: Rendered
) -> None:
    receivers = {r["name"]: r for r in prod.alertmanager()["receivers"]}
    assert {key for key in receivers[receiver] if key in CHANNELS} == channels
    assert set(receivers[receiver]) <= {"name", *CHANNELS}


@pytest.mark.parametrize(
    ("receiver", "timing"),
    [
        ("dead-man", {"repeat_interval": "1m", "group_interval": "1m"}),
        ("p0", {"group_wait": "10s", "repeat_interval": "1h"}),
        ("p2", {"active_time_intervals": ["business-hours"]}),
        ("p3", {"active_time_intervals": ["morning"], "repeat_interval": "20h"}),
    ],
)
def test_routes_of_production_say_when(
    receiver: str, timing: Mapping[str, Any], prod: Rendered
) -> None:
    routes = {route["receiver"]: route for route in prod.alertmanager()["route"]["routes"]}
    assert timing.items() <= routes[receiver].items()


def test_every_time_interval_has_a_location(prod: Rendered) -> None:
    intervals = prod.alertmanager()["time_intervals"]
    assert {interval["name"] for interval in intervals} == {"business-hours", "morning"}
    assert all("location" in part for i in intervals for part in i["time_intervals"])


def test_the_dead_man_is_not_told_that_it_is_over(prod: Rendered, staging: Rendered) -> None:
    for each in (prod, staging):
        receivers = {r["name"]: r for r in each.alertmanager()["receivers"]}
        assert [c["send_resolved"] for c in receivers["dead-man"]["webhook_configs"]] == [False]


def test_an_inhibition_never_acts_on_labels_that_both_sides_lack(inventory: Rendered) -> None:
    """Two missing labels count as equal, so a label that must be equal is required on each side."""
    for rule in inventory.alertmanager()["inhibit_rules"]:
        required = [
            {m.removesuffix('=~".+"') for m in rule[side] if m.endswith('=~".+"')}
            for side in ("source_matchers", "target_matchers")
        ]
        assert required[0] & required[1] & set(rule["equal"]), rule


def test_templates_of_production_render(prod: Rendered, amtool: Path) -> None:
    templates = prod.config(prod.find("alertmanager")[0]) / "templates"
    used = set(re.findall(r'template "([^"]+)"', json.dumps(prod.alertmanager()).replace("\\", "")))
    assert used == {"prod.slack.title", "prod.slack.text"}
    for name in used:
        text = f'{{{{ template "{name}" . }}}}'
        shown = run(
            amtool,
            *("template", "render", f"--template.glob={templates}/*.tmpl"),
            f"--template.text={text}",
        )
        assert shown.strip()


def secret_values(configuration: Any) -> Iterator[str]:
    """Values of keys that name a file."""
    if isinstance(configuration, Mapping):
        for key, value in configuration.items():
            if str(key).endswith("_file"):
                yield str(value)
            yield from secret_values(value)
    elif isinstance(configuration, list):
        for value in configuration:
            yield from secret_values(value)


def test_secrets_are_referred_to_by_path_only(prod: Rendered, staging: Rendered) -> None:
    in_prod = (*PROD_SECRETS.values(), *GRAFANA_SECRETS.values())
    for each, values in ((prod, in_prod), (staging, STAGING_SECRETS)):
        for component in each.components:
            shown = [f.content for f in component.files if not f.secret]
            shown += [*component.service.argv, repr(component.service.environment)]
            assert not [text for text in shown if any(value in text for value in values)]
        for component in each.find("alertmanager"):
            secrets = {f.path: f for f in component.files if f.secret}
            live = Paths("alertmanager").config
            referred = set(secret_values(each.alertmanager()))
            assert referred == {f"{live}/{path}" for path in secrets}
            assert {file.mode for file in secrets.values()} == {"0640"}


def files(component: Component, prefix: str) -> Mapping[str, ManagedFile]:
    return {f.path: f for f in component.files if f.path.startswith(prefix)}


def test_host_labels_reach_the_metrics(prod: Rendered) -> None:
    for component in prod.find("prometheus"):
        for path, file in files(component, "targets/").items():
            for group in json.loads(file.content):
                wanted = {"datacenter", "role", "environment", "host"}
                assert wanted <= group["labels"].keys(), path
                assert group["labels"]["environment"] == "production"


def test_own_services_are_scraped_and_probed(prod: Rendered) -> None:
    targets = files(prod.find("prometheus")[0], "targets/")
    shop = json.loads(targets["targets/shop.json"].content)
    assert sorted(t for group in shop for t in group["targets"]) == [
        "10.10.0.21:8080",
        "10.20.0.21:8080",
    ]
    assert {group["labels"]["team"] for group in shop} == {"shop"}
    probes = {t for g in json.loads(targets["targets/probe.json"].content) for t in g["targets"]}
    assert {"http://10.10.0.21:8080/healthz", "http://10.20.0.21:8081/up"} <= probes
    assert "targets/payments.json" not in targets


def test_drop_ins_of_production_are_taken_over(prod: Rendered) -> None:
    for component in prod.find("prometheus"):
        config = yaml.safe_load(files(component, "prometheus.yml")["prometheus.yml"].content)
        assert "load-balancer" in {job["job_name"] for job in config["scrape_configs"]}
        assert "rules/site-shop.yml" in files(component, "rules/")


def test_replicas_differ_in_one_label_that_alerts_do_not_have(prod: Rendered) -> None:
    configs = [
        yaml.safe_load((prod.config(c) / "prometheus.yml").read_text())
        for c in prod.find("prometheus")
    ]
    labels = [config["global"]["external_labels"] for config in configs]
    assert [each.pop("replica") for each in labels] == ["mon-fra-1", "mon-ams-1"]
    assert labels[0] == labels[1] == {"site": "prod", "cluster": "prod"}
    for config in configs:
        wired = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
        assert wired == ["10.10.0.11:9093", "10.20.0.11:9093", "10.30.0.11:9093"]


def test_host_keys_are_checked_strictly(inventory: Rendered) -> None:
    for host in inventory.declared.hosts:
        said = {key: value for layer in host.layers for key, value in layer.values.items()}
        assert said["ssh_strict_host_key_checking"] == "yes"
        assert said["ssh_known_hosts_file"]
