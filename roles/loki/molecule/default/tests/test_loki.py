"""Loki finds a line that is pushed, and refuses one that is too old."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest
import yaml

from roles.molecule.fixtures import ask, curl, post
from tests.integration.machine import until


def _push(machine: Any, text: str, ago: float = 0) -> None:
    at = str(int((time.time() - ago) * 1e9))
    stream = {"stream": {"service": "molecule"}, "values": [[at, text]]}
    post(machine, 3100, "/loki/api/v1/push", {"streams": [stream]})


def test_a_line_that_is_pushed_is_found(machine: Any) -> None:
    text = f"level=info token={uuid4().hex} amount=42"
    _push(machine, text)

    def found() -> list[str]:
        query = '{service="molecule"}'
        data = ask(machine, 3100, "/loki/api/v1/query_range", query=query, since="5m")["data"]
        return [line for stream in data["result"] for _, line in stream["values"]]

    assert until(lambda: [t for t in found() if "token" in t], 20, "the line") == [text]


def test_a_line_older_than_was_said_is_refused(machine: Any) -> None:
    running = yaml.safe_load(curl(machine, 3100, "/config"))
    assert running["limits_config"]["reject_old_samples_max_age"] == "2h"
    with pytest.raises(AssertionError, match="400"):
        _push(machine, "from yesterday", ago=86400)
