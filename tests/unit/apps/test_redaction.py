"""What is taken out of log entries, and what is left in."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from stackwatch_instrumentation.redaction import REDACTED, is_secret, redact, redact_text
from stackwatch_instrumentation.span_redaction import RedactingExporter

from tests.unit import redaction_corpus

SECRET = "hunter2-S3cr.t"  # noqa: S105 - what must not be seen again


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"PASSWORD = {SECRET}",
        f"db_password: {SECRET}",
        f"dbPassword={SECRET};host=x",
        f"token={SECRET}&page=2",
        f"https://api.test/x?access_token={SECRET}&page=2",
        f"refreshToken: {SECRET}, user: ann",
        f"apiKey={SECRET}",
        f"api_key={SECRET}",
        f"api-key: {SECRET}",
        f"X-Api-Key: {SECRET}",
        f"client_secret => {SECRET}",
        f'{{"password": "{SECRET}"}}',
        f'{{"password":"{SECRET}","user":"ann"}}',
        f'{{\\"password\\":\\"{SECRET}\\",\\"user\\":\\"ann\\"}}',
        f"{{'password': '{SECRET}', 'user': 'ann'}}",
        f"{{'password': b'{SECRET}'}}",
        f"{{'token': {{'value': '{SECRET}'}}}}",
        f"{{'token': ['a', '{SECRET}']}}",
        f"User(name='ann', password='{SECRET}')",
        f'password="with spaces and {SECRET}"',
        f'password="with \\" a quote {SECRET}"',
        f'password="cut off {SECRET}',
        f"password=a,{SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Basic {SECRET}==",
        f'authorization: Digest username="ann", response="{SECRET}"',
        f"(b'authorization', b'Bearer {SECRET}')",
        f"sent bearer {SECRET} to x",
        f"--password {SECRET} --user ann",
        f"--api-key={SECRET}",
        f"postgresql://ann:{SECRET}@db/x",
        f"postgresql://ann:p@{SECRET}@db/x",
        f"redis://:{SECRET}@cache:6379/0",
        f"form password%3D{SECRET}",
        json.dumps({"a": [{"b": {"token": SECRET}}]}),
        str({"a": [{"b": {"Secret": SECRET}}]}),
    ],
)
def test_a_secret_in_a_text_is_redacted(text: str) -> None:
    redacted = redact_text(text)
    assert SECRET not in redacted
    assert REDACTED in redacted
    assert redact_text(redacted).count(SECRET) == 0


@pytest.mark.parametrize(
    "text",
    [
        "tokens_used: 12",
        "tokens: 12",
        "secretary: Ann",
        "the secretary=Ann wrote",
        "password reset requested",
        "tokenizer=bert",
        "author: Ann",
        "fields ['password', 'name'] are missing",
        "http://127.0.0.1:8000/users/ann@example.org",
        "mail to ann@example.org",
        "GET /users/7 200",
        "",
    ],
)
def test_an_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize("text", redaction_corpus.SECRETS)
def test_what_shippers_find_is_found(text: str) -> None:
    redacted = redact_text(text)
    assert redaction_corpus.SECRET not in redacted
    assert REDACTED in redacted
    assert redact_text(redacted) == redacted


@pytest.mark.parametrize("text", redaction_corpus.HARMLESS)
def test_what_shippers_leave_is_left(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user=ann password=x host=db", "user=ann password=[REDACTED] host=db"),
        ('{"token":"x","user":"ann"}', '{"token":"[REDACTED]","user":"ann"}'),
        ('{"token": 12, "n": 1}', '{"token": [REDACTED], "n": 1}'),
        ("?token=x&page=2", "?token=[REDACTED]&page=2"),
        ("http://ann:x@db/x", "http://[REDACTED]@db/x"),
        ("token: x, user: ann", "token: [REDACTED], user: ann"),
    ],
)
def test_what_stands_around_a_secret_stays(text: str, expected: str) -> None:
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("password", True),
        ("dbPassword", True),
        ("access_token", True),
        ("apiKey", True),
        ("api_key", True),
        ("X-API-Key", True),
        ("clientSecret", True),
        ("Authorization", True),
        ("tokens_used", False),
        ("secretary", False),
        ("password_changed_at", False),
        ("author", False),
        ("pwd", True),
        ("db_pwd", True),
        ("OLDPWD", False),
        ("aws_secret_access_key", True),
        ("private_key", True),
    ],
)
def test_keys(key: str, secret: bool) -> None:
    assert is_secret(key) is secret


def test_structures_are_redacted_however_deep() -> None:
    value = {
        "user": "ann",
        "tokens_used": 12,
        "list": [{"Password": SECRET}, f"token={SECRET}"],
        "headers": [(b"authorization", SECRET.encode()), (b"accept", b"*/*")],
        "secret": {"nested": SECRET},
        "ratio": float("nan"),
    }
    assert redact(value) == {
        "user": "ann",
        "tokens_used": 12,
        "list": [{"Password": REDACTED}, f"token={REDACTED}"],
        "headers": [["authorization", REDACTED], ["accept", "*/*"]],
        "secret": REDACTED,
        "ratio": "nan",
    }


def test_a_structure_that_holds_itself_ends() -> None:
    value: dict[str, object] = {"user": "ann"}
    value["self"] = value
    assert "TOO DEEP" in json.dumps(redact(value))


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "password" * 20_000,
        "(" * 100_000,
        "://" * 60_000,
        "--" * 90_000,
        "<a" * 90_000,
    ],
)
def test_no_text_makes_it_slow(text: str) -> None:
    started = time.process_time()
    redact_text(text)
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("value", [[f"Bearer {SECRET}"], (f"Bearer {SECRET}",), f"Bearer {SECRET}"])
def test_a_span_tells_no_header(value: str | Sequence[str]) -> None:
    class Kept(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            kept.extend(spans)
            return SpanExportResult.SUCCESS

    kept: list[ReadableSpan] = []
    told = {
        "http.request.header.authorization": value,
        "urls": (f"/?token={SECRET}", "/x"),
        "n": (1, 2),
    }
    RedactingExporter(Kept()).export([ReadableSpan(name="x", attributes=told)])
    attributes = kept[0].attributes or {}
    redacted = REDACTED if isinstance(value, str) else (REDACTED,)
    assert attributes["http.request.header.authorization"] == redacted
    assert attributes["urls"] == (f"/?token={REDACTED}", "/x")
    assert attributes["n"] == (1, 2)
