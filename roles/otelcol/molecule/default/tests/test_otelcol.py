"""The collector ships a line of a file, with its labels and without its secret."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from roles.molecule.shipping import shipped


def test_a_line_of_a_file_is_in_loki_redacted(machine: Any) -> None:
    secret = f"s3cret{uuid4().hex}"
    labels, body = shipped(machine, secret)
    assert (labels["host"], labels["level"]) == ("mon1", "info")
    assert (body["message"], body["password"]) == ("paid", "[REDACTED]")
    assert secret not in str(body)
