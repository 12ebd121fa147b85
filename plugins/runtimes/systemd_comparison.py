"""A component that is to be a unit of systemd, against what its host has."""

from __future__ import annotations

import hashlib

from plugins.artifacts.packing import PACKED_MTIME
from plugins.comparison import CONTENT, Action, Comparison, wrong
from plugins.model import ManagedFile
from plugins.paths import OPT
from plugins.runtimes.docker import container_name
from plugins.runtimes.systemd import Unit
from plugins.state import HostState


class UnitComparison(Comparison):
    """One unit against one host's state."""

    rendered: Unit

    def __init__(self, rendered: Unit, state: HostState) -> None:
        super().__init__(rendered, state)

    def programs(self) -> bool:
        """Compare the version folder; True if the programs must be sent."""
        rendered, folder = self.rendered, self.rendered.version_folder
        artifact = rendered.component.artifact
        for above in (OPT, rendered.paths.versions):
            # Whether it is needed at all the programs tell.
            there = self.state.files.get(above)
            if there:
                self.note(above, wrong(there, "0755", "root", "root", "d"))
        # Whoever may write into it may have replaced what is in it.
        there = self.state.files.get(folder)
        bad = there is not None and self.note(folder, wrong(there, "0755", "root", "root", "d"))
        bad |= self._tree(folder) if artifact.tree else self._flat(folder)
        link = self.state.files.get(rendered.paths.programs)
        if link is None or link.target != artifact.version:
            was = link.target if link else "nothing"
            self.note(rendered.paths.programs, f"version {was}, should be {artifact.version}")
        return bad

    def _tree(self, folder: str) -> bool:
        """Compare a version that is a tree of files, by its listing; True if it differs."""
        tree, found = self.rendered.component.artifact.tree, self.state.trees.get(folder)
        if tree is None or found == tree.listing:
            return False
        there = folder in self.state.files
        return self.note(folder, "not the files that were installed" if there else "missing")

    def _flat(self, folder: str) -> bool:
        """Compare programs one by one; True if one differs, or something else is there."""
        found, bad = self.state.below(folder), False
        for name, size in self.rendered.component.artifact.files.items():
            there = found.pop(name, None)
            what = wrong(there, "0755", "root", "root")
            if not what and there and (there.size, there.modified) != (size, PACKED_MTIME):
                what = "not the program that was installed"
            bad |= self.note(f"{folder}/{name}", what)
        for stray in found:
            bad |= self.note(f"{folder}/{stray}", "stray file")
        return bad

    def definition(self) -> bool:
        """Compare the unit's file; True if it must be sent."""
        rendered = self.rendered
        found = self.state.files.get(rendered.unit_path)
        what = wrong(found, "0644", "root", "root")
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
        """Compare the process with what should run."""
        rendered = self.rendered
        replaced |= self.overrides()
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
        return Action.RELOAD if self.must_reload(unit.loaded, swap) else Action.NONE

    def twin(self) -> str:
        """A container of the same component."""
        name = container_name(self.rendered.name)
        there = name in self.state.containers
        return "docker" if there and self.note(f"container {name}", "runs it too") else ""

    def leftovers(self) -> None:
        """Other releases and other versions."""
        self.left_releases()
        version = self.rendered.component.artifact.version
        self.left(self.rendered.paths.versions, version, "current")
