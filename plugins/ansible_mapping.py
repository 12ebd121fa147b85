"""Variables of the collections prometheus.prometheus and grafana.grafana, and ours, as data.

``python -m plugins.from_ansible_vars`` converts by it, and docs/ansible.md shows it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from plugins import ansible_converting as how
from plugins.ansible_converting import flag, flags, listen, to, within
from plugins.ansible_rows import (
    DERIVED,
    DROP_IN,
    FIREWALL,
    FIXED,
    NATIVE,
    NO_GRAFANA,
    OPEN,
    PINNED,
    REMOVE,
    SOURCE,
    Row,
    programs,
    same,
    vaulted,
    without,
)

PROMETHEUS = (
    Row("prometheus_web_listen_address", "`listen`, `port`", "", listen("prometheus")),
    *same(
        "prometheus",
        "prometheus",
        web_external_url="external_url",
        storage_retention="retention_time",
        agent_mode="agent",
        external_labels="external_labels",
        remote_write="remote_write",
        remote_read="native.remote_read",
        alert_relabel_configs="native.alerting.alert_relabel_configs",
    ),
    Row(
        "prometheus_storage_retention_size",
        "`retention_size`",
        "there always is a limit",
        how.retention_size,
    ),
    Row("prometheus_config_flags_extra", "`flags`", "", flags("prometheus.flags")),
    Row(
        "prometheus_global",
        "`scrape_interval`, `evaluation_interval`, `native.global`",
        "",
        within(
            "prometheus.native.global",
            scrape_interval="prometheus.scrape_interval",
            evaluation_interval="prometheus.evaluation_interval",
            external_labels="prometheus.external_labels",
        ),
    ),
    Row(
        "prometheus_scrape_configs",
        "`scrape_configs`",
        "jobs of our own components are derived",
        how.scrape_configs,
    ),
    *without(DERIVED, "prometheus_alertmanager_config", "prometheus_metrics_path"),
    *without(
        "hosts are in the inventory, your own services in `services` of a host; else jobs/*.yml of "
        + DROP_IN,
        "prometheus_targets",
        "prometheus_static_targets_files",
        "prometheus_scrape_config_files",
    ),
    *without(f"rules/*.yml of {DROP_IN}", "prometheus_alert_rules", "prometheus_alert_rules_files"),
    *without(OPEN, "prometheus_web_config"),
    *without(NATIVE, "prometheus_config_file"),
    *without("the unit is ours", "prometheus_stop_timeout", "prometheus_read_only_dirs"),
    *programs("prometheus"),
)

ALERTMANAGER = (
    Row("alertmanager_web_listen_address", "`listen`, `port`", "", listen("alertmanager")),
    *same(
        "alertmanager",
        "alertmanager",
        web_external_url="external_url",
        resolve_timeout="global.resolve_timeout",
        http_config="global.http_config",
        pagerduty_url="global.pagerduty_url",
        opsgenie_api_url="global.opsgenie_api_url",
        victorops_api_url="global.victorops_api_url",
        wechat_url="global.wechat_api_url",
        wechat_corp_id="global.wechat_api_corp_id",
        inhibit_rules="inhibit_rules",
        time_intervals="time_intervals",
    ),
    *vaulted(
        slack_api_url="slack_api_url",
        opsgenie_api_key="opsgenie_api_key",
        victorops_api_key="victorops_api_key",
    ),
    Row("alertmanager_config_flags_extra", "`flags`", "", flags("alertmanager.flags")),
    Row("alertmanager_smtp", "`global.smtp_*`", "its password by vault", how.smtp, True),
    *without("a secret that no `*_file` key is known for", "alertmanager_wechat_secret"),
    *without("Alertmanager has no HipChat any more", "alertmanager_hipchat_*"),
    Row("alertmanager_receivers", "`receivers`", "secrets in it by vault", how.receivers, True),
    Row("alertmanager_route", "`route`, `routes`", "", how.route),
    Row("alertmanager_cluster", "`cluster_port`", "members are derived", how.cluster),
    *without(f"templates/*.tmpl of {DROP_IN}", "alertmanager_template_files"),
    *without(OPEN, "alertmanager_web_config"),
    *without(NATIVE, "alertmanager_config_file"),
    *without("amtool is given its address by hand", "alertmanager_amtool_*"),
    *without("no secret is shown in a diff, ever", "alertmanager_mask_diff"),
    *programs("alertmanager"),
)

NODE_EXPORTER = (
    Row("node_exporter_web_listen_address", "`listen`, `port`", "", listen("node_exporter")),
    *same(
        "node_exporter",
        "node_exporter",
        disabled_collectors="collectors_off",
        textfile_dir="textfile",
    ),
    Row(
        "node_exporter_enabled_collectors",
        "`collectors_on`, `flags`, `textfile`",
        "",
        how.collectors,
    ),
    Row("node_exporter_log_level", "`flags`", "", flag("node_exporter.flags", "--log.level")),
    Row(
        "node_exporter_web_disable_exporter_metrics",
        "`flags`",
        "",
        flag("node_exporter.flags", "--web.disable-exporter-metrics"),
    ),
    *without("logfmt: the collector reads it", "node_exporter_log_format"),
    *without(DERIVED, "node_exporter_web_telemetry_path"),
    *without(
        OPEN,
        "node_exporter_tls_server_config",
        "node_exporter_http_server_config",
        "node_exporter_basic_auth_users",
    ),
    *programs("node_exporter"),
)

BLACKBOX = (
    Row("blackbox_exporter_web_listen_address", "`listen`, `port`", "", listen("blackbox")),
    Row("blackbox_exporter_cli_flags", "`flags`", "", flags("blackbox.flags")),
    Row("blackbox_exporter_configuration_modules", "`modules`", "", to("blackbox.modules")),
    *programs("blackbox_exporter"),
)

_LOKI_NATIVE = """distributor querier query_scheduler frontend query_range ingester_client ingester
index_gateway storage_config chunk_store_config frontend_worker memberlist runtime_config
operational_config tracing bloom_build bloom_gateway analytics ballast_bytes"""


LOKI = (
    Row("loki_http_listen_port", "`port`", "", to("loki.port")),
    Row("loki_http_listen_address", "`listen`", "", how.address("loki.listen")),
    Row(
        "loki_server",
        "`port`, `listen`, `grpc_port`, `native.server`",
        "",
        within(
            "loki.native.server",
            http_listen_port="loki.port",
            http_listen_address="loki.listen",
            grpc_listen_port="loki.grpc_port",
        ),
    ),
    Row(
        "loki_common",
        "`replication`",
        "all else in it is derived; shared storage is `s3`",
        within("", replication_factor="loki.replication"),
    ),
    Row(
        "loki_limits_config",
        "`reject_older`, `ingestion_mb`, `native.limits_config`",
        "retention goes by class: `site.log_retention`",
        how.ingestion,
    ),
    Row(
        "loki_compactor",
        "`compaction_interval`, `delete_delay`, `native.compactor`",
        "",
        within(
            "loki.native.compactor",
            compaction_interval="loki.compaction_interval",
            retention_delete_delay="loki.delete_delay",
        ),
    ),
    *same("loki", "loki", **{key: f"native.{key}" for key in _LOKI_NATIVE.split()}),
    *without("`periods`: a store's past cannot be guessed, see roles/loki", "loki_schema_config"),
    *without("derived; `native.ruler` for what you need beside", "loki_ruler"),
    *without(f"log_rules/*.yml of {DROP_IN}", "loki_ruler_alerts", "loki_ruler_alert_path"),
    *without("one tenant", "loki_auth_enabled"),
    *without("every Loki has every part", "loki_target"),
    *without("the compactor keeps and deletes", "loki_table_manager"),
    *without(FIREWALL, "loki_expose_port"),
    *without(REMOVE, "loki_uninstall"),
    *programs("loki", "loki_working_path"),
)

ALLOY = (
    Row("alloy_config", "`native`", "runs beside what ours renders", to("alloy.native")),
    *without("`flags`, where it is one", "alloy_env_file_vars"),
    *without("the unit and its groups are ours", "alloy_user_groups", "alloy_systemd_override"),
    *without("health is checked by every run", "alloy_readiness_check_*"),
    *without(FIREWALL, "alloy_expose_port"),
    *without(REMOVE, "alloy_uninstall"),
    *programs("alloy"),
)

PROMTAIL = (
    Row(
        "promtail_scrape_configs",
        "`logs` of hosts",
        "files, units, json, logfmt, multiline; see shippers.md",
        how.sources,
    ),
    *without("every Loki of the site", "promtail_clients"),
    *without("files are read from their first line, once", "promtail_positions*"),
    *without(REMOVE, "promtail_uninstall"),
    *without("Promtail has ended; the collector ships", "promtail_*"),
)

_OTEL_NATIVE = ("receivers", "exporters", "processors", "extensions", "connectors", "service")
OTELCOL = (
    *same("otel_collector", "otelcol", **{key: f"native.{key}" for key in _OTEL_NATIVE}),
    *without(PINNED, "otel_collector_version"),
    *without(SOURCE, "otel_collector_*_url"),
    *without(FIXED, "otel_collector_*"),
)

GRAFANA = tuple(without(NO_GRAFANA, "grafana_*"))

COLLECTIONS = {
    "prometheus.prometheus": {
        "prometheus": PROMETHEUS,
        "alertmanager": ALERTMANAGER,
        "node_exporter": NODE_EXPORTER,
        "blackbox_exporter": BLACKBOX,
    },
    "grafana.grafana": {
        "loki": LOKI,
        "alloy": ALLOY,
        "promtail": PROMTAIL,
        "opentelemetry_collector": OTELCOL,
        "grafana": GRAFANA,
    },
}
# A variable of one of these that no row has is worth a word; others are somebody else's.
PREFIXES = (
    "prometheus_",
    "alertmanager_",
    "node_exporter_",
    "blackbox_exporter_",
    "loki_",
    "alloy_",
    "promtail_",
    "otel_collector_",
    "grafana_",
)


def row(variable: str) -> Row | None:
    """The row of a variable: by its name, else by the first pattern."""
    rows = [each for roles in COLLECTIONS.values() for rows in roles.values() for each in rows]
    exact = (each for each in rows if each.variable == variable)
    matching = (each for each in rows if fnmatchcase(variable, each.variable))
    return next(exact, None) or next(matching, None)


def tables() -> str:
    """Every row as Markdown, a table a role."""
    lines: list[str] = []
    for collection, roles in COLLECTIONS.items():
        for role, rows in roles.items():
            lines += ["", f"### {collection}.{role}", "", "| variable | here | |", "|---|---|---|"]
            lines += [
                f"| `{each.variable}` | {each.here or 'none'} | {each.note} |" for each in rows
            ]
    return "\n".join(lines) + "\n"
