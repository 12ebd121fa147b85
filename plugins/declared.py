"""Read a pyinfra inventory: which host, which groups, which file said what."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pyinfra.api import Host as PyinfraHost
from pyinfra.api import Inventory
from pyinfra.api.connectors import get_all_connectors

from plugins.compiler import Declared, DeclaredHost
from plugins.layers import Layer
from plugins.role import all_roles

COMMAND_LINE = "command line --data"
# Data of a group or host that stands for ready-made layers: an inventory that was read from
# files of another kind (plugins/ansible_inventory.py) knows better which of them said what.
LAYERS = "_layers"
# What `--data` tells the inventory file itself; no setting.
INVENTORY_OPTIONS = frozenset({"ansible_inventory"})


@cache
def _assigned(path: Path) -> frozenset[str]:
    """Names a Python file assigns at its top level, without running it."""
    if not path.is_file():
        return frozenset()
    names: set[str] = set()
    for node in ast.parse(path.read_text(), str(path)).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        names.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(names)


def _group_layers(path: Path | None, group: str, values: Mapping[str, Any]) -> list[Layer]:
    """A group's settings, split by the file they stand in."""
    inventory = str(path or "inventory")
    folder = path.parent if path else Path("inventories")
    file = folder / "group_data" / f"{group}.py"
    assigned = _assigned(file)
    in_file = {key: value for key, value in values.items() if key in assigned}
    in_inventory = {k: v for k, v in values.items() if k not in assigned and k != LAYERS}
    layers = [Layer(f"{inventory}: {group}", in_inventory), Layer(str(file), in_file)]
    layers += values.get(LAYERS, ())
    return [layer for layer in layers if layer.values]


# Of every connector: hosts that are reached in different ways may share settings.
_CONNECTOR_KEYS = frozenset(
    key for connector in get_all_connectors().values() for key in connector.data_meta
)


class _Reader:
    def __init__(self, inventory: Inventory, path: Path | None) -> None:
        self.inventory = inventory
        self.path = path
        self.everywhere = [role.name for role in all_roles().values() if role.everywhere]
        self._layers: dict[str, list[Layer]] = {}

    def group(self, name: str) -> list[Layer]:
        """Layers of one group, made once so that hosts share the very same objects."""
        if name not in self._layers:
            values = self.inventory.get_group_data(name)
            self._layers[name] = _group_layers(self.path, name, values)
        return self._layers[name]

    def everyone(self) -> list[Layer]:
        """Layers of ``all``."""
        if "all" not in self._layers:
            self._layers["all"] = _group_layers(self.path, "all", self.inventory.get_data())
        return self._layers["all"]

    def command_line(self, known: frozenset[str]) -> list[Layer]:
        """What ``--data`` overrides, without the options of the run itself."""
        if "--data" not in self._layers:
            values = self.inventory.get_override_data()
            read = known | INVENTORY_OPTIONS
            kept = {key: value for key, value in values.items() if key not in read}
            self._layers["--data"] = [Layer(COMMAND_LINE, kept)] if kept else []
        return self._layers["--data"]

    def host(self, host: PyinfraHost, options: frozenset[str]) -> DeclaredHost:
        own = dict(self.inventory.get_host_data(host.name))
        ready = own.pop(LAYERS, ())
        layers = list(self.everyone())
        # A role that every host gets needs no group, but its group's settings still count.
        unnamed = [role for role in self.everywhere if role not in host.groups]
        for group in (*unnamed, *host.groups):
            layers += self.group(group)
        layers += ready
        if own:
            layers.append(Layer(f"{self.path or 'inventory'}: {host.name}", own))
        layers += self.command_line(options)
        return DeclaredHost(host.name, tuple(host.groups), tuple(layers), _CONNECTOR_KEYS)


def read_inventory(inventory: Inventory, path: Path | None, options: frozenset[str]) -> Declared:
    """Turn pyinfra's inventory into what the compiler reads.

    Args:
        inventory: pyinfra's inventory with its group data.
        path: The inventory file, if there is one.
        options: Names of ``--data`` keys that steer the run and are no settings.
    """
    reader = _Reader(inventory, path)
    own_name = path.stem if path else None
    siblings = {file.stem for file in path.parent.glob("*.py")} if path else set()
    groups = {
        name
        for name in [*inventory.groups, *inventory.group_data]
        if name not in ("all", own_name)
        # Connectors group their own hosts, for example under @docker.
        and not name.startswith("@")
        # group_data/prod.py is no mistake in demo.py: it belongs to the inventory prod.py.
        and not (name in siblings and not inventory.groups.get(name))
    }
    site_layers = [
        *reader.everyone(),
        *(reader.group(own_name) if own_name else []),
        *reader.command_line(options),
    ]
    return Declared(
        path,
        tuple(reader.host(host, options) for host in inventory),
        tuple(sorted(groups)),
        tuple(site_layers),
    )
