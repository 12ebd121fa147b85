"""An Ansible inventory as a pyinfra inventory: ``inventories/from_ansible.py`` is its file.

ansible-core reads it: hosts, groups, group_vars, host_vars, vault. What is handed over are our
own settings in it and how hosts are reached; everything else in it is Ansible's.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pyinfra import logger
from pyinfra.connectors.ssh import SSHConnector

from plugins.ansible_loading import AnsibleInventoryError, listening, load, sort_groups
from plugins.ansible_variables import Rendered, Source, Variables
from plugins.declared import LAYERS
from plugins.layers import Layer
from plugins.model import Problem, SiteError
from plugins.role import all_roles
from plugins.settings import HostSettings

VARIABLE = "STACKWATCH_ANSIBLE_INVENTORY"
OPTION = "ansible_inventory"
NAMESPACE = "stackwatch"
ONLY = "stackwatch_only"
# These say nothing about which of a company's inventories it is; their folder does.
_NAMELESS = frozenset({"hosts", "inventory"})
_SSH = ("ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh")
_LOCAL = ("local", "ansible.builtin.local")

Groups = dict[str, Any]


def named() -> Path:
    """The Ansible inventory that the command line names, or else the environment.

    Raises:
        AnsibleInventoryError: None is named.
    """
    # pyinfra gives --data to hosts when this inventory is made; click has it already.
    context = click.get_current_context(silent=True)
    data: tuple[str, ...] = context.params.get("data", ()) if context else ()
    told = [str(word).partition("=") for word in data]
    paths = [path for key, _, path in told if key == OPTION]
    path = paths[-1] if paths else os.environ.get(VARIABLE)
    if not path:
        remedy = f"Add --data {OPTION}=PATH, or set {VARIABLE}"
        raise AnsibleInventoryError((Problem(OPTION, "no Ansible inventory is named", remedy),))
    return Path(path).expanduser()


def site_name(path: Path) -> str:
    """What a site is called whose variables do not say: the inventory's own name."""
    plain = path.resolve()
    name = plain.name if plain.is_dir() else plain.stem
    return plain.parent.name if name in _NAMELESS else name


def _connection(rendered: Rendered, name: str, origin: str) -> tuple[str, dict[str, Any]]:
    """A host's name in pyinfra, and how it is reached.

    Raises:
        SiteError: In a way that is not ours.
    """

    def first(*names: str) -> Any:
        return next((v for n in names if (v := rendered.text(n, origin)) not in (None, "")), None)

    become = str(first("ansible_become") or "no").lower() in ("yes", "true", "on", "1", "y", "t")
    user, method = first("ansible_become_user"), first("ansible_become_method")
    if become and (user not in (None, "root") or method not in (None, "sudo")):
        where = f"{origin}: ansible_become_{'method' if method not in (None, 'sudo') else 'user'}"
        raise SiteError((Problem(where, "only sudo to root is known here", "Use it", name),))
    host = first("ansible_host", "ansible_ssh_host")
    kind = str(first("ansible_connection") or "ssh")
    if kind in _LOCAL:
        own = "127.0.0.1" if name == "localhost" else name
        return "@local", {"address": str(host or own), "_sudo": become}
    if kind not in _SSH:
        what, remedy = f"connection {kind!r} is not known here", "Use ssh or local"
        raise SiteError((Problem(f"{origin}: ansible_connection", what, remedy, name),))
    port = first("ansible_port", "ansible_ssh_port")
    key = first("ansible_private_key_file", "ansible_ssh_private_key_file")
    if port is not None and not str(port).isdecimal():
        what = f"{port!r} is no port"
        raise SiteError((Problem(f"{origin}: ansible_port", what, "Correct it", name),))
    data = {
        "ssh_hostname": host,
        "ssh_port": None if port is None else int(port),
        "ssh_user": first("ansible_user", "ansible_ssh_user"),
        "ssh_key": str(Path(str(key)).expanduser()) if key else None,
        "_sudo": become,
    }
    return name, {k: v for k, v in data.items() if v is not None}


class Ready(Layer):
    """A layer that pyinfra's ``--json`` can show."""

    def to_json(self) -> Any:
        """Origin and values; secrets in it show as stars."""
        return {"origin": self.origin, "values": self.values}


class _Bridge:
    def __init__(self, file: Path, path: Path) -> None:
        self.file, self.path = file, path
        loader, self.manager = load(path)
        self.variables = Variables(loader, self.manager, path)
        self.known = frozenset({*all_roles(), *HostSettings.model_fields, "site"})
        self.connector_keys = frozenset(SSHConnector.data_meta)
        self.problems: dict[str, Problem] = {}
        self.site: dict[tuple[str, str], Layer] = {}
        self._shared: dict[tuple[int, bool], list[Layer]] = {}

    def hosts(self) -> Iterator[tuple[Any, str, dict[str, Any]]]:
        """Ansible's host, pyinfra's name and data of each."""
        chosen = self.manager.groups.get(NAMESPACE)
        members = chosen.get_hosts() if chosen else self.manager.hosts.values()
        for host in members:
            try:
                sources = list(self.variables.of(host))
                rendered = self.variables.rendered(host)
                origin = f"{self.path}: {host.name}"
                name, data = _connection(rendered, host.name, origin)
                only = bool(rendered.text(ONLY, origin))
                layers = [la for s in sources for la in self.layers(s, rendered, only)]
            except SiteError as error:
                self.problems |= {str(problem): problem for problem in error.problems}
                continue
            for layer in layers:
                own = [k for k in layer.values if k in self.connector_keys or k[0] == "_"]
                data |= {key: layer.values[key] for key in own}
            if name == "@local" and any("address" in layer.values for layer in layers):
                data.pop("address")
            yield host, name, {**data, LAYERS: tuple(layers)}

    def layers(self, source: Source, rendered: Rendered, only: bool) -> list[Layer]:
        """Our settings in one source; shared by hosts where they are the same for all."""
        values = {k: v for k, v in source.values.items() if k in self.known or k == NAMESPACE}
        key = (id(source), only)
        if key in self._shared:
            return self._shared[key]
        same_for_all = not rendered.is_template(values)
        made: list[Layer] = []
        for name, said in self._parts(values, only):
            origin = f"{source.origin}: {name}" if name else source.origin
            filled = {k: rendered.value(v, f"{origin}: {k}") for k, v in said.items()}
            if source.group == "all" and "site" in filled:
                layer = Ready(origin, {"site": filled.pop("site")})
                self.site.setdefault((source.origin, name), layer)
            made.append(Ready(origin, filled))
        made = [layer for layer in made if layer.values]
        if same_for_all:
            self._shared[key] = made
        return made

    def _parts(self, values: dict[str, Any], only: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        own = values.pop(NAMESPACE, None)
        if not only:
            yield "", values
        if isinstance(own, Mapping):
            yield NAMESPACE, {str(key): value for key, value in own.items()}
        elif own is not None:
            yield NAMESPACE, {"": own}

    def group_name(self, group: str) -> str:
        """An Ansible group's name in pyinfra."""
        roles = all_roles()
        if group.replace("-", "_") in roles:
            return group.replace("-", "_")
        near = difflib.get_close_matches(group, roles, n=1, cutoff=0.8)
        if near:
            logger.warning(f"group {group!r} is no role and places nothing: is it {near[0]!r}?")
        # group_data/prod.py belongs to the inventory prod.py beside this file, not to a group.
        taken = {file.stem for file in self.file.parent.glob("*.py")}
        return f"ansible_{group}" if group in taken or not group[0].isalpha() else group

    def groups(self) -> Groups:
        """Everything pyinfra looks for in an inventory file."""
        hosts = {host.name: (name, data) for host, name, data in self.hosts()}
        locals_ = [name for name, (called, _) in hosts.items() if called == "@local"]
        if len(locals_) > 1:
            what = f"{', '.join(locals_)} are all on this machine"
            remedy = "Give all but one a connection over ssh"
            self.problems["@local"] = Problem(str(self.path), what, remedy)
        if self.problems:
            raise AnsibleInventoryError(tuple(self.problems.values()))
        made: Groups = {"all": list(hosts.values())}
        for group in sort_groups(list(self.manager.groups.values())):
            members = [hosts[h.name][0] for h in group.get_hosts() if h.name in hosts]
            if members and group.name not in ("all", "ungrouped", NAMESPACE):
                present = made.setdefault(self.group_name(group.name), [])
                present += [member for member in members if member not in present]
        plain = [name for name in made if name not in all_roles() and name != "all"]
        said = {"name": site_name(self.path), "groups": plain}
        layers = (Ready(str(self.file), {"site": said}), *self.site.values())
        made[self.file.stem] = ([name for name, _ in hosts.values()], {LAYERS: layers})
        return made


def pyinfra_groups(file: Path, ansible_inventory: str | Path | None = None) -> Groups:
    """What an inventory file of pyinfra binds, made of an Ansible inventory.

    Args:
        file: The pyinfra inventory file, its ``__file__``.
        ansible_inventory: Path of the Ansible inventory; default: what :func:`named` finds.

    Raises:
        AnsibleInventoryError: With every mistake that Ansible or the mapping finds.
    """
    path = Path(ansible_inventory).expanduser() if ansible_inventory else named()
    with listening():
        return _Bridge(file, path).groups()
