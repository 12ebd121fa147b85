"""The values the parts of stackwatch hand to each other.

A role turns settings into one :class:`Component`; a runtime turns a component into
files and a service on a host; checks prove it. Everything here is frozen: a value
that was validated once stays what it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from plugins.check import Check, CheckKind
from plugins.endpoint import EMPTY, Credentials, Endpoint, EndpointKind, Trust
from plugins.packed import Artifact, Tree
from plugins.problem import ArtifactError, Problem, SiteError
from plugins.view import HostView

if TYPE_CHECKING:
    from plugins.wishes import Wish

__all__ = [
    "EMPTY",
    "Account",
    "Artifact",
    "ArtifactError",
    "Check",
    "CheckKind",
    "Component",
    "Credentials",
    "Directory",
    "Endpoint",
    "EndpointKind",
    "Guard",
    "Hardening",
    "HostView",
    "ManagedFile",
    "OnChange",
    "Problem",
    "Proof",
    "Reload",
    "Service",
    "SiteError",
    "Tree",
    "Trust",
    "Validator",
]


class OnChange(StrEnum):
    """What a changed file asks of the running service."""

    NOTHING = "nothing"
    RELOAD = "reload"
    RESTART = "restart"


@dataclass(frozen=True)
class ManagedFile:
    """One configuration file of a component.

    Attributes:
        path: Relative to the component's configuration folder.
        content: Text, UTF-8.
        on_change: What a change asks of the service. ``NOTHING`` files live outside the
            release (``live/``) in ``hot/`` and are replaced one by one, for programs that
            watch them.
        secret: True keeps the content out of every diff, log and world-readable file.
        executable: True sets the execute bits.
    """

    path: str
    content: str
    on_change: OnChange = OnChange.RELOAD
    secret: bool = False
    executable: bool = False

    def __post_init__(self) -> None:
        path = PurePosixPath(self.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"managed file path {self.path!r} must be relative, without '..'")

    @property
    def mode(self) -> str:
        """Octal mode: owner root writes, the service's group reads, others nothing for secrets."""
        if self.secret:
            return "0640"
        return "0755" if self.executable else "0644"

    @property
    def sha256(self) -> str:
        """Digest of the content, hexadecimal."""
        return hashlib.sha256(self.content.encode()).hexdigest()


@dataclass(frozen=True)
class Account:
    """The unprivileged system account a service runs as (no home, no shell)."""

    user: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Directory:
    """A folder a component needs beside its configuration; never removed unless asked by name.

    Attributes:
        path: Absolute path on the host.
        mode: Octal mode.
        owner: Account name; None means the component's own.
        writable: True lets the service write below it in spite of ProtectSystem=strict.
    """

    path: str
    mode: str = "0750"
    owner: str | None = None
    writable: bool = True


@dataclass(frozen=True)
class Validator:
    """A check of staged configuration with the component's own program, as its own user.

    Attributes:
        argv: The command. ``{bin}`` is the staged version's program folder, ``{config}``
            the staged configuration folder.
    """

    argv: tuple[str, ...]


@dataclass(frozen=True)
class Guard:
    """What must not become of a file while its component has stored something.

    Attributes:
        path: A managed file, relative to the component's configuration folder.
        refuse: From the live content and the new one to the reason why the change is refused;
            None where it may be made. Asked before anything on the host is touched.
    """

    path: str
    refuse: Callable[[str, str], str | None]


@dataclass(frozen=True)
class Proof:
    """What shows that a reload was accepted, read from the component itself.

    Attributes:
        success: Metric that must be 1 after the reload; empty where the component has none.
        timestamp: Metric with the time of the last accepted reload (Unix seconds); must not be
            older than the reload. Empty where the component has none.
        contains: (path, text) pairs: the text must appear in the body of that path, for
            example a hash of the configuration that was rendered.
    """

    success: str = ""
    timestamp: str = ""
    contains: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reload:
    """How a running service takes new configuration without a restart.

    Attributes:
        signal: What tells it; ``0`` for a service that looks at its files by itself, empty for
            one that is told by ``posts`` alone.
        proof: What shows that it did.
        posts: Its own addresses that its host then posts to, one after the other, with their
            credentials where they have any: an answer 2xx is a reload that was accepted, any
            other makes it fail.
    """

    signal: str = "HUP"
    proof: Proof | None = None
    posts: tuple[Endpoint, ...] = ()

    def __post_init__(self) -> None:
        if not self.signal and not self.posts:
            raise ValueError("a reload needs a signal or an address to post to")


@dataclass(frozen=True)
class Hardening:
    """Exceptions from the hardened unit; the defaults take everything away.

    Attributes:
        capabilities: Linux capabilities kept, for example ``CAP_NET_RAW``.
        memory_max: systemd size, ``MemoryMax=``.
        tasks_max: Threads and processes, ``TasksMax=``.
        protect_proc: ``ProtectProc=``; ``default`` lets the service see foreign processes.
        protect_home: ``ProtectHome=``.
        address_families: ``RestrictAddressFamilies=``.
        syscalls: ``SystemCallFilter=`` groups.
        overrides: Native unit directives, applied last, for example ``{"ProtectClock": "no"}``.
    """

    capabilities: tuple[str, ...] = ()
    memory_max: str = "1G"
    tasks_max: int = 512
    protect_proc: str = "invisible"
    protect_home: str = "yes"
    address_families: tuple[str, ...] = ("AF_INET", "AF_INET6", "AF_UNIX")
    syscalls: tuple[str, ...] = ("@system-service", "~@privileged @resources")
    overrides: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True)
class Service:
    """The long-running process of a component.

    Attributes:
        argv: Program (a file of the artifact) and its arguments.
        environment: Extra environment; never secrets.
        reload: How to hand over new configuration; None means by restart only.
        health: The endpoint that answers 2xx when the service is healthy.
        start_timeout: Seconds to wait for health after a start.
        stop_timeout: Seconds before a stop is forced.
        hardening: Exceptions from the hardened defaults.
        view: What it sees of its host beyond its own folders.
        description: One line for the unit.
    """

    argv: tuple[str, ...]
    description: str
    health: Endpoint
    environment: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    reload: Reload | None = None
    start_timeout: int = 60
    stop_timeout: int = 30
    hardening: Hardening = field(default_factory=Hardening)
    view: HostView = field(default_factory=HostView)


@dataclass(frozen=True)
class Component:
    """Everything one role wants to be true on one host. Knows no runtime.

    Attributes:
        name: Unique on its host; names the unit, the folders and the account's default.
        role: The role it came from.
        host: Inventory name of its host.
        artifact: The verified program; None only for a component the site allows to be missing.
        account: Whom the service runs as.
        service: The process.
        files: Configuration files.
        directories: Folders beside the configuration (data).
        validators: Checks of staged configuration before anything is swapped.
        endpoints: Addresses it answers on.
        checks: What smoke checks prove.
        guards: What of its live configuration must not be changed.
        wishes: What no file can say, made through its API once it runs.
    """

    name: str
    role: str
    host: str
    artifact: Artifact
    account: Account
    service: Service
    files: tuple[ManagedFile, ...] = ()
    directories: tuple[Directory, ...] = ()
    validators: tuple[Validator, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    checks: tuple[Check, ...] = ()
    guards: tuple[Guard, ...] = ()
    wishes: tuple[Wish, ...] = ()
