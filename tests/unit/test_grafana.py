"""Grafana's configuration: what follows from settings, what people add, what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import SecretStr

from plugins.model import EndpointKind, OnChange
from tests.unit.grafana_site import (
    HARD,
    PASSWORD,
    Ini,
    grafana,
    grafana_site,
    refusals,
)
from tests.unit.recorded import golden
from tests.unit.sites import compiled, file, on, refused

# Of a database, which Grafana hands on as a word.
PLAIN = re.sub(r"[\s'\\]", "_", HARD)
POSTGRES = {
    "type": "postgres",
    "host": "db:5432",
    "password": SecretStr(PLAIN),
    "ssl_mode": "require",
}


def ini(**said: Any) -> Ini:
    return Ini(grafana(grafana_site(**said)))


def test_configuration_is_the_golden_one() -> None:
    kept, made = golden("grafana/grafana.ini", file(grafana(grafana_site()), "grafana.ini").content)
    assert made == kept


def test_configuration_with_everything_is_the_golden_one() -> None:
    component = grafana(
        grafana_site(
            root_url="https://example.org/grafana/",
            database=POSTGRES,
            secret_key=SecretStr("sentinel-key"),
            ldap=SecretStr("verbose_logging = true\n"),
            plugins={"volkovlabs-echarts-panel": "6.5.0"},
            plugins_mirror="https://mirror.example.org/plugins/",
            secrets={"oauth": SecretStr("sentinel-oauth")},
            native={
                "auth.generic_oauth": {
                    "enabled": True,
                    "client_secret": "secret:oauth",
                    "role_attribute_path": "contains(groups[*], 'admin') && 'Admin'",
                },
                "users": {"allow_org_create": True},
            },
        )
    )
    content = file(component, "grafana.ini").content
    assert "sentinel" not in content
    kept, made = golden("grafana/everything.ini", content)
    assert made == kept


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("auth.anonymous", "enabled", "false"),
        ("users", "allow_sign_up", "false"),
        ("analytics", "reporting_enabled", "false"),
        ("analytics", "check_for_updates", "false"),
        ("analytics", "check_for_plugin_updates", "false"),
        ("security", "cookie_secure", "false"),
        ("log.console", "format", "json"),
        ("server", "http_port", "3000"),
        ("database", "type", "sqlite3"),
    ],
)
def test_what_is_closed_stays_closed(section: str, key: str, value: str) -> None:
    assert ini().value(section, key) == value


@pytest.mark.parametrize("url", ["https://g.example.org/", "HTTPS://g.example.org/"])
def test_cookies_are_secure_where_people_come_by_https(url: str) -> None:
    assert ini(root_url=url).value("security", "cookie_secure") == "true"


@pytest.mark.parametrize(
    ("address", "url"),
    [("10.0.0.1", "http://10.0.0.1:3000/"), ("fd00::1", "http://[fd00::1]:3000/")],
)
def test_people_come_by_its_hosts_address_where_nothing_else_is_said(
    address: str, url: str
) -> None:
    site = compiled(
        on("mon1", "prometheus", "grafana", address=address, grafana={"admin_password": PASSWORD})
    )
    assert Ini(grafana(site)).value("server", "root_url") == url


@pytest.mark.parametrize("secret", [HARD, "$__file{/etc/passwd}", "a$$b", "100%", "x %% y"])
def test_a_secret_reaches_grafana_as_it_is(secret: str) -> None:
    sealed = SecretStr(secret)
    said = {"native": {"smtp": {"password": "secret:mail"}}, "secrets": {"mail": sealed}}
    found = ini(admin_password=sealed, secret_key=sealed, **said)
    assert found.value("security", "admin_password") == secret
    assert found.value("security", "secret_key") == secret
    assert found.value("smtp", "password") == secret


def test_a_databases_password_reaches_grafana_as_it_is() -> None:
    found = ini(database=POSTGRES)
    assert found.value("database", "password") == PLAIN


def test_secrets_are_files_that_a_restart_takes_over() -> None:
    component = grafana(grafana_site(database=POSTGRES, secrets={"mail": PASSWORD}))
    kept = {f.path: (f.secret, f.on_change, f.mode) for f in component.files if f.secret}
    assert kept == dict.fromkeys(
        ("login/admin_password", "login/database_password", "secrets/mail"),
        (True, OnChange.RESTART, "0640"),
    )
    plain = [f.content for f in component.files if not f.secret]
    assert not [content for content in plain if "sentinel" in content or HARD in content]
    assert "sentinel" not in repr(component.service)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("plain", "plain"),
        ("a # b ; c", "a # b ; c"),
        ("contains(x, 'a')", "contains(x, 'a')"),
        ("with `ticks` and #", "with `ticks` and #"),
        ('"quoted"', '"quoted"'),
        (" blanks ", " blanks "),
        ("ends with \\", "ends with \\"),
        (True, "true"),
        (5, "5"),
        ("", ""),
        ("addr=127.0.0.1:6379,password=${NONE}", "addr=127.0.0.1:6379,password="),
        ("https://a.example.org:8080/x@y", "https://a.example.org:8080/x@y"),
        ("contains(email, 'a:b@c')", "contains(email, 'a:b@c')"),
    ],
)
def test_native_values_are_read_back_as_they_were_written(value: Any, read: str) -> None:
    assert ini(native={"x": {"key": value}}).value("x", "key") == read


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            {"native": {"smtp": {"password": "hunter2"}}},
            "grafana.native.smtp.password: is a secret in plain text. Put it into a vault and "
            "grafana.secrets, and write `secret:NAME` here",
        ),
        (
            {"native": {"auth.github": {"client_secret": "hunter2"}}},
            "grafana.native.auth.github.client_secret: is a secret in plain text",
        ),
        (
            {"native": {"smtp": {"password": SecretStr("hunter2")}}},
            "grafana.native.smtp.password: holds a secret",
        ),
        (
            {"native": {"smtp": {"password": "secret:mial"}}, "secrets": {"mail": PASSWORD}},
            "grafana: secret:mial: no such secret. Did you mean 'mail'?",
        ),
        *(
            (
                {"native": {"some": {key: value}}},
                f"grafana.native.some.{key}: is a secret in plain text",
            )
            for key, value in (
                ("url", "postgres://grafana:hunter2@db/grafana"),
                ("connstr", "addr=127.0.0.1:6379,password=hunter2"),
                ("account_key", "hunter2"),
                ("api_key", "hunter2"),
                ("smtp_password", 12345),
            )
        ),
        *(
            (
                {"native": {section: {key: value}}, "listen": "127.0.0.1"},
                f"grafana.native.{section}.{key}: has a setting of its own. Write it as {setting}",
            )
            for section, key, value, setting in (
                ("server", "http_addr", "0.0.0.0", "grafana.listen"),  # noqa: S104
                ("server", "http_port", 3001, "grafana.port"),
                ("security", "admin_user", "root", "grafana.admin_user"),
            )
        ),
        ({"native": {" server ": {"k": 1}}}, "grafana.native. server : is no section"),
        ({"native": {"smtp": "x"}}, "grafana.native.smtp: is no section with keys"),
        ({"native": {"smtp": {"k": ["a"]}}}, "grafana.native.smtp.k: is list, no text"),
        ({"native": {"smtp": {"k": None}}}, "grafana.native.smtp.k: is NoneType, no text"),
        ({"native": {"smtp": {"a=b": "x"}}}, "grafana.native.smtp.a=b: 'a=b' is no name of a key"),
        ({"native": {"smtp": {"k": "a\nb"}}}, "grafana.native.smtp.k: control characters"),
        ({"native": {"s": {"k": '`"""#'}}}, "grafana.native.s.k: it holds both"),
        *(
            (
                {"database": {**POSTGRES, "password": SecretStr(f"hunter2{odd}x")}},
                "grafana.database.password: has a blank, a quote ' or a backslash, which Grafana",
            )
            for odd in (" ", "'", "\\")
        ),
        ({"admin_password": SecretStr(" x")}, "grafana.admin_password: is empty, has blanks"),
        ({"admin_password": SecretStr("")}, "grafana.admin_password: is empty, has blanks"),
        ({"secret_key": SecretStr("a\nb")}, "grafana.secret_key: is empty, has blanks"),
        ({"secrets": {"a": SecretStr("x%(y)s")}}, "grafana.secrets.a: holds %("),
        ({"ldap": SecretStr("a = [hunter2")}, "grafana.ldap: is no valid TOML"),
    ],
)
def test_what_grafana_would_misread_is_refused(said: dict[str, Any], words: str) -> None:
    (told,) = refusals(grafana_site(**said))
    assert told.startswith(words)
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"root_url": "grafana.example.org"}, "grafana.root_url: write a URL such as"),
        *(
            ({"root_url": f"https://g.example.org/{path}"}, "grafana.root_url: write host and path")
            for path in ("a b/", "?orgId=1", "#/x", "a/../b/", "/", "a//b", "%20/", "é/")
        ),
        ({"root_url": "https://a:hunter2@b/"}, "grafana.root_url: a password stands in it"),
        ({"admin_user": "a:b"}, "grafana.admin_user: write a name without a colon"),
        ({"admin_password": "hunter2"}, "grafana.admin_password: a secret must come from a vault"),
        ({"database": {"password": "hunter2"}}, "grafana.database.password: a secret must come"),
        ({"database": {"name": "a b"}}, "grafana.database.name: "),
        ({"database": {"user": "it's"}}, "grafana.database.user: "),
        ({"database": {"host": "a b"}}, "grafana.database.host: write host, host:port"),
        ({"plugins": {"Bad Name": "1"}}, "grafana.plugins.Bad Name"),
        ({"plugins": {"a-b": "latest"}}, "grafana.plugins.a-b"),
        ({"datasorces": []}, "grafana.datasorces: unknown setting. Did you mean 'datasources'?"),
    ],
)
def test_bad_settings_are_refused_with_their_name(said: dict[str, Any], words: str) -> None:
    settings = {"admin_password": PASSWORD, **said}
    (told,) = refused(on("a", "grafana", grafana=settings))
    assert told.startswith(f"inventories/test.py: a: {words}")
    assert "hunter2" not in told


def test_the_administrators_password_is_required() -> None:
    (told,) = refused(on("a", "grafana"))
    assert told.endswith("grafana.admin_password: required setting is missing. Add it")


@pytest.mark.parametrize(
    ("url", "path"), [("", ""), ("https://x/", ""), ("https://x/grafana/", "/grafana")]
)
def test_everything_is_served_under_the_path_of_its_url(url: str, path: str) -> None:
    endpoints = {e.kind: e for e in grafana(grafana_site(root_url=url)).endpoints}
    assert endpoints[EndpointKind.HEALTH].path == f"{path}/api/health"
    assert endpoints[EndpointKind.METRICS].path == f"{path}/metrics"
    assert endpoints[EndpointKind.API].path == f"{path}/"
    assert ini(root_url=url).value("server", "serve_from_sub_path") == str(bool(path)).lower()


def test_datasources_and_dashboards_are_read_anew_with_the_administrators_login() -> None:
    reload = grafana(grafana_site(admin_user="root")).service.reload
    assert reload
    assert [each.local_url for each in reload.posts] == [
        "http://127.0.0.1:3000/api/admin/provisioning/datasources/reload",
        "http://127.0.0.1:3000/api/admin/provisioning/dashboards/reload",
    ]
    logins = {each.credentials for each in reload.posts}
    (login,) = logins
    assert login
    assert login.username == "root"
    assert login.password_file == "/etc/stackwatch/grafana/live/login/admin_password"  # noqa: S105
