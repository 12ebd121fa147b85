"""A component that is to be a container, against what its host has."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cached_property

from plugins.comparison import Action, Comparison, release_folder
from plugins.containers import ContainerState, mount_words
from plugins.runtimes.docker import GID, GROUPS, TMPFS, UID, Container
from plugins.runtimes.images import HEALTH_CHECK
from plugins.runtimes.systemd import unit_name
from plugins.state import HostState

# What no container of ours is given, and what would let it out if somebody else gave it.
_NEVER = (
    "added hosts",
    "devices",
    "host name namespace",
    "kernel settings",
    "memory namespace",
    "name servers",
    "processors",
    "uncovered paths",
    "user namespace",
)


class ContainerComparison(Comparison):
    """One container against one host's state."""

    rendered: Container

    def __init__(self, rendered: Container, state: HostState) -> None:
        super().__init__(rendered, state)

    @property
    def found_container(self) -> ContainerState | None:
        """The container that is there."""
        return self.state.containers.get(self.rendered.container)

    def programs(self) -> bool:
        """Look for the image; True if it must be sent."""
        image = self.rendered.image
        known = {image.id, image.digest} - self.state.lost
        used = (c for c in self.state.containers.values() if c.component == self.rendered.name)
        if any(container.image in known for container in used):
            return False
        return self.note(f"image {image.tag}", "missing")

    def twin(self) -> str:
        """A unit of the same component."""
        unit = unit_name(self.rendered.name)
        there = unit in self.state.units
        return "systemd" if there and self.note(unit, "runs it too") else ""

    @cached_property
    def _wanted(self) -> Mapping[str, str]:
        """What the engine must show, in the words of :mod:`plugins.containers`."""
        container = self.rendered
        service, memory = container.component.service, str(container.memory)
        return {
            "user": self._numbered(container.user),
            "command": self._numbered(shlex.join(container.argv)),
            **{f"environment {name}": value for name, value in container.environment.items()},
            **{f"mount {m.target}": mount_words(m.source, m.writable) for m in container.mounts},
            **{f"tmpfs {path}": options for path, options in TMPFS.items()},
            **{f"port {inside}": f"{at}:{port}" for inside, at, port in container.ports},
            "capabilities": " ".join(container.granted),
            "dropped capabilities": "ALL",
            "privileged": "False",
            "read-only root": "True",
            "security options": self._security(),
            "memory": memory,
            "memory and swap": memory,
            "processes": str(service.hardening.tasks_max),
            "groups": self._groups(),
            "networks": container.network,
            "network mode": container.network,
            "process namespace": "host" if service.view.processes else "",
            **dict.fromkeys(_NEVER, ""),
            "restart policy": "always",
            "log driver": container.logs,
            "log options": json.dumps(dict(container.log_options), sort_keys=True),
            "stop timeout": str(service.stop_timeout),
            "health check": json.dumps(HEALTH_CHECK),
        }

    def _numbered(self, words: str) -> str:
        """Words with the numbers of the account on this host."""
        account = self.state.numbers.get(self.rendered.component.account.user)
        if account is None:
            return words
        listed = ",".join(account.groups.values())
        return words.replace(UID, account.uid).replace(GID, account.gid).replace(GROUPS, listed)

    def _security(self) -> str:
        # Engines say so by themselves of who sees the host's processes.
        seen = ["label=disable"] if self.rendered.component.service.view.processes else []
        return " ".join([*seen, "no-new-privileges"])

    def _groups(self) -> str:
        account = self.rendered.component.account
        found = self.state.numbers.get(account.user)
        return " ".join(sorted(found.groups.get(g, "?") if found else "?" for g in account.groups))

    def definition(self) -> bool:
        """Compare everything that is set; the container is made anew where something differs."""
        found, self.differs = self.found_container, False
        if found is None:
            return True
        subject, image = self.rendered.service, self.rendered.image
        if found.image not in (image.id, image.digest):
            self.differs |= self.note(subject, f"image is {found.image}, should be {image.id}")
        optional = {f"mount {mount.target}" for mount in self.rendered.mounts if mount.optional}
        for name in sorted({*self._wanted, *found.settings}):
            is_, should = found.settings.get(name), self._wanted.get(name)
            if is_ == should or (is_ is None and name in optional):
                continue
            said = "is not there" if is_ is None else f"is {is_!r}"
            meant = "should not be there" if should is None else f"should be {should!r}"
            self.differs |= self.note(subject, f"{name} {said}, {meant}")
        if found.spec != self.rendered.spec and not self.differs:
            self.differs = self.note(subject, "was made of another configuration")
        return True

    def service(self, swap: bool, replaced: bool) -> Action:
        """Compare the container's state with a running one's."""
        found, subject = self.found_container, self.rendered.service
        if found is None:
            self.note(subject, "is not there")
            return Action.RESTART
        if not found.running:
            self.note(subject, f"is {found.status}")
            return Action.RESTART
        if found.health == "unhealthy":
            self.note(subject, "is unhealthy")
            return Action.RESTART
        # A folder that was made anew is not the one that is mounted.
        if self.differs or replaced or self.rendered.paths.etc not in self.state.files:
            return Action.RESTART
        return Action.RELOAD if self.must_reload(self._loaded(found), swap) else Action.NONE

    def _loaded(self, found: ContainerState) -> str | None:
        """The release that the container's process has read.

        A run notes what it saw loaded, and of which start. An engine restarts containers by
        itself: such a start read what was linked by then.
        """
        release, started = self.state.loaded.get(self.rendered.name, ("", ""))
        if started == found.started_at:
            return release
        link = self.state.files.get(self.rendered.paths.config)
        # A link's time is known in whole seconds.
        if link is None or link.modified >= int(found.started):
            return None
        return release_folder(self.rendered, self.state).rpartition("/")[2]

    def leftovers(self) -> None:
        """Containers of a broken run, other releases, and programs of another runtime."""
        self.left_releases()
        self.left(self.rendered.paths.versions)
        for container in self.state.containers.values():
            own = container.component == self.rendered.name
            if own and container.name != self.rendered.container:
                self.note(f"container {container.name}", "left over from an earlier run")
