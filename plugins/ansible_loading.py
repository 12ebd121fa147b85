"""Let ansible-core read an inventory, with the vault's password, and say what it could not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyinfra.api.exceptions import PyinfraError

from plugins.model import Problem
from plugins.vault import PASSWORD_FILE, PASSWORD_VARIABLE, _no_traceback_of_a_probe

with _no_traceback_of_a_probe():
    from ansible import constants
    from ansible._internal._datatag._tags import Origin
    from ansible.errors import AnsibleError
    from ansible.inventory.helpers import sort_groups
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing import vault
    from ansible.parsing.dataloader import DataLoader
    from ansible.utils.display import Display

__all__ = [
    "AnsibleError",
    "AnsibleInventoryError",
    "Origin",
    "constants",
    "listening",
    "load",
    "remedy_for",
    "sort_groups",
    "unreadable",
    "words",
]


class AnsibleInventoryError(PyinfraError):
    """An Ansible inventory cannot be used; tells every mistake, before any connection."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{count} in the Ansible inventory, no host was touched:{listed}")


def words(error: Exception) -> str:
    """What Ansible says is wrong, in one line."""
    return " ".join(str(error).split()).rstrip(".")


def remedy_for(error: Exception) -> str:
    """What to do about what Ansible says is wrong."""
    if any(word in str(error).lower() for word in ("vault", "decrypt")):
        return f"Name the file with its password in {PASSWORD_VARIABLE}"
    return "Correct it, as `ansible-inventory --list` would want it too"


def unreadable(path: Path, error: Exception) -> Problem:
    """A file of the inventory that Ansible itself refuses."""
    # Its reader of group_vars raises anew, and only the first error knows the file.
    found: BaseException | None = error
    while found is not None:
        about = getattr(found, "obj", None)
        tag = about if isinstance(about, Origin) else Origin.get_tag(about)
        if tag and tag.path:
            line = f":{tag.line_num}" if tag.line_num else ""
            return Problem(f"{tag.path}{line}", words(error), remedy_for(error))
        found = found.__cause__ or found.__context__
    return Problem(str(path), words(error), remedy_for(error))


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect what Ansible would print: it goes on where a file cannot be read."""
    display: Any = Display()
    heard: list[str] = []

    def hear(message: object = "", exception: Exception | None = None, **_: object) -> None:
        heard.append(words(exception) if exception else " ".join(str(message).split()))

    kept = dict(vars(display))
    display.warning = hear
    display.error_as_warning = lambda msg, exception, **_: hear(msg, exception)
    try:
        yield heard
    finally:
        for name in ("warning", "error_as_warning"):
            if name in kept:
                setattr(display, name, kept[name])
            else:
                delattr(display, name)


def _password_file(path: Path) -> str | None:
    """The vault's password, where ``plugins.vault`` looks for it and where Ansible does."""
    folder = path if path.is_dir() else path.parent
    beside = [str(f) for d in (folder, folder.parent) if (f := d / PASSWORD_FILE).exists()]
    said = os.environ.get(PASSWORD_VARIABLE) or constants.DEFAULT_VAULT_PASSWORD_FILE
    return said or (beside[0] if beside else None)


def _unlock(loader: DataLoader, path: Path) -> None:
    secrets = []
    password = _password_file(path)
    if password:
        identity = constants.DEFAULT_VAULT_IDENTITY
        file = str(Path(os.path.expandvars(password)).expanduser())
        secret = vault.get_file_vault_secret(file, vault_id=identity, loader=loader)
        secret.load()
        secrets.append((identity, secret))
    loader.set_vault_secrets(secrets)
    context = vault.VaultSecretsContext.current(optional=True)
    if context:
        context.secrets = secrets
    else:
        vault.VaultSecretsContext.initialize(vault.VaultSecretsContext(secrets))


def load(path: Path) -> tuple[DataLoader, InventoryManager]:
    """Let Ansible read an inventory.

    Raises:
        AnsibleInventoryError: It is missing, cannot be read, or has no hosts.
    """
    if not path.exists():
        remedy = "Check the path; it counts from the folder that pyinfra is called in"
        what = "there is no such Ansible inventory"
        raise AnsibleInventoryError((Problem(str(path), what, remedy),))
    loader = DataLoader()
    try:
        _unlock(loader, path)
        with listening() as heard:
            manager = InventoryManager(loader=loader, sources=[str(path)])
    except AnsibleError as error:
        raise AnsibleInventoryError((unreadable(path, error),)) from None
    failed = [message for message in heard if message.startswith("Unable to parse")]
    if failed:
        # Going on would take the hosts in it for gone, and stop watching them.
        why = [m for m in heard if m not in failed and not m.startswith("No inventory was")]
        what = "; ".join([*failed, *dict.fromkeys(why)])
        remedy = f"`ansible-inventory -i {path} --list` must read it"
        raise AnsibleInventoryError((Problem(str(path), what, remedy),))
    if not manager.hosts:
        remedy = "List at least one host; check the path"
        raise AnsibleInventoryError((Problem(str(path), "it has no hosts", remedy),))
    return loader, manager
