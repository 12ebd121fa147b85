"""A line with a secret that every shipper has to deliver without it."""

from __future__ import annotations

import json
import shlex
from typing import Any
from uuid import uuid4

from roles.molecule.fixtures import ask
from tests.integration.machine import until
from tests.integration.signals import entry


def shipped(machine: Any, secret: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Write a line into a log of the host and wait for it in its Loki.

    Args:
        machine: The host; its log source ``shop`` has the format json.
        secret: Stands in the line as its password.

    Returns:
        Its labels and what became of it.
    """
    token = uuid4().hex
    line = entry(message="paid", password=secret, requestId=token)
    machine.check_output(
        f"mkdir -p /var/log/shop && echo {shlex.quote(line)} >>/var/log/shop/orders.log"
    )

    def found() -> list[tuple[dict[str, str], str]]:
        query = f'{{service="shop"}} | requestId="{token}"'
        data = ask(machine, 3100, "/loki/api/v1/query_range", query=query, since="5m")["data"]
        return [(s["stream"], text) for s in data["result"] for _, text in s["values"]]

    ((labels, text),) = until(found, 30, "the line in Loki")
    return labels, json.loads(text)
