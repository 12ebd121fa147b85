"""The collector ships a line of a file, with its labels and without its secret."""

from __future__ import annotations

import json
import shlex
from typing import Any
from uuid import uuid4

from roles.molecule.fixtures import ask
from tests.integration.project import until
from tests.integration.signals import entry


def test_a_line_of_a_file_is_in_loki_redacted(machine: Any) -> None:
    token, secret = uuid4().hex, f"s3cret{uuid4().hex}"
    line = entry(message="paid", password=secret, requestId=token)
    machine.check_output(
        f"mkdir -p /var/log/shop && echo {shlex.quote(line)} >>/var/log/shop/orders.log"
    )

    def found() -> list[tuple[dict[str, str], str]]:
        query = f'{{service="shop"}} | requestId="{token}"'
        data = ask(machine, 3100, "/loki/api/v1/query_range", query=query, since="5m")["data"]
        return [(s["stream"], text) for s in data["result"] for _, text in s["values"]]

    ((labels, text),) = until(found, 30, "the line in Loki")
    assert (labels["host"], labels["level"]) == ("mon1", "info")
    assert secret not in text
    body = json.loads(text)
    assert (body["message"], body["password"]) == ("paid", "[REDACTED]")
