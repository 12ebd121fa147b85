"""What Podman shows of a container, in the words Docker has for the same.

It is written out what Podman adds by itself, and nothing else is left out: what somebody else
changed differs in these words, too.

https://docs.podman.io/en/v5.4.2/markdown/podman-inspect.1.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from plugins.runtimes.images import HEALTH_CHECK, HEALTH_SECONDS

_DIGEST = "sha256:"
# What it adds to the options of every tmpfs.
_TMPFS = frozenset({"rprivate", "tmpcopyup"})
# Every address of the host.
_ANYWHERE = "0.0.0.0"  # noqa: S104


def is_podmans(shown: Mapping[str, Any]) -> bool:
    """Whether Podman showed it: no other engine has a monitor for each container."""
    return "ConmonPidFile" in shown


def health_words() -> Iterator[str]:
    """Options of ``create`` for the health check, which Podman does not take from OCI images."""
    yield f"--health-cmd={json.dumps(HEALTH_CHECK[1:])}"
    yield from (f"--health-{name}={seconds}s" for name, seconds in HEALTH_SECONDS.items())
    yield "--health-retries=3"


def in_dockers_words(shown: Mapping[str, Any]) -> dict[str, Any]:
    """One container as Docker would show it."""
    config, host = shown["Config"], shown["HostConfig"]
    networks = shown.get("NetworkSettings", {}).get("Networks") or {}
    return {
        **shown,
        "Image": _DIGEST + shown["Image"].removeprefix(_DIGEST),
        "Config": {**config, "Env": list(_environment(config))},
        "HostConfig": {**host, **_host(host), **_capabilities(shown)}
        | {"NetworkMode": _network_mode(host, networks), "Sysctls": _sysctls(config)},
        "NetworkSettings": {"Networks": networks or [host.get("NetworkMode", "")]},
    }


def _environment(config: Mapping[str, Any]) -> Iterator[str]:
    """Without what it tells every container."""
    said = set(config.get("CreateCommand") or ())
    added = {"container=podman", f"HOSTNAME={config.get('Hostname', '')}"}
    for line in config.get("Env") or ():
        # By the account, or by whoever started it last, where nobody said it.
        home = line.startswith("HOME=") and said.isdisjoint({line, f"--env={line}"})
        if not home and line not in added:
            yield line


def _host(host: Mapping[str, Any]) -> dict[str, Any]:
    log = host.get("LogConfig") or {}
    options = {"tag": log.get("Tag"), "max-size": log.get("Size", "").removeprefix("0B")}
    return {
        "PidMode": _shared(host.get("PidMode")),
        "SecurityOpt": _security(host),
        "PortBindings": dict(_ports(host.get("PortBindings"))),
        "Tmpfs": {path: _tmpfs(options) for path, options in (host.get("Tmpfs") or {}).items()},
        "LogConfig": {
            "Type": log.get("Type", ""),
            "Config": {name: value for name, value in options.items() if value},
        },
    }


def _shared(mode: str | None) -> str:
    return "" if mode == "private" else mode or ""


def _security(host: Mapping[str, Any]) -> list[str]:
    """Docker tells by itself of who sees the host's processes."""
    seen = {"label=disable"} if host.get("PidMode") == "host" else set()
    return sorted(seen.union(host.get("SecurityOpt") or ()))


def _ports(bindings: Mapping[str, Any] | None) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for inside, bound in (bindings or {}).items():
        yield inside, [{**each, "HostIp": _address(each.get("HostIp", ""))} for each in bound or ()]


def _address(address: str) -> str:
    return "" if address == _ANYWHERE else address


def _tmpfs(options: str) -> str:
    return ",".join(option for option in options.split(",") if option not in _TMPFS)


def _capabilities(shown: Mapping[str, Any]) -> dict[str, list[str]]:
    """Those that a process can have at all; the others are dropped, whatever was said to.

    What was added and dropped is shown as the difference from what Podman gives by itself.
    """
    bounding: Iterable[str] = shown.get("BoundingCaps") or ()
    return {"CapAdd": [name.removeprefix("CAP_") for name in bounding], "CapDrop": ["ALL"]}


def _network_mode(host: Mapping[str, Any], networks: Mapping[str, Any]) -> str:
    """Networks of its own making are all called bridge."""
    mode: str = host.get("NetworkMode", "")
    return " ".join(sorted(networks)) if mode == "bridge" else mode


def _sysctls(config: Mapping[str, Any]) -> dict[str, str]:
    """It shows them only as what the container was made with."""
    words = list(config.get("CreateCommand") or ())
    joined = [word.partition("=")[2] for word in words if word.startswith("--sysctl=")]
    apart = [value for word, value in pairwise(words) if word == "--sysctl"]
    return dict(setting.partition("=")[::2] for setting in (*joined, *apart))
