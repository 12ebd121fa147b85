"""Mistakes in what is said of logs and traces, all told before the first connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from plugins.durations import go_duration, milliseconds
from plugins.model import EndpointKind, SiteError
from plugins.settings import LogSource
from plugins.site import Site
from plugins.values import below, without_password
from tests.unit.sites import Line, compiled, components, on, refused

INVENTORY = "inventories/test.py: mon1"
ALL = "inventories/group_data/all.py"
TODAY = datetime.now(UTC).date()
TOMORROW = (TODAY + timedelta(days=1)).isoformat()
FIRST = {"from": "2024-04-01"}
S3 = {"bucket": "logs"}


def store(**said: Any) -> Line:
    """A host that stores logs and traces."""
    return on("mon1", "loki", "jaeger", address="10.0.0.1", **said)


def fault(*lines: Line, **said: Any) -> str:
    """The one problem of an inventory that does not compile."""
    (found,) = refused(*lines, **said)
    return found


def fault_of(site: Site, host: str = "mon1") -> str:
    """What the roles of a host refuse together."""
    with pytest.raises(SiteError) as error:
        components(site, host)
    return str(error.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"debug": "23h"}, "class 'debug' is to be kept for 23h, and the shortest that Loki takes"),
        ({"debug": "0"}, "class 'debug' is to be kept for 0, and the shortest"),
        ({"debug": "0s"}, "is 24h"),
        ({"Audit": "1y"}, "'Audit' is no class name"),
        ({'x"}': "1y"}, "is no class name"),
        ({"1st": "1y"}, "is no class name"),
        ({"": "1y"}, "is no class name"),
    ],
)
def test_retention_that_loki_does_not_take(said: dict[str, str], told: str) -> None:
    found = fault(on("a"), everyone={"site": {"log_retention": said}})
    assert found.startswith(f"{ALL}: site.log_retention: ")
    assert told in found


@pytest.mark.parametrize("period", ["24h", "1d", "1440m"])
def test_a_day_is_long_enough(period: str) -> None:
    said = {"site": {"log_retention": {"pay_2-x": period}}}
    assert compiled(on("a"), everyone=said).settings.log_retention["pay_2-x"] == period


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"rules_interval": "21s"}, "loki.rules_interval: must be 20s or less"),
        ({"rules_interval": "1d"}, "loki.rules_interval: must be 20s or less"),
        ({"rules_interval": "0"}, "loki.rules_interval: must be longer than 0"),
        ({"compaction_interval": "0s"}, "loki.compaction_interval: must be longer than 0"),
        ({"reject_older": "0"}, "loki.reject_older: must be longer than 0"),
        ({"periods": [{"from": "2024-02-30"}]}, "loki.periods.0.from: is no day"),
        ({"periods": [{"from": "20240401"}]}, "loki.periods.0.from: is no day"),
        ({"periods": [FIRST, FIRST]}, "loki.periods: two periods start on 2024-04-01"),
        (
            {"periods": [{"from": "2024-05-01"}, FIRST]},
            "loki.periods: 2024-04-01 stands after 2024-05-01: write the oldest first",
        ),
        ({"periods": [{"from": TOMORROW}]}, f"loki.periods: the first one starts on {TOMORROW}"),
    ],
)
def test_loki_is_told_nothing_that_it_would_not_take(said: dict[str, Any], told: str) -> None:
    assert f"{INVENTORY}: {told}" in fault(store(loki=said))


@pytest.mark.parametrize("interval", ["20s", "1s", "500ms"])
def test_rules_may_be_read_as_often_as_a_reload_is_waited_for(interval: str) -> None:
    site = compiled(store(loki={"rules_interval": interval}))
    assert site.placed("loki")[0].settings.rules_interval == interval


def test_a_first_period_may_start_today_and_a_further_one_later() -> None:
    periods = [{"from": TODAY.isoformat()}, {"from": TOMORROW}]
    assert "loki" in components(compiled(store(loki={"periods": periods})), "mon1")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"s3": S3, "periods": [FIRST]},
            "loki.periods: the newest, from 2024-04-01, is on the filesystem beside loki.s3",
        ),
        ({"replication": 2}, "loki.replication: 2 with storages of their own"),
        (
            {"replication": 2, "s3": S3},
            "loki.replication: 2, but the Lokis on the storage logs are 1",
        ),
    ],
)
def test_storage_that_contradicts_itself(said: dict[str, Any], told: str) -> None:
    assert told in fault_of(compiled(store(loki=said)))


def test_replicas_are_counted_where_the_storage_is_shared() -> None:
    shared = {"s3": S3, "replication": 2}
    own = on("mon3", "loki", loki={"s3": {"bucket": "other"}})
    several = compiled(store(loki=shared), on("mon2", "loki", loki=shared), own)
    assert "loki" in components(several, "mon1")
    more = compiled(store(loki={**shared, "replication": 3}), on("mon2", "loki", loki=shared), own)
    assert "3, but the Lokis on the storage logs are 2" in fault_of(more)


def test_what_was_on_the_filesystem_may_go_on_in_s3() -> None:
    moved = [FIRST, {"from": TOMORROW, "object_store": "s3"}]
    assert "loki" in components(compiled(store(loki={"s3": S3, "periods": moved})), "mon1")


@pytest.mark.parametrize(("ours", "go"), [("1d", "24h0m0s"), ("0", "0h0m0s"), ("1w1d", "192h0m0s")])
def test_a_duration_in_days_is_one_that_go_takes(ours: str, go: str) -> None:
    assert go_duration(ours) == go
    assert milliseconds("1d") == 86_400_000


@pytest.mark.parametrize("shipper", ["otelcol", "alloy"])
@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("(x", "is no RE2 pattern (missing ): (x), got '(x'"),
        ("(?=x)", "is no RE2 pattern"),
        ("", "matches a key's empty end"),
        ("x*", "matches a key's empty end"),
        ("a\nb", "control characters"),
    ],
)
def test_keys_that_are_no_patterns(shipper: str, key: str, told: str) -> None:
    web = on("web1", shipper, without=["otelcol"] if shipper == "alloy" else [])
    found = fault(store(), web, everyone={shipper: {"redact_keys": ["iban", key]}})
    assert found.startswith(f"{ALL}: {shipper}.redact_keys.1: {told}")


@pytest.mark.parametrize("shipper", ["otelcol", "alloy"])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"memory_limit_mib": 512}, "memory_limit_mib = 512 is not below memory_max = '512M'"),
        ({"memory_max": "350M"}, "memory_limit_mib = 350 is not below memory_max = '350M'"),
        ({"memory_max": "367001600"}, "memory_limit_mib = 350 is not below"),
        ({"memory_max": "300000K"}, "memory_limit_mib = 350 is not below"),
    ],
)
def test_a_shipper_is_not_killed_before_it_waits(
    shipper: str, said: dict[str, Any], told: str
) -> None:
    web = on("web1", shipper, without=["otelcol"] if shipper == "alloy" else [], **{shipper: said})
    found = fault(store(without=["otelcol"]), web)
    assert found.startswith(f"inventories/test.py: web1: {shipper}: {told}")


@pytest.mark.parametrize("maximum", ["infinity", "351M", "1G", "1T", "367001601"])
def test_memory_that_is_enough(maximum: str) -> None:
    below(350, maximum)
    site = compiled(store(otelcol={"memory_max": maximum}))
    assert site.placed("otelcol")[0].settings.memory_max == maximum


def test_a_collector_needs_a_store_that_it_reaches() -> None:
    alone = fault_of(compiled(on("web1", "otelcol")), "web1")
    assert alone.startswith("otelcol (host web1): no store of logs or traces takes anything")
    assert "without: ['otelcol']" in alone
    loopback = store(loki={"listen": "127.0.0.1"}, jaeger={"listen": "127.0.0.1"})
    assert "takes anything from this host" in fault_of(compiled(loopback, on("web1")), "web1")


def test_a_collector_goes_with_the_last_store() -> None:
    site = compiled(store(), on("web1"))
    no_logs = site.without([("loki", "amd64")])
    assert {p.role.name for p in no_logs.on("web1")} == {"node_exporter", "otelcol"}
    nothing = site.without([("loki", "amd64"), ("jaeger", "amd64")])
    assert nothing.component_names == ("node_exporter",)
    assert nothing.endpoints(EndpointKind.OTLP) == ()
    # Where there never was a store nobody left one out: that is a mistake, and is told.
    placed = compiled(on("web1", "otelcol", "prometheus")).without([("prometheus", "amd64")])
    assert "otelcol" in placed.component_names
    assert compiled(store()).without([]).placed("otelcol")


@pytest.mark.parametrize(
    ("role", "said", "told"),
    [
        (
            "otelcol",
            {"health_port": 8888},
            "otelcol.health_port (host mon1): port 8888 is also otelcol.port on this host. "
            "Give otelcol.health_port or otelcol.port another",
        ),
        ("otelcol", {"otlp_http_port": 4317}, "otelcol.otlp_http_port (host mon1): port 4317"),
        ("loki", {"cluster_port": 9095}, "loki.cluster_port (host mon1): port 9095 is also loki."),
        ("jaeger", {"metrics_port": 14270}, "port 14270 is also jaeger."),
        ("loki", {"port": 9095}, "port 9095 is also loki.port"),
    ],
)
def test_two_ports_of_a_role_are_two_numbers(role: str, said: dict[str, Any], told: str) -> None:
    assert told in fault(store(**{role: said}))


def test_kinds_that_share_a_listener_share_its_port() -> None:
    ports = [e.port for e in compiled(store()).placed("loki")[0].endpoints]
    assert ports.count(3100) > 1


@pytest.mark.parametrize(
    ("lines", "said", "told"),
    [
        (
            [on("web1", logs=[{"name": "x", "files": ["/a/x"]}, {"name": "x", "files": ["/b"]}])],
            {},
            "logs (host web1): two log sources are 'x'. Put the files into one source, or give "
            "one another name",
        ),
        (
            [on("web1", logs=[{"name": "x", "files": ["/a/x"]}])],
            {"everyone": {"logs": [{"name": "x", "files": ["/b/x"]}]}},
            "two log sources are 'x'",
        ),
        (
            [
                on(
                    "web1",
                    logs=[{"name": "x", "files": ["/a/x"]}],
                    node_exporter={"logs": [{"name": "x", "files": ["/b/x"]}]},
                )
            ],
            {},
            "node_exporter.logs (host web1): two log sources are 'x'",
        ),
        (
            [on("web1", logs=[{"name": "a-b", "files": ["/a"]}, {"name": "a.b", "files": ["/b"]}])],
            {},
            "two log sources are 'a.b' and 'a-b', which is one name where",
        ),
        (
            [on("web1", logs=[{"name": "stackwatch-smoke", "files": ["/a"]}])],
            {},
            "the log source of the smoke check is 'stackwatch-smoke' too",
        ),
    ],
)
def test_a_log_source_has_a_name_of_its_own(
    lines: list[Line], said: dict[str, Any], told: str
) -> None:
    assert any(told in found for found in refused(*lines, **said))


def test_hosts_may_have_sources_of_one_name() -> None:
    logs = [{"name": "x", "files": ["/a/x"]}]
    site = compiled(on("web1", logs=logs), on("web2", logs=logs))
    assert [host.logs[0].name for host in site.hosts.values()] == ["x", "x"]


def test_journal_entries_are_not_put_together() -> None:
    source = {"name": "x", "units": ["x.service"], "multiline": "^x"}
    found = fault(on("web1", logs=[source]))
    assert "logs.0: journal entries are lines of their own: take `multiline` out" in found


@pytest.mark.parametrize(
    "path",
    [
        "/a/[",
        "/a/[]",
        "/a/[!]",
        "/a/[^]x",
        "/a/[ab",
        "/a/{b",
        "/a/b}",
        "/a/}{",
        "/a/{b,{c}",
        "/a\\",
    ],
)
def test_globs_that_a_shipper_refuses(path: str) -> None:
    for key in ("files", "exclude"):
        said = {"name": "x", "files": ["/var/log/x"], key: [path]}
        found = fault(on("web1", logs=[said]))
        assert found.startswith(f"inventories/test.py: web1: logs.0.{key}.0: ")


@pytest.mark.parametrize(
    "path",
    ["/a/*.log", "/a/**/b", "/a/[a-z]?", "/a/[!a]", "/a/[\\]]", "/a/{b,c{d,e}}", "/a/\\["],
)
def test_globs_that_a_shipper_takes(path: str) -> None:
    assert LogSource(name="x", files=[path]).files == [path]


PASSWORDS = (
    "postgresql://shop:s3cr3t@db/shop",
    "redis://:s3cr3t@127.0.0.1:6379/0",
    "https://u:s3cr3t@[::1]:9200",
    "shop:s3cr3t@db",
    "postgresql://shop:s3/cr3t@db/shop",
    "postgresql:///shop?host=/run&password=s3cr3t",
    "postgresql:///shop?sslpassword=s3cr3t",
    "host=db password=s3cr3t",
    "https://u:s3cr3t\n@e",
)


@pytest.mark.parametrize("url", PASSWORDS)
@pytest.mark.parametrize("key", ["database_url", "redis_url"])
def test_no_password_in_a_url_of_the_reference_application(url: str, key: str) -> None:
    found = fault(on("a", "reference_app", reference_app={key: url}))
    assert found == (
        f"inventories/test.py: a: reference_app.{key}: a password stands in it, where everybody "
        "can read it. Put the password into the vault, and take it out here"
    )


def test_no_password_in_the_url_of_a_search_engine() -> None:
    engine = {"urls": ["http://e:9200", "https://u:s3cr3t@e:9200"], "password": SecretStr("x")}
    found = fault(store(jaeger={"storage": "opensearch", "elasticsearch": engine}))
    assert found.startswith(f"{INVENTORY}: jaeger.elasticsearch.urls.1: a password stands in it")
    assert "s3cr3t" not in found


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///reference?host=/run/postgresql&user=reference",
        "postgresql://reference@db:5432/reference",
        "postgresql://a:5432,b:5433/x?application_name=me@here",
        "redis://127.0.0.1:6379/0",
        "http://[::1]:9200/a@b",
        "http://e:9200/a@b",
        "https://e/x?passwordless=1",
    ],
)
def test_a_url_without_a_password_is_taken(url: str) -> None:
    assert without_password(url) == url


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"retention": "0"}, "jaeger.retention: must be longer than 0, got '0'"),
        ({"retention": "0s"}, "jaeger.retention: must be longer than 0"),
        ({"base_path": "jaeger"}, "jaeger.base_path: must start with /"),
        ({"base_path": ""}, "jaeger.base_path: must start with /"),
        ({"base_path": "/jaeger/"}, "jaeger.base_path: must start with /, and not end with one"),
    ],
)
def test_jaeger_is_told_nothing_that_it_would_not_take(said: dict[str, Any], told: str) -> None:
    assert fault(store(jaeger=said)).startswith(f"{INVENTORY}: {told}")


@pytest.mark.parametrize("path", ["/", "/jaeger", "/a/b"])
def test_a_base_path_is_taken(path: str) -> None:
    assert compiled(store(jaeger={"base_path": path})).placed("jaeger")
