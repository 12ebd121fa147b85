"""Test hosts: containers that behave like small machines with systemd and SSH."""

from __future__ import annotations

from tests.hosts.errors import HostsError
from tests.hosts.hosts import (
    down,
    kill,
    load,
    pause,
    reboot,
    resume,
    run,
    start,
    stop,
    up,
)
from tests.hosts.topology import HostSpec, TestHost

__all__ = [
    "HostSpec",
    "HostsError",
    "TestHost",
    "down",
    "kill",
    "load",
    "pause",
    "reboot",
    "resume",
    "run",
    "start",
    "stop",
    "up",
]
