"""Secrets in log lines, with the engine that shippers have."""

from __future__ import annotations

import json
import re

import pytest
import re2

from plugins.redaction import REDACTED, redactions, suspicion, uncaptured
from tests.unit.redaction_corpus import HARMLESS, JSON, SECRET, SECRETS


def redacted(line: str, *more_keys: str) -> str:
    """A line as a shipper would pass it on."""
    for each in redactions(more_keys):
        # Go writes ${1} where RE2's own replacement has \1.
        replacement = each.replacement.replace("\\", "\\\\")
        line = re2.sub(each.pattern, re.sub(r"\$\{(\d)\}", r"\\\1", replacement), line)
    return line


@pytest.mark.parametrize("line", SECRETS)
def test_a_secret_is_gone(line: str) -> None:
    assert SECRET not in redacted(line)
    assert REDACTED in redacted(line)
    assert redacted(redacted(line)) == redacted(line)
    assert re2.search(suspicion(), line)


@pytest.mark.parametrize("line", JSON)
def test_json_stays_json(line: str) -> None:
    assert json.loads(redacted(line)).keys() == json.loads(line).keys()


@pytest.mark.parametrize("line", JSON)
def test_json_in_json_stays_json(line: str) -> None:
    outer = json.dumps({"message": line, "user": "anna"}, ensure_ascii=False)
    once = redacted(outer)
    assert SECRET not in once
    assert json.loads(once)["user"] == "anna"
    assert redacted(once) == once
    assert re2.search(suspicion(), outer)


@pytest.mark.parametrize("line", JSON)
def test_a_line_that_ends_anywhere_tells_no_secret(line: str) -> None:
    for end in range(line.index(SECRET) + 5, len(line)):
        once = redacted(line[:end])
        assert SECRET[:5] not in once
        assert redacted(once) == once


@pytest.mark.parametrize("number", ["12345678", "-1.5e10"])
def test_a_secret_that_is_a_number_is_gone(number: str) -> None:
    assert redacted(f'{{"token":{number},"n":7}}') == f'{{"token":"{REDACTED}","n":7}}'


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redacted(line) == line


def test_what_stands_beside_a_secret_stays_readable() -> None:
    line = f'{{"user":"anna","password":"{SECRET}","path":"/login","n":[1,2]}}'
    assert redacted(line) == (
        f'{{"user":"anna","password":"{REDACTED}","path":"/login","n":[1,2]}}'
    )
    assert redacted(f"a=1 token={SECRET} b=2") == f"a=1 token={REDACTED} b=2"


def test_more_keys_are_secret_too() -> None:
    line = '{"iban":"DE123","pin=9"}'
    assert redacted(line, "iban") == f'{{"iban":"{REDACTED}","pin=9"}}'
    assert redacted("kontonummer=77", "nummer") == f"kontonummer={REDACTED}"
    assert re2.search(suspicion(["iban"]), line)
    # Groups of theirs count for nothing, and neither do flags.
    line = f'{{"card_no":"{SECRET}","n":1}} account_no={SECRET}'
    keys = ["(?-i)(card|(?P<x>account))_no"]
    assert redacted(line, *keys) == f'{{"card_no":"{REDACTED}","n":1}} account_no={REDACTED}'
    assert redacted(f"PASSWORD={SECRET}", *keys) == f"PASSWORD={REDACTED}"
    assert re2.compile(suspicion(keys)).groups == 0
    assert re2.search(suspicion(keys), line)


def test_there_are_few() -> None:
    assert len(redactions()) <= 14


def test_a_redacted_line_is_not_changed_again() -> None:
    once = redacted(f'{{"password":"{SECRET}","m":"token={SECRET} Bearer {SECRET}"}}')
    assert redacted(once) == once


@pytest.mark.parametrize(
    ("pattern", "without"),
    [
        ("(a)(?P<n>b)(?:c)(?i)d", "(?:a)(?:b)(?:c)(?i)d"),
        (r"\(a\)[(](b)", r"\(a\)[(](?:b)"),
        (r"[^](](x)[[:alpha:](]", r"[^](](?:x)[[:alpha:](]"),
        (r"\Q(a)\E(b)", r"\Q(a)\E(?:b)"),
        (r"(a(b|(?<n>c)))", r"(?:a(?:b|(?:c)))"),
    ],
)
def test_a_pattern_without_groups_matches_the_same(pattern: str, without: str) -> None:
    assert uncaptured(pattern) == without
    assert re2.compile(without).groups == 0
