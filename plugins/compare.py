"""Compare: what a component should be against what its host has. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from plugins.artifacts.store import PACKED_MTIME
from plugins.model import ManagedFile
from plugins.paths import OPT
from plugins.runtimes.systemd import Rendered
from plugins.state import FileState, HostState, UnitState

CONTENT = "content differs"


class Action(StrEnum):
    """What the service needs."""

    NONE = "none"
    RELOAD = "reload"
    RESTART = "restart"


@dataclass(frozen=True)
class Difference:
    """One thing on a host that is not as it should be.

    Attributes:
        component: Whose it is.
        subject: A path or a unit.
        what: What is wrong, in words, with found and wanted values; never a secret.
        file: The managed file, where a diff of contents makes sense.
        alien: True for what no inventory puts on the host: a deploy leaves it alone.
    """

    component: str
    subject: str
    what: str
    file: ManagedFile | None = None
    alien: bool = False

    @property
    def diffable(self) -> bool:
        """True where both contents may be shown side by side: never for a secret."""
        return self.file is not None and not self.file.secret and self.what == CONTENT

    def __str__(self) -> str:
        return f"{self.component}: {self.subject}: {self.what}"


@dataclass(frozen=True)
class Changes:
    """Everything one converge run of one component has to do; empty when all is as it should be.

    Attributes:
        rendered: What is wanted.
        differences: Why there is something to do, for people.
        artifact: True if the programs must be sent.
        release: Files of the release to send; the others are taken over from the live one.
        swap: True if a new release must be swapped in.
        hot: Hot files to send.
        hot_strays: Hot files to remove, relative paths.
        unit: True if the unit's file must be sent.
        action: What the service needs.
    """

    rendered: Rendered
    differences: tuple[Difference, ...]
    artifact: bool
    release: tuple[ManagedFile, ...]
    swap: bool
    hot: tuple[ManagedFile, ...]
    hot_strays: tuple[str, ...]
    unit: bool
    action: Action

    def __bool__(self) -> bool:
        return bool(self.differences)


def _wrong(found: FileState | None, mode: str, owner: str, group: str, kind: str = "f") -> str:
    """Why a path is not as wanted, without looking at its content; empty when it is."""
    if found is None:
        return "missing"
    if found.kind != kind:
        return f"is of kind {found.kind!r}, not {kind!r}"
    if int(found.mode, 8) != int(mode, 8):
        return f"mode {found.mode.rjust(4, '0')}, should be {mode}"
    if (found.owner, found.group) != (owner, group):
        return f"owner {found.owner}:{found.group}, should be {owner}:{group}"
    return ""


def release_folder(rendered: Rendered, state: HostState) -> str:
    """Where the files of a component's release in force are; empty if it has none.

    A state lists files where they are, not behind the link that is swapped.
    """
    link = state.files.get(rendered.paths.config)
    return f"{rendered.paths.etc}/{link.target}" if link and link.kind == "l" else ""


class _Comparison:
    """One component against one host's state, difference by difference."""

    def __init__(self, rendered: Rendered, state: HostState) -> None:
        self.rendered = rendered
        self.state = state
        self.found: list[Difference] = []

    def note(self, subject: str, what: str, file: ManagedFile | None = None) -> bool:
        """Record a difference, if ``what`` names one; True if it did."""
        if what:
            self.found.append(Difference(self.rendered.name, subject, what, file))
        return bool(what)

    def account(self) -> bool:
        """Compare the account; True if it must be made, which a running service does not notice."""
        account = self.rendered.component.account
        groups = self.state.accounts.get(account.user, ())
        if not groups:
            self.note(f"account {account.user}", "missing")
        missing = [group for group in account.groups if groups and group not in groups]
        if missing:
            self.note(f"account {account.user}", f"not in group {', '.join(missing)}")
        return not groups

    def directories(self) -> bool:
        """Compare folders; True if one is missing that a running service still writes into."""
        user = self.rendered.component.account.user
        paths, lost = self.rendered.paths, False
        for directory in self.rendered.directories:
            owner = directory.owner or user
            found = self.state.files.get(directory.path)
            self.note(directory.path, _wrong(found, directory.mode, owner, owner, "d"))
            lost |= found is None
        for folder in (paths.etc, f"{paths.etc}/releases", paths.hot):
            # Whether it is needed at all its files tell.
            found = self.state.files.get(folder)
            if found:
                self.note(folder, _wrong(found, "0750", "root", user, "d"))
        return lost

    def programs(self) -> bool:
        """Compare the version folder; True if the programs must be sent."""
        rendered, folder = self.rendered, self.rendered.version_folder
        artifact = rendered.component.artifact
        found = self.state.below(folder)
        for above in (OPT, rendered.paths.versions):
            # Whether it is needed at all the programs tell.
            there = self.state.files.get(above)
            if there:
                self.note(above, _wrong(there, "0755", "root", "root", "d"))
        # Whoever may write into it may have replaced what is in it.
        there = self.state.files.get(folder)
        bad = there is not None and self.note(folder, _wrong(there, "0755", "root", "root", "d"))
        for name, size in artifact.files.items():
            there = found.pop(name, None)
            what = _wrong(there, "0755", "root", "root")
            if not what and there and (there.size, there.modified) != (size, PACKED_MTIME):
                what = "not the program that was installed"
            bad |= self.note(f"{folder}/{name}", what)
        for stray in found:
            bad |= self.note(f"{folder}/{stray}", "stray file")
        link = self.state.files.get(rendered.paths.programs)
        if link is None or link.target != artifact.version:
            was = link.target if link else "nothing"
            self.note(rendered.paths.programs, f"version {was}, should be {artifact.version}")
        return bad

    def files(
        self, folder: str, wanted: tuple[ManagedFile, ...]
    ) -> tuple[list[ManagedFile], list[str]]:
        """Compare files below a folder; returns what to send and what is stray."""
        user = self.rendered.component.account.user
        found = self.state.below(folder) if folder else {}
        hot = self.rendered.paths.hot
        shown = hot if folder == hot else self.rendered.paths.config
        send = []
        for file in wanted:
            there = found.pop(file.path, None)
            what = _wrong(there, file.mode, "root", user)
            if not what and there and there.sha256 != file.sha256:
                what = CONTENT
            if self.note(f"{shown}/{file.path}", what, file):
                send.append(file)
        strays = [path for path, there in found.items() if there.kind != "d"]
        for stray in strays:
            self.note(f"{shown}/{stray}", "stray file")
        return send, strays

    def release(self) -> tuple[list[ManagedFile], bool]:
        """Compare the release in force; returns what to send and whether to swap."""
        if not self.rendered.release:
            return [], False
        folder = release_folder(self.rendered, self.state)
        before = len(self.found)
        send, _ = self.files(folder, self.rendered.release)
        return send, len(self.found) > before

    def leftovers(self) -> None:
        """Folders a broken run left: other releases, other versions, half-made ones."""
        rendered = self.rendered
        live = release_folder(self.rendered, self.state)
        for base, keep in (
            (f"{rendered.paths.etc}/releases", live.rpartition("/")[2]),
            (rendered.paths.versions, rendered.component.artifact.version),
        ):
            for name in {path.split("/")[0] for path in self.state.below(base)}:
                if name not in (keep, "current"):
                    self.note(f"{base}/{name}", "left over from an earlier run")

    def unit(self) -> bool:
        """Compare the unit's file; True if it must be sent."""
        rendered = self.rendered
        found = self.state.files.get(rendered.unit_path)
        what = _wrong(found, "0644", "root", "root")
        wanted = hashlib.sha256(rendered.unit_text.encode()).hexdigest()
        if not what and found and found.sha256 != wanted:
            what = CONTENT
        unit_file = ManagedFile(rendered.unit, rendered.unit_text)
        return self.note(rendered.unit_path, what, unit_file)

    def overrides(self) -> bool:
        """Look for drop-ins that change the unit behind our back; True if there are any."""
        folder = f"/{self.rendered.unit}.d/"
        found = sorted(path for path in self.state.files if folder in path)
        for path in found:
            self.note(path, "stray file, it changes the unit")
        return bool(found)

    def service(self, swap: bool, replaced: bool) -> Action:
        """Compare what runs with what should; returns what the service needs.

        Args:
            swap: A new release is swapped in.
            replaced: Something under the running process is replaced that it does not notice.
        """
        rendered = self.rendered
        unit = self.state.units.get(rendered.unit)
        if unit is None or unit.active not in ("active", "reloading"):
            self.note(rendered.unit, f"is {unit.active if unit else 'not there'}")
            return Action.RESTART
        if unit.enabled != "enabled":
            self.note(rendered.unit, f"is {unit.enabled}, not started at boot")
        if unit.stale:
            self.note(rendered.unit, "systemd has not read its file yet")
        if unit.spec != rendered.spec:
            self.note(rendered.unit, "was started with another configuration or version")
        program = unit.program or ""
        if program and not program.startswith(f"{rendered.version_folder}/"):
            replaced |= self.note(rendered.unit, f"runs {program}")
        elif program.endswith("(deleted)"):
            replaced |= self.note(rendered.unit, "runs a program that was replaced since")
        if unit.spec != rendered.spec or replaced:
            return Action.RESTART
        return self._reload(unit, swap)

    def _reload(self, unit: UnitState, swap: bool) -> Action:
        """Whether a service that runs as it should still has to read its configuration."""
        if self.rendered.component.service.reload is None or not self.rendered.release:
            return Action.NONE
        if swap:
            return Action.RELOAD
        if unit.loaded != release_folder(self.rendered, self.state).rpartition("/")[2]:
            self.note(self.rendered.unit, "has not loaded the configuration in force")
            return Action.RELOAD
        return Action.NONE


def compare(rendered: Rendered, state: HostState) -> Changes:
    """Everything that has to be done to make one component true on one host.

    Args:
        rendered: The component as its runtime wants it.
        state: The host's state, as read in one round trip.
    """
    comparison = _Comparison(rendered, state)
    replaced = comparison.account()
    replaced |= comparison.directories()
    artifact = comparison.programs()
    release, swap = comparison.release()
    hot, hot_strays = comparison.files(rendered.paths.hot, rendered.hot)
    unit = comparison.unit()
    replaced |= comparison.overrides()
    action = comparison.service(swap, replaced or artifact)
    comparison.leftovers()
    return Changes(
        rendered,
        tuple(comparison.found),
        artifact,
        tuple(release),
        swap,
        tuple(hot),
        tuple(hot_strays),
        unit,
        action,
    )


def leftovers(state: HostState, wanted: Iterable[str]) -> tuple[Difference, ...]:
    """Components on a host that the inventory does not put there."""
    return tuple(
        Difference(
            name,
            f"component {name}",
            f"not in the inventory for this host: remove.py --data component={name}",
            alien=True,
        )
        for name in sorted(state.components - set(wanted))
    )
