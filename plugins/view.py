"""What a service sees of its host beyond its own folders."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HostView:
    """What a service must see of its host to do its work.

    A unit of systemd sees it anyway, as far as its hardening lets it; a container is given it.

    Attributes:
        processes: The host's processes.
        root: The whole tree of files, read-only, below :attr:`plugins.role.Context.host_root`.
        files: Files and folders that it reads at their own place; those that are not there
            are left out.
        sockets: Sockets that it connects to at their own place, likewise.
        programs: It runs programs of the host, or needs its libraries.
    """

    processes: bool = False
    root: bool = False
    files: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    programs: bool = False
