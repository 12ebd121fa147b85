"""What a role may want of its host itself: packages, files and a service of the distribution's.

A role that prepares a host makes no component: nothing of it is in the store, below
``/etc/stackwatch`` or scraped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugins.comparison import CONTENT, Difference
from plugins.model import Component, ManagedFile
from plugins.role import Context, Role
from plugins.settings import Settings
from plugins.state import FileState, HostState

if TYPE_CHECKING:
    from plugins.site import Host

# What dpkg says of a package that it has nothing to do with, or is done with.
_SETTLED = frozenset({"installed", "config-files", "not-installed"})


@dataclass(frozen=True)
class SystemFile:
    """A file outside our own folders; root's, and readable by everybody.

    Attributes:
        path: Absolute path.
        content: Text, UTF-8.
        check: Command that accepts it before it is put in place; ``{file}`` is where it lies then.
        refuse: From what is there and the new content to the reason why it is not replaced; None
            where it may be.
    """

    path: str
    content: str
    check: tuple[str, ...] = ()
    refuse: Callable[[str, str], str | None] = lambda found, wanted: None

    @property
    def sha256(self) -> str:
        """Digest of the content, hexadecimal."""
        return hashlib.sha256(self.content.encode()).hexdigest()


@dataclass(frozen=True)
class Repository:
    """A repository of packages beside the distribution's own.

    Attributes:
        name: Names its files.
        url: Where it is.
        suite: For example ``trixie``.
        components: For example ``("stable",)``.
        key: The armored key that its packages must be signed with.
    """

    name: str
    url: str
    suite: str
    components: tuple[str, ...]
    key: str

    @property
    def files(self) -> tuple[SystemFile, ...]:
        """Its key, then where it is; sources.list(5), "DEB822-STYLE FORMAT"."""
        key = f"/etc/apt/keyrings/stackwatch-{self.name}.asc"
        lines = (
            "# Managed by stackwatch: a run of deploy.py replaces what is edited here.",
            "Types: deb",
            f"URIs: {self.url}",
            f"Suites: {self.suite}",
            f"Components: {' '.join(self.components)}",
            f"Signed-By: {key}",
        )
        sources = f"/etc/apt/sources.list.d/stackwatch-{self.name}.sources"
        return (SystemFile(key, self.key), SystemFile(sources, "\n".join(lines) + "\n"))


@dataclass(frozen=True)
class Preparation:
    """What one role wants to be true of its host.

    Attributes:
        name: The role's name.
        programs: What must be there, whoever installed it.
        packages: What is installed where one of the programs is missing; ``name=version`` pins.
        service: The service, without ``.service``.
        files: Its configuration; a change is a restart.
        repository: Where the packages are, if not in the distribution's own repositories.
        reloaded: Command that succeeds once a reload was taken over; what counts by then, counts
            during the restart. Empty restarts at once.
    """

    name: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    service: str
    files: tuple[SystemFile, ...]
    repository: Repository | None = None
    reloaded: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The service's unit."""
        return f"{self.service}.service"

    @property
    def repository_files(self) -> tuple[SystemFile, ...]:
        """Files that apt reads; the service does not."""
        return self.repository.files if self.repository else ()

    @property
    def package_names(self) -> tuple[str, ...]:
        """The packages without their versions."""
        return tuple(package.partition("=")[0] for package in self.packages)


@dataclass(frozen=True)
class Preparer:
    """A role that prepares its host, as data.

    Attributes:
        name: Name of the role and its group.
        summary: One line for people.
        settings: Its settings class; it needs no port.
        prepares: From a host and the role's settings on it to what is wanted.
    """

    name: str
    summary: str
    settings: type[Settings]
    prepares: Callable[[Host, Any], Preparation]

    def role(self) -> Role:
        """The role this data describes: it answers on nothing and runs nothing of ours."""
        return Role(
            name=self.name,
            summary=self.summary,
            settings=self.settings,
            artifact="",
            kind="host",
            endpoints=lambda host, settings: (),
            component=_no_component,
            prepares=self.prepares,
        )


def _no_component(context: Context) -> Component:
    raise LookupError(f"a role that only prepares {context.host.name} has no component")


@dataclass(frozen=True)
class Steps:
    """What has to be done to one preparation on one host; empty when all is as it should be.

    Attributes:
        preparation: What is wanted.
        differences: Why there is something to do, for people.
        install: True if the packages must be installed.
        repository_files: Files of the repository to send.
        files: Files of the service's configuration to send.
        restart: True if the service must be restarted.
    """

    preparation: Preparation
    differences: tuple[Difference, ...]
    install: bool
    repository_files: tuple[SystemFile, ...]
    files: tuple[SystemFile, ...]
    restart: bool

    def __bool__(self) -> bool:
        return bool(self.differences)

    @property
    def action(self) -> str:
        """What is done, in a word."""
        if self.install:
            return "install"
        return "restart" if self.restart else "files" if self.repository_files else "enable"


class _Comparison:
    def __init__(self, preparation: Preparation, state: HostState) -> None:
        self.preparation = preparation
        self.state = state
        self.found: list[Difference] = []

    def note(self, subject: str, what: str, file: ManagedFile | None = None) -> bool:
        """Record a difference, if ``what`` names one; True if it did."""
        if what:
            self.found.append(Difference(self.preparation.name, subject, what, file))
        return bool(what)

    def packages(self) -> bool:
        """Whether packages must be installed: a program is missing, or dpkg was cut off."""
        wanted, there = self.preparation, self.state.prepared
        missing = [program for program in wanted.programs if program not in there.programs]
        broken = [name for name, state in there.packages.items() if state not in _SETTLED]
        for name in broken:
            self.note(f"package {name}", f"is {there.packages[name]}")
        if missing:
            what = f"to be installed, {' and '.join(missing)} missing"
            self.note(f"packages {' '.join(wanted.packages)}", what)
        return bool(missing or broken)

    def files(self, wanted: Iterable[SystemFile]) -> tuple[SystemFile, ...]:
        """Those that are not as they should be."""
        return tuple(file for file in wanted if self._file(file))

    def _file(self, file: SystemFile) -> bool:
        shown = ManagedFile(file.path.lstrip("/"), file.content)
        return self.note(file.path, _wrong(self.state.files.get(file.path), file), shown)

    def service(self, install: bool) -> bool:
        """Whether the service must be restarted, whatever else changes."""
        unit = self.preparation.unit
        found = self.state.prepared.services.get(unit)
        if found is None:
            # Its package brings it; where that is there, somebody took it away.
            return install or self.note(unit, "is not there")
        if found.enabled != "enabled":
            self.note(unit, f"is {found.enabled}, not started at boot")
        if found.active != "active":
            return self.note(unit, f"is {found.active}")
        return found.unread and self.note(unit, "was started before its configuration was written")


def _wrong(found: FileState | None, wanted: SystemFile) -> str:
    """Why a file is not as wanted; empty when it is."""
    if found is None:
        return "missing"
    if (found.kind, found.owner, found.group) != ("f", "root", "root"):
        return f"is of kind {found.kind!r} and {found.owner}:{found.group}'s"
    if int(found.mode, 8) != 0o644:
        return f"mode {found.mode.rjust(4, '0')}, should be 0644"
    return "" if found.sha256 == wanted.sha256 else CONTENT


def steps(preparation: Preparation, state: HostState) -> Steps:
    """Everything that has to be done to prepare one host.

    Args:
        preparation: What is wanted.
        state: The host's state, read with what :func:`asked` asks for.
    """
    comparison = _Comparison(preparation, state)
    install = comparison.packages()
    repository_files = comparison.files(preparation.repository_files)
    files = comparison.files(preparation.files)
    restart = comparison.service(install)
    return Steps(
        preparation,
        tuple(comparison.found),
        install,
        repository_files,
        files,
        restart or bool(files),
    )


def paths(preparations: Iterable[Preparation]) -> tuple[str, ...]:
    """Every file of some preparations."""
    return tuple(file.path for p in preparations for file in (*p.repository_files, *p.files))


def asked(preparations: tuple[Preparation, ...]) -> tuple[tuple[str, str], ...]:
    """What ``prepared.sh`` must tell of a host, as its variables; nothing where nobody asks."""
    if not preparations:
        return ()
    lines = (" ".join((p.unit, *(file.path for file in p.files))) for p in preparations)
    return (
        ("programs", " ".join(program for p in preparations for program in p.programs)),
        ("packages", " ".join(name for p in preparations for name in p.package_names)),
        ("files", " ".join(paths(preparations))),
        ("services", "\n".join(lines)),
    )
