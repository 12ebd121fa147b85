"""Who ships what to whom: log sources, intakes, and where the collector is."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from plugins.logs import log_sources
from plugins.model import Check, CheckKind, EndpointKind
from plugins.site import Site
from plugins.wiring import beside, intakes
from tests.unit.sites import compiled, components, file, on, refused

SHOP = {"name": "shop", "files": ["/var/log/shop/*.log"], "format": "json"}


def signal_site(*more: Any, **said: Any) -> Site:
    """One host that stores logs and traces, one that only ships."""
    return compiled(
        on("mon1", "prometheus", "alertmanager", "loki", "jaeger", address="10.0.0.1"),
        on("web1", address="10.0.0.2", logs=[SHOP]),
        *more,
        **said,
    )


def collector(site: Site, host: str) -> dict[str, Any]:
    """The collector's configuration on a host."""
    made = components(site, host)["otelcol"]
    loaded: dict[str, Any] = yaml.safe_load(file(made, "otelcol.yml").content)
    return loaded


def test_the_collector_is_on_every_host_once_there_is_a_store() -> None:
    assert [p.host.name for p in signal_site().placed("otelcol")] == ["mon1", "web1"]
    assert compiled(on("mon1", "prometheus"), on("web1")).placed("otelcol") == ()
    traces_only = compiled(on("mon1", "jaeger"), on("web1", without=["otelcol"]))
    assert [p.host.name for p in traces_only.placed("otelcol")] == ["mon1"]


def test_a_collector_may_be_placed_by_its_group_alone() -> None:
    site = compiled(on("mon1", "loki", without=["otelcol"]), on("web1", "otelcol"))
    assert [p.host.name for p in site.placed("otelcol")] == ["web1"]


def test_every_role_ships_its_own_logs_unasked() -> None:
    site = signal_site()
    sources = {source.name: source for source in log_sources(site, site.hosts["mon1"])}
    own = {placement.role.name for placement in site.on("mon1")}
    assert own <= sources.keys()
    assert sources["loki"].units == ["stackwatch-loki.service"]
    assert (sources["loki"].format, sources["jaeger"].format) == ("logfmt", "json")
    assert "stackwatch-smoke" in sources


def test_a_line_goes_to_every_store_that_is_one_of_its_own() -> None:
    site = signal_site(on("mon2", "loki", address="10.0.0.3"))
    urls = [e.url for e in intakes(site, EndpointKind.LOGS, site.hosts["web1"])]
    assert urls == ["http://10.0.0.1:3100/otlp", "http://10.0.0.3:3100/otlp"]


def test_a_line_goes_to_one_door_of_a_shared_store() -> None:
    shared = {"loki": {"s3": {"bucket": "logs"}}}
    names = [f"web{number}" for number in range(40)]
    site = compiled(
        on("mon1", "loki", address="10.0.0.1"),
        on("mon2", "loki", address="10.0.0.2"),
        *(on(name) for name in names),
        everyone=shared,
    )
    doors = {name: intakes(site, EndpointKind.LOGS, site.hosts[name]) for name in site.hosts}
    assert {len(found) for found in doors.values()} == {1}
    # Its own host's, and the others spread.
    assert doors["mon1"][0].host == "mon1"
    assert doors["mon2"][0].host == "mon2"
    spread = [doors[name][0].host for name in names]
    assert 10 <= spread.count("mon1") <= 30


def test_beside_is_the_same_component_on_the_same_host() -> None:
    site = signal_site(on("mon2", "loki", address="10.0.0.3"))
    stores = intakes(site, EndpointKind.LOGS, site.hosts["web1"])
    found = [beside(site, store, EndpointKind.LOG_QUERY) for store in stores]
    assert [e.host for e in found if e] == ["mon1", "mon2"]
    assert beside(site, stores[0], EndpointKind.TRACE_QUERY) is None


def test_the_collector_is_checked_by_a_line_and_a_trace() -> None:
    made = components(signal_site(), "web1")["otelcol"]
    kinds = [check.kind for check in made.checks]
    assert kinds == [CheckKind.HTTP, CheckKind.LOG_LINE, CheckKind.TRACE]
    line, trace = made.checks[1:]
    assert isinstance(line, Check)
    assert line.endpoint.url == "http://10.0.0.1:3100/loki/api/v1/query_range"
    assert trace.endpoint.url == "http://10.0.0.1:16686/api/traces"
    assert trace.expected == ("otelcol", "http://127.0.0.1:4318/v1/traces")


def test_what_the_collector_reads_and_where_it_sends() -> None:
    made = collector(signal_site(), "web1")
    assert made["receivers"]["file_log/shop"]["include"] == ["/var/log/shop/*.log"]
    assert made["receivers"]["journald"]["units"] == [
        "stackwatch-node_exporter.service",
        "stackwatch-otelcol.service",
    ]
    pipelines = made["service"]["pipelines"]
    assert pipelines["logs"]["exporters"] == ["otlp_http/logs-loki"]
    assert pipelines["traces"]["exporters"] == ["otlp_http/traces-jaeger"]
    sent = {name: exporter["endpoint"] for name, exporter in made["exporters"].items()}
    assert sent == {
        "otlp_http/logs-loki": "http://10.0.0.1:3100/otlp",
        "otlp_http/traces-jaeger": "http://10.0.0.1:14318",
    }


def test_nothing_that_was_taken_can_be_lost_or_given_up() -> None:
    for exporter in collector(signal_site(), "web1")["exporters"].values():
        queue = exporter["sending_queue"]
        assert queue["storage"] == "sealed_storage/queue"
        assert queue["block_on_overflow"] is True
        assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"
    made = collector(signal_site(), "web1")
    # A batch processor holds in memory what its source thinks is safe.
    assert not any(name.split("/")[0] == "batch" for name in made["processors"])
    for receiver in (made["receivers"]["file_log/shop"], made["receivers"]["journald"]):
        assert receiver["storage"] == "sealed_storage/offsets"
        assert receiver["retry_on_failure"]["max_elapsed_time"] == "0s"
    argv = components(signal_site(), "web1")["otelcol"].service.argv
    assert "--feature-gates=+stanza.synchronousLogEmitter" in argv


def test_secrets_go_before_anything_is_parsed() -> None:
    (reading,) = collector(signal_site(), "web1")["processors"]["transform/read"]["log_statements"]
    order = [
        next(i for i, line in enumerate(reading["statements"]) if line.startswith(word))
        for word in ("replace_pattern(log.body", "merge_maps(log.cache, ParseJSON")
    ]
    last_redaction = max(
        i
        for i, line in enumerate(reading["statements"])
        if line.startswith("replace_pattern(log.body")
    )
    assert order[0] < last_redaction < order[1]


def test_a_source_keeps_its_place_when_another_one_comes() -> None:
    other = {"name": "another", "files": ["/var/log/a.log"]}
    alone = set(collector(signal_site(), "web1")["receivers"])
    both = compiled(
        on("mon1", "loki", "jaeger", address="10.0.0.1"),
        on("web1", address="10.0.0.2", logs=[other, SHOP]),
    )
    assert alone <= set(collector(both, "web1")["receivers"])


def test_reading_foreign_files_is_the_only_privilege_and_only_where_there_are_some() -> None:
    shipping = components(signal_site(), "web1")["otelcol"].service.hardening
    assert shipping.capabilities == ("CAP_DAC_READ_SEARCH",)
    assert shipping.protect_home == "yes"
    nothing = components(signal_site(), "mon1")["otelcol"].service.hardening
    assert nothing.capabilities == ()
    home = compiled(
        on("mon1", "loki", address="10.0.0.1"),
        on("web1", logs=[{"name": "x", "files": ["/home/anna/x.log"]}]),
    )
    assert components(home, "web1")["otelcol"].service.hardening.protect_home == "tmpfs"


def test_a_shipper_sees_logs_and_nothing_else() -> None:
    elsewhere = {"name": "x", "files": ["/srv/app/out/*.log", "/home/anna/x.log"]}
    site = compiled(on("mon1", "loki", address="10.0.0.1"), on("web1", logs=[SHOP, elsewhere]))
    unit = components(site, "web1")["otelcol"].service.hardening.overrides
    assert unit["TemporaryFileSystem"] == "/etc:ro /media:ro /mnt:ro /opt:ro /srv:ro /var:ro"
    seen = unit["BindReadOnlyPaths"].split()
    assert {"-/var/log", "-/srv/app/out", "-/home/anna"} <= set(seen)
    assert {"/etc/stackwatch/otelcol", "/opt/stackwatch/otelcol"} <= set(seen)
    assert not any(path.strip("-") in ("/etc", "/etc/ssl", "/etc/stackwatch") for path in seen)
    assert unit["BindPaths"] == "/var/lib/stackwatch/otelcol"


def test_what_came_over_otlp_may_not_say_everything_of_itself() -> None:
    made = collector(signal_site(), "web1")
    guests = made["service"]["pipelines"]["logs/guests"]
    assert guests["receivers"] == ["otlp"]
    assert guests["processors"][1] == "transform/guests"
    assert "otlp" not in made["service"]["pipelines"]["logs"]["receivers"]
    statements = json.dumps(made["processors"]["transform/guests"])
    for name in ("stackwatch", "service", "class", "host", "environment", "level"):
        assert name in statements


def test_a_dollar_in_a_name_is_no_variable() -> None:
    site = compiled(
        on("mon1", "loki", address="10.0.0.1"),
        on("web1", logs=[{"name": "c${x}d", "files": ["/var/log/$a/*.log"]}]),
    )
    (receiver,) = (
        found
        for name, found in collector(site, "web1")["receivers"].items()
        if name == "file_log/c__x_d"
    )
    assert receiver["include"] == ["/var/log/$$a/*.log"]
    assert receiver["attributes"]["service"] == "c$${x}d"


def test_a_store_that_moves_keeps_its_queue() -> None:
    def names(host: str) -> list[str]:
        site = compiled(on(host, "loki"), on("web1"))
        return list(collector(site, "web1")["exporters"])

    assert names("mon1") == names("mon2") == ["otlp_http/logs-loki"]


def test_a_store_on_loopback_is_its_own_hosts_alone() -> None:
    site = compiled(
        on("mon1", "loki", address="10.0.0.1", loki={"listen": "127.0.0.1"}), on("web1")
    )
    assert intakes(site, EndpointKind.LOGS, site.hosts["web1"]) == ()
    sent = collector(site, "mon1")["exporters"]["otlp_http/logs-loki"]
    assert sent["endpoint"] == "http://127.0.0.1:3100/otlp"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"format": "jsn"}, "unknown log format; Did you mean 'json'?"),
        ({"multiline": "(?=x)"}, "is no RE2 pattern (invalid perl operator: (?="),
        ({"multiline": "["}, "is no RE2 pattern (missing ]"),
        ({"class": "adit"}, "class 'adit' of log source 'shop' has no retention"),
        ({"files": ["shop.log"]}, "write an absolute path"),
        ({"files": []}, "give it `files`, `units` or `containers`, and just one of them"),
        (
            {"units": ["ssh.service"]},
            "give it `files`, `units` or `containers`, and just one of them",
        ),
        ({"units": ["ssh"], "files": []}, "string should match pattern"),
        ({"timezone": "Europe/Berlim"}, "is no time zone such as UTC or Europe/Berlin"),
        ({"colour": "red"}, "unknown setting"),
    ],
)
def test_bad_sources_are_refused_before_any_connection(source: dict[str, Any], told: str) -> None:
    problems = refused(on("mon1", "loki"), on("web1", logs=[{**SHOP, **source}]))
    assert len(problems) == 1
    assert told in problems[0]
    assert "logs" in problems[0]


def test_a_class_of_the_sites_own_needs_only_its_retention() -> None:
    kept = {"site": {"log_retention": {"payments": "5y"}}}
    source = {**SHOP, "class": "payments"}
    site = compiled(on("mon1", "loki"), on("web1", logs=[source]), everyone=kept)
    assert site.settings.log_retention == {
        "debug": "7d",
        "application": "30d",
        "audit": "1y",
        "security": "1y",
        "payments": "5y",
    }
