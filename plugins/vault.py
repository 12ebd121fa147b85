"""Secrets for inventories, from files encrypted with ansible-core's own vault.

Call :func:`vault` in the inventory file itself, not in ``group_data/``: pyinfra runs every
file of that folder for every inventory beside it, so the demo would ask for production's
password.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import gevent
import yaml
from pydantic import SecretStr
from pyinfra.api.exceptions import PyinfraError

from plugins.model import Problem

PASSWORD_VARIABLE = "ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105  # its name, not a password
PASSWORD_FILE = ".vault-password"  # noqa: S105


class VaultError(PyinfraError):
    """A vault file cannot be read; names the file and the remedy, never a value.

    pyinfra shows its own errors as one message: an inventory that cannot be read ends the
    run before the first connection.
    """


class Secret(SecretStr):
    """A text that never prints, in pyinfra's ``--json`` neither."""

    def to_json(self) -> str:
        """Stars; pyinfra asks objects it does not know for their JSON."""
        return str(self)


class Secrets(dict[str, Any]):
    """Secrets by name; asking for one that is not there says how to add it."""

    def __init__(self, values: Mapping[str, Any], where: str, remedy: str) -> None:
        super().__init__(values)
        self._where = where
        self._remedy = remedy

    def __missing__(self, key: str) -> Any:
        there = ", ".join(sorted(self)) or "nothing"
        raise _error(f"{self._where}: {key}", f"no such secret (there is: {there})", self._remedy)


def vault(path: str | Path, password: str | Path | None = None) -> Mapping[str, Any]:
    """Read a YAML file encrypted by ``ansible-vault``; every text in it becomes a secret.

    The password comes from a file, or from what it prints if it is executable: ``password``,
    else ``$ANSIBLE_VAULT_PASSWORD_FILE``, else ``.vault-password`` in the folder of the vault
    file or the one above, which is the inventories' own.

    Args:
        path: The encrypted file. Read and decrypted once in a run.
        password: Password file that belongs to this vault, whatever else is set.

    Raises:
        VaultError: The file is missing, not encrypted, damaged or not a dictionary of texts,
            or there is no password that opens it.
    """
    file = Path(path)
    if not file.is_file():
        what = "the vault file is missing" if not file.exists() else "is no file"
        readme = file.with_name("README.md")
        keys = f"; {readme} lists its keys" if readme.is_file() else ""
        raise _error(str(file), what, f"Create it: `{_command('create', file, password)}`{keys}")
    return _read(file, _password_file(file, password))


def _error(where: str, what: str, remedy: str) -> VaultError:
    return VaultError(str(Problem(where, what, remedy)))


def _command(verb: str, file: Path, password: str | Path | None) -> str:
    """What a person types, with the password file that ansible-vault would not find itself."""
    option = f"--vault-password-file {password} " if password else ""
    return f"ansible-vault {verb} {option}{file}"


def _password_file(file: Path, given: str | Path | None) -> Path:
    beside = [folder / PASSWORD_FILE for folder in (file.parent, file.parent.parent)]
    configured = given or os.environ.get(PASSWORD_VARIABLE)
    if configured:
        return Path(os.path.expandvars(configured)).expanduser()
    found = next((candidate for candidate in beside if candidate.exists()), None)
    if found is None:
        remedy = f"Put it into {beside[-1]} (mode 600, never into git), or name its file in "
        raise _error(str(file), "no password to open it", f"{remedy}{PASSWORD_VARIABLE}")
    return found


@cache
def _read(file: Path, password: Path) -> Mapping[str, Any]:
    edit = f"Correct it: `{_command('edit', file, password)}`"
    try:
        content = yaml.safe_load(_decrypted(file, password))
    except yaml.YAMLError as error:
        # pyyaml quotes the line it fails at, which holds a secret.
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise _error(str(file), f"its content is no valid YAML{line}", edit) from None
    if not isinstance(content, Mapping):
        raise _error(str(file), "its content is no dictionary", f"{edit}; write `name: secret`")
    secrets: Mapping[str, Any] = _secrets(content, str(file), edit)
    return secrets


def _secrets(content: Any, where: str, edit: str) -> Any:
    """``content`` with a secret for every text.

    Raises:
        VaultError: A value is no text. YAML reads an unquoted 0123 as 83 and ``no`` as False,
            and what is no text would print.
    """
    if isinstance(content, Mapping):
        inner = {str(k): _secrets(v, f"{where}: {k}", edit) for k, v in content.items()}
        return Secrets(inner, where, edit)
    if isinstance(content, list):
        return [_secrets(v, f"{where}: {index}", edit) for index, v in enumerate(content)]
    if not isinstance(content, str):
        raise _error(where, f"is no text but {type(content).__name__}", f"{edit}; put it in quotes")
    return Secret(content)


@contextmanager
def _no_traceback_of_a_probe() -> Iterator[None]:
    """Keep gevent silent while ansible is imported.

    ansible tries whether ``getaddrinfo`` takes a port of a type of its own and catches the
    error; under pyinfra gevent runs it, and prints the traceback of any error in its threads.
    """
    hub = gevent.get_hub()
    stream, hub.exception_stream = hub.exception_stream, None
    try:
        yield
    finally:
        hub.exception_stream = stream


def _decrypted(file: Path, password: Path) -> str:
    """The plain text of a vault file.

    Raises:
        VaultError: It is not encrypted, or the password does not open it.
    """
    # Imported late: ansible costs 0.2 s, which an inventory without secrets would pay.
    with _no_traceback_of_a_probe():
        from ansible import constants  # noqa: PLC0415
        from ansible.errors import AnsibleError  # noqa: PLC0415
        from ansible.parsing import dataloader  # noqa: PLC0415
        from ansible.parsing import vault as lib  # noqa: PLC0415

    try:
        encrypted = file.read_bytes()
    except OSError as error:
        raise _error(str(file), f"cannot be read: {error.strerror}", "Correct its mode") from error
    if not lib.VaultLib.is_encrypted(encrypted):
        remedy = f"Encrypt it: `{_command('encrypt', file, password)}`"
        remedy += "; change the secrets if it was ever committed or shared"
        raise _error(str(file), "lies in plain text, secrets must not", remedy)
    identity = constants.DEFAULT_VAULT_IDENTITY
    try:
        loader = dataloader.DataLoader()
        secret = lib.get_file_vault_secret(str(password), vault_id=identity, loader=loader)
        secret.load()
    except AnsibleError as error:
        remedy = f"Put the password of {file} there, or name another file in {PASSWORD_VARIABLE}"
        raise _error(str(password), " ".join(str(error).split()), remedy) from error
    try:
        return bytes(lib.VaultLib([(identity, secret)]).decrypt(encrypted)).decode()
    except lib.AnsibleVaultFormatError as error:
        remedy = f"Restore it from git, or write it anew: `{_command('create', file, password)}`"
        raise _error(str(file), "is damaged", remedy) from error
    except AnsibleError as error:
        remedy = "Correct the password, or restore the file from git if it was damaged; "
        remedy += f"`{_command('edit', file, password)}` must open it"
        raise _error(str(file), f"the password in {password} does not open it", remedy) from error
    except UnicodeDecodeError:
        remedy = f"Write it anew: `{_command('edit', file, password)}`"
        raise _error(str(file), "its content is no text", remedy) from None
