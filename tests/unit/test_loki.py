"""Loki and Jaeger as rendered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from plugins.durations import go_duration
from plugins.model import OnChange, SiteError
from plugins.native import to_yaml
from plugins.runtimes.systemd import Unit
from plugins.site import Site
from roles.loki.schema import refusal
from tests.unit.sites import compiled, components, file, on


def loki(site: Site, host: str = "mon1") -> dict[str, Any]:
    """Loki's configuration on a host."""
    loaded: dict[str, Any] = yaml.safe_load(
        file(components(site, host)["loki"], "loki.yml").content
    )
    return loaded


def lone(**said: Any) -> Site:
    return compiled(on("mon1", "loki", "jaeger", address="10.0.0.1", **said))


def schema(*periods: dict[str, Any]) -> str:
    return to_yaml({"schema_config": {"configs": list(periods)}})


FIRST = {"from": "2024-04-01", "store": "tsdb", "index": {"prefix": "index_"}}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
TODAY = datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (schema(FIRST), None),
        (schema(FIRST, {**FIRST, "from": TOMORROW}), None),
        (schema({**FIRST, "store": "other"}), "store of the schema period from 2024-04-01"),
        (schema({**FIRST, "more": 1}), "more of the schema period"),
        (schema({**FIRST, "from": "2024-05-01"}), "the schema period from 2024-04-01 is gone"),
        (schema(), "is gone"),
        (schema(FIRST, {**FIRST, "from": TODAY}), f"starts on {TODAY}, but entries of that day"),
        (schema(FIRST, {**FIRST, "from": "2020-01-01"}), "starts on 2020-01-01"),
    ],
)
def test_a_schema_only_grows_into_the_future(wanted: str, told: str | None) -> None:
    found = refusal(schema(FIRST), wanted)
    assert (found is None) == (told is None)
    assert told is None or told in str(found)


def test_a_period_to_come_may_be_taken_back_or_changed() -> None:
    planned = schema(FIRST, {**FIRST, "from": TOMORROW})
    assert refusal(planned, schema(FIRST)) is None
    assert refusal(planned, schema(FIRST, {**FIRST, "from": TOMORROW, "store": "x"})) is None


def test_a_live_file_that_is_no_loki_refuses_nothing() -> None:
    assert refusal("", schema(FIRST)) is None
    assert refusal("[]", schema(FIRST)) is None


def test_retention_is_by_class() -> None:
    limits = loki(lone())["limits_config"]
    assert limits["retention_period"] == "30d"
    streams = {entry["selector"]: entry["period"] for entry in limits["retention_stream"]}
    assert streams == {
        '{class="application"}': "30d",
        '{class="audit"}': "1y",
        '{class="debug"}': "7d",
        '{class="security"}': "1y",
    }
    assert limits["reject_old_samples_max_age"] == "168h0m0s"
    assert limits["deletion_mode"] == "disabled"
    assert loki(lone())["compactor"]["retention_enabled"] is True


def test_one_loki_waits_for_nobody_and_several_on_one_storage_form_a_ring() -> None:
    alone = loki(lone())
    assert "memberlist" not in alone
    assert alone["common"]["ring"]["kvstore"]["store"] == "inmemory"
    assert alone["ingester"]["lifecycler"]["min_ready_duration"] == "0s"
    several = compiled(
        on("mon1", "loki", address="10.0.0.1"),
        on("mon2", "loki", address="10.0.0.2"),
        everyone={"loki": {"s3": {"bucket": "logs"}, "replication": 2}},
    )
    made = loki(several)
    assert made["memberlist"]["join_members"] == ["10.0.0.1:7946", "10.0.0.2:7946"]
    assert made["common"]["replication_factor"] == 2
    assert made["common"]["storage"]["s3"]["bucketnames"] == "logs"
    assert made["schema_config"]["configs"][0]["object_store"] == "s3"
    assert made["ingester"] == {"max_chunk_age": "24h0m0s"}


def test_several_lokis_on_their_own_disks_are_copies() -> None:
    copies = compiled(
        on("mon1", "loki", address="10.0.0.1"), on("mon2", "loki", address="10.0.0.2")
    )
    assert "memberlist" not in loki(copies)


def test_keys_of_the_storage_are_in_a_secret_file_alone() -> None:
    keys = {"access_key_id": SecretStr("AKIA77"), "secret_access_key": SecretStr("s3cr3t")}
    made = components(lone(loki={"s3": {"bucket": "logs", **keys}}), "mon1")["loki"]
    held = [f for f in made.files if "s3cr3t" in f.content or "AKIA77" in f.content]
    assert [(f.path, f.secret, f.on_change) for f in held] == [
        ("secrets/s3", True, OnChange.RESTART)
    ]
    unit = Unit(made).unit_text
    assert "s3cr3t" not in unit
    assert "AWS_SHARED_CREDENTIALS_FILE=/etc/stackwatch/loki/live/secrets/s3" in unit


@pytest.mark.parametrize(
    ("role", "said", "told"),
    [
        ("loki", {"periods": [{"from": "2024-04-01", "object_store": "s3"}]}, "stored in s3"),
        (
            "loki",
            {"s3": {"bucket": "b", "access_key_id": SecretStr("k")}},
            "has a key without its secret",
        ),
        ("jaeger", {"storage": "opensearch"}, "opensearch without an address"),
        ("jaeger", {"elasticsearch": {"urls": ["http://e:9200"]}}, "is not used by badger"),
        (
            "jaeger",
            {"storage": "elasticsearch", "elasticsearch": {"urls": ["u"], "username": "x"}},
            "has a user without a password",
        ),
    ],
)
def test_settings_that_contradict_each_other(role: str, said: dict[str, Any], told: str) -> None:
    with pytest.raises(SiteError) as error:
        components(lone(**{role: said}), "mon1")
    assert told in str(error.value)


def test_the_ruler_alerts_through_every_alertmanager() -> None:
    site = compiled(
        on("mon1", "loki", "alertmanager", address="10.0.0.1"),
        on("mon2", "alertmanager", address="10.0.0.2"),
    )
    assert loki(site)["ruler"]["alertmanager_url"] == "http://10.0.0.1:9093,http://10.0.0.2:9093"
    assert "alertmanager_url" not in loki(lone())["ruler"]


def test_rules_are_taken_over_without_a_restart_and_the_rest_with_one() -> None:
    made = components(lone(), "mon1")["loki"]
    changes = {f.path: f.on_change for f in made.files}
    assert changes.pop("loki.yml") is OnChange.RESTART
    assert set(changes.values()) == {OnChange.RELOAD}
    assert made.service.reload is not None
    assert made.service.reload.proof is not None
    ((path, release),) = made.service.reload.proof.contains
    assert path == "/prometheus/api/v1/rules"
    assert release in file(made, "rules/fake/stackwatch_release.yml").content


@pytest.mark.parametrize(
    ("ours", "go"),
    [
        ("7d", "168h0m0s"),
        ("1y", "8760h0m0s"),
        ("1h30m", "1h30m0s"),
        ("15s", "0h0m15s"),
        ("500ms", "0h0m0.500s"),
        ("2w", "336h0m0s"),
    ],
)
def test_durations_as_go_takes_them(ours: str, go: str) -> None:
    assert go_duration(ours) == go


def jaeger(site: Site) -> dict[str, Any]:
    """Jaeger's configuration."""
    made = components(site, "mon1")["jaeger"]
    loaded: dict[str, Any] = yaml.safe_load(file(made, "jaeger.yml").content)
    return loaded


def test_jaeger_keeps_traces_on_its_disk_for_as_long_as_said() -> None:
    storage = jaeger(lone(jaeger={"retention": "3d"}))["extensions"]["jaeger_storage"]
    badger = storage["backends"]["main"]["badger"]
    assert (badger["ephemeral"], badger["ttl"]) == (False, {"spans": "72h0m0s"})
    assert "metric_backends" not in storage


def test_jaeger_asks_the_nearest_prometheus_for_performance() -> None:
    site = compiled(
        on("mon0", "prometheus", address="10.0.0.9"),
        on("mon1", "prometheus", "jaeger", address="10.0.0.1"),
    )
    storage = jaeger(site)["extensions"]["jaeger_storage"]
    assert storage["metric_backends"]["performance"]["prometheus"]["endpoint"] == (
        "http://10.0.0.1:9090"
    )


def test_jaeger_logs_in_to_a_search_engine_through_a_file() -> None:
    engine = {"urls": ["http://e:9200"], "username": "jaeger", "password": SecretStr("pa55")}
    said = {"storage": "opensearch", "elasticsearch": engine}
    made = components(lone(jaeger=said), "mon1")["jaeger"]
    assert [f.path for f in made.files if "pa55" in f.content] == ["secrets/elasticsearch"]
    backend = jaeger(lone(jaeger=said))["extensions"]["jaeger_storage"]["backends"]["main"]
    assert backend["opensearch"]["auth"]["basic"] == {
        "username": "jaeger",
        "password_file": "/etc/stackwatch/jaeger/live/secrets/elasticsearch",
    }
