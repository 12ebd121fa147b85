"""What the tests of every scenario share: its hosts, over SSH, and ways to ask them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import paramiko
import pytest
from testinfra.backend.paramiko import ParamikoBackend
from testinfra.host import Host

from roles.molecule import scenario
from tests import hosts
from tests.hosts import TestHost

Machines = Mapping[str, Any]


def _connected(made: TestHost) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    # testinfra's own client trusts a host that it does not know.
    client.load_host_keys(str(made.known_hosts))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        "127.0.0.1",
        made.ssh_port,
        made.user,
        key_filename=str(made.key),
        allow_agent=False,
        look_for_keys=False,
    )
    return client


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """Every host of the scenario, by name."""
    found = {}
    clients = []
    for made in hosts.load(scenario.group()):
        backend = ParamikoBackend(f"{made.user}@127.0.0.1:{made.ssh_port}")
        backend.client = _connected(made)
        clients.append(backend.client)
        found[made.name] = Host(backend)
    yield found
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def machine(machines: Machines) -> Any:
    """The first host."""
    return next(iter(machines.values()))


def curl(machine: Any, port: int, path: str, *options: str) -> str:
    """The body of an answer that a host gives itself; fails on 400 and above."""
    words = ["curl", "-fsS", "-m", "10", *options, f"http://127.0.0.1:{port}{path}"]
    return str(machine.check_output(shlex.join(words)))


def ask(machine: Any, port: int, path: str, **parameters: str) -> Any:
    """The JSON of an answer."""
    query = [w for k, v in parameters.items() for w in ("--data-urlencode", f"{k}={v}")]
    return json.loads(curl(machine, port, path, *(("-G", *query) if query else ())))


def post(machine: Any, port: int, path: str, body: Any) -> str:
    """Send JSON; the answer's body."""
    header = "Content-Type: application/json"
    return curl(machine, port, path, "-H", header, "-d", json.dumps(body))


def metric(text: str, name: str) -> float:
    """The value of one series, by its full name with labels.

    Raises:
        LookupError: It is not there.
    """
    for line in text.splitlines():
        if line.startswith(f"{name} "):
            # A time may follow the value.
            return float(line.removeprefix(name).split()[0])
    raise LookupError(f"no {name} in {len(text)} bytes of metrics")
