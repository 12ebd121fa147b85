"""Variables of an Ansible inventory: by source, in Ansible's order, each with its file.

Ansible merges them to one dictionary a host. Here every source stays a layer of its own, so
that our rules of merging apply and a mistake is blamed on the file that holds it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from plugins.ansible_loading import (
    AnsibleError,
    Origin,
    constants,
    remedy_for,
    sort_groups,
    unreadable,
    words,
)
from plugins.model import Problem, SiteError
from plugins.vault import Secret

# After plugins.ansible_loading, which keeps gevent silent while ansible is imported first.
from ansible.inventory.manager import InventoryManager  # isort: skip
from ansible.parsing.dataloader import DataLoader  # isort: skip
from ansible.parsing.vault import EncryptedString, VaultHelper  # isort: skip
from ansible.template import Templar  # isort: skip
from ansible.vars.manager import VariableManager  # isort: skip
from ansible.vars.plugins import get_vars_from_inventory_sources  # isort: skip

_VAULT_HEADER = b"$ANSIBLE_VAULT"


def shown(path: str) -> str:
    """A path as a person in this folder would write it."""
    folder = f"{Path.cwd()}/"
    return path.removeprefix(folder)


@dataclass(frozen=True)
class Source:
    """Variables of one file, or of one group or host in the inventory itself.

    Attributes:
        origin: The file a person would open to change it.
        group: The group they are said of; empty for a host.
        values: As written, templates and all.
    """

    origin: str
    group: str
    values: Mapping[str, Any]


@cache
def _is_vault(path: str) -> bool:
    """Whether a whole file is encrypted."""
    file = Path(path)
    return file.is_file() and file.read_bytes()[: len(_VAULT_HEADER)] == _VAULT_HEADER


def _sealed(value: Any) -> bool:
    """Whether a text comes out of a vault: by itself, or with the whole file it stands in."""
    if isinstance(value, EncryptedString) or VaultHelper.get_ciphertext(value, with_tags=False):
        return True
    origin = Origin.get_tag(value)
    return bool(origin and origin.path and _is_vault(str(origin.path)))


def _texts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str | EncryptedString):
        yield value


def _opened(text: Any) -> str:
    """A secret's text; none where its vault does not open: then nothing was made of it."""
    try:
        return str(text)
    except AnsibleError:
        return ""


def _plain(value: Any, is_secret: Callable[[Any], bool]) -> Any:
    """A value without Ansible's own types, and with a secret for every text that is one."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, is_secret) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, is_secret) for inner in value]
    if isinstance(value, str | EncryptedString):
        text = "".join(str(value))
        return Secret(text) if is_secret(value) else text
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime.date):
        # YAML makes a date of 2024-04-01; our settings take it as it is written.
        return value.isoformat()
    return float(value) if isinstance(value, float) else int(value)


class Variables:
    """What an Ansible inventory says, source by source.

    Args:
        loader: Ansible's reader of files, with the vault's secrets.
        manager: The inventory.
        path: The inventory's path, for messages.
    """

    def __init__(self, loader: DataLoader, manager: InventoryManager, path: Path) -> None:
        self._loader = loader
        self._manager = manager
        self._path = path
        self._merged = VariableManager(loader=loader, inventory=manager)
        self._of_entity: dict[tuple[str, str, bool], list[Source]] = {}

    def _sources(self, entity: Any, group: str, inline: bool) -> list[Source]:
        """What one group or host is said, by file; made once, so that hosts share it."""
        key = (type(entity).__name__, entity.name, inline)
        if key not in self._of_entity:
            said = entity.vars if inline else self._from_files(entity)
            by_origin: dict[str, dict[str, Any]] = {}
            for name, value in said.items():
                tag = Origin.get_tag(name) or Origin.get_tag(value)
                file = shown(str(tag.path)) if tag and tag.path else str(self._path)
                # Ansible adds inventory_file and inventory_dir to every host.
                origin = f"{file}: {entity.name}" if inline else file
                by_origin.setdefault(origin, {})[str(name)] = value
            self._of_entity[key] = [Source(o, group, values) for o, values in by_origin.items()]
        return self._of_entity[key]

    def _from_files(self, entity: Any) -> Mapping[str, Any]:
        sources = [str(self._path)]
        found = get_vars_from_inventory_sources(self._loader, sources, [entity], "task")
        return found if isinstance(found, Mapping) else {}

    def of(self, host: Any) -> Iterator[Source]:
        """Everything said of a host, from the most general to the most specific.

        Raises:
            SiteError: A file cannot be read.
        """
        everyone = self._manager.groups["all"]
        groups = sort_groups([group for group in host.get_groups() if group.name != "all"])
        levels: dict[str, tuple[list[Any], bool]] = {
            "all_inventory": ([everyone], True),
            "groups_inventory": (groups, True),
            "all_plugins_inventory": ([everyone], False),
            "groups_plugins_inventory": (groups, False),
        }
        try:
            for name in constants.VARIABLE_PRECEDENCE:
                entities, inline = levels.get(name, ([], True))
                for entity in entities:
                    yield from self._sources(entity, entity.name, inline)
            for inline in (True, False):
                yield from self._sources(host, "", inline)
        except AnsibleError as error:
            raise SiteError((unreadable(self._path, error),)) from None

    def rendered(self, host: Any) -> Rendered:
        """Variables of a host with their templates filled in."""
        return Rendered(self._loader, self._merged.get_vars(host=host))


class Rendered:
    """Fills templates with the variables of one host, and keeps secrets sealed."""

    def __init__(self, loader: DataLoader, variables: Mapping[str, Any]) -> None:
        self.variables = variables
        self._templar = Templar(loader=loader, variables=variables)
        self._secrets: frozenset[str] | None = None

    def _secret_texts(self) -> frozenset[str]:
        if self._secrets is None:
            found = (text for text in _texts(self.variables) if _sealed(text))
            self._secrets = frozenset(_opened(text) for text in found) - {""}
        return self._secrets

    def is_template(self, values: Any) -> bool:
        """Whether something in it is filled in differently from host to host."""
        try:
            return bool(self._templar.is_template(values))
        except AnsibleError:
            # A vault that does not open; told where it is needed.
            return True

    def value(self, value: Any, where: str) -> Any:
        """One value, filled in.

        Args:
            value: As written.
            where: File and key, for messages.

        Raises:
            SiteError: A variable is undefined, or a vault does not open.
        """
        try:
            if not self.is_template(value):
                return _plain(self._templar.template(value), _sealed)
            filled = self._templar.template(value)
            # A text around a secret is one too: https://hooks.example.org/{{ vault_token }}
            secrets = self._secret_texts()
            return _plain(filled, lambda t: _sealed(t) or any(s in t for s in secrets))
        except AnsibleError as error:
            raise SiteError((Problem(where, words(error), remedy_for(error)),)) from None

    def text(self, name: str, origin: str) -> Any:
        """A variable of Ansible's own, never as a secret; None if nothing says it."""
        if name not in self.variables:
            return None
        value = self.value(self.variables[name], f"{origin}: {name}")
        return value.get_secret_value() if isinstance(value, Secret) else value
