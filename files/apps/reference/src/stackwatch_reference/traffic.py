"""Requests of a bounded rate for a bounded time, to a service on this machine or network only."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from stackwatch_reference.people import demo_password

_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    )
)
_ENTITIES = ("acme", "globex", "initech")
_TYPES = ("report", "export", "character", "level_up")
_TIMEOUT = 15.0
_AT_ONCE = 50

Sleep = Callable[[float], Awaitable[None]]


class TrafficError(ValueError):
    """Traffic that must not be sent."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be sent where, for how long."""

    url: str
    seconds: float = 30.0
    rate: float = 5.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 3600:
            raise TrafficError(f"--seconds {self.seconds:g}: must be more than 0, at most 3600")
        if not 0 < self.rate <= 200:
            raise TrafficError(f"--rate {self.rate:g}: must be more than 0, at most 200")


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    json: dict[str, object] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def private_url(url: str) -> tuple[str, str]:
    """The URL with the address in place of the name, and the name.

    The address is looked up once, and only it is used: a name could lead elsewhere the next time.

    Raises:
        TrafficError: The URL leads out of this machine and its private networks.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.username or parts.query:
        raise TrafficError(f"{url}: use a URL like http://127.0.0.1:8000")
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TrafficError(f"{parts.hostname}: has no address: {error.strerror}") from error
    # IPv4 first: a service on 127.0.0.1 is not on the ::1 that localhost is as well.
    addresses = sorted((ipaddress.ip_address(e[4][0]) for e in found), key=lambda a: a.version)
    for address in addresses:
        if not any(address in network for network in _NETWORKS):
            raise TrafficError(
                f"{url}: {address} is no loopback or private address;"
                " traffic is for test sites only"
            )
    host = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])
    port = parts.port or 80
    return f"http://{host}:{port}{parts.path.rstrip('/')}", f"{parts.hostname}:{port}"


def next_call(dice: random.Random, token: str | None) -> Call:
    """One request out of the mix: most are ordinary, some are slow, some fail."""
    headers = {"X-Entity-ID": dice.choice(_ENTITIES)}
    if token is not None and dice.random() < 0.7:
        headers["Authorization"] = f"Bearer {token}"
    user = dice.randint(1, 20)
    mix: tuple[tuple[int, Callable[[], Call]], ...] = (
        (30, lambda: Call("GET", f"/users/{user}")),
        (20, lambda: Call("POST", "/processes", _process(dice))),
        (12, lambda: Call("GET", f"/pages/{dice.choice(('home', 'profile', 'reports'))}")),
        (8, lambda: Call("POST", "/ai/answers", {"text": "hello", "fail": dice.random() < 0.05})),
        (8, lambda: Call("POST", "/login", _login(user, right=dice.random() < 0.7))),
        (6, lambda: Call("GET", "/insights")),
        (5, lambda: Call("GET", "/external")),
        (4, lambda: Call("GET", f"/slow?seconds={dice.uniform(0.2, 3):.2f}")),
        (3, lambda: Call("GET", "/fail")),
        (2, lambda: Call("GET", "/users/999999")),
        (1, lambda: Call("GET", f"/no/such/page/{dice.randint(1, 10**6)}")),
        (1, lambda: Call("PUT", "/configuration/greeting", {"text": f"hello {user}"})),
    )
    make = dice.choices([call for _, call in mix], [weight for weight, _ in mix])[0]
    call = make()
    return Call(call.method, call.path, call.json, headers)


def _process(dice: random.Random) -> dict[str, object]:
    return {"type": dice.choice(_TYPES), "fail": dice.random() < 0.1}


def _login(user: int, *, right: bool) -> dict[str, object]:
    return {"user_id": user, "password": demo_password(user) if right else "a wrong one"}


async def run(
    plan: Plan,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    sleep: Sleep = asyncio.sleep,
) -> Counter[str]:
    """Send what the plan says; returns how many requests had which status.

    Raises:
        TrafficError: The plan's URL is not a private one.
    """
    base, name = private_url(plan.url)
    dice = random.Random(plan.seed)  # noqa: S311 - the same requests again, no secret
    loop = asyncio.get_running_loop()
    statuses: Counter[str] = Counter()
    tokens: list[str] = []
    places = asyncio.Semaphore(_AT_ONCE)

    async def send(client: httpx.AsyncClient, call: Call) -> None:
        async with places:
            try:
                answer = await client.request(
                    call.method, base + call.path, json=call.json, headers=call.headers
                )
            except httpx.HTTPError as error:
                statuses[type(error).__name__] += 1
                return
        statuses[str(answer.status_code)] += 1
        if call.path == "/login" and answer.is_success:
            tokens[:] = [answer.json()["token"]]

    # trust_env: no proxy; no redirects: nothing leads elsewhere.
    async with (
        httpx.AsyncClient(
            transport=transport,
            timeout=_TIMEOUT,
            trust_env=False,
            follow_redirects=False,
            headers={"Host": name},
        ) as client,
        asyncio.TaskGroup() as group,
    ):
        started = loop.time()
        for number in range(max(1, round(plan.seconds * plan.rate))):
            # By the clock, so that slow answers do not lower the rate.
            await sleep(max(0.0, started + number / plan.rate - loop.time()))
            group.create_task(send(client, next_call(dice, tokens[0] if tokens else None)))
    return statuses


def summary(statuses: Counter[str]) -> str:
    """The counts as lines, the total last."""
    lines = [f"{status}: {statuses[status]}" for status in sorted(statuses)]
    return "\n".join([*lines, f"total: {statuses.total()}"])
