"""Variables of Ansible collections become settings of ours, and what does not is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plugins.ansible_mapping import COLLECTIONS, PREFIXES, row
from plugins.from_ansible_vars import DOCUMENT, ROOT, convert, documented, files, main, python
from plugins.role import all_roles

SECRET = "hunter2-sentinel"  # noqa: S105

ROWS = [each for roles in COLLECTIONS.values() for rows in roles.values() for each in rows]
CONVERTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"prometheus_web_listen_address": "127.0.0.1:9091"},
        {"prometheus": {"port": 9091, "listen": "127.0.0.1"}},
    ),
    ({"prometheus_web_listen_address": "0.0.0.0:9090"}, {"prometheus": {"port": 9090}}),
    (
        {"prometheus_storage_retention": "90d", "prometheus_storage_retention_size": "1GB"},
        {"prometheus": {"retention_time": "90d", "retention_size": "1GB"}},
    ),
    (
        {"prometheus_global": {"scrape_interval": "5s", "scrape_timeout": "4s"}},
        {"prometheus": {"scrape_interval": "5s", "native": {"global": {"scrape_timeout": "4s"}}}},
    ),
    (
        {"prometheus_config_flags_extra": {"query.max-samples": 5, "web.enable-lifecycle": None}},
        {"prometheus": {"flags": ["--query.max-samples=5", "--web.enable-lifecycle"]}},
    ),
    (
        {"prometheus_alert_relabel_configs": [{"action": "labeldrop"}]},
        {
            "prometheus": {
                "native": {"alerting": {"alert_relabel_configs": [{"action": "labeldrop"}]}}
            }
        },
    ),
    (
        {"alertmanager_route": {"receiver": "a", "routes": [{"receiver": "b"}]}},
        {"alertmanager": {"route": {"receiver": "a"}, "routes": [{"receiver": "b"}]}},
    ),
    (
        {"alertmanager_cluster": {"listen-address": "0.0.0.0:9194"}},
        {"alertmanager": {"cluster_port": 9194}},
    ),
    (
        {
            "node_exporter_enabled_collectors": [
                "systemd",
                {"textfile": {"directory": "/var/lib/node_exporter"}},
                {"filesystem": {"mount-points-exclude": "^/dev"}},
            ],
            "node_exporter_log_level": "warn",
        },
        {
            "node_exporter": {
                "textfile": "/var/lib/node_exporter",
                "collectors_on": ["systemd", "filesystem"],
                "flags": ["--collector.filesystem.mount-points-exclude=^/dev", "--log.level=warn"],
            }
        },
    ),
    (
        {"blackbox_exporter_configuration_modules": {"tcp": {"prober": "tcp"}}},
        {"blackbox": {"modules": {"tcp": {"prober": "tcp"}}}},
    ),
    (
        {"loki_server": {"http_listen_port": 3101, "log_level": "warn"}, "loki_ballast_bytes": 1},
        {"loki": {"port": 3101, "native": {"server": {"log_level": "warn"}, "ballast_bytes": 1}}},
    ),
    (
        {"loki_limits_config": {"reject_old_samples_max_age": "72h", "max_streams_per_user": 3}},
        {"loki": {"reject_older": "72h", "native": {"limits_config": {"max_streams_per_user": 3}}}},
    ),
    ({"loki_common": {"replication_factor": 3}}, {"loki": {"replication": 3}}),
    ({"alloy_config": "logging {}\n"}, {"alloy": {"native": "logging {}\n"}}),
    (
        {"otel_collector_receivers": {"hostmetrics": {}}},
        {"otelcol": {"native": {"receivers": {"hostmetrics": {}}}}},
    ),
    (
        {
            "promtail_scrape_configs": [
                {
                    "job_name": "x",
                    "pipeline_stages": [{"json": {}}],
                    "static_configs": [{"labels": {"app": "shop", "__path__": "/var/log/s.log"}}],
                },
                {"job_name": "ssh", "journal": {"matches": "_SYSTEMD_UNIT=ssh.service"}},
            ]
        },
        {
            "logs": [
                {"name": "shop", "files": ["/var/log/s.log"], "format": "json"},
                {"name": "ssh", "units": ["ssh.service"]},
            ]
        },
    ),
    # Other people's variables are left alone.
    ({"nginx_port": 80}, {}),
]


@pytest.mark.parametrize(("variables", "settings"), CONVERTED)
def test_variables_become_settings_that_are_valid(
    variables: dict[str, Any], settings: dict[str, Any]
) -> None:
    converted = convert(variables)
    assert converted.settings == settings
    assert converted.left == []


@pytest.mark.parametrize(
    ("variables", "settings", "reasons"),
    [
        ({"prometheus_version": "3.0.0"}, {}, ["files/artifacts.lock.yaml"]),
        ({"prometheus_db_dir": "/x"}, {}, ["folders and accounts"]),
        ({"prometheus_targets": {"node": []}}, {}, ["`services` of a host"]),
        ({"prometheus_storage_retention_size": "0"}, {}, ["0 is no limit"]),
        ({"prometheus_web_listen_address": ["a:1", "b:2"]}, {}, ["is not one address:port"]),
        ({"prometheus_global": "x"}, {}, ["is no dictionary"]),
        ({"prometheus_scrape_configs": {"a": 1}}, {}, ["has not the form"]),
        ({"prometheus_typo": 1}, {}, ["is not known"]),
        ({"prometheus_external_labels": {"a": "{{ x }}"}}, {}, ["holds a template"]),
        (
            {"prometheus_storage_retention": "soon"},
            {"prometheus": {"retention_time": "soon"}},
            ["write a duration such as 15s"],
        ),
        (
            {"prometheus_scrape_configs": [{"job_name": "node"}, {"job_name": "own"}]},
            {"prometheus": {"scrape_configs": [{"job_name": "own"}]}},
            ["jobs node: derived"],
        ),
        (
            {"loki_limits_config": {"retention_period": "1d"}},
            {},
            ["site = {'log_retention': {...}}"],
        ),
        ({"loki_common": {"path_prefix": "/x"}}, {}, ["path_prefix: derived"]),
        (
            {"promtail_scrape_configs": [{"job_name": "k", "kubernetes_sd_configs": [{}]}]},
            {},
            ["k: neither files nor units"],
        ),
        ({"grafana_ini": {}}, {}, ["no role for Grafana"]),
    ],
)
def test_what_has_no_counterpart_is_told_with_the_reason(
    variables: dict[str, Any], settings: dict[str, Any], reasons: list[str]
) -> None:
    converted = convert(variables)
    assert converted.settings == settings
    told = "\n".join(f"{variable}: {reason}" for variable, reason in converted.left)
    for reason in reasons:
        assert reason in told


SECRETS = f"""
alertmanager_slack_api_url: {SECRET}
alertmanager_smtp: {{from: a@b.example, auth_password: {SECRET}}}
alertmanager_receivers:
  - name: chat
    slack_configs:
      - api_url: {SECRET}
        text: "{{% raw %}}{{{{ .X }}}}{{% endraw %}}"
      - api_url: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          6161
prometheus_remote_write: [{{url: "http://x", basic_auth: {{password: {SECRET}}}}}]
prometheus_remote_read: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  6161
"""


def test_no_secret_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vars.yml").write_text(SECRETS)
    assert main([str(tmp_path / "vars.yml")]) == 0
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    bound: dict[str, Any] = {}
    exec(out, bound)  # noqa: S102  # it is Python, as group_data is
    alertmanager = bound["alertmanager"]
    assert alertmanager["global"] == {
        "slack_api_url_file": "secret:slack",
        "smtp_from": "a@b.example",
        "smtp_auth_password_file": "secret:smtp_auth_password",
    }
    assert alertmanager["receivers"][0]["slack_configs"] == [
        {"api_url_file": "secret:chat_api_url", "text": "{{ .X }}"},
        {"api_url_file": "secret:chat_api_url"},
    ]
    for told in (
        "alertmanager_receivers: put its value into a vault file, as `alertmanager: {chat_api_url:",
        "prometheus_remote_write: holds a secret (password)",
        "prometheus_remote_read: is encrypted",
    ):
        assert told in err


def test_files_are_written_and_never_over_old_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, out = tmp_path / "a.yml", tmp_path / "b.yml", tmp_path / "out"
    first.write_text("loki_http_listen_port: 1\nprometheus_agent_mode: true\n")
    second.write_text("loki_http_listen_port: 2\n")
    assert main([str(first), str(second), "--output", str(out)]) == 0
    assert (out / "loki.py").read_text().endswith('\nloki = {"port": 2}\n')
    assert (out / "prometheus.py").read_text().endswith('\nprometheus = {"agent": True}\n')
    (out / "prometheus.py").unlink()
    assert main([str(first), "--output", str(out)]) == 1
    assert "loki.py: there already" in capsys.readouterr().err
    assert not (out / "prometheus.py").exists()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "No such file"),
        ("a: [", "is no valid YAML (line"),
        ("- hosts: all\n", "holds no dictionary of variables"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6161\n", "is encrypted"),
    ],
)
def test_a_file_that_holds_no_variables(
    text: str | None, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vars.yml"
    if text is not None:
        path.write_text(text)
    assert main([str(path)]) == 1
    assert fault in capsys.readouterr().err


def test_python_is_folded_and_means_the_same() -> None:
    value = {"a": ["x" * 60, {"b": 'say "it"', "c": "it's"}], "d": {"e": [1, None, True]}}
    folded = python(value, start="v = ")
    assert max(map(len, folded.splitlines())) < 100
    bound: dict[str, Any] = {}
    exec(folded, bound)  # noqa: S102
    assert bound["v"] == value


def test_host_settings_go_to_every_host() -> None:
    assert files({"logs": [], "loki": {}}) == {
        "all.py": '"""From variables of Ansible collections."""\n\nlogs = []\n',
        "loki.py": '"""From variables of Ansible collections."""\n\nloki = {}\n',
    }


def test_every_row_is_of_a_collection_and_has_settings_or_a_reason() -> None:
    assert len({each.variable for each in ROWS}) == len(ROWS)
    for each in ROWS:
        assert each.variable.startswith(PREFIXES)
        assert each.here or each.note, each.variable
        assert bool(each.convert) == bool(each.here) or not each.convert, each.variable
        assert row(each.variable) == each


def test_every_row_names_settings_that_there_are() -> None:
    models = [role.settings for role in all_roles().values()]
    known = {f.alias or name for model in models for name, f in model.model_fields.items()}
    for each in ROWS:
        for named in re.findall(r"`([a-z_0-9]+)[.`*]", each.here):
            assert named in known, f"{each.variable}: {named}"


def test_the_table_of_the_document_is_current() -> None:
    text = (ROOT / DOCUMENT).read_text()
    assert documented(text) == text, "run `python -m plugins.from_ansible_vars --document`"
    with pytest.raises(ValueError, match="missing"):
        documented("no place")
