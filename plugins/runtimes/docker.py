"""The Docker runtime: a component as a container of an image made of its verified programs.

What a container should be is said once, as :class:`Container`: the command line that makes it,
what ``inspect`` must show of it and its service in a Compose file are all derived from there, so
drift is looked for in everything that is set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from plugins.model import EndpointKind
from plugins.podman import health_words
from plugins.runtimes.images import HEALTH, PATH, SHELL, Image
from plugins.runtimes.mounts import Mount, lines, mounts
from plugins.runtimes.registry import Registry
from plugins.runtimes.rendered import Deliverable, Rendered, digest

NETWORK = "stackwatch"
SPEC, OWNER = "stackwatch.spec", "stackwatch.component"
ACCOUNT = "stackwatch.user"
# Only the host knows the numbers of an account that is made there.
UID, GID, GROUPS = "@uid@", "@gid@", "@groups@"
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
TMPFS = {"/tmp": "rw,noexec,nosuid,nodev,size=64m"}  # noqa: S108  # the container's own
# To become another account and keep some of root's rights.
_HANDING_OVER = ("SETGID", "SETPCAP", "SETUID")


def container_name(component: str) -> str:
    """The container of a component; what programs beside it on its network call it, too."""
    return f"stackwatch-{component}"


def memory_bytes(size: str) -> int:
    """A systemd size in bytes; 0 for no limit."""
    if size == "infinity":
        return 0
    return int(size.rstrip("KMGT")) * _UNITS.get(size[-1], 1)


@dataclass(frozen=True)
class Container(Rendered):
    """A component as a container.

    Attributes:
        image: What it is made of.
        host_network: It works on the host's own interfaces.
        engine: The program that runs it.
        logs: The engine's driver for what it writes.
    """

    runtime = "docker"
    kind = "container"

    image: Image
    host_network: bool = False
    engine: str = "docker"
    logs: str = "journald"

    @property
    def container(self) -> str:
        """The container's name."""
        return container_name(self.name)

    @property
    def version(self) -> str:
        """The image."""
        return self.image.tag

    @property
    def variables(self) -> Mapping[str, str]:
        """The engine, and what it may call the image."""
        known = f"{self.image.id} {self.image.digest}"
        return {"engine": self.engine, "network": NETWORK, "image_ids": known}

    @property
    def programs(self) -> str:
        """Where every image has its programs."""
        return self.paths.programs

    @property
    def service(self) -> str:
        """The container."""
        return f"container {self.container}"

    @property
    def running(self) -> frozenset[str]:
        """What engines say of a container that runs; its first health check takes a while."""
        return frozenset({"running (healthy)", "running (starting)", "running (none)"})

    @cached_property
    def capabilities(self) -> tuple[str, ...]:
        """Capabilities its process keeps, as engines name them.

        Not those for raw sockets: engines let every container ping without.
        """
        named = self.component.service.hardening.capabilities
        return tuple(sorted(name.removeprefix("CAP_") for name in named if name != "CAP_NET_RAW"))

    @cached_property
    def granted(self) -> tuple[str, ...]:
        """Capabilities the container starts with."""
        if not self.capabilities:
            return ()
        return tuple(sorted({*self.capabilities, *_HANDING_OVER}))

    @cached_property
    def user(self) -> str:
        """Whom the container starts as."""
        return "0:0" if self.capabilities else f"{UID}:{GID}"

    @cached_property
    def argv(self) -> tuple[str, ...]:
        """The command. Engines give capabilities to root alone: the host's setpriv hands on those
        that are needed, to the component's account, and no other process ever has them.
        """
        argv = self.component.service.argv
        if not self.capabilities:
            return argv
        kept = ",".join(["-all", *(f"+{name.lower()}" for name in self.capabilities)])
        return (
            "/usr/bin/setpriv",
            f"--reuid={UID}",
            f"--regid={GID}",
            f"--groups={GROUPS}",
            f"--inh-caps={kept}",
            f"--ambient-caps={kept}",
            f"--bounding-set={kept}",
            "--",
            *argv,
        )

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """Its environment; there is never a secret in it."""
        health = self.component.service.health
        asked = health.local_url if self.host_network else health.loopback_url
        return {"PATH": PATH, HEALTH: asked, **self.component.service.environment}

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """Everything of the host that it sees, by where it sees it."""
        return mounts(self.component, self.directories, capable=bool(self.capabilities))

    @cached_property
    def ports(self) -> tuple[tuple[str, str, int], ...]:
        """What is published: (``port/protocol``, address of the host, port of the host)."""
        if self.host_network:
            return ()
        found = set()
        for endpoint in self.component.endpoints:
            protocols = ["tcp"]
            if endpoint.kind is EndpointKind.PEER and endpoint.scheme == "tcp":
                # Gossip goes both ways.
                protocols.append("udp")
            for protocol in protocols:
                # Engines take no names.
                address = "127.0.0.1" if endpoint.bind == "localhost" else endpoint.bind
                found.add((f"{endpoint.port}/{protocol}", address, endpoint.port))
        return tuple(sorted(found))

    @property
    def log_options(self) -> Mapping[str, str]:
        """Options of the log driver: its lines are known in the journal, a file ends somewhere."""
        if self.logs == "journald":
            return {"tag": self.container}
        return {"max-file": "3", "max-size": "10m"}

    @property
    def network(self) -> str:
        """The network it is in."""
        return "host" if self.host_network else NETWORK

    @cached_property
    def memory(self) -> int:
        """Its memory limit in bytes; 0 for none."""
        return memory_bytes(self.component.service.hardening.memory_max)

    @cached_property
    def spec(self) -> str:
        """Hash of everything a change of which needs another container."""
        files = {file.path: file.sha256 for file in self.restart_files}
        return digest({"words": [*self._words("")], "image": self.image.id, "files": files})

    @property
    def definition(self) -> str:
        """Words of ``create``, one a line, for docker.sh."""
        return lines(self._words(self.spec))

    @property
    def busybox(self) -> str:
        """The image's own."""
        return "" if self.host_network else f"{self.engine} exec {self.container} {SHELL}"

    def deliverable(self) -> Deliverable:
        """The image as a tar that the engine loads."""
        pieces = tuple(self.image.pieces())
        summed = hashlib.sha256()
        for piece in pieces:
            summed.update(piece)
        return Deliverable("image", self.image.tag, summed.hexdigest(), pieces)

    @property
    def images(self) -> tuple[Image, ...]:
        """Its image."""
        return (self.image,)

    def pulled(self, registry: Registry) -> Deliverable:
        """The image by the digest that the registry knows it by."""
        name = f"{registry.reference(self.image)}={self.image.tag}"
        return Deliverable("reference", name, hashlib.sha256(b"").hexdigest(), ())

    @property
    def rehearsal(self) -> str:
        """Words of ``run`` for a check of what is staged, which sees what the service will."""
        words = [
            "--rm",
            "--network=none",
            f"--user={UID}:{GID}",
            *self._confined(),
            *self._mounted(),
        ]
        return lines([*words, "--no-healthcheck", self.image.tag])

    def _words(self, spec: str) -> Iterator[str]:
        service = self.component.service
        yield f"--label={SPEC}={spec}"
        yield f"--label={OWNER}={self.name}"
        yield f"--label={ACCOUNT}={self.component.account.user}"
        yield f"--user={self.user}"
        yield f"--network={self.network}"
        yield "--restart=always"
        yield f"--stop-timeout={service.stop_timeout}"
        yield f"--log-driver={self.logs}"
        yield from (f"--log-opt={name}={value}" for name, value in self.log_options.items())
        if self.component.service.view.processes:
            yield "--pid=host"
        yield from self._confined()
        yield from (f"--cap-add={name}" for name in self.granted)
        yield from self._mounted()
        for inside, address, port in self.ports:
            yield f"--publish={_bracketed(address)}{port}:{inside}"
        # PATH is the image's own.
        for name, value in sorted(self.environment.items()):
            yield f"--env={name}={value}"
        yield from health_words() if self.engine == "podman" else ()
        yield self.image.tag
        yield from self.argv

    def _confined(self) -> Iterator[str]:
        yield from ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
        yield from (f"--tmpfs={path}:{options}" for path, options in TMPFS.items())
        yield f"--pids-limit={self.component.service.hardening.tasks_max}"
        if self.memory:
            yield f"--memory={self.memory}"
            yield f"--memory-swap={self.memory}"
        # One word for each group: the host finds out their numbers.
        yield from (f"--group-add=@group:{name}@" for name in self.component.account.groups)

    def _mounted(self) -> Iterator[str]:
        for mount in self.mounts:
            yield f"{'?' + mount.source + ' ' if mount.optional else ''}--mount={mount.word}"


def _bracketed(address: str) -> str:
    if not address:
        return ""
    return f"[{address}]:" if ":" in address else f"{address}:"
