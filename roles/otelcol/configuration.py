"""The collector's configuration: what it reads and takes, and where it sends it.

https://opentelemetry.io/docs/collector/configuration/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from plugins.log_formats import FORMATS
from plugins.model import Endpoint
from plugins.paths import Paths
from plugins.redaction import secret_name
from plugins.role import Context
from plugins.settings import LogSource
from roles.otelcol.reading import (
    FORMAT,
    JOURNAL,
    RESERVED,
    ZONE,
    guests,
    literal,
    spans,
    statements,
    text,
)

if TYPE_CHECKING:
    from roles.otelcol import Settings

_STORAGE = Paths("otelcol").storage
# The few labels a line has; the rest of what it carries is structured metadata.
LABELS = ("service", "environment", "host", "level", "class")


def _files(source: LogSource, storage: str) -> dict[str, Any]:
    starts = source.multiline or FORMATS[source.format].starts
    receiver: dict[str, Any] = {
        "include": [literal(path) for path in source.files],
        "include_file_name": False,
        "include_file_path": True,
        # A file that appears is new: it is read from its first line.
        "start_at": "beginning",
        "storage": storage,
        "max_log_size": "1MiB",
        # The end of a file is an entry when nothing has followed for so long.
        "force_flush_period": "2s",
        # A pipeline that is full makes a file wait, it never makes it lose a line.
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "attributes": {
            "service": literal(source.name),
            "class": source.class_,
            FORMAT: source.format,
            ZONE: source.timezone,
        },
    }
    if source.exclude:
        receiver["exclude"] = [literal(path) for path in source.exclude]
    if starts:
        receiver["multiline"] = {"line_start_pattern": literal(starts)}
    return receiver


def _matches(sources: Iterable[LogSource]) -> Iterator[dict[str, str]]:
    """Fields that journal entries must have: what a unit says, what is said of it, containers'.

    https://www.freedesktop.org/software/systemd/man/latest/systemd.journal-fields.html
    https://docs.docker.com/engine/logging/drivers/journald/
    """
    for source in sources:
        for unit in source.units:
            yield {"_SYSTEMD_UNIT": unit}
            yield {"UNIT": unit, "_PID": "1"}
        yield from ({"CONTAINER_NAME": name} for name in source.containers)


def _wanted(sources: Sequence[LogSource]) -> dict[str, Any]:
    """What to read; journalctl's own words for units say more than fields can, but not or."""
    if any(source.containers for source in sources):
        return {"matches": list(_matches(sources))}
    return {"units": [unit for source in sources for unit in source.units]}


def _journal(sources: Sequence[LogSource], storage: str) -> dict[str, Any]:
    return {
        **_wanted(sources),
        "priority": "debug",
        "start_at": "beginning",
        "storage": storage,
        "convert_message_bytes": True,
        # Or journalctl leaves out what an earlier boot wrote last and nobody has read.
        "merge": True,
        # Or journalctl leaves out what is longer than 4 KB.
        "all": True,
        "retry_on_failure": {"enabled": True, "max_elapsed_time": "0s"},
        "attributes": {JOURNAL: "yes"},
    }


def _log_receivers(sources: Sequence[LogSource], storage: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for source in sources:
        if source.files:
            # Its place in every file is remembered under this name: it must not change when
            # another source comes or goes.
            made[f"file_log/{_plain(source.name)}"] = _files(source, storage)
    units = [source for source in sources if source.units or source.containers]
    return made | ({"journald": _journal(units, storage)} if units else {})


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _exporter(url: str, settings: Settings, storage: str) -> dict[str, Any]:
    return {
        "endpoint": url.rstrip("/"),
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
            {"key": key, "value": literal(value), "action": "upsert"}
            for key, value in values.items()
        ]
    }


def _transform(signal: str, **lines: Sequence[str]) -> dict[str, Any]:
    """A transform processor: statements by context."""
    grouped = [{"context": name, "statements": list(said)} for name, said in lines.items()]
    return {"error_mode": "silent", f"{signal}_statements": grouped}


def _receivers(settings: Settings) -> dict[str, Any]:
    return {
        "otlp": {
            "protocols": {
                "grpc": {"endpoint": f"{settings.otlp_listen}:{settings.otlp_grpc_port}"},
                "http": {"endpoint": f"{settings.otlp_listen}:{settings.otlp_http_port}"},
            }
        }
    }


def _masking(settings: Settings) -> dict[str, Any]:
    """What became an attribute, by the name it has there."""
    return {
        "allow_all_keys": True,
        "blocked_key_patterns": [literal(secret_name(settings.redact_keys))],
    }


def _log_processors(context: Context, sources: Sequence[LogSource]) -> dict[str, Any]:
    settings: Settings = context.settings
    host = context.host
    return {
        "redaction": _masking(settings),
        "transform/read": _transform("log", log=statements(sources, settings.redact_keys)),
        # Labels stand with the resource: lines of one stream come together.
        "groupbyattrs": {"keys": ["service", "level", "class"]},
        "resource/logs": _upsert({"host": host.name, "environment": host.environment}),
        "transform/labels": _transform(
            "log", resource=[f"keep_keys(resource.attributes, {json.dumps(LABELS)})"]
        ),
    }


def _guest_processors(settings: Settings) -> dict[str, Any]:
    """First of all for lines that came over OTLP: they say what they are, but not all of it."""
    return {
        "transform/guests": _transform(
            "log",
            resource=[f"delete_matching_keys(resource.attributes, {text(RESERVED)})"],
            log=guests(settings.redact_keys),
        )
    }


def _trace_processors(context: Context) -> dict[str, Any]:
    settings: Settings = context.settings
    host = context.host
    told = {"host.name": host.name, "deployment.environment": host.environment}
    processors: dict[str, Any] = {
        "resource/traces": _upsert(told),
        "redaction": _masking(settings),
        "transform/traces": _transform("trace", **spans(settings.redact_keys)),
    }
    if settings.sampling_percent < 100:
        sampling = {"sampling_percentage": settings.sampling_percent}
        processors["probabilistic_sampler"] = sampling
    return processors


def _named(signal: str, stores: Sequence[Endpoint]) -> dict[str, Endpoint]:
    """Exporters' names. Queues on disk go by them: a store that moves keeps its queue."""
    named: dict[str, Endpoint] = {}
    for store in stores:
        name = f"otlp_http/{signal}-{store.component}"
        copies = sum(other.startswith(name) for other in named)
        named[f"{name}-{copies + 1}" if copies else name] = store
    return named


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
    listen = settings.listen_address
    kind = "file_storage" if "sealed_storage" in context.artifact.lacks else "sealed_storage"
    offsets, queue = f"{kind}/offsets", f"{kind}/queue"
    receivers, exporters = _receivers(settings), {}
    limit = {"check_interval": "1s", "limit_mib": settings.memory_limit_mib}
    processors: dict[str, Any] = {"memory_limiter": limit}
    pipelines: dict[str, Any] = {}

    def pipeline(
        name: str, sources: Sequence[str], steps: Mapping[str, Any], stores: Sequence[Endpoint]
    ) -> None:
        sent = _named(name.partition("/")[0], stores)
        processors.update(steps)
        exporters.update({n: _exporter(context.reach(e), settings, queue) for n, e in sent.items()})
        pipelines[name] = {
            "receivers": list(sources),
            "processors": ["memory_limiter", *steps],
            "exporters": list(sent),
        }

    if logs:
        readers = _log_receivers(sources, offsets)
        receivers |= readers
        steps = _log_processors(context, sources)
        pipeline("logs", list(readers), steps, logs)
        pipeline("logs/guests", ["otlp"], _guest_processors(settings) | steps, logs)
    if traces:
        pipeline("traces", ["otlp"], _trace_processors(context), traces)
    storage = {
        "fsync": settings.fsync,
        "create_directory": True,
        # A file that a power cut has damaged is put aside, or nothing would be shipped any more.
        "recreate": True,
        "compaction": {"on_start": True, "cleanup_on_start": True, "directory": _STORAGE},
    }
    return {
        "extensions": {
            "health_check": {"endpoint": f"{listen}:{settings.health_port}"},
            offsets: {"directory": f"{_STORAGE}/offsets", **storage},
            queue: {"directory": f"{_STORAGE}/queue", **storage},
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
