"""Prometheus scrapes itself, and as often as was said."""

from __future__ import annotations

from typing import Any

import yaml

from roles.molecule.fixtures import ask
from tests.integration.machine import until


def _values(machine: Any, query: str) -> list[str]:
    answer = ask(machine, 9090, "/api/v1/query", query=query)
    return [series["value"][1] for series in answer["data"]["result"]]


def test_it_is_up_in_its_own_eyes(machine: Any) -> None:
    assert _values(machine, 'up{job="prometheus"}') == ["1"]


def test_it_scrapes_every_two_seconds(machine: Any) -> None:
    running = yaml.safe_load(ask(machine, 9090, "/api/v1/status/config")["data"]["yaml"])
    assert running["global"]["scrape_interval"] == "2s"
    # Counted, beside what it says of itself: 5 in 10 s; one more or less at the edges.
    count = 'count_over_time(up{job="prometheus"}[10s])'
    until(lambda: _values(machine, count) in (["4"], ["5"], ["6"]), 30, "a scrape every 2 s")
