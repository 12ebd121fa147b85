"""The traffic generator: where it may send, what it sends, that it ends."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from typing import Any

import httpx
import pytest
from stackwatch_reference.__main__ import main
from stackwatch_reference.traffic import Plan, TrafficError, next_call, private_url, run, summary


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://10.1.2.3:80/app", "http://10.1.2.3:80/app"),
        ("http://192.168.1.1", "http://192.168.1.1:80"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_private_addresses_are_taken(url: str, base: str) -> None:
    assert private_url(url)[0] == base


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8:80",
        "http://[2001:db8::1]:80",
        "http://169.254.169.254",
        "http://0.0.0.0:8000",
        "http://[::ffff:8.8.8.8]:80",
        "https://127.0.0.1",
        "http://ann:x@127.0.0.1",
        "127.0.0.1:8000",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(TrafficError):
        private_url(url)


def test_a_name_with_one_public_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def addresses(*_: object, **__: object) -> list[Any]:
        return [(0, 0, 0, "", ("10.0.0.1", 80)), (0, 0, 0, "", ("93.184.216.34", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    with pytest.raises(TrafficError, match=r"93\.184\.216\.34"):
        private_url("http://shop.example")


def test_the_command_refuses_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["traffic", "--url", "http://8.8.8.8", "--seconds", "1"]) == 2
    assert "no loopback or private address" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "rate"), [(0.0, 1.0), (4000.0, 1.0), (1.0, 0.0), (1.0, 1e6)])
def test_traffic_has_bounds(seconds: float, rate: float) -> None:
    with pytest.raises(TrafficError):
        Plan(url="http://127.0.0.1", seconds=seconds, rate=rate)


def test_it_sends_as_many_as_it_should_and_ends() -> None:
    asked: Counter[str] = Counter()

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    def service(request: httpx.Request) -> httpx.Response:
        asked[request.url.path] += 1
        assert request.headers["host"] == "localhost:8000"
        if request.url.path == "/fail":
            return httpx.Response(500)
        if request.url.path == "/slow":
            raise httpx.ReadTimeout("slow")
        return httpx.Response(200, json={"token": "t"})

    plan = Plan(url="http://localhost:8000", seconds=100, rate=10, seed=1)
    statuses = asyncio.run(run(plan, transport=httpx.MockTransport(service), sleep=at_once))
    assert statuses.total() == 1000
    assert statuses["500"] == asked["/fail"] > 0
    assert statuses["ReadTimeout"] == asked["/slow"] > 0
    assert {"/processes", "/login", "/insights", "/external", "/ai/answers"} <= set(asked)
    assert summary(statuses).endswith("total: 1000")


def test_the_same_seed_is_the_same_traffic() -> None:
    first, second = (random.Random(7) for _ in range(2))  # noqa: S311 - no secret
    assert [next_call(first, None) for _ in range(50)] == [
        next_call(second, None) for _ in range(50)
    ]
