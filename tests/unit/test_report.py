"""Reports: JUnit for machines, and drift for people without a secret in it."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from plugins.checks import CheckResult
from plugins.compare import Difference
from plugins.drift import FileContents, lines
from plugins.model import ManagedFile
from plugins.report import as_json, junit
from plugins.run import Change


def result(host: str, name: str, ok: bool, seen: str = "HTTP 200") -> CheckResult:
    return CheckResult(host, "prometheus", name, ok, "http://h:9090/", "HTTP 2xx", seen)


RESULTS = [
    result("mon1", "is ready", True),
    result("mon2", "is ready", True),
    result("mon1", "rules loaded", False, 'HTTP 500 <b>"broken" & bad</b>'),
]


def test_junit_has_a_suite_a_host_and_a_failure_a_fault() -> None:
    root = ElementTree.fromstring(junit(RESULTS))  # noqa: S314  # written a line above
    suites = {suite.get("name"): suite for suite in root}
    assert [(n, s.get("tests"), s.get("failures")) for n, s in suites.items()] == [
        ("mon1", "2", "1"),
        ("mon2", "1", "0"),
    ]
    ready, rules = suites["mon1"]
    assert (ready.get("classname"), ready.get("name")) == ("mon1.prometheus", "is ready")
    assert ready.find("failure") is None
    failure = rules.find("failure")
    assert failure is not None
    assert failure.get("message") == (
        'http://h:9090/: expected HTTP 2xx, saw HTTP 500 <b>"broken" & bad</b>'
    )


@pytest.mark.parametrize(
    "seen", ["\x1b[31mred\x1b[0m", "a\x00b", "tab\tand\nline", "é ✓", "\ufffe"]
)
def test_junit_is_xml_whatever_was_seen(seen: str) -> None:
    root = ElementTree.fromstring(junit([result("mon1", "x", False, seen)]))  # noqa: S314
    assert root.find("testsuite/testcase/failure") is not None


def test_junit_of_no_checks() -> None:
    assert ElementTree.fromstring(junit([])).tag == "testsuites"  # noqa: S314


WANTED = "global:\n  scrape_interval: 15s\n"
PLAIN = ManagedFile("prometheus.yml", WANTED)
SECRET = ManagedFile("secrets/token", "s3cr3t", secret=True)


def difference(file: ManagedFile | None, what: str) -> Difference:
    return Difference("prometheus", "/etc/x", what, file)


@pytest.mark.parametrize(
    ("found", "contents", "told"),
    [
        (difference(None, "missing"), {}, ["  prometheus: /etc/x: missing"]),
        (
            difference(PLAIN, "content differs"),
            {"/etc/x": "global:\n  scrape_interval: 1s\n"},
            [
                "  prometheus: /etc/x: content differs",
                "    --- /etc/x (host)",
                "    +++ /etc/x (inventory)",
                "    @@ -1,2 +1,2 @@",
                "     global:",
                "    -  scrape_interval: 1s",
                "    +  scrape_interval: 15s",
            ],
        ),
        (difference(PLAIN, "content differs"), {}, ["  prometheus: /etc/x: content differs"]),
        (
            difference(PLAIN, "mode 0600, should be 0644"),
            {"/etc/x": "other"},
            ["  prometheus: /etc/x: mode 0600, should be 0644"],
        ),
        (
            difference(SECRET, "content differs"),
            {"/etc/x": "other-secret"},
            [
                "  prometheus: /etc/x: content differs",
                "    (a secret: its content is not shown)",
            ],
        ),
        (
            difference(SECRET, "missing"),
            {"/etc/x": "other-secret"},
            ["  prometheus: /etc/x: missing"],
        ),
    ],
)
def test_drift_is_told_in_lines(
    found: Difference, contents: dict[str, str], told: list[str]
) -> None:
    assert list(lines([found], contents)) == told


def test_every_difference_is_told() -> None:
    found = [difference(None, "missing"), difference(None, "stray file")]
    assert len(list(lines(found, {}))) == 2


def test_contents_are_read_in_one_command_and_whatever_their_bytes() -> None:
    fact = FileContents()
    assert "for path in '/etc/a b' /etc/c; do" in fact.command(("/etc/a b", "/etc/c"))
    encoded = base64.b64encode(b"a\n\xff").decode()
    assert fact.process([f"/etc/a b {encoded}", "/etc/c "]) == {
        "/etc/a b": "a\n\\xff",
        "/etc/c": "",
    }


def test_a_run_as_json_tells_what_was_changed_checked_and_differs() -> None:
    changed = [Change("mon1", "prometheus", "reload", ("/etc/x: content differs",))]
    found = [difference(PLAIN, "content differs"), Difference("old", "unit", "alien", alien=True)]
    run: Any = SimpleNamespace(
        changed=changed,
        results=RESULTS[:1],
        drift={"mon1": found},
        contents={"mon1": {"/etc/x": "global:\n  scrape_interval: 1s\n"}},
    )
    told = json.loads(as_json(run, ["mon1", "web1"], ["web1"]))
    assert (told["hosts"], told["failed"]) == (["mon1", "web1"], ["web1"])
    assert told["changed"] == [
        {
            "host": "mon1",
            "component": "prometheus",
            "action": "reload",
            "reasons": ["/etc/x: content differs"],
        }
    ]
    assert [check["name"] for check in told["checks"]] == ["is ready"]
    first, second = told["drift"]["mon1"]
    assert "    +  scrape_interval: 15s" in first["lines"]
    assert (first["alien"], second["alien"], second["lines"]) == (
        False,
        True,
        ["  old: unit: alien"],
    )
