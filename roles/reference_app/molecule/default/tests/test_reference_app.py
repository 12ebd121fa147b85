"""The service answers from its database, counts by route, and its worker does what was queued."""

from __future__ import annotations

import json
from typing import Any

from roles.molecule.fixtures import ask, curl, metric, post
from tests.integration.machine import until

JOBS = 'shop_jobs_processed_total{queue="processes",status="completed"}'


def _answered(machine: Any, path: str) -> float:
    """How often a route was answered with 200, for whomever."""
    wanted = ('method="GET"', f'path="{path}"', 'status="200"')
    lines = curl(machine, 8000, "/metrics").splitlines()
    series = [line for line in lines if line.startswith("shop_http_requests_total{")]
    found = [line for line in series if all(label in line for label in wanted)]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def test_a_request_is_answered_and_counted_by_its_route(machine: Any) -> None:
    before = _answered(machine, "/users/:id")
    for number in (17, 18, 17):
        user = ask(machine, 8000, f"/users/{number}")
        assert (user["id"], user["name"]) == (number, f"User {number}")
    assert _answered(machine, "/users/:id") == before + 3
    # Nobody's number is a label.
    assert _answered(machine, "/users/17") == 0


def test_it_is_ready_because_database_and_cache_are(machine: Any) -> None:
    assert ask(machine, 8000, "/health/ready")["checks"] == {"database": True, "redis": True}


def test_the_worker_does_what_the_service_queued(machine: Any) -> None:
    before = metric(curl(machine, 8001, "/metrics"), JOBS)
    made = json.loads(post(machine, 8000, "/processes", {"type": "report"}))

    def completed() -> dict[str, Any] | None:
        found: dict[str, Any] = ask(machine, 8000, f"/processes/{made['id']}")
        return found if found["status"] == "completed" else None

    told = until(completed, 30, "the job")
    assert (told["id"], told["type"]) == (made["id"], "report")
    # Counted after it is written down.
    until(lambda: metric(curl(machine, 8001, "/metrics"), JOBS) == before + 1, 10, "its count")
