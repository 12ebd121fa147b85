"""How the collector reads a log line: statements of its ``transform`` processor.

Every line goes the same way, wherever it came from: secrets out of the raw text first, then its
time, level and ids are read, and its labels are set.
https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/ottl
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache

from plugins.log_formats import (
    FORMATS,
    LEVEL_KEYS,
    LEVELS,
    METADATA,
    PRIORITIES,
    SPELLINGS,
    TIME_KEYS,
    TIMES,
)
from plugins.redaction import redactions, suspicion
from plugins.settings import LogSource

# What a receiver says of a line; gone when it has been read.
FORMAT, ZONE, JOURNAL = "stackwatch.format", "stackwatch.zone", "stackwatch.journal"
_PRIORITY, _UNIT = "stackwatch.priority", "stackwatch.unit"
# https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITY = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
_NO_LEVEL = "unknown"
_OBJECT = r"^\s*\{"


# Attributes that are ours to set.
RESERVED = r"^(?:stackwatch\..*|service|environment|host|level|class)$"
# A longer attribute would make the store refuse the whole line.
_LONGEST = 4096
# How far ahead of its reading a line's time may be: clocks differ, and zones are guessed.
_AHEAD_NANOSECONDS = 300 * 10**9


def literal(value: str) -> str:
    """A text as it stands in a configuration, where ``$`` starts a variable."""
    return value.replace("$", "$$")


# Every host has the same ones.
@cache
def text(value: str) -> str:
    """A text as a literal of the statements' language, inside a configuration."""
    return literal(json.dumps(value, ensure_ascii=False))


def _attribute(name: str) -> str:
    return f"log.attributes[{text(name)}]"


def _field(name: str) -> str:
    return f"log.cache[{text(name)}]"


def _redact(more_keys: Sequence[str]) -> Iterator[str]:
    """Take secrets out of the raw text; one look decides whether a line can hold any."""
    flag = _field("suspicious")
    looks = f"IsString(log.body) and IsMatch(log.body, {text(suspicion(more_keys))})"
    yield f"set({flag}, true) where {looks}"
    for each in redactions(more_keys):
        replaced = f"{text(each.pattern)}, {text(each.replacement)}"
        yield f"replace_pattern(log.body, {replaced}) where {flag} == true"


def _journal(sources: Sequence[LogSource]) -> Iterator[str]:
    """A journal entry is a map: its message becomes the line, its unit says whose it is."""
    entry = f"{_attribute(JOURNAL)} != nil and IsMap(log.body)"
    unit = _attribute(_UNIT)
    yield f'set({unit}, log.body["_SYSTEMD_UNIT"]) where {entry}'
    # What systemd itself says of a unit.
    yield f'set({unit}, log.body["UNIT"]) where {entry} and log.body["_PID"] == "1"'
    yield f'set({_attribute(_PRIORITY)}, log.body["PRIORITY"]) where {entry}'
    named = [name for source in sources for name in source.containers]
    for name in named:
        whose = f'log.body["CONTAINER_NAME"] == {text(name)}'
        yield f"set({unit}, {text(name)}) where {entry} and {whose}"
    if named:
        # An engine makes an error of whatever a container writes to its second output.
        said = f'{entry} and log.body["CONTAINER_NAME"] != nil'
        yield f"delete_key(log.attributes, {text(_PRIORITY)}) where {said}"
    # What is empty, or no text, leaves nothing else of the entry behind.
    yield f'set(log.body, "") where {entry} and log.body["MESSAGE"] == nil'
    yield f'set(log.body, log.body["MESSAGE"]) where {entry}'
    for source in sources:
        told = {
            "service": source.name,
            "class": source.class_,
            FORMAT: source.format,
            ZONE: source.timezone,
        }
        # Names of units and of containers are never the same: a unit's has a dot and its kind.
        for name in (*source.units, *source.containers):
            for key, value in told.items():
                yield f"set({_attribute(key)}, {text(value)}) where {unit} == {text(name)}"


def _parse() -> Iterator[str]:
    for form in FORMATS.values():
        here = f"{_attribute(FORMAT)} == {text(form.name)} and IsString(log.body)"
        if form.kind == "json":
            looks = f"{here} and IsMatch(log.body, {text(_OBJECT)})"
            yield f'merge_maps(log.cache, ParseJSON(log.body), "upsert") where {looks}'
        for pattern in form.patterns:
            found = f"ExtractPatterns(log.body, {text(pattern)})"
            yield f'merge_maps(log.cache, {found}, "upsert") where {here}'


def _one_name(name: str, spellings: Sequence[str]) -> Iterator[str]:
    for spelling in spellings:
        if spelling != name:
            missing = f"{_field(name)} == nil and {_field(spelling)} != nil"
            yield f"set({_field(name)}, {_field(spelling)}) where {missing}"


def _times(zones: Sequence[str]) -> Iterator[str]:
    """Set the time that the line itself names; a line sent twice is then the same entry twice."""
    time, odd = _field("time"), _field("odd")
    yield from _one_name("time", TIME_KEYS)
    # Nearly every line has the first spelling: the others are only tried where it does not fit.
    usual, *others = TIMES
    fits = f"IsMatch({time}, {text(usual.matches)})"
    yield f"set({odd}, true) where IsString({time}) and not {fits}"
    yield (
        f"set(log.time, Time({time}, {text(usual.layout)})) where IsString({time}) and {odd} == nil"
    )
    for pattern, spelling in SPELLINGS:
        yield f"replace_pattern({time}, {text(pattern)}, {text(spelling)}) where {odd} == true"
    for layout in (usual, *others):
        matches = f"{odd} == true and IsMatch({time}, {text(layout.matches)})"
        if layout.zoned:
            yield f"set(log.time, Time({time}, {text(layout.layout)})) where {matches}"
            continue
        for zone in zones:
            read = f"Time({time}, {text(layout.layout)}, {text(zone)})"
            yield f"set(log.time, {read}) where {matches} and {_attribute(ZONE)} == {text(zone)}"
    # Seconds since 1970, as Go's zap writes them.
    seconds = f"Int({time} * 1000000000)"
    yield f"set(log.time_unix_nano, {seconds}) where IsDouble({time}) and {time} < 100000000000.0"
    # A time that is still to come was read with the wrong zone or year. The store would refuse it.
    ahead = f"log.time_unix_nano - log.observed_time_unix_nano > {_AHEAD_NANOSECONDS}"
    unsound = f"log.time_unix_nano == 0 or (log.observed_time_unix_nano > 0 and {ahead})"
    yield f"set(log.time, log.observed_time) where {unsound}"


def _levels() -> Iterator[str]:
    level, priority = _field("level"), _attribute(_PRIORITY)
    yield from _one_name("level", LEVEL_KEYS)
    yield f'set({level}, ConvertCase({level}, "lower")) where IsString({level})'
    for known, names in LEVELS.items():
        found = " or ".join(f"{level} == {text(name)}" for name in names)
        yield f"set({_attribute('level')}, {text(known)}) where {found}"
    for digit, known in PRIORITIES.items():
        missing = f"{_attribute('level')} == nil and {priority} == {text(digit)}"
        yield f"set({_attribute('level')}, {text(known)}) where {missing}"
    # What came over OTLP has a number already.
    for known, number in _SEVERITY.items():
        between = f"log.severity_number >= {number} and log.severity_number < {number + 4}"
        yield f"set({_attribute('level')}, {text(known)}) where {between}"
    yield f"set({_attribute('level')}, {text(_NO_LEVEL)}) where {_attribute('level')} == nil"
    for known, number in _SEVERITY.items():
        same = f"{_attribute('level')} == {text(known)} and log.severity_number == 0"
        yield f"set(log.severity_number, {number}) where {same}"


def _metadata() -> Iterator[str]:
    """Ids travel beside the line, in one spelling."""
    for name, spellings in METADATA.items():
        yield from _one_name(name, spellings)
        # A number is an id too.
        kind = f"(IsString({_field(name)}) or IsInt({_field(name)}) or IsDouble({_field(name)}))"
        there = f'{kind} and {_field(name)} != "" and {_attribute(name)} == nil'
        yield f"set({_attribute(name)}, String({_field(name)})) where {there}"
    yield (
        f"set({_attribute('traceId')}, log.trace_id.string) "
        f"where {_attribute('traceId')} == nil and log.trace_id != TraceID(0x{'0' * 32})"
    )


def _labels() -> Iterator[str]:
    service, kept = _attribute("service"), _attribute("class")
    named = 'resource.attributes["service.name"]'
    yield f"set({service}, {named}) where {service} == nil and {named} != nil"
    yield f'set({service}, "unknown") where {service} == nil'
    version = 'resource.attributes["service.version"]'
    missing = f"{_attribute('version')} == nil and {version} != nil"
    yield f"set({_attribute('version')}, {version}) where {missing}"
    yield f'set({kept}, "application") where {kept} == nil'
    # An audit event is kept as one whatever file it stands in.
    yield f'set({kept}, "audit") where {_attribute("audit")} != nil and {kept} == "application"'
    low = f'({_attribute("level")} == "debug" or {_attribute("level")} == "trace")'
    yield f'set({kept}, "debug") where {low} and {kept} == "application"'


def guests(more_keys: Sequence[str]) -> list[str]:
    """What is done first to a line that came over OTLP: it becomes one like those of files.

    Args:
        more_keys: Patterns of further keys whose values are secret.
    """
    return [
        f"delete_matching_keys(log.attributes, {text(RESERVED)})",
        "flatten(log.attributes)",
        *_replaced(more_keys, 'replace_all_patterns(log.attributes, "value", {})'),
        "set(log.body, String(log.body)) where not IsString(log.body)",
        f'set({_attribute(FORMAT)}, "json") where IsMatch(log.body, {text(_OBJECT)})',
    ]


def spans(more_keys: Sequence[str]) -> dict[str, list[str]]:
    """What is done to spans, by context: secrets go from every text they carry.

    Args:
        more_keys: Patterns of further keys whose values are secret.
    """
    whole = 'replace_all_patterns({}.attributes, "value", {})'
    single = [
        line
        for field in ("span.name", "span.status.message")
        for line in _replaced(more_keys, f"replace_pattern({field}, {{}})")
    ]
    return {
        "resource": list(_replaced(more_keys, whole.format("resource", "{}"))),
        "span": [*_replaced(more_keys, whole.format("span", "{}")), *single],
        "spanevent": list(_replaced(more_keys, whole.format("spanevent", "{}"))),
    }


def _replaced(more_keys: Sequence[str], call: str) -> Iterator[str]:
    """One statement a redaction; ``{}`` stands for pattern and replacement."""
    for each in redactions(more_keys):
        yield call.format(f"{text(each.pattern)}, {text(each.replacement)}")


def statements(sources: Sequence[LogSource], more_keys: Sequence[str]) -> list[str]:
    """Everything that is done to a log line, in order.

    Args:
        sources: The host's log sources.
        more_keys: Patterns of further keys whose values are secret.
    """
    zones = sorted({source.timezone for source in sources} | {"UTC"})
    temporary = (FORMAT, ZONE, JOURNAL, _PRIORITY, _UNIT)
    return [
        *_journal([source for source in sources if source.units or source.containers]),
        *_redact(more_keys),
        *_parse(),
        *_times(zones),
        *_levels(),
        *_metadata(),
        *_labels(),
        *(f"delete_key(log.attributes, {text(name)})" for name in temporary),
        f"truncate_all(log.attributes, {_LONGEST})",
        # When it was read says nothing of the line, and would tell a line sent again from itself.
        "set(log.observed_time_unix_nano, 0)",
    ]
