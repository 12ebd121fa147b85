"""Secrets in log lines, with the engine that shippers have."""

from __future__ import annotations

import json
import re

import pytest
import re2

from plugins.redaction import REDACTED, redactions, suspicion

SECRET = "hunter2-Zq9"  # noqa: S105


def redacted(line: str, *more_keys: str) -> str:
    """A line as a shipper would pass it on."""
    for each in redactions(more_keys):
        # Go writes ${1} where RE2's own replacement has \1.
        replacement = each.replacement.replace("\\", "\\\\")
        line = re2.sub(each.pattern, re.sub(r"\$\{(\d)\}", r"\\\1", replacement), line)
    return line


@pytest.mark.parametrize(
    "line",
    [
        f'{{"password":"{SECRET}"}}',
        f'{{"password" : "{SECRET}", "level": "info"}}',
        f'{{"PassWord":"{SECRET}"}}',
        f'{{"db_password":"{SECRET}"}}',
        f'{{"userToken":"{SECRET}"}}',
        f'{{"access_token":"{SECRET}","x":1}}',
        f'{{"apiKey":"{SECRET}"}}',
        f'{{"api_key":"{SECRET}"}}',
        f'{{"X-Api-Key":"{SECRET}"}}',
        f'{{"client.secret":"{SECRET}"}}',
        f'{{"Authorization":"Bearer {SECRET}"}}',
        f'{{"headers":{{"authorization":"Basic {SECRET}"}}}}',
        f'{{"password":"with \\"quotes\\" {SECRET}"}}',
        f'{{"password":"comma, {SECRET}"}}',
        f'{{"password":["{SECRET}","b"]}}',
        f'{{"secret":{{"a":"{SECRET}"}}}}',
        f'{{"message":"body was {{\\"password\\":\\"{SECRET}\\"}}"}}',
        f'{{"message":"{{\\"a\\":\\"{{\\\\\\"password\\\\\\":\\\\\\"{SECRET}\\\\\\"}}\\"}}"}}',
        f'{{"message":"login password={SECRET} failed"}}',
        f"password={SECRET}",
        f"password = {SECRET}",
        f'password="{SECRET} and more {SECRET}"',
        f"password='{SECRET}'",
        f"level=info token={SECRET} user=anna",
        f"GET /login?user=anna&token={SECRET}&x=1 200",
        f"GET /?api_key={SECRET} 200",
        f"Authorization: Bearer {SECRET}",
        f"authorization: Basic {SECRET}==",
        f"proxy-authorization: Digest {SECRET}",
        f"password: {SECRET}",
        f"  secret: '{SECRET}'",
        f"{{'password': '{SECRET}', 'user': 'anna'}}",
        f"{{'password': b'{SECRET}'}}",
        f"called with Bearer {SECRET}, retrying",
        f"postgresql://shop:{SECRET}@10.0.0.3/shop",
        f"redis://:{SECRET}@10.0.0.3:6379/0",
        f"2026-11-21 10:00:00 ERROR connect failed: amqp://u:{SECRET}@h/ refused",
        f'passwd="{SECRET}" tokens_used=3',
        f"PASSPHRASE={SECRET}",
    ],
)
def test_a_secret_is_gone(line: str) -> None:
    assert SECRET not in redacted(line)
    assert REDACTED in redacted(line)
    if line.startswith('{"'):
        assert json.loads(redacted(line)).keys() == json.loads(line).keys()
    assert re2.search(suspicion(), line)


@pytest.mark.parametrize("number", ["12345678", "-1.5e10"])
def test_a_secret_that_is_a_number_is_gone(number: str) -> None:
    assert redacted(f'{{"token":{number},"n":7}}') == f'{{"token":"{REDACTED}","n":7}}'


@pytest.mark.parametrize(
    "line",
    [
        '{"level":"info","message":"ok","requestId":"r1"}',
        "level=info tokens_used=12 duration=3ms",
        '{"tokens_used":12,"secretary":"anna","passwords":3}',
        '{"token_count":"12"}',
        "the secret of good logs is brevity",
        "forgot my password, please help",
        "GET /token/refresh 200",
        "https://example.org:8080/path?x=1 200",
        "basic test of the thing",
        "2026-11-21T10:00:00Z INFO nothing here",
        '{"url":"https://example.org/login","status":200}',
        "time: 10:00, author: anna",
    ],
)
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


def test_a_redacted_line_is_not_changed_again() -> None:
    once = redacted(f'{{"password":"{SECRET}","m":"token={SECRET} Bearer {SECRET}"}}')
    assert redacted(once) == once
