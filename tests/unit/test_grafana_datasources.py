"""Datasources: found on the site, wired to each other, declared, refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from plugins.compiler import compile_site, components_of
from plugins.datasources import DatasourceType, Signal, uid_of
from plugins.model import Component
from plugins.role import all_roles
from roles.grafana import provisioned as provisioned_module
from roles.grafana.datasources import datasources, entry
from tests.unit.grafana_site import (
    HARD,
    PASSWORD,
    as_provisioned,
    grafana,
    grafana_site,
    provisioned,
    refusals,
)
from tests.unit.recorded import golden
from tests.unit.sites import artifact, compiled, file, on, refused, written

PLAIN_FILE = "provisioning/datasources/stackwatch.yml"
SEARCH = {
    "name": "Orders",
    "type": "elasticsearch",
    "url": "https://es.example.org:9200",
    "basicAuth": True,
    "basicAuthUser": "reader",
    "jsonData": {"index": "orders-*", "timeField": "@timestamp"},
    "secureJsonData": {"basicAuthPassword": SecretStr(HARD)},
}


def test_datasources_are_the_golden_ones() -> None:
    content = file(grafana(grafana_site()), PLAIN_FILE).content
    kept, made = golden("grafana/datasources.yml", content)
    assert made == kept


def test_every_backend_is_a_datasource_and_leads_to_the_others() -> None:
    found = provisioned(grafana(grafana_site()))
    assert list(found) == ["alertmanager-mon1", "jaeger-mon1", "loki-mon1", "prometheus-mon1"]
    assert {uid: each["url"] for uid, each in found.items()} == {
        "alertmanager-mon1": "http://10.0.0.1:9093",
        "jaeger-mon1": "http://10.0.0.1:16686",
        "loki-mon1": "http://10.0.0.1:3100",
        "prometheus-mon1": "http://10.0.0.1:9090",
    }
    assert {each["editable"] for each in found.values()} == {False}
    assert [uid for uid, each in found.items() if each["isDefault"]] == ["prometheus-mon1"]
    options = {uid: each["jsonData"] for uid, each in found.items()}
    (exemplar,) = options["prometheus-mon1"]["exemplarTraceIdDestinations"]
    assert (exemplar["name"], exemplar["datasourceUid"]) == ("trace_id", "jaeger-mon1")
    (field,) = options["loki-mon1"]["derivedFields"]
    assert (field["matcherType"], field["matcherRegex"]) == ("label", "traceId")
    assert (field["datasourceUid"], field["url"]) == ("jaeger-mon1", "${__value.raw}")
    logs = options["jaeger-mon1"]["tracesToLogsV2"]
    assert logs["datasourceUid"] == "loki-mon1"
    assert logs["query"] == '{${__tags}} | traceId="${__span.traceId}"'
    metrics = options["jaeger-mon1"]["tracesToMetrics"]
    assert metrics["datasourceUid"] == "prometheus-mon1"
    assert "traces_span_metrics_calls_total{$__tags}" in metrics["queries"][0]["query"]
    for uid in ("prometheus-mon1", "loki-mon1"):
        assert options[uid]["alertmanagerUid"] == "alertmanager-mon1"


@pytest.mark.parametrize(
    "groups", [(), ("prometheus",), ("loki",), ("jaeger",), ("prometheus", "jaeger")]
)
def test_nothing_leads_to_what_is_not_there(groups: tuple[str, ...]) -> None:
    found = provisioned(grafana(grafana_site(groups=groups)))
    assert set(found) == {f"{group}-mon1" for group in groups}
    absent = {"prometheus", "loki", "jaeger", "alertmanager"} - set(groups)
    told = repr(found)
    assert not [each for each in absent if f"{each}-mon1" in told]


def test_an_agent_is_no_datasource() -> None:
    site = compiled(
        on(
            "mon1",
            "grafana",
            "prometheus",
            grafana={"admin_password": PASSWORD},
            prometheus={"agent": True, "remote_write": [{"url": "http://x/"}]},
        )
    )
    assert provisioned(grafana(site)) == {}


def test_the_nearest_of_each_kind_is_what_others_lead_to() -> None:
    both = ("prometheus", "loki")
    site = compiled(
        on("a", *both, "jaeger", address="10.0.0.1"),
        on("b", *both, "grafana", address="10.0.0.2", grafana={"admin_password": PASSWORD}),
    )
    found = provisioned(grafana(site, "b"))
    assert set(found) == {f"{each}-{host}" for each in both for host in "ab"} | {"jaeger-a"}
    assert [uid for uid, each in found.items() if each["isDefault"]] == ["prometheus-b"]
    assert found["jaeger-a"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == "loki-b"


def test_what_listens_on_its_loopback_alone_is_reached_there_and_from_nowhere_else() -> None:
    local = {"loki": {"listen": "127.0.0.1"}}
    site = compiled(
        on("a", "loki", address="10.0.0.1", **local),
        on("b", "loki", "grafana", grafana={"admin_password": PASSWORD}, **local),
    )
    found = provisioned(grafana(site, "b"))
    assert {uid: each["url"] for uid, each in found.items()} == {"loki-b": "http://127.0.0.1:3100"}


def test_grafanas_of_one_database_provision_the_same() -> None:
    shared = {"database": {"host": "db:5432"}, "admin_password": PASSWORD}
    both = ("prometheus", "loki", "jaeger", "grafana")
    site = compiled(
        on("a", *both, address="10.0.0.1", grafana=shared),
        on("b", *both, address="10.0.0.2", grafana=shared, loki={"listen": "127.0.0.1"}),
        on("c", *both, address="10.0.0.3", grafana={"admin_password": PASSWORD}),
    )
    first, second, alone = (file(grafana(site, host), PLAIN_FILE).content for host in "abc")
    assert first == second != alone
    assert "loki-b" not in first
    assert provisioned(grafana(site, "b"))["prometheus-a"]["isDefault"]


def test_in_containers_a_neighbour_is_called_by_its_name() -> None:
    site = compiled(
        on(
            "a",
            *("loki", "grafana"),
            runtime="docker",
            loki={"listen": "127.0.0.1"},
            grafana={"admin_password": PASSWORD},
        )
    )
    assert provisioned(grafana(site, "a"))["loki-a"]["url"] == "http://stackwatch-loki:3100"


def test_a_new_backend_is_a_datasource_without_a_word_in_this_role() -> None:
    tempo = replace(
        all_roles()["jaeger"],
        name="tempo",
        datasource=DatasourceType(
            "tempo", "Tempo", Signal.TRACES, "/api/echo", lambda settings, linked: {"x": "$y"}
        ),
    )
    roles = {**all_roles(), "tempo": tempo}
    declared = written(
        on("a", "grafana", "tempo", "prometheus", grafana={"admin_password": PASSWORD})
    )
    site = compile_site(declared, roles)
    programs = ("grafana", "jaeger", "prometheus", "node_exporter", "otelcol")
    got = {(name, "amd64"): artifact(name) for name in programs}
    made: dict[str, Component] = {c.name: c for c in components_of(_alone(site), got, "a")}
    found = provisioned(made["grafana"])
    assert found["tempo-a"]["name"] == "Tempo a"
    assert found["tempo-a"]["jsonData"] == {"x": "$y"}
    (exemplar,) = found["prometheus-a"]["jsonData"]["exemplarTraceIdDestinations"]
    assert exemplar["datasourceUid"] == "tempo-a"


def _alone(site: Any) -> Any:
    """The site, of which Grafana alone is rendered."""

    class Alone:
        def __getattr__(self, name: str) -> Any:
            return getattr(site, name)

        def on(self, host: str) -> Any:
            return tuple(p for p in site.on(host) if p.role.name == "grafana")

    return Alone()


def test_declared_datasources_stand_beside_ours() -> None:
    component = grafana(grafana_site(datasources=[SEARCH, {"name": "Sheet", "type": "csv"}]))
    assert provisioned(component)["csv-sheet"]["name"] == "Sheet"
    secret = file(component, "provisioning/datasources/secret.yml")
    assert secret.secret
    found = provisioned(component, "secret")["elasticsearch-orders"]
    assert found["secureJsonData"] == {"basicAuthPassword": HARD}
    assert found["basicAuthUser"] == "reader"
    assert found["jsonData"]["index"] == "orders-*"
    assert HARD not in file(component, PLAIN_FILE).content


def test_a_declared_default_takes_the_place_of_ours() -> None:
    component = grafana(
        grafana_site(datasources=[{"name": "Mimir", "type": "prometheus", "isDefault": True}])
    )
    found = provisioned(component)
    assert [uid for uid, each in found.items() if each["isDefault"]] == ["prometheus-mimir"]


@pytest.mark.parametrize(
    "secret", [HARD, "$__file{/etc/passwd}", "$$", "a$$$b", "${HOME}", "plain"]
)
def test_a_secret_of_a_datasource_reaches_grafana_as_it_is(secret: str) -> None:
    said = {**SEARCH, "secureJsonData": {"basicAuthPassword": SecretStr(secret)}}
    component = grafana(grafana_site(datasources=[said]))
    found = provisioned(component, "secret")["elasticsearch-orders"]
    assert found["secureJsonData"]["basicAuthPassword"] == secret


def test_a_secret_with_a_dollar_would_not_survive_as_a_file() -> None:
    taken = as_provisioned("$__file{/secret}", {"/secret": "pa$HOME"})
    assert taken == "pa/wrong"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            [{"name": "A", "type": "loki"}, {"name": "A", "type": "tempo"}],
            "grafana.datasources: A: there are two with the name 'A'. Rename one of them",
        ),
        (
            [{"name": "A", "type": "x", "uid": "loki-mon1"}],
            "grafana.datasources: A: there are two with the uid 'loki-mon1'",
        ),
        (
            [{"name": n, "type": "x", "isDefault": True} for n in "AB"],
            "grafana.datasources: isDefault: 'A' and 'B' are both the default",
        ),
        (
            [{"name": "A", "type": "loki", "jsonData": {"derivedFeilds": []}}],
            "grafana.datasources: A: jsonData: derivedFeilds: unknown option. "
            "Did you mean 'derivedFields'?",
        ),
        (
            [{"name": "A", "type": "jaeger", "jsonData": {"nodeGraph": {"enabled": "yes"}}}],
            "grafana.datasources: A: jsonData: nodeGraph.enabled: input should be a valid boolean",
        ),
        *(
            (
                [{"name": "A", "type": "x", "jsonData": said}],
                f"grafana.datasources: A: jsonData: {key}: is a secret in plain text. Write",
            )
            for key, said in (
                ("password", {"password": "hunter2"}),
                ("clientSecret", {"auth": [{"clientSecret": "hunter2"}]}),
                ("dsn", {"dsn": "postgres://a:hunter2@db/x"}),
            )
        ),
        (
            [{"name": "A", "type": "x", "jsonData": {"datasourceUid": "loki-mon2"}}],
            "grafana.datasources: A: jsonData: leads to 'loki-mon2', which is no datasource here. "
            "Did you mean 'loki-mon1'?",
        ),
    ],
)
def test_datasources_that_grafana_would_misread_are_refused(
    said: list[dict[str, Any]], words: str
) -> None:
    told = refusals(grafana_site(datasources=said))
    assert [each for each in told if each.startswith(words)]
    assert "hunter2" not in "".join(told)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"nmae": "A", "type": "x"}, "grafana.datasources.0.nmae: unknown setting. Did you mean"),
        ({"name": "A"}, "grafana.datasources.0.type: required setting is missing"),
        ({"name": "A", "type": "x", "editable": True}, "grafana.datasources.0.editable: input"),
        ({"name": "A", "type": "x", "uid": "a b"}, "grafana.datasources.0.uid: string should"),
        (
            {"name": "A", "type": "x", "secureJsonData": {"password": "hunter2"}},
            "grafana.datasources.0.secureJsonData.password: a secret must come from a vault",
        ),
        (
            {"name": "A", "type": "x", "url": "http://a:hunter2@b/"},
            "grafana.datasources.0.url: a password stands in it",
        ),
    ],
)
def test_a_bad_entry_is_refused_with_its_key(said: dict[str, Any], words: str) -> None:
    settings = {"admin_password": PASSWORD, "datasources": [said]}
    told = refused(on("a", "grafana", grafana=settings))
    assert [each for each in told if each.startswith(f"inventories/test.py: a: {words}")]
    assert "hunter2" not in "".join(told)


def test_options_that_no_version_here_knows_pass() -> None:
    said = {"name": "A", "type": "loki", "jsonData": {"somethingNew": 1, "httpHeaderName2": "X"}}
    found = provisioned(grafana(grafana_site(datasources=[said])))
    assert found["loki-a"]["jsonData"] == {"somethingNew": 1, "httpHeaderName2": "X"}


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("mon1", "loki-mon1"),
        ("Mon1.Example.org", "loki-mon1-example-org"),
        ("@local", "loki--local"),
        ("x" * 35, "loki-" + "x" * 35),
        ("x" * 36, "loki-" + "x" * 26 + "-7fe508ef"),
    ],
)
def test_uids_are_made_of_type_and_host(name: str, uid: str) -> None:
    assert uid_of("loki", name) == uid
    assert len(uid) <= 40


def test_datasources_are_there_for_others_without_a_rendered_grafana() -> None:
    site = grafana_site()
    (placement,) = site.placed("grafana")
    found = datasources(site, placement.host, placement.settings)
    assert {each.uid for each in found if each.default} == {"prometheus-mon1"}
    assert {each.endpoint.component for each in found if each.endpoint} == {
        *("alertmanager", "jaeger", "loki", "prometheus")
    }


@pytest.mark.parametrize(
    ("part", "rendered", "words"),
    [
        (
            "entry",
            lambda datasource: {**entry(datasource), "isdefault": True},
            "provisioning/datasources/stackwatch.yml: datasources.0.isdefault: unknown key",
        ),
        (
            "DASHBOARDS",
            5,
            "provisioning/dashboards/stackwatch.yml: providers.0.options.path: input",
        ),
    ],
)
def test_what_is_rendered_is_checked_against_grafanas_formats(
    part: str, rendered: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisioned_module, part, rendered)
    assert any(each.startswith(words) for each in refusals(grafana_site()))
