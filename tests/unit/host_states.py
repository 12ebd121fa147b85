"""Host states for unit tests: what a host shows when everything is as it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from plugins.artifacts.packing import PACKED_MTIME
from plugins.runtimes.systemd import Unit
from plugins.state import FileState, HostState, UnitState

FACTS = {"machine": "x86_64", "os": "debian 13", "uid": "0", "curl": "yes", "systemd": "yes"}
STAMP = "1795259337596816786"
Edit = Callable[[HostState], HostState]


def _file(content: str, mode: str, group: str) -> FileState:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return FileState("f", mode.lstrip("0"), "root", group, len(content), 1, "", digest)


def _folder(mode: str, owner: str, group: str) -> FileState:
    return FileState("d", mode.lstrip("0"), owner, group, 4096, 1, "")


def _link(target: str) -> FileState:
    return FileState("l", "777", "root", "root", len(target), 1, target)


def _files(wanted: Unit) -> dict[str, FileState]:
    user, paths = wanted.component.account.user, wanted.paths
    release = f"releases/{wanted.release_hash}.{STAMP}"
    files = {
        paths.etc: _folder("0750", "root", user),
        f"{paths.etc}/releases": _folder("0750", "root", user),
    }
    if wanted.release:
        files[paths.config] = _link(release)
        files[f"{paths.etc}/{release}"] = _folder("0750", "root", user)
    for file in wanted.release:
        files[f"{paths.etc}/{release}/{file.path}"] = _file(file.content, file.mode, user)
    for file in wanted.hot:
        files[f"{paths.hot}/{file.path}"] = _file(file.content, file.mode, user)
    for directory in wanted.directories:
        owner = directory.owner or user
        files[directory.path] = _folder(directory.mode, owner, owner)
    files[wanted.version_folder] = _folder("0755", "root", "root")
    for name, size in wanted.component.artifact.files.items():
        files[f"{wanted.version_folder}/{name}"] = FileState(
            "f", "755", "root", "root", size, PACKED_MTIME, ""
        )
    files[paths.programs] = _link(wanted.component.artifact.version)
    files[wanted.unit_path] = _file(wanted.unit_text, "0644", "root")
    return files


def matching(*wanted: Unit) -> HostState:
    """The state of a host on which these components are as they should be."""
    files: dict[str, FileState] = {}
    units, accounts = {}, {}
    for each in wanted:
        files |= _files(each)
        loaded = f"{each.release_hash}.{STAMP}" if each.release else None
        units[each.unit] = UnitState("active", "running", "enabled", False, 0, each.spec, loaded)
        account = each.component.account
        accounts[account.user] = (account.user, *account.groups)
    return HostState(FACTS, files, units, accounts)


def live(wanted: Unit, path: str) -> str:
    """Where a file of the release in force lies."""
    return f"{wanted.paths.etc}/releases/{wanted.release_hash}.{STAMP}/{path}"


def file_is(path: str, **changed: Any) -> Edit:
    """A file that is there, otherwise."""

    def edit(state: HostState) -> HostState:
        there = state.files.get(path, _file("", "0644", "root"))
        return replace(state, files={**state.files, path: replace(there, **changed)})

    return edit


def file_gone(*paths: str) -> Edit:
    """Without some files."""

    def edit(state: HostState) -> HostState:
        return replace(state, files=_without(state.files, paths))

    return edit


def unit_is(unit: str, **changed: Any) -> Edit:
    """A unit that is there, otherwise."""

    def edit(state: HostState) -> HostState:
        return replace(state, units={**state.units, unit: replace(state.units[unit], **changed)})

    return edit


def unit_gone(unit: str) -> Edit:
    """Without a unit."""
    return lambda state: replace(state, units=_without(state.units, [unit]))


def account_is(user: str, *groups: str) -> Edit:
    """An account in some groups; in none it is missing."""
    return lambda state: replace(state, accounts={**state.accounts, user: groups})


def _without(values: Mapping[str, Any], gone: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in {*gone}}
