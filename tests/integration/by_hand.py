"""A container made anew by hand: as it is, or with something different, which somebody might do."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hosts import TestHost
from tests.integration.machine import on


def shown(machine: TestHost, component: str) -> dict[str, Any]:
    """Everything the engine shows of a component's container."""
    listed = json.loads(on(machine, f"docker inspect --type container stackwatch-{component}"))
    found: dict[str, Any] = listed[0]
    return found


def options(found: Mapping[str, Any]) -> Iterator[str]:
    """The options of ``docker create`` that make a container like the one that is shown."""
    config, host = found["Config"], found["HostConfig"]
    yield from (f"--label={k}={v}" for k, v in config["Labels"].items())
    yield from (f"--env={line}" for line in config["Env"])
    yield f"--user={config['User']}"
    yield f"--stop-timeout={config['StopTimeout']}"
    yield f"--network={host['NetworkMode']}"
    yield f"--restart={host['RestartPolicy']['Name']}"
    yield f"--log-driver={host['LogConfig']['Type']}"
    yield from (f"--log-opt={k}={v}" for k, v in host["LogConfig"]["Config"].items())
    yield from ["--read-only"] if host["ReadonlyRootfs"] else []
    yield from (f"--cap-drop={name}" for name in host["CapDrop"] or ())
    yield from (f"--cap-add={name}" for name in host["CapAdd"] or ())
    # What the engine adds by itself of who sees the host's processes.
    yield from (f"--security-opt={o}" for o in host["SecurityOpt"] if o != "label=disable")
    yield from (f"--tmpfs={path}:{o}" for path, o in host["Tmpfs"].items())
    yield from (f"--group-add={group}" for group in host["GroupAdd"] or ())
    yield f"--memory={host['Memory']}"
    yield f"--memory-swap={host['MemorySwap']}"
    yield f"--pids-limit={host['PidsLimit']}"
    yield from ["--pid=host"] if host["PidMode"] == "host" else []
    for mount in host["Mounts"]:
        words = f"type=bind,source={mount['Source']},target={mount['Target']}"
        yield f"--mount={words}{',readonly' if mount.get('ReadOnly') else ''}"
    for inside, bound in (host["PortBindings"] or {}).items():
        for each in bound:
            address = f"{each['HostIp']}:" if each["HostIp"] else ""
            yield f"--publish={address}{each['HostPort']}:{inside}"


def make_anew(
    machine: TestHost,
    component: str,
    *more: str,
    without: str | tuple[str, ...] = "",
    image: str = "",
    argv: tuple[str, ...] = (),
) -> None:
    """Replace a component's container.

    Args:
        machine: Its host.
        component: Whose it is.
        more: Further options.
        without: What options that are left out begin with.
        image: Another image.
        argv: Further words for its command.
    """
    found = shown(machine, component)
    kept = [word for word in options(found) if not (without and word.startswith(without))]
    command = [found["Path"], *found["Args"], *argv]
    words = shlex.join([*kept, *more, image or found["Config"]["Image"], *command])
    name = f"stackwatch-{component}"
    on(
        machine,
        f"docker rm -f {name} && docker create --name {name} {words} && docker start {name}",
    )
