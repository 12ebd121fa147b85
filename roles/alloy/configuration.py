"""``config.alloy``: what Alloy reads and takes, and where it sends it.

https://grafana.com/docs/alloy/latest/reference/components/
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from plugins.model import Endpoint
from plugins.paths import Paths
from plugins.redaction import secret_name
from plugins.role import Context
from plugins.settings import LogSource
from roles.alloy.reading import FILE, LABELS, PRIORITY, stages
from roles.alloy.syntax import Block, Reference, Value, document, identifier

if TYPE_CHECKING:
    from roles.alloy import Settings

_STORAGE = Paths("alloy").storage
_QUEUE = Block(
    "otelcol.storage.file",
    "queue",
    {"directory": f"{_STORAGE}/queue"},
)


def _output(signal: str, targets: Sequence[Reference]) -> Block:
    return Block("output", attributes={signal: targets})


def _exporters(signal: str, stores: Sequence[Endpoint], context: Context) -> Iterator[Block]:
    """One queue on disk a store; what is in it is sent until the store takes it."""
    settings: Settings = context.settings
    for store in stores:
        queue = Block(
            "sending_queue",
            attributes={
                "storage": _QUEUE.exports("handler"),
                "sizer": "bytes",
                "queue_size": settings.queue_mb << 20,
                "block_on_overflow": True,
                "num_consumers": 4,
            },
            blocks=[
                Block(
                    "batch",
                    attributes={
                        "flush_timeout": "200ms",
                        "sizer": "bytes",
                        "min_size": 256 << 10,
                        "max_size": 2 << 20,
                    },
                )
            ],
        )
        again = {"initial_interval": "500ms", "max_interval": "5s", "max_elapsed_time": "0s"}
        yield Block(
            "otelcol.exporter.otlphttp",
            identifier(f"{signal}_{store.component}_{store.host}"),
            blocks=[
                Block(
                    "client",
                    attributes={"endpoint": context.reach(store).rstrip("/"), "timeout": "15s"},
                ),
                queue,
                Block("retry_on_failure", attributes=again),
            ],
        )


def _transform(
    label: str, signal: str, statements: dict[str, list[str]], targets: Sequence[Reference]
) -> Block:
    """A ``transform`` processor.

    Args:
        label: Its label.
        signal: ``log`` or ``trace``.
        statements: Context to statements.
        targets: Who gets what it made.
    """
    return Block(
        "otelcol.processor.transform",
        label,
        {"error_mode": "silent"},
        [
            *(
                Block(f"{signal}_statements", attributes={"context": context, "statements": lines})
                for context, lines in statements.items()
            ),
            _output(f"{signal}s", targets),
        ],
    )


def _bridge(exporters: Sequence[Block]) -> list[Block]:
    """From lines with labels to OTLP, in the order they go through."""
    group = Block(
        "otelcol.processor.groupbyattrs",
        "labels",
        # Labels stand with the resource: that is where stores look for them.
        {"keys": LABELS},
        [_output("logs", [exporter.exports("input") for exporter in exporters])],
    )
    clean = [
        *(
            f"delete_key(log.attributes, {json.dumps(name)})"
            for name in ("loki.attribute.labels", "log.file.name", FILE)
        ),
        # When it was read says nothing of the line, and would tell a line sent again from itself.
        "set(log.observed_time_unix_nano, 0)",
    ]
    tidy = _transform("lines", "log", {"log": clean}, [group.exports("input")])
    return [
        Block("otelcol.receiver.loki", "lines", {}, [_output("logs", [tidy.exports("input")])]),
        tidy,
        group,
    ]


def _files(label: str, source: LogSource, process: Block) -> list[Block]:
    exclude = source.exclude[0] if len(source.exclude) == 1 else f"{{{','.join(source.exclude)}}}"
    left_out = {"__path_exclude__": exclude} if source.exclude else {}
    match = Block(
        "local.file_match",
        label,
        {
            "path_targets": [{"__path__": path, **left_out} for path in source.files],
            "sync_period": "2s",
        },
    )
    read: dict[str, Value] = {
        "targets": match.exports("targets"),
        "forward_to": [process.exports("receiver")],
    }
    return [match, Block("loki.source.file", label, read)]


_JOURNAL = Block(
    "loki.relabel",
    "journal",
    {"forward_to": []},
    [
        Block(
            "rule",
            attributes={
                "source_labels": ["__journal_priority_keyword"],
                "target_label": PRIORITY,
            },
        )
    ],
)


def _journal(label: str, source: LogSource, process: Block) -> Iterator[Block]:
    """Two readers a unit, for a reader knows no "or": what it says, and what systemd says of it."""
    names = {
        **{
            unit: {"": f"_SYSTEMD_UNIT={unit}", "_of": f"UNIT={unit} _PID=1"}
            for unit in source.units
        },
        **{name: {"": f"CONTAINER_NAME={name}"} for name in source.containers},
    }
    for unit, whose in names.items():
        for suffix, matches in whose.items():
            yield Block(
                "loki.source.journal",
                identifier(f"{label}_{unit}{suffix}"),
                {
                    "matches": matches,
                    # Where nothing was read before, and after a long stop.
                    "max_age": "168h",
                    "relabel_rules": _JOURNAL.exports("rules"),
                    "forward_to": [process.exports("receiver")],
                },
            )


def _labelled(sources: Sequence[LogSource]) -> Iterator[tuple[str, LogSource]]:
    """A label for each, which stays the same whatever others come and go: places belong to it."""
    seen: Counter[str] = Counter()
    for source in sources:
        label = identifier(source.name)
        seen[label] += 1
        yield (label if seen[label] == 1 else f"{label}__{seen[label]}"), source


def _logs(
    context: Context, sources: Sequence[LogSource], stores: Sequence[Endpoint]
) -> Iterator[Block]:
    settings: Settings = context.settings
    if any(not source.files for source in sources):
        yield _JOURNAL
    exporters = list(_exporters("logs", stores, context))
    bridge = _bridge(exporters)
    labels = {"environment": context.host.environment, "host": context.host.name}
    for label, source in _labelled(sources):
        process = Block(
            "loki.process",
            label,
            {"forward_to": [bridge[0].exports("receiver")]},
            stages(source, labels, settings.redact_keys),
        )
        if source.files:
            yield from _files(label, source, process)
        else:
            yield from _journal(label, source, process)
        yield process
    yield from bridge
    yield from exporters


def _traces(context: Context, stores: Sequence[Endpoint]) -> Iterator[Block]:
    settings: Settings = context.settings
    exporters = list(_exporters("traces", stores, context))
    secret = json.dumps(secret_name(settings.redact_keys))
    told = {"host.name": context.host.name, "deployment.environment": context.host.environment}
    gone = {
        where: [f"delete_matching_keys({where}.attributes, {secret})"]
        for where in ("resource", "span", "spanevent")
    }
    gone["resource"] += [
        f"set(resource.attributes[{json.dumps(key)}], {json.dumps(name)})"
        for key, name in told.items()
    ]
    steps = [_transform("spans", "trace", gone, [e.exports("input") for e in exporters])]
    if settings.sampling_percent < 100:
        sample = {"sampling_percentage": settings.sampling_percent}
        after = _output("traces", [steps[0].exports("input")])
        steps.insert(0, Block("otelcol.processor.probabilistic_sampler", "spans", sample, [after]))
    # Only here: who sends spans sends them again, while lines that are refused would be lost.
    limit = {"check_interval": "1s", "limit": f"{settings.memory_limit_mib}MiB"}
    after = _output("traces", [steps[0].exports("input")])
    steps.insert(0, Block("otelcol.processor.memory_limiter", "spans", limit, [after]))
    listen = settings.otlp_listen or "0.0.0.0"  # noqa: S104  # as every role: all, unless said
    ports = {"grpc": settings.otlp_grpc_port, "http": settings.otlp_http_port}
    yield Block(
        "otelcol.receiver.otlp",
        "applications",
        blocks=[
            *(
                Block(protocol, attributes={"endpoint": f"{listen}:{port}"})
                for protocol, port in ports.items()
            ),
            _output("traces", [steps[0].exports("input")]),
        ],
    )
    yield from steps
    yield from exporters


def configuration(
    context: Context,
    sources: Sequence[LogSource],
    logs: Sequence[Endpoint],
    traces: Sequence[Endpoint],
) -> str:
    """The native configuration.

    Args:
        context: Whom it is for.
        sources: The host's log sources.
        logs: Stores of log lines.
        traces: Stores of traces.
    """
    settings: Settings = context.settings
    compaction: dict[str, Value] = {"on_start": True, "directory": f"{_STORAGE}/queue"}
    queue = replace(
        _QUEUE,
        attributes={**_QUEUE.attributes, "fsync": settings.fsync},
        blocks=[Block("compaction", attributes=compaction)],
    )
    blocks = [
        Block("logging", attributes={"level": "info", "format": "logfmt"}),
        queue,
        *(_logs(context, sources, logs) if logs else ()),
        *(_traces(context, traces) if traces else ()),
    ]
    return document(blocks, settings.native)
