"""Changes that are refused because they would cost what a component has stored."""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra import host

from plugins.compare import release_folder
from plugins.drift import FileContents
from plugins.runtimes.rendered import Rendered
from plugins.state import HostState


def refused_changes(wanted: Iterable[Rendered], found: HostState) -> list[str]:
    """What the roles of the current host's components refuse, with the reason.

    Reads the live files in one more command, and only where a guarded file is to change.

    Args:
        wanted: The components as they should be.
        found: The host's state.
    """
    watched = {
        f"{rendered.paths.config}/{guard.path}": (rendered, guard)
        for rendered in wanted
        for guard in rendered.component.guards
    }
    changed = {}
    for path, (rendered, guard) in watched.items():
        file = next(file for file in rendered.component.files if file.path == guard.path)
        there = found.files.get(f"{release_folder(rendered, found)}/{guard.path}")
        if there and there.sha256 != file.sha256:
            changed[path] = file.content
    if not changed:
        return []
    refused = []
    contents = host.get_fact(FileContents, paths=tuple(sorted(changed)))
    for path, content in contents.items():
        rendered, guard = watched[path]
        reason = guard.refuse(content, changed[path])
        if reason:
            refused.append(f"{rendered.name}: {path}: {reason}")
    return refused
