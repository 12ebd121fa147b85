"""Two containers as they are wanted, and what a real host showed of them.

They are no role's, so that a role that changes needs no other recording. After a change of what
the runtime asks of engines record anew: ``python -m tests.integration.record_containers``.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from plugins.model import (
    Account,
    Artifact,
    Component,
    Directory,
    Endpoint,
    EndpointKind,
    Hardening,
    HostView,
    ManagedFile,
    OnChange,
    Reload,
    Service,
)
from plugins.paths import Paths
from plugins.runtimes.docker import Container
from plugins.runtimes.images import Image, Layer, _skeleton
from plugins.state import HostState, parse_state
from tests.unit.recorded import output

HOST = "r1"
# The lock's busybox, as it was when the host was recorded: shell and programs in one.
SHELL = Artifact(
    *("busybox", "1.37.0", "module", "amd64", Path("/nowhere/busybox.tar.gz")),
    "85c35f97c0047bee886ce03364437bf11d05b114cc2ed22600a9d612e9228a88",
    {"busybox": 2024544},
)
_LAYER = Layer(
    f"sha256:{SHELL.sha256}",
    1084860,
    "sha256:2528fc00e88ea33a902472d41429eeaff97279f0044a9c4b63893e687dfa7862",
    packed=True,
    path=SHELL.path,
)


def _served(name: str, listen: str) -> tuple[str, ...]:
    paths = Paths(name)
    return (f"{paths.programs}/busybox", "httpd", "-f", "-p", listen, "-h", paths.config)


def _endpoint(name: str, kind: EndpointKind, port: int, bind: str, scheme: str) -> Endpoint:
    return Endpoint(name, HOST, kind, "192.0.2.1", port, "/index.html", scheme, bind=bind)


def alpha() -> Component:
    """On the network of the components, with something of everything."""
    health = _endpoint("alpha", EndpointKind.HEALTH, 8080, "", "http")
    return Component(
        *("alpha", "alpha", HOST, SHELL, Account("alpha", ("adm",))),
        Service(
            _served("alpha", "8080"),
            "something of everything",
            health,
            environment={"TOLD": "two words, $5 and 50%"},
            reload=Reload(),
            hardening=Hardening(("CAP_DAC_READ_SEARCH", "CAP_NET_RAW"), "64M", 32),
            view=HostView(files=("/var/log", "/var/nowhere"), sockets=("/run/systemd/private",)),
        ),
        files=(
            ManagedFile("index.html", "hello\n"),
            ManagedFile("start.conf", "once\n", on_change=OnChange.RESTART),
            ManagedFile("targets/a.json", "[]\n", on_change=OnChange.NOTHING),
        ),
        directories=(Directory("/srv/alpha", writable=False),),
        endpoints=(
            health,
            _endpoint("alpha", EndpointKind.PEER, 9094, "127.0.0.1", "tcp"),
            _endpoint("alpha", EndpointKind.API, 8081, "127.0.0.2", "http"),
        ),
    )


def beta() -> Component:
    """On the host's own network, seeing the host; restarted for whatever changes."""
    health = _endpoint("beta", EndpointKind.HEALTH, 9105, "127.0.0.1", "http")
    return Component(
        *("beta", "beta", HOST, SHELL, Account("beta")),
        Service(
            _served("beta", "127.0.0.1:9105"),
            "the host's own",
            health,
            hardening=Hardening(memory_max="infinity"),
            view=HostView(processes=True, root=True),
        ),
        files=(ManagedFile("index.html", "hello\n"),),
        endpoints=(health,),
    )


def image(name: str) -> Image:
    """The image the recorded host had, without any file."""
    return Image(name, SHELL.version, "amd64", (_skeleton(name), _LAYER, _LAYER))


ALPHA = Container(alpha(), image("alpha"))
BETA = Container(beta(), image("beta"), host_network=True)

RECORDED = output("state_containers.txt")
Edit = Callable[[dict[str, Any]], None]


def _inspected() -> tuple[int, int]:
    start = RECORDED.index("#containers") + 1
    return start, next(n for n in range(start, len(RECORDED)) if RECORDED[n].startswith("#"))


@cache
def _shown() -> str:
    start, end = _inspected()
    return "\n".join(RECORDED[start:end])


def shown(edit: Edit = lambda listed: None) -> HostState:
    """What the host showed, after an edit of what its engine says, by container or network."""
    listed = json.loads(_shown())
    by_name = {each["Name"].lstrip("/"): each for each in listed}
    edit(by_name)
    start, end = _inspected()
    said = json.dumps([*by_name.values()]).splitlines()
    return parse_state([*RECORDED[:start], *said, *RECORDED[end:]])


def setting(path: str, value: Any, container: str = "stackwatch-alpha") -> Edit:
    """Something an engine shows of a container, otherwise; ``~`` in a name stands for ``/``."""
    *folders, last = (name.replace("~", "/") for name in path.split("/"))

    def edit(listed: dict[str, Any]) -> None:
        place: Any = listed[container]
        for folder in folders:
            place = place[folder]
        place[last] = value

    return edit


def found(state: HostState) -> Mapping[str, str]:
    """What is set of the first container, by names for people."""
    return state.containers["stackwatch-alpha"].settings


def inside(path: str, change: Callable[[Any], None]) -> HostState:
    """What an engine shows of the first container, changed in place below a path."""

    def edit(listed: dict[str, Any]) -> None:
        place = listed["stackwatch-alpha"]
        for folder in path.split("/"):
            place = place[folder]
        change(place)

    return shown(edit)


def words(container: Container) -> list[str]:
    """What ``create`` is told on a host that has everything."""
    return [shlex.split(line)[1] for line in container.definition.splitlines()]


def said(container: Container, option: str) -> list[str]:
    """The values of one option."""
    return [word[len(option) + 1 :] for word in words(container) if word.startswith(f"{option}=")]


def with_service(component: Component, **changed: Any) -> Component:
    return replace(component, service=replace(component.service, **changed))


def made_of(component: Component, container: Container = ALPHA) -> Container:
    return replace(container, component=component)


def hardened(**changed: Any) -> Container:
    return made_of(with_service(alpha(), hardening=Hardening(**changed)))
