"""The collector's configuration: what it reads and takes, and where it sends it.

https://opentelemetry.io/docs/collector/configuration/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from plugins.log_formats import FORMATS
from plugins.model import Endpoint
from plugins.paths import Paths
from plugins.redaction import SECRET_KEYS
from plugins.role import Context
from plugins.settings import LogSource
from roles.otelcol.reading import FORMAT, JOURNAL, ZONE, statements

if TYPE_CHECKING:
    from roles.otelcol import Settings

_STORAGE = Paths("otelcol").storage
# The few labels a line has; the rest of what it carries is structured metadata.
LABELS = ("service", "environment", "host", "level", "class")


def _files(source: LogSource, storage: str) -> dict[str, Any]:
    starts = source.multiline or FORMATS[source.format].starts
    receiver: dict[str, Any] = {
        "include": source.files,
        "include_file_name": False,
        "include_file_path": True,
        # A file that appears is new: it is read from its first line.
        "start_at": "beginning",
        "storage": storage,
        "max_log_size": "1MiB",
        # A pipeline that is full makes a file wait, it never makes it lose a line.
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "attributes": {
            "service": source.name,
            "class": source.class_,
            FORMAT: source.format,
            ZONE: source.timezone,
        },
    }
    if source.exclude:
        receiver["exclude"] = source.exclude
    if starts:
        receiver["multiline"] = {"line_start_pattern": starts.replace("$", "$$")}
        # The last entry of a file is over when nothing has followed for so long.
        receiver["force_flush_period"] = "2s"
    return receiver


def _journal(sources: Sequence[LogSource], storage: str) -> dict[str, Any]:
    return {
        "units": [unit for source in sources for unit in source.units],
        "priority": "debug",
        "start_at": "beginning",
        "storage": storage,
        "convert_message_bytes": True,
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "attributes": {JOURNAL: "yes"},
    }


def _log_receivers(sources: Sequence[LogSource], storage: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for source in sources:
        if source.files:
            # Its place in every file is remembered under this name: it must not change when
            # another source comes or goes.
            name = f"file_log/{_plain(source.name)}"
            if name in made:
                name += f"-{hashlib.sha256(' '.join(source.files).encode()).hexdigest()[:8]}"
            made[name] = _files(source, storage)
    units = [source for source in sources if source.units]
    return made | ({"journald": _journal(units, storage)} if units else {})


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _exporter(intake: Endpoint, settings: Settings, storage: str) -> dict[str, Any]:
    return {
        "endpoint": intake.url.rstrip("/"),
        "timeout": "15s",
        # On disk before the source is told that it was taken; for ever until the store has it.
        "sending_queue": {
            "storage": storage,
            "sizer": "bytes",
            "queue_size": settings.queue_mb << 20,
            "block_on_overflow": True,
            "num_consumers": 4,
            "batch": {
                "flush_timeout": "200ms",
                "sizer": "bytes",
                "min_size": 256 << 10,
                "max_size": 2 << 20,
            },
        },
        "retry_on_failure": {
            "initial_interval": "500ms",
            "max_interval": "5s",
            "max_elapsed_time": "0s",
        },
    }


def _telemetry(settings: Settings, listen: str) -> dict[str, Any]:
    exposed = {"prometheus": {"host": listen, "port": settings.port}}
    return {
        "logs": {"encoding": "json"},
        "metrics": {"level": "normal", "readers": [{"pull": {"exporter": exposed}}]},
    }


def _upsert(values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "attributes": [
            {"key": key, "value": value.replace("$", "$$"), "action": "upsert"}
            for key, value in values.items()
        ]
    }


def _transform(context: str, lines: Sequence[str]) -> dict[str, Any]:
    statements = [{"context": context, "statements": list(lines)}]
    return {"error_mode": "silent", "log_statements": statements}


def _receivers(settings: Settings) -> dict[str, Any]:
    return {
        "otlp": {
            "protocols": {
                "grpc": {"endpoint": f"{settings.otlp_listen}:{settings.otlp_grpc_port}"},
                "http": {"endpoint": f"{settings.otlp_listen}:{settings.otlp_http_port}"},
            }
        }
    }


def _log_processors(context: Context, sources: Sequence[LogSource]) -> dict[str, Any]:
    settings: Settings = context.settings
    host = context.host
    return {
        # What became an attribute, by the name it has there.
        "redaction": {
            "allow_all_keys": True,
            "blocked_key_patterns": [
                f"(?i)(?:{'|'.join([*SECRET_KEYS, *settings.redact_keys])})$$"
            ],
        },
        "transform/read": _transform("log", statements(sources, settings.redact_keys)),
        # Labels stand with the resource: lines of one stream come together.
        "groupbyattrs": {"keys": ["service", "level", "class"]},
        "resource/logs": _upsert({"host": host.name, "environment": host.environment}),
        "transform/labels": _transform(
            "resource", [f"keep_keys(resource.attributes, {json.dumps(LABELS)})"]
        ),
    }


def _trace_processors(context: Context) -> dict[str, Any]:
    settings: Settings = context.settings
    host = context.host
    told = {"host.name": host.name, "deployment.environment": host.environment}
    processors: dict[str, Any] = {
        "resource/traces": _upsert(told),
        "redaction": {
            "allow_all_keys": True,
            "blocked_key_patterns": [
                f"(?i)(?:{'|'.join([*SECRET_KEYS, *settings.redact_keys])})$$"
            ],
        },
    }
    if settings.sampling_percent < 100:
        sampling = {"sampling_percentage": settings.sampling_percent}
        processors["probabilistic_sampler"] = sampling
    return processors


def configuration(
    context: Context,
    sources: Sequence[LogSource],
    logs: Sequence[Endpoint],
    traces: Sequence[Endpoint],
) -> dict[str, Any]:
    """The native configuration.

    Args:
        context: Whom it is for.
        sources: The host's log sources.
        logs: Stores of log lines.
        traces: Stores of traces.
    """
    settings: Settings = context.settings
    listen = settings.listen or "0.0.0.0"  # noqa: S104  # as every role: all, unless said
    kind = "file_storage" if "sealed_storage" in context.artifact.lacks else "sealed_storage"
    offsets, queue = f"{kind}/offsets", f"{kind}/queue"
    receivers, exporters = _receivers(settings), {}
    limit = {"check_interval": "1s", "limit_mib": settings.memory_limit_mib}
    processors: dict[str, Any] = {"memory_limiter": limit}
    pipelines: dict[str, Any] = {}

    def pipeline(
        signal: str, sources: list[str], steps: dict[str, Any], stores: Sequence[Endpoint]
    ) -> None:
        names = {f"otlp_http/{signal}-{e.component}-{e.host}": e for e in stores}
        processors.update(steps)
        exporters.update({n: _exporter(e, settings, queue) for n, e in names.items()})
        pipelines[signal] = {
            "receivers": sources,
            "processors": ["memory_limiter", *steps],
            "exporters": list(names),
        }

    if logs:
        readers = _log_receivers(sources, offsets)
        receivers |= readers
        pipeline("logs", ["otlp", *readers], _log_processors(context, sources), logs)
    if traces:
        pipeline("traces", ["otlp"], _trace_processors(context), traces)
    storage = {"fsync": settings.fsync, "compaction": {"on_start": True, "directory": _STORAGE}}
    return {
        "extensions": {
            "health_check": {"endpoint": f"{listen}:{settings.health_port}"},
            offsets: {"directory": f"{_STORAGE}/offsets", "create_directory": True, **storage},
            queue: {"directory": f"{_STORAGE}/queue", "create_directory": True, **storage},
        },
        "receivers": receivers,
        "processors": processors,
        "exporters": exporters,
        "service": {
            "extensions": ["health_check", offsets, queue],
            "pipelines": pipelines,
            "telemetry": _telemetry(settings, listen),
        },
    }
