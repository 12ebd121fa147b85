"""What a host really has: one fact, one command, one round trip for all its components."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from plugins.containers import ContainerState, parse_containers
from plugins.prepared import PreparedState, read
from plugins.scripts import assigned, script

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class FileState:
    """One file, folder or link as found.

    Attributes:
        kind: ``f`` file, ``d`` folder, ``l`` link, as find(1) prints it.
        mode: Octal digits without a leading zero, for example ``644``.
        size: Bytes.
        modified: Unix seconds.
        target: What a link points to.
        sha256: Of the content, for files below /etc.
    """

    kind: str
    mode: str
    owner: str
    group: str
    size: int
    modified: int
    target: str
    sha256: str | None = None


@dataclass(frozen=True)
class UnitState:
    """One unit as systemd sees it.

    Attributes:
        active: For example ``active``, ``inactive``, ``failed``, ``activating``.
        enabled: For example ``enabled``, ``disabled``.
        stale: True if the unit's file changed since systemd read it.
        spec: Hash the running process was started with; None when none runs.
        loaded: The release the running process last read; None when none runs.
        restarts: Automatic restarts since the last start.
        program: Path of the program the running process was started from, with ``(deleted)``
            behind it if that file is gone; None when none runs.
    """

    active: str
    substate: str
    enabled: str
    stale: bool
    restarts: int
    spec: str | None = None
    loaded: str | None = None
    program: str | None = None


@dataclass(frozen=True)
class AccountNumbers:
    """What the kernel knows an account by, on one host.

    Attributes:
        uid: Of the account.
        gid: Of its own group.
        groups: All its groups by name.
    """

    uid: str
    gid: str
    groups: Mapping[str, str]


@dataclass(frozen=True)
class HostState:
    """Everything stackwatch manages on one host.

    Attributes:
        facts: ``machine``, ``os``, ``uid``, ``curl``, ``systemd`` as the script prints them.
        files: By absolute path.
        units: By unit name.
        accounts: Account to its groups; empty when it does not exist.
        numbers: Account to its numbers.
        containers: Containers of ours by name.
        networks: Networks of ours.
        loaded: Component to the release its container has loaded, and when that was started.
        prepared: What preparations are compared by, where it was asked for.
        lost: Images of containers that do not run which are there no more.
        trees: Folder of a version that has folders in it to the digest of its listing, see
            :class:`plugins.packed.Tree`.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, FileState] = field(default_factory=dict)
    units: Mapping[str, UnitState] = field(default_factory=dict)
    accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, AccountNumbers] = field(default_factory=dict)
    containers: Mapping[str, ContainerState] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    loaded: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    prepared: PreparedState = field(default_factory=PreparedState)
    lost: frozenset[str] = frozenset()
    trees: Mapping[str, str] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """``amd64``, ``arm64`` or whatever the kernel says."""
        machine = self.facts.get("machine", "")
        return ARCHITECTURES.get(machine, machine)

    def below(self, folder: str) -> dict[str, FileState]:
        """Everything below a folder, by path relative to it."""
        prefix = f"{folder}/"
        return {p[len(prefix) :]: s for p, s in self.files.items() if p.startswith(prefix)}

    @property
    def components(self) -> frozenset[str]:
        """Names of components that left something on the host, in the inventory or not."""
        units = {name.removeprefix("stackwatch-").removesuffix(".service") for name in self.units}
        folders = {
            path.split("/")[3]
            for path in self.files
            if path.startswith(("/etc/stackwatch/", "/opt/stackwatch/"))
        }
        containers = {container.component for container in self.containers.values()}
        # What begins with a dot is half-made, and goes with the next change.
        found = units | folders | containers
        return frozenset(name for name in found if not name.startswith("."))


def _sections(lines: Iterable[str]) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith("#"):
            current = sections.setdefault(line[1:], [])
        else:
            current.append(line)
    return sections


def _files(listed: Iterable[str], sums: Iterable[str]) -> dict[str, FileState]:
    digests = {}
    for line in sums:
        digest, _, path = line.partition("  ")
        digests[path] = digest
    files = {}
    for line in listed:
        kind, mode, owner, group, size, modified, path, target = line.split("\t")
        files[path] = FileState(
            kind, mode, owner, group, int(size), int(modified), target, digests.get(path)
        )
    return files


def _units(
    shown: Iterable[str], running: Iterable[str], programs: Iterable[str]
) -> dict[str, UnitState]:
    started_from = dict(line.split(" ", 1) for line in programs if " " in line)
    alive: dict[str, tuple[str | None, str | None]] = {}
    for line in running:
        name, _, rest = line.partition(" ")
        spec, _, loaded = rest.partition(" ")
        alive[name] = (None if spec == "-" else spec, loaded or None)
    units: dict[str, UnitState] = {}
    block: dict[str, str] = {}
    for line in [*shown, ""]:
        if line:
            key, _, value = line.partition("=")
            block[key] = value
        elif block:
            started_with, loaded_release = alive.get(block["Id"], (None, None))
            units[block["Id"]] = UnitState(
                block["ActiveState"],
                block["SubState"],
                block["UnitFileState"],
                block["NeedDaemonReload"] == "yes",
                int(block["NRestarts"]),
                started_with,
                loaded_release,
                started_from.get(block["Id"]),
            )
            block = {}
    return units


def _accounts(
    lines: Iterable[str],
) -> tuple[dict[str, tuple[str, ...]], dict[str, AccountNumbers]]:
    """Lines of an account, the numbers of it and its groups, and its groups' names."""
    accounts, numbers = {}, {}
    for line in lines:
        user, _, rest = line.partition(" ")
        uid, gids, *groups = rest.split() or ("", "")
        accounts[user] = tuple(groups)
        if groups:
            listed = gids.split(",")
            named = dict(zip(groups, listed, strict=True))
            numbers[user] = AccountNumbers(uid, listed[0], named)
    return accounts, numbers


def _loaded(lines: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Lines of a component, its release and when its container was started."""
    loaded = {}
    for line in lines:
        component, release, started = line.split(" ")
        loaded[component] = (release, started)
    return loaded


def _trees(lines: Iterable[str]) -> dict[str, str]:
    """Lines of a digest and a folder."""
    return {folder: digest for digest, folder in (line.split(" ", 1) for line in lines)}


def parse_state(lines: list[str]) -> HostState:
    """Read the output of ``state.sh``.

    Raises:
        FactProcessError: The output is cut off or not in the expected form.
    """
    if not lines or lines[-1] != "#end":
        raise FactProcessError("the state of the host was cut off: the connection broke?")
    sections = _sections(lines)
    facts: dict[str, str] = {}
    try:
        for line in sections["host"]:
            key, _, value = line.partition(" ")
            facts[key] = value
        accounts, numbers = _accounts(sections.get("accounts", []))
        containers, networks = parse_containers("\n".join(sections.get("containers", [])))
        return HostState(
            facts,
            _files(sections["files"], sections["sums"]),
            _units(
                sections.get("units", []),
                sections.get("running", []),
                sections.get("programs", []),
            ),
            accounts,
            numbers,
            containers,
            networks,
            _loaded(sections.get("loaded", [])),
            read(sections),
            frozenset(sections.get("lost", [])),
            _trees(sections.get("trees", [])),
        )
    except (KeyError, ValueError) as error:
        raise FactProcessError(f"the state of the host cannot be read: {error!r}") from error


class StackwatchState(FactBase[HostState]):
    """
    Returns the state of everything stackwatch manages on a host: files with hashes, owners
    and modes, version links, accounts, units, and what the running services were started with.

    + folders: further folders to look at, beside stackwatch's own
    + prepared: what to tell of preparations, see ``plugins.preparation.asked``
    """

    default: Callable[[], HostState] = staticmethod(HostState)

    def command(
        self, folders: tuple[str, ...] = (), prepared: tuple[tuple[str, str], ...] = ()
    ) -> str:
        """The script with its arguments; what preparations need goes first."""
        arguments = " ".join(shlex.quote(folder) for folder in folders)
        more = assigned(dict(prepared)) + script("prepared") if prepared else ""
        return f"set -- {arguments}\n{more}{script('state')}"

    def process(self, output: list[str]) -> HostState:
        """Parse the script's output."""
        return parse_state(output)
