"""What an engine shows of a container, in words that what was wanted is compared with."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from plugins.podman import in_dockers_words, is_podmans

# The engine's own clock reading of "never".
_NEVER = "0001"
# How an engine is told of limits for processors; one for memory says nothing of these.
_PROCESSORS = ("CpuQuota", "CpuShares", "CpusetCpus", "NanoCpus")


@dataclass(frozen=True)
class ContainerState:
    """One container as found.

    Attributes:
        name: Its name.
        component: Whose it is, by its label.
        running: Whether it runs.
        status: The engine's word for it, for example ``running``, ``exited``.
        health: ``healthy``, ``unhealthy``, ``starting``, or ``none`` without a check.
        image: Digest of its image.
        spec: Hash of what it was made of; empty without.
        started: When it was started last, Unix seconds; 0 for never.
        started_at: The same as the engine writes it.
        settings: Everything that was set, by a name for people.
    """

    name: str
    component: str
    running: bool
    status: str
    health: str
    image: str
    spec: str
    started: float
    started_at: str
    settings: Mapping[str, str] = field(default_factory=dict)


def _moment(text: str) -> float:
    """RFC 3339 with nanoseconds as Unix seconds."""
    if not text or text.startswith(_NEVER):
        return 0.0
    # Docker says it in UTC, Podman in the host's own zone.
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _joined(values: Iterable[str] | None) -> str:
    return " ".join(sorted(values or ()))


def mount_words(source: str, writable: bool) -> str:
    """A mount in words."""
    return f"{source} ({'writable' if writable else 'read-only'})"


def _ports(bindings: Mapping[str, Any] | None) -> dict[str, str]:
    return {
        f"port {inside}": _joined(f"{b.get('HostIp', '')}:{b.get('HostPort', '')}" for b in bound)
        for inside, bound in (bindings or {}).items()
        if bound
    }


def _mounts(mounts: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    return {
        f"mount {mount['Destination']}": mount_words(mount.get("Source", ""), mount.get("RW", True))
        for mount in mounts or ()
        if mount.get("Type") != "tmpfs"
    }


def _outside(mode: str | None) -> str:
    """Whose namespace a container is in, where it is not its own."""
    return "" if mode in (None, "private", "shareable") else str(mode)


def _settings(shown: Mapping[str, Any]) -> dict[str, str]:
    config, host = shown["Config"], shown["HostConfig"]
    environment = dict(line.partition("=")[::2] for line in config.get("Env") or ())
    log, policy = host.get("LogConfig") or {}, host.get("RestartPolicy") or {}
    return {
        "user": config.get("User", ""),
        "command": shlex.join([shown["Path"], *(shown.get("Args") or ())]),
        **{f"environment {name}": value for name, value in environment.items()},
        **_mounts(shown.get("Mounts")),
        **{f"tmpfs {path}": options for path, options in (host.get("Tmpfs") or {}).items()},
        **_ports(host.get("PortBindings")),
        "capabilities": _joined(host.get("CapAdd")),
        "dropped capabilities": _joined(host.get("CapDrop")),
        "devices": _joined(d.get("PathOnHost", "") for d in host.get("Devices") or ()),
        "privileged": str(host.get("Privileged", False)),
        "read-only root": str(host.get("ReadonlyRootfs", False)),
        "security options": _joined(host.get("SecurityOpt")),
        "memory": str(host.get("Memory") or 0),
        "memory and swap": str(host.get("MemorySwap") or 0),
        "processes": str(host.get("PidsLimit") or 0),
        "groups": _joined(host.get("GroupAdd")),
        "networks": _joined(shown.get("NetworkSettings", {}).get("Networks") or ()),
        "network mode": host.get("NetworkMode", ""),
        "process namespace": host.get("PidMode", ""),
        "memory namespace": _outside(host.get("IpcMode")),
        "host name namespace": _outside(host.get("UTSMode")),
        "user namespace": _outside(host.get("UsernsMode")),
        "kernel settings": _joined(f"{k}={v}" for k, v in (host.get("Sysctls") or {}).items()),
        "added hosts": _joined(host.get("ExtraHosts")),
        "name servers": _joined(host.get("Dns")),
        "processors": _joined(f"{name}={host[name]}" for name in _PROCESSORS if host.get(name)),
        "uncovered paths": "all" if host.get("MaskedPaths") == [] else "",
        "restart policy": policy.get("Name", ""),
        "log driver": log.get("Type", ""),
        "log options": json.dumps(log.get("Config") or {}, sort_keys=True),
        "stop timeout": str(config.get("StopTimeout") or 0),
        "health check": json.dumps((config.get("Healthcheck") or {}).get("Test") or []),
    }


def _container(shown: Mapping[str, Any]) -> ContainerState:
    state, labels = shown["State"], shown["Config"].get("Labels") or {}
    return ContainerState(
        name=shown["Name"].lstrip("/"),
        component=labels.get("stackwatch.component", ""),
        running=bool(state.get("Running")) and not state.get("Restarting"),
        status=state.get("Status", ""),
        health=(state.get("Health") or {}).get("Status", "") or "none",
        image=shown["Image"],
        spec=labels.get("stackwatch.spec", ""),
        started=_moment(state.get("StartedAt", "")),
        started_at=state.get("StartedAt", ""),
        settings=_settings(shown),
    )


def parse_containers(text: str) -> tuple[dict[str, ContainerState], frozenset[str]]:
    """Read what ``inspect`` prints of containers and networks.

    Returns:
        Containers by name, and the names of networks.

    Raises:
        ValueError: It is no such output.
        KeyError: Likewise.
    """
    listed: list[Mapping[str, Any]] = []
    rest, decoder = text.strip(), json.JSONDecoder()
    while rest:
        # One list an engine.
        found, end = decoder.raw_decode(rest)
        listed += found
        rest = rest[end:].lstrip()
    shown = [in_dockers_words(each) if is_podmans(each) else each for each in listed]
    containers = [_container(each) for each in shown if "HostConfig" in each]
    # Podman spells networks in small letters.
    names = [each.get("Name") or each["name"] for each in shown if "HostConfig" not in each]
    networks = frozenset(names)
    return {container.name: container for container in containers}, networks
