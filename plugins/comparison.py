"""What is compared on every runtime alike: account, folders, files, what earlier runs left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plugins.model import ManagedFile
from plugins.runtimes.rendered import Rendered
from plugins.state import FileState, HostState

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
        service: True if what the runtime runs it by must be sent.
        action: What the service needs.
        twin: The runtime that runs it too and must not; empty where none does.
    """

    rendered: Rendered
    differences: tuple[Difference, ...]
    artifact: bool
    release: tuple[ManagedFile, ...]
    swap: bool
    hot: tuple[ManagedFile, ...]
    hot_strays: tuple[str, ...]
    service: bool
    action: Action
    twin: str = ""

    def __bool__(self) -> bool:
        return bool(self.differences)


def wrong(found: FileState | None, mode: str, owner: str, group: str, kind: str = "f") -> str:
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


class Comparison:
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
            self.note(directory.path, wrong(found, directory.mode, owner, owner, "d"))
            lost |= found is None
        for folder in (paths.etc, f"{paths.etc}/releases", paths.hot):
            # Whether it is needed at all its files tell.
            found = self.state.files.get(folder)
            if found:
                self.note(folder, wrong(found, "0750", "root", user, "d"))
        return lost

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
            what = wrong(there, file.mode, "root", user)
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

    def left_releases(self) -> None:
        """Releases that a broken run left, half-made ones among them."""
        live = release_folder(self.rendered, self.state)
        self.left(f"{self.rendered.paths.etc}/releases", live.rpartition("/")[2])

    def left(self, base: str, *keep: str) -> None:
        """Folders below ``base`` that are none of those to keep."""
        for name in {path.split("/")[0] for path in self.state.below(base)}:
            if name not in keep:
                self.note(f"{base}/{name}", "left over from an earlier run")

    def must_reload(self, loaded: str | None, swap: bool) -> bool:
        """Whether a service that runs as it should still has to read its configuration.

        Args:
            loaded: The release it has read.
            swap: A new one is swapped in.
        """
        if self.rendered.component.service.reload is None or not self.rendered.release:
            return False
        if swap:
            return True
        live = release_folder(self.rendered, self.state).rpartition("/")[2]
        return loaded != live and self.note(
            self.rendered.service, "has not loaded the configuration in force"
        )

    def programs(self) -> bool:
        """Compare the programs; True if they must be sent."""
        raise NotImplementedError

    def twin(self) -> str:
        """The runtime that runs the component too; empty where none does."""
        raise NotImplementedError

    def definition(self) -> bool:
        """Compare what the runtime runs it by; True if it must be sent."""
        raise NotImplementedError

    def service(self, swap: bool, replaced: bool) -> Action:
        """Compare what runs with what should; returns what the service needs.

        Args:
            swap: A new release is swapped in.
            replaced: Something under the running process is replaced that it does not notice.
        """
        raise NotImplementedError

    def leftovers(self) -> None:
        """Note what earlier runs left."""
        raise NotImplementedError

    def changes(self) -> Changes:
        """Everything that has to be done to make the component true on the host."""
        replaced = self.account()
        replaced |= self.directories()
        artifact = self.programs()
        release, swap = self.release()
        hot, hot_strays = self.files(self.rendered.paths.hot, self.rendered.hot)
        twin = self.twin()
        definition = self.definition()
        action = self.service(swap, replaced or artifact or bool(twin))
        self.leftovers()
        return Changes(
            self.rendered,
            tuple(self.found),
            artifact,
            tuple(release),
            swap,
            tuple(hot),
            tuple(hot_strays),
            definition,
            action,
            twin,
        )
