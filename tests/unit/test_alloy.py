"""The Alloy role: what it reads, in which order, where it sends it, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import re2

from plugins.compiler import components_of
from plugins.log_formats import FORMATS, LEVELS, METADATA
from plugins.model import Artifact, CheckKind, Component, EndpointKind, SiteError
from plugins.redaction import redactions, suspicion
from plugins.settings import LogSource
from plugins.site import Site
from roles.alloy import redacting
from roles.alloy.reading import FILE, LABELS, stages
from roles.alloy.syntax import Block, Reference, document, identifier, value
from tests.unit import redaction_corpus
from tests.unit.sites import PROGRAMS, artifact, compiled, file, on, refused

MORE_KEYS = ("iban", "(card|account)_no")
MULTILINE = r'^=== "\d+" `x`'
SOURCES: tuple[dict[str, Any], ...] = (
    {"name": "shop", "files": ["/srv/shop/*.log"], "exclude": ["/srv/shop/*.gz"], "format": "json"},
    {"name": "api", "files": ["/srv/api/a.log", "/srv/api/b.log"], "format": "fastapi"},
    {"name": "api c", "files": ["/srv/api/c.log"], "format": "logfmt", "class": "security"},
    {"name": "own form", "files": ["/srv/own/x.log"], "multiline": MULTILINE},
    {"name": "ssh", "units": ["ssh.service", "sshd@.service"], "timezone": "Europe/Berlin"},
)


def site(*stores: str, sources: Sequence[dict[str, Any]] = SOURCES, **said: Any) -> Site:
    return compiled(
        on("mon1", *stores, address="10.0.0.1"),
        on("web1", "alloy", address="10.0.0.2", without=["otelcol"], logs=list(sources), **said),
        everyone={"environment": "staging"},
    )


def alloy(placed: Site) -> Component:
    got: dict[tuple[str, str], Artifact] = {
        (name, "amd64"): artifact(name) for name in PROGRAMS if name != "alloy"
    }
    got["alloy", "amd64"] = Artifact(
        "alloy", "1.18.1", "release", "amd64", artifact("loki").path, "sha-alloy", {"alloy": 1}
    )
    found = {component.name: component for component in components_of(placed, got, "web1")}
    return found["alloy"]


def configured(*stores: str, **said: Any) -> str:
    return file(alloy(site(*(stores or ("loki", "jaeger")), **said)), "config.alloy").content


def source(**said: Any) -> LogSource:
    return LogSource.model_validate({"name": "x", "files": ["/x/*.log"], **said})


def flat(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        yield from flat(block.blocks)


def names(form: str, **said: Any) -> list[str]:
    """The stages of a source in the order a line goes through them."""
    found = flat(stages(source(format=form, **said), {}, ()))
    first, *others = [block.name.removeprefix("stage.") for block in found]
    # It reads nothing.
    assert first == "static_labels"
    return others


def component_labels(content: str, name: str) -> list[str]:
    return re.findall(rf'^{re.escape(name)} "(\w+)" {{', content, re.MULTILINE)


def body(content: str, name: str, label: str) -> str:
    """The text of one component."""
    start = content.index(f'{name} "{label}" {{\n')
    return content[start : content.index("\n}\n", start)]


# What stage.replace does: every match of the first group becomes what the template makes of it.
_TEMPLATE = re.compile(
    r'\{\{ regexReplaceAll (?P<pattern>"(?:[^"\\]|\\.)*") \.Value (?P<new>"(?:[^"\\]|\\.)*") \}\}'
)


def replaced(block: Block, line: str) -> str:
    template = _TEMPLATE.fullmatch(str(block.attributes["replace"]))
    assert template
    inner = re2.compile(json.loads(template["pattern"]))
    new = re.sub(r"\$\{(\d)\}", r"\\\1", json.loads(template["new"]))
    done, made = 0, ""
    for match in re2.compile(str(block.attributes["expression"])).finditer(line):
        assert match.groups() == (match.group(0),)
        made += line[done : match.start(1)] + inner.sub(new, match.group(1))
        done = match.end(1)
    return made + line[done:]


def redacted(line: str) -> str:
    for block in redacting.stages(MORE_KEYS):
        line = replaced(block, line)
    return line


def as_others_do(line: str) -> str:
    for each in redactions(MORE_KEYS):
        new = re.sub(r"\$\{(\d)\}", r"\\\1", each.replacement)
        line = re2.compile(each.pattern).sub(new, line)
    return str(line)


SECRETS = (
    '{"user":"u","password":"s3cr3t"}',
    '{"db_password": "s3cr3t \\" more", "n": 1}',
    r'{"message": "{\"api_key\": \"s3cr3t\", \"n\": 1}"}',
    r'{"message": "{\"m\": \"{\\\"token\\\": \\\"s3cr3t\\\"}\"}"}',
    "{'secret': 's3cr3t'}",
    '{"token": ["s3cr3t", "s3cr3t"]}',
    '{"secret": 533733}',
    "password=s3cr3t next=1",
    'api-key="s3cr3t more"',
    "GET /?a=1&token=s3cr3t&b=2",
    "Authorization: Bearer s3cr3t.s3cr3t",
    "X-Api-Key: s3cr3t",
    "sent bearer s3cr3ts3cr3t to",
    "postgres://user:s3cr3t@db/x",
    '{"iban": "s3cr3t"}',
    "card_no=s3cr3t account_no=s3cr3t",
)
HARMLESS = (
    '{"tokens_used": 5, "message": "the password was changed"}',
    "2026-01-01 00:00:00 INFO token accepted",
    "https://example.org/path?x=1",
    "basic usage of bearer bonds",
    "level=info msg=ok",
)


@pytest.mark.parametrize("line", [*SECRETS, *redaction_corpus.SECRETS])
def test_a_secret_goes_the_way_it_goes_in_every_shipper(line: str) -> None:
    assert "s3cr3t" not in redacted(line)
    assert "533733" not in redacted(line)
    assert redaction_corpus.SECRET not in redacted(line)
    assert redacted(line) == as_others_do(line)
    # Lines are looked at twice where entries have several.
    assert redacted(redacted(line)) == redacted(line)


@pytest.mark.parametrize("line", SECRETS)
def test_no_secret_passes_by_the_guard(line: str) -> None:
    selector = str(redacting.guarded(MORE_KEYS).attributes["selector"])
    assert selector == f'{{service=~".+"}} |~ {json.dumps(suspicion(MORE_KEYS))}'
    assert re2.compile(suspicion(MORE_KEYS)).search(line)


@pytest.mark.parametrize("line", [*HARMLESS, *redaction_corpus.HARMLESS])
def test_what_is_no_secret_stays(line: str) -> None:
    assert redacted(line) == line


def test_structure_survives() -> None:
    for line in (line for line in SECRETS if line.startswith('{"')):
        json.loads(redacted(line))


@pytest.mark.parametrize("form", FORMATS)
def test_secrets_go_before_anything_reads_a_line(form: str) -> None:
    found = names(form)
    first = found.index("replace")
    others = [
        found.index(name) for name in ("json", "regex", "logfmt", "multiline") if name in found
    ]
    assert first < min(others)
    # Up to the first other stage there is every redaction; behind multiline there is each again.
    redaction_count = len(redactions())
    if "multiline" in found:
        assert found[:redaction_count] == ["replace"] * redaction_count
        assert found[redaction_count : redaction_count + 2] == ["multiline", "match"]
    else:
        assert found[: redaction_count + 1] == ["match", *["replace"] * redaction_count]
    parsed = {"json": "json", "logfmt": "logfmt"}.get(form, "regex")
    order = [parsed, "timestamp", "template", "labels", "label_keep"]
    assert [name for name in dict.fromkeys(found) if name in order] == order


def test_a_line_that_is_put_together_is_never_behind_a_guard_before() -> None:
    """What goes through a guard and what passes by may change places."""
    for form in FORMATS:
        found = names(form)
        assert "multiline" not in found or found.index("multiline") < found.index("match")


def test_one_source_each_and_places_that_stay() -> None:
    content = configured()
    ours = ["shop", "api", "api_c", "own_form", "stackwatch_smoke"]
    assert component_labels(content, "loki.source.file") == ours
    assert component_labels(content, "local.file_match") == ours
    assert {*ours, "ssh", "alloy", "node_exporter"} == set(
        component_labels(content, "loki.process")
    )
    one_less = configured(sources=SOURCES[1:])
    assert body(one_less, "loki.source.file", "api") == body(content, "loki.source.file", "api")
    matched = body(content, "local.file_match", "shop")
    assert '__path_exclude__ = "/srv/shop/*.gz"' in matched
    for path in ("/srv/api/a.log", "/srv/api/b.log"):
        assert path in body(content, "local.file_match", "api")


def test_a_unit_is_read_with_what_systemd_says_of_it() -> None:
    content = configured()
    readers = [
        label for label in component_labels(content, "loki.source.journal") if "ssh_" in label
    ]
    assert readers == [
        "ssh_ssh_service",
        "ssh_ssh_service_of",
        "ssh_sshd__service",
        "ssh_sshd__service_of",
    ]
    assert 'matches = "_SYSTEMD_UNIT=ssh.service"' in body(
        content, "loki.source.journal", readers[0]
    )
    assert 'matches = "UNIT=ssh.service _PID=1"' in body(content, "loki.source.journal", readers[1])
    for reader in readers:
        assert "loki.process.ssh.receiver" in body(content, "loki.source.journal", reader)


def test_labels_are_few_whatever_a_line_says() -> None:
    content = configured()
    kept = body(content, "otelcol.processor.groupbyattrs", "labels")
    assert re.findall(r'"(\w+)",', kept) == list(LABELS)
    for each in SOURCES:
        last = stages(LogSource.model_validate(each), {}, ())[-1]
        assert last.name == "stage.label_keep"
        assert last.attributes["values"] == [*LABELS, *METADATA, FILE]
        assert stages(LogSource.model_validate(each), {"host": "h"}, ())[0].attributes == {
            "values": {
                "host": "h",
                "service": each["name"],
                "class": each.get("class", "application"),
            }
        }
    assert 'environment = "staging"' in content
    assert 'host = "web1"' in content


def test_a_class_that_was_said_stays() -> None:
    content = configured()
    assert 'class = "security"' in body(content, "loki.process", "api_c")
    assert 'source = "class"' not in body(content, "loki.process", "api_c")
    template = next(
        str(block.attributes["template"])
        for block in stages(source(), {}, ())
        if block.attributes.get("source") == "class"
    )
    assert 'if and .audit (ne .audit "false") }}audit{{' in template
    assert 'eq .level "debug" "trace" }}debug{{ else }}application{{ end }}' in template


def test_a_place_in_a_file_is_kept_whatever_is_said_of_it() -> None:
    told = [{**SOURCES[0], "class": "security", "timezone": "Europe/Berlin"}, *SOURCES[1:]]
    content, changed = configured(), configured(sources=told)
    for name in ("local.file_match", "loki.source.file"):
        assert body(content, name, "shop") == body(changed, name, "shop")


@pytest.mark.parametrize("said", [{"files": ["/x"]}, {"files": [], "units": ["x.service"]}])
def test_every_spelling_of_a_level_has_one_name(said: dict[str, Any]) -> None:
    templates = [
        str(block.attributes["template"])
        for block in stages(source(**said), {}, ())
        if block.attributes.get("source") in ("level", "priority")
    ]
    for known, spellings in LEVELS.items():
        quoted = " ".join(f'"{name}"' for name in spellings)
        assert f"if eq $told {quoted} }}}}{known}{{{{" in templates[0]
    fallback = ".level .priority" if "units" in said else ".level"
    assert templates[-1] == f'{{{{ or {fallback} "unknown" }}}}'


def test_times_are_read_in_the_zone_of_the_source_and_never_made_up() -> None:
    (found,) = (
        b.attributes
        for b in stages(source(timezone="Europe/Berlin"), {}, ())
        if b.name == "stage.timestamp"
    )
    assert found["location"] == "Europe/Berlin"
    assert found["action_on_failure"] == "skip"
    assert found["action_on_duplicate_timestamp"] == "keep"


def test_a_source_has_its_own_first_line() -> None:
    (firstline,) = re.findall(
        r'firstline = ("(?:[^"\\]|\\.)*")', body(configured(), "loki.process", "own_form")
    )
    assert json.loads(firstline) == MULTILINE
    assert "stage.multiline" not in body(configured(), "loki.process", "shop")
    assert "stage.multiline" not in body(configured(), "loki.process", "ssh")


@pytest.mark.parametrize("form", FORMATS)
def test_every_pattern_is_one(form: str) -> None:
    for block in flat(stages(source(format=form), {}, MORE_KEYS)):
        for name in ("expression", "firstline"):
            if name in block.attributes:
                re2.compile(str(block.attributes[name]))


def test_lines_wait_on_disk_and_are_never_refused() -> None:
    content = configured(alloy={"queue_mb": 5, "fsync": True})
    sent = body(content, "otelcol.exporter.otlphttp", "logs_loki_mon1")
    assert 'endpoint = "http://10.0.0.1:3100/otlp"' in sent
    assert "storage = otelcol.storage.file.queue.handler" in sent
    assert "block_on_overflow = true" in sent
    assert f"queue_size = {5 << 20}\n" in sent
    assert 'max_elapsed_time = "0s"' in sent
    assert "fsync = true" in body(content, "otelcol.storage.file", "queue")
    chain = [
        ("otelcol.receiver.loki", "lines", "otelcol.processor.transform.lines.input"),
        ("otelcol.processor.transform", "lines", "otelcol.processor.groupbyattrs.labels.input"),
        (
            "otelcol.processor.groupbyattrs",
            "labels",
            "otelcol.exporter.otlphttp.logs_loki_mon1.input",
        ),
    ]
    for name, label, target in chain:
        assert f"logs = [{target}]" in body(content, name, label)


def test_traces_go_where_traces_are_stored() -> None:
    content = configured(alloy={"sampling_percent": 10, "otlp_http_port": 5318})
    taken = body(content, "otelcol.receiver.otlp", "applications")
    assert 'endpoint = "127.0.0.1:5318"' in taken
    assert "traces = [otelcol.processor.memory_limiter.spans.input]" in taken
    assert "sampling_percentage = 10" in content
    assert "delete_matching_keys(span.attributes" in content
    assert component_labels(content, "otelcol.exporter.otlphttp") == [
        "logs_loki_mon1",
        "traces_jaeger_mon1",
    ]
    assert "otelcol.receiver.otlp" not in configured("loki")
    assert "loki.source" not in configured("jaeger")
    assert "probabilistic_sampler" not in configured()


def test_smoke_checks_are_those_of_every_shipper() -> None:
    component = alloy(site("loki", "jaeger"))
    found = {check.kind: check for check in component.checks}
    assert found[CheckKind.LOG_LINE].endpoint.kind is EndpointKind.LOG_QUERY
    assert found[CheckKind.LOG_LINE].expected == ("alloy",)
    assert found[CheckKind.TRACE].expected == ("alloy", "http://127.0.0.1:4318/v1/traces")
    urls = [check.endpoint.path for check in component.checks if check.kind is CheckKind.HTTP]
    assert urls == ["/-/ready", "/-/healthy"]


def test_a_reload_is_proven_by_what_was_loaded_and_by_health() -> None:
    component = alloy(site("loki"))
    proof = component.service.reload.proof if component.service.reload else None
    assert proof
    loaded = file(component, "config.alloy").sha256
    assert proof.contains[0] == ("/metrics", f'sha256="{loaded}"')
    assert proof.contains[1][0] == "/-/healthy"


def test_it_is_checked_as_it_runs() -> None:
    component = alloy(site("loki", alloy={"flags": ["--x"], "native": "// mine"}))
    (validator,) = component.validators
    stability = "--stability.level=public-preview"
    assert validator.argv == ("{bin}/alloy", "validate", stability, "{config}/config.alloy")
    assert stability in component.service.argv
    assert component.service.argv[-2:] == ("--x", "/etc/stackwatch/alloy/live/config.alloy")
    assert file(component, "config.alloy").content.endswith("\n// mine\n")
    assert component.account.groups == ("systemd-journal",)


@pytest.mark.parametrize(
    ("sources", "capabilities"), [(SOURCES, ("CAP_DAC_READ_SEARCH",)), ((SOURCES[-1],), ())]
)
def test_it_may_read_what_it_must(
    sources: tuple[dict[str, Any], ...], capabilities: tuple[str, ...]
) -> None:
    hardening = alloy(site("loki", sources=sources)).service.hardening
    assert hardening.capabilities == capabilities
    assert hardening.memory_max == "512M"


def test_nowhere_to_ship_to_is_told() -> None:
    with pytest.raises(SiteError) as error:
        alloy(site())
    assert [str(problem) for problem in error.value.problems] == [
        "alloy (host web1): no store of logs or traces is in the site: there is nowhere to ship "
        "to. Give a host the role loki or jaeger, or take this one out of the group alloy"
    ]


def test_a_pattern_that_is_none_is_told() -> None:
    with pytest.raises(SiteError) as error:
        configured(alloy={"redact_keys": ["iban", "(x"]})
    told = "web1: alloy.redact_keys.1: is no RE2 pattern (missing ): (x), got '(x'"
    assert told in str(error.value)


def test_two_shippers_on_a_host_are_refused() -> None:
    (problem, *_) = refused(on("mon1", "loki", address="10.0.0.1"), on("web1", "alloy"))
    assert "port 4318" in problem or "port 4317" in problem
    other_ports = {"otlp_http_port": 5318, "otlp_grpc_port": 5317}
    placed = compiled(
        on("mon1", "loki", address="10.0.0.1"), on("web1", "alloy", alloy=other_ports)
    )
    with pytest.raises(SiteError) as error:
        alloy(placed)
    assert "otelcol ships the logs of this host already" in str(error.value)
    assert "without: ['otelcol']" in str(error.value)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ('a "b" \\ c\n\t', r'"a \"b\" \\ c\n\t"'),
        ("ä \x01 $ ${x} `", '"ä \\u0001 $ ${x} `"'),
        (True, "true"),
        (None, "null"),
        (1 << 40, "1099511627776"),
        (0.5, "0.5"),
        (Reference("a.b.c"), "a.b.c"),
        ([], "[]"),
        (["x"], '["x"]'),
        (["x", 1], '[\n\t"x",\n\t1,\n]'),
        ({}, "{}"),
        ({"a": 1, "b-c": {"d": []}}, '{\n\ta = 1,\n\t"b-c" = {d = []},\n}'),
    ],
)
def test_values_are_written_as_the_language_has_them(given: Any, written: str) -> None:
    assert value(given) == written


def test_blocks_are_written_as_the_language_has_them() -> None:
    inner = Block("output", attributes={"logs": [Reference("x.y.input")]})
    text = document([Block("a.b", "c", {"d": "e"}, [inner, Block("empty")])], "more { }\n\n")
    assert text.splitlines()[0].startswith("// Managed by stackwatch")
    component = 'a.b "c" {\n\td = "e"\n\toutput {\n\t\tlogs = [x.y.input]\n\t}\n\tempty { }\n}\n'
    assert text.endswith(f"\n{component}\nmore {{ }}\n")


@pytest.mark.parametrize(
    ("text", "label"), [("a-b.c", "a_b_c"), ("9x", "_9x"), ('ä "', "___"), ("ok_1", "ok_1")]
)
def test_a_label_is_an_identifier(text: str, label: str) -> None:
    assert identifier(text) == label
