"""Hundreds of hosts that do not exist: how the controller's time and memory grow.

pyinfra's own fake connector answers for them, with the state of a host on which everything
is as it should be.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain
from plugins.compiler import Declared, DeclaredHost, compile_site, components_of
from plugins.model import Artifact
from plugins.role import all_roles
from plugins.runtimes.systemd import Unit
from plugins.state import HostState
from tests.unit.host_states import matching


def state_lines(state: HostState) -> Iterator[str]:
    """A host's state as ``state.sh`` would print it."""
    yield "#host"
    facts = {**state.facts, "machine": "x86_64"}
    yield from (f"{key} {value}" for key, value in facts.items())
    yield "#files"
    for path, f in state.files.items():
        fields = (f.kind, f.mode, f.owner, f.group, f.size, f.modified, path, f.target)
        yield "\t".join(str(field) for field in fields)
    yield "#sums"
    yield from (f"{f.sha256}  {path}" for path, f in state.files.items() if f.sha256)
    yield "#units"
    for name, unit in state.units.items():
        yield f"Id={name}"
        yield f"ActiveState={unit.active}"
        yield f"SubState={unit.substate}"
        yield f"UnitFileState={unit.enabled}"
        yield "MainPID=1"
        yield "NeedDaemonReload=no"
        yield "NRestarts=0"
        yield ""
    yield "#running"
    for name, unit in state.units.items():
        yield f"{name} {unit.spec} {unit.loaded or ''}".rstrip()
    yield "#accounts"
    yield from (f"{user} {' '.join(groups)}" for user, groups in state.accounts.items())
    yield "#end"


def _declared(names: list[str], path: Path) -> Declared:
    groups = {names[0]: ("prometheus", "alertmanager", "blackbox", path.stem)}
    hosts = tuple(DeclaredHost(name, groups.get(name, (path.stem,)), ()) for name in names)
    return Declared(path, hosts, ("alertmanager", "blackbox", "prometheus"), ())


def write_inventory(path: Path, count: int) -> None:
    """Write an inventory of simulated hosts, one of them watching all.

    Args:
        path: The inventory file to write.
        count: How many hosts.
    """
    names = [f"@fake/host-{number}" for number in range(count)]
    site = compile_site(_declared(names, path), all_roles())
    wanted = sorted({(p.role.artifact, "amd64") for p in site.placements})
    got = obtain(Lock.load(), wanted, ArtifactPolicy(), Store.default(), print)
    artifacts = {key: value for key, value in got.items() if isinstance(value, Artifact)}
    lines = {}
    for name in names:
        rendered = [Unit(component) for component in components_of(site, artifacts, name)]
        lines[name] = list(state_lines(matching(*rendered)))
    answers = path.with_suffix(".json")
    answers.write_text(json.dumps(lines))
    path.write_text(
        "import json\n"
        "from pathlib import Path\n"
        f"_lines = json.loads(Path({str(answers)!r}).read_text())\n"
        "everything = [\n"
        "    (name, {'fake_delay': 0, 'fake_delay_jitter': 0,\n"
        "            'fake_responses': {'#accounts': lines}})\n"
        "    for name, lines in _lines.items()\n"
        "]\n"
        f"prometheus = alertmanager = blackbox = [{names[0]!r}]\n"
    )
    data = path.parent / "group_data"
    data.mkdir(exist_ok=True)
    (data / f"{path.stem}.py").write_text("site = {'groups': ['everything']}\n")


if __name__ == "__main__":
    write_inventory(Path(sys.argv[1]), int(sys.argv[2]))
