"""``loki.yml`` from settings and site; https://grafana.com/docs/loki/latest/configure/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugins.durations import go_duration
from plugins.model import EndpointKind
from plugins.paths import Paths
from plugins.site import Host, Site

if TYPE_CHECKING:
    from roles.loki import ObjectStorage, Settings

_STORAGE = Paths("loki").storage
FIRST_DAY = "2024-04-01"
# The few labels a stream has; everything else an entry carries is structured metadata.
LABELS = ("service", "environment", "host", "level", "class")


def _s3(storage: ObjectStorage) -> dict[str, Any]:
    # Credentials come through a file that the environment names.
    found: dict[str, Any] = {
        "bucketnames": storage.bucket,
        "region": storage.region,
        "insecure": storage.insecure,
        "s3forcepathstyle": storage.path_style,
    }
    return found | ({"endpoint": storage.endpoint} if storage.endpoint else {})


def _common(settings: Settings, host: Host, members: list[str]) -> dict[str, Any]:
    storage: dict[str, Any] = {
        "filesystem": {
            "chunks_directory": f"{_STORAGE}/chunks",
            "rules_directory": f"{_STORAGE}/rules",
        }
    }
    if settings.s3:
        storage = {"s3": _s3(settings.s3)}
    return {
        "path_prefix": _STORAGE,
        "replication_factor": settings.replication if len(members) > 1 else 1,
        "instance_addr": host.address if len(members) > 1 else "127.0.0.1",
        "ring": {"kvstore": {"store": "memberlist" if len(members) > 1 else "inmemory"}},
        "storage": storage,
    }


def _schema(settings: Settings) -> dict[str, Any]:
    default = {"from": FIRST_DAY, "object_store": "s3" if settings.s3 else "filesystem"}
    periods = [period.model_dump(by_alias=True) for period in settings.periods] or [
        {**default, "schema": "v13", "prefix": "index_"}
    ]
    return {
        "configs": [
            {
                "from": period["from"],
                "store": "tsdb",
                "object_store": period["object_store"],
                "schema": period["schema"],
                "index": {"prefix": period["prefix"], "period": "24h"},
            }
            for period in periods
        ]
    }


def _limits(settings: Settings, site: Site) -> dict[str, Any]:
    retention = site.settings.log_retention
    return {
        "retention_period": retention["application"],
        "retention_stream": [
            {"selector": f'{{class="{name}"}}', "priority": 1, "period": period}
            for name, period in sorted(retention.items())
        ],
        "reject_old_samples": True,
        "reject_old_samples_max_age": go_duration(settings.reject_older),
        # Whoever reaches the API could delete what is kept as evidence.
        "deletion_mode": "disabled",
        # A year of audit events must be findable in one query.
        "max_query_length": "0s",
        "allow_structured_metadata": True,
        "volume_enabled": True,
        "ingestion_rate_mb": settings.ingestion_mb,
        "ingestion_burst_size_mb": 2 * settings.ingestion_mb,
        "per_stream_rate_limit": f"{settings.ingestion_mb}MB",
        "per_stream_rate_limit_burst": f"{2 * settings.ingestion_mb}MB",
        # An entry of several lines may be a long one; what is longer still is cut, not lost.
        "max_line_size": "1MB",
        "max_line_size_truncate": True,
        "discover_service_name": [],
        "discover_log_levels": False,
        "otlp_config": {
            "resource_attributes": {
                "ignore_defaults": True,
                "attributes_config": [{"action": "index_label", "attributes": list(LABELS)}],
            }
        },
    }


def _ruler(settings: Settings, site: Site, rules: str) -> dict[str, Any]:
    urls = sorted(e.url.removesuffix("/") for e in site.endpoints(EndpointKind.API, "alertmanager"))
    ruler: dict[str, Any] = {
        "storage": {"type": "local", "local": {"directory": rules}},
        "rule_path": f"{_STORAGE}/ruler",
        "poll_interval": go_duration(settings.rules_interval),
        "ring": {"kvstore": {"store": "inmemory"}},
        "enable_api": True,
        "wal": {"dir": f"{_STORAGE}/ruler-wal"},
    }
    if settings.external_url:
        ruler["external_url"] = settings.external_url
    return ruler | ({"alertmanager_url": ",".join(urls)} if urls else {})


def configuration(settings: Settings, host: Host, site: Site, rules: str) -> dict[str, Any]:
    """The native configuration.

    Args:
        settings: Of this Loki.
        host: Where it runs.
        site: Its Alertmanagers, its other Lokis, its retention.
        rules: Folder of rule files on the host, with one folder a tenant.
    """
    clustered = settings.s3 is not None
    peers = [
        e for e in site.endpoints(EndpointKind.PEER, "loki") if e.port == settings.cluster_port
    ]
    members = sorted(e.authority for e in peers) if clustered else []
    made: dict[str, Any] = {
        "auth_enabled": False,
        "analytics": {"reporting_enabled": False},
        "server": {
            "http_listen_address": settings.listen,
            "http_listen_port": settings.port,
            "grpc_listen_address": settings.listen if len(members) > 1 else "127.0.0.1",
            "grpc_listen_port": settings.grpc_port,
            # The largest batch of a shipper, with room for what it carries beside the lines.
            "grpc_server_max_recv_msg_size": 32 << 20,
            "grpc_server_max_send_msg_size": 32 << 20,
            "log_level": "info",
        },
        "common": _common(settings, host, members),
        "schema_config": _schema(settings),
        "limits_config": _limits(settings, site),
        "compactor": {
            "working_directory": f"{_STORAGE}/compactor",
            "compaction_interval": go_duration(settings.compaction_interval),
            "retention_enabled": True,
            "retention_delete_delay": go_duration(settings.delete_delay),
            "delete_request_store": "s3" if settings.s3 else "filesystem",
        },
        "ruler": _ruler(settings, site, rules),
    }
    # Loki takes lines that are up to half a chunk's age behind the newest of their stream. After a
    # long outage, or with two files in one stream, they are; they would be refused for good.
    made["ingester"] = {"max_chunk_age": go_duration(settings.late_lines, times=2)}
    if len(members) > 1:
        made["memberlist"] = {
            "bind_port": settings.cluster_port,
            **({"bind_addr": [settings.listen]} if settings.listen else {}),
            "advertise_addr": host.address,
            "join_members": members,
        }
    else:
        # Nobody else is to be waited for: it is ready as soon as it has read its log.
        made["ingester"]["lifecycler"] = {"min_ready_duration": "0s"}
    return made
