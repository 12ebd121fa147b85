"""How Alloy reads a log line: the stages of its ``loki.process``.

https://grafana.com/docs/alloy/latest/reference/components/loki/loki.process/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from plugins.log_formats import FORMATS, LEVEL_KEYS, LEVELS, METADATA, TIME_KEYS
from plugins.settings import LogSource
from roles.alloy import redacting
from roles.alloy.syntax import Block, Value

# The few labels a line has; the rest of what it carries is structured metadata.
LABELS = ("service", "environment", "host", "level", "class")
# Which file a line stands in; the source says it.
FILE = "filename"
# What the journal says of a line that names no level itself.
PRIORITY = "priority"
_NO_LEVEL = "unknown"

_FIELDS: Mapping[str, tuple[str, ...]] = {"time": TIME_KEYS, "level": LEVEL_KEYS, **METADATA}
_LOGFMT = {**_FIELDS, "time": (*TIME_KEYS, "t")}
# Go's layouts; a fraction after the seconds is taken in any case. https://pkg.go.dev/time#Layout
_ZONES = ("Z07:00", "Z0700", " Z07:00", " Z0700", "", " MST", "MST")
_LAYOUTS = (
    *(f"2006-01-02{between}15:04:05{zone}" for zone in _ZONES for between in "T "),
    "Jan _2 15:04:05",
    # Seconds since 1970, as Go's zap writes them.
    "Unix",
)
_NUMBERS = {r"^\d{10}(\d{3}|\d{6}|\d{9})$": ".{{ .Value }}", r"^(\d{11,}(?:\.\d*)?)$": ""}


def stage(name: str, attributes: Mapping[str, Value]) -> Block:
    """One stage."""
    return Block(f"stage.{name}", attributes=attributes)


def _template(source: str, template: str) -> Block:
    return stage("template", {"source": source, "template": template})


def _multiline(source: LogSource) -> Iterator[Block]:
    starts = source.multiline or FORMATS[source.format].starts
    if source.files and starts:
        # An entry is over when nothing has followed for so long.
        entry: dict[str, Value] = {"firstline": starts, "max_lines": 1000, "max_wait_time": "2s"}
        yield stage("multiline", entry)


def _key(name: str) -> str:
    """A key in JMESPath, where only a plain one stands without quotes."""
    return name if name.isidentifier() else f'"{name}"'


def _parse(source: LogSource) -> Iterator[Block]:
    form = FORMATS[source.format]
    if form.kind == "json":
        found = {name: " || ".join(map(_key, keys)) for name, keys in _FIELDS.items()}
        yield stage("json", {"expressions": found})
    elif form.name == "logfmt":
        # A stage takes one spelling of each; the first spelling is the last to be taken.
        for keys in reversed(list(zip_longest(*_LOGFMT.values()))):
            named = {name: key for name, key in zip(_LOGFMT, keys, strict=True) if key}
            yield stage("logfmt", {"mapping": named})
    else:
        for pattern in form.patterns:
            yield stage("regex", {"expression": pattern})


def _times(source: LogSource) -> Iterator[Block]:
    if not FORMATS[source.format].patterns or source.format == "logfmt":
        # Milliseconds and less since 1970 become seconds with a fraction; other numbers nothing.
        for expression, replace in _NUMBERS.items():
            yield stage("replace", {"source": "time", "expression": expression, "replace": replace})
    first, *others = _LAYOUTS
    yield stage(
        "timestamp",
        {
            "source": "time",
            "format": first,
            "fallback_formats": others,
            "location": source.timezone,
            "action_on_failure": "skip",
            # A line that is read twice is then the same entry twice.
            "action_on_duplicate_timestamp": "keep",
        },
    )


def _action(text: str) -> str:
    return f"{{{{ {text} }}}}"


def _known(field: str) -> str:
    """A template: the one name of the level that a field tells, or nothing."""
    cases = [
        _action(f"{'else ' * bool(number)}if eq $told {' '.join(map(json.dumps, names))}") + known
        for number, (known, names) in enumerate(LEVELS.items())
    ]
    told = _action(f"with .{field}") + _action("$told := ToLower .")
    return told + "".join(cases) + 2 * _action("end")


def _levels(source: LogSource) -> Iterator[Block]:
    told = ["level", *([PRIORITY] if source.units else [])]
    for field in told:
        yield _template(field, _known(field))
    fields = " ".join(f".{field}" for field in told)
    yield _template("level", _action(f'or {fields} "{_NO_LEVEL}"'))


def _class(source: LogSource) -> Iterator[Block]:
    """An audit event is kept as one whatever file it stands in; a class that was said stays."""
    if source.class_ == "application":
        yield _template(
            "class",
            _action('if and .audit (ne .audit "false")')
            + "audit"
            + _action('else if eq .level "debug" "trace"')
            + "debug"
            + _action("else")
            + "application"
            + _action("end"),
        )


def stages(source: LogSource, labels: Mapping[str, str], more_keys: Sequence[str]) -> list[Block]:
    """Everything that is done to the lines of a source, in order.

    Ids are labels here and nowhere else: ``otelcol.receiver.loki`` takes labels for attributes
    and drops structured metadata, https://github.com/grafana/alloy/issues/4075

    Args:
        source: The source.
        labels: What every line of the host carries.
        more_keys: Patterns of further keys whose values are secret.
    """
    known = {**labels, "service": source.name, "class": source.class_}
    multiline = list(_multiline(source))
    read = dict.fromkeys(("level", "class", *METADATA), "")
    return [
        # Not with the file: its place is kept by what is said with it, and a change would lose it.
        stage("static_labels", {"values": known}),
        # Before anything keeps a line; then again, where a key and its value were on two.
        *(redacting.stages(more_keys) if multiline else ()),
        *multiline,
        redacting.guarded(more_keys),
        *_parse(source),
        *_times(source),
        *_levels(source),
        *_class(source),
        stage("labels", {"values": read}),
        stage("label_keep", {"values": [*LABELS, *METADATA, FILE]}),
    ]
