"""The blackbox exporter tells what answers from what does not."""

from __future__ import annotations

from typing import Any

import pytest

from roles.molecule.fixtures import curl, metric


@pytest.mark.parametrize(
    ("module", "target", "success"),
    [
        ("http_2xx", "http://127.0.0.1:9115/-/healthy", 1),
        # What cannot fail proves nothing.
        ("http_2xx", "http://127.0.0.1:9/", 0),
        # The scenario's own module: a probe without a target is answered with 400.
        ("refusing", "http://127.0.0.1:9115/probe", 1),
        ("refusing", "http://127.0.0.1:9115/-/healthy", 0),
    ],
)
def test_a_probe(machine: Any, module: str, target: str, success: int) -> None:
    told = curl(machine, 9115, f"/probe?module={module}&target={target}")
    assert metric(told, "probe_success") == success
