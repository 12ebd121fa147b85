"""Which hosts can be converged at all; told with the remedy where one cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plugins.state import HostState

# ID of os-release to its name; only Debian was ever run, see the README.
SYSTEMS = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "rhel": "Red Hat Enterprise Linux",
    "rocky": "Rocky Linux",
    "almalinux": "AlmaLinux",
    "centos": "CentOS Stream",
    "fedora": "Fedora",
}


def unsupported(state: HostState, architecture: str, systems: Mapping[str, str]) -> Iterator[str]:
    """Why a host cannot be converged at all, with the remedy; nothing when it can.

    Args:
        state: The host's state.
        architecture: What the inventory says.
        systems: Supported ``ID`` values of os-release to their names.
    """
    facts = state.facts
    name = facts.get("os", "unknown").split(" ")[0]
    if name not in systems:
        yield f"operating system {facts.get('os')!r} is not supported ({', '.join(systems)} are)"
    if state.architecture != architecture:
        yield (
            f"its architecture is {state.architecture}, the inventory says {architecture}: "
            f"set architecture = {state.architecture!r}"
        )
    if facts.get("uid") != "0":
        yield "not logged in as root: set _sudo = True for this host"
    if "systemd" not in facts:
        yield "systemd does not run on it"
    if "curl" not in facts:
        yield "curl is not installed, health cannot be checked: apt-get install curl"
