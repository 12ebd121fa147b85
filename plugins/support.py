"""Which hosts can be converged at all; told with the remedy where one cannot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from plugins.site import Host
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
ENGINES = ("docker", "podman")


def _without_systemd(
    facts: Mapping[str, str], host: Host, brought: Collection[str]
) -> Iterator[str]:
    if "systemd" not in facts:
        yield "systemd does not run on it; for containers say runtime = 'docker'"


_OTHER = {"docker": "podman", "podman": "docker"}


def _without_engine(
    facts: Mapping[str, str], host: Host, brought: Collection[str]
) -> Iterator[str]:
    engine = host.engine
    if engine in brought:
        return
    if f"{engine}.error" in facts:
        words = facts[f"{engine}.error"].strip()
        yield f"{engine} does not answer ({words}): start it, for example systemctl start {engine}"
    elif engine not in facts:
        yield f"{engine} is not installed: put the host into the group docker_engine, or install it"
    elif engine == "podman" and "systemd" not in facts:
        yield "podman needs systemd for health checks and after a reboot: set engine = 'docker'"
    other = _OTHER[engine]
    if f"{other}.containers" in facts:
        yield (
            f"{other} has containers of ours, which {engine} does not take over: remove them with "
            f"remove.py, which keeps their data, or set engine = {other!r}"
        )


def _out_of_reach(state: HostState) -> Iterator[str]:
    """Engines that cannot be told to stop what they run: the unit would be a second one."""
    for engine in ENGINES:
        if f"{engine}.error" in state.facts and state.loaded:
            words = state.facts[f"{engine}.error"].strip()
            ran = ", ".join(sorted(state.loaded))
            yield (
                f"{engine} does not answer ({words}), and it ran {ran}, "
                f"which must not run twice: start it, for example systemctl start {engine}"
            )


_Judge = Callable[[Mapping[str, str], Host, Collection[str]], Iterator[str]]
_RUNTIMES: Mapping[str, _Judge] = {
    "docker": _without_engine,
    "systemd": _without_systemd,
}


def unsupported(
    state: HostState, host: Host, systems: Mapping[str, str], brought: Collection[str] = ()
) -> Iterator[str]:
    """Why a host cannot be converged at all, with the remedy; nothing when it can.

    Args:
        state: The host's state.
        host: What the inventory says of it.
        systems: Supported ``ID`` values of os-release to their names.
        brought: Programs that a deploy installs there before any component comes.
    """
    facts = state.facts
    name = facts.get("os", "unknown").split(" ")[0]
    if name not in systems:
        yield f"operating system {facts.get('os')!r} is not supported ({', '.join(systems)} are)"
    if state.architecture != host.architecture:
        yield (
            f"its architecture is {state.architecture}, the inventory says {host.architecture}: "
            f"set architecture = {state.architecture!r}"
        )
    if facts.get("uid") != "0":
        yield "not logged in as root: set _sudo = True for this host"
    yield from _RUNTIMES[host.runtime](facts, host, brought)
    if host.runtime == "systemd":
        yield from _out_of_reach(state)
    if "curl" not in facts:
        yield "curl is not installed, health cannot be checked: apt-get install curl"
