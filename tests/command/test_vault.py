"""Vault files: what opens them, what is refused, and that no value ever prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from pydantic import SecretStr, TypeAdapter

from plugins import vault as module
from plugins.vault import PASSWORD_FILE, PASSWORD_VARIABLE, Secrets, VaultError, vault

ROOT = Path(__file__).resolve().parents[2]
VALUE = "hunter2-sentinel"
PHRASE = "open sesame"
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_password_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an encrypted file into a folder below the inventories, and the password beside."""

    def encrypted(text: str, phrase: str = PHRASE) -> Path:
        file = tmp_path / "vault" / "prod.yml"
        file.parent.mkdir(exist_ok=True)
        library = VaultLib([("default", VaultSecret(phrase.encode()))])
        file.write_bytes(library.encrypt(text))
        (tmp_path / PASSWORD_FILE).write_text(f"{PHRASE}\n")
        return file

    return encrypted


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_every_text_is_a_secret_and_none_prints(write: Write) -> None:
    secrets = vault(write(f"flat: {VALUE}\ndeep: {{in: ['{VALUE}']}}\n"))
    assert secrets["flat"].get_secret_value() == VALUE
    assert secrets["deep"]["in"][0].get_secret_value() == VALUE
    for shown in (repr(secrets), str(secrets), f"{secrets}", f"{secrets['flat']!r}"):
        assert VALUE not in shown
    adapter = TypeAdapter(dict[str, SecretStr])
    assert adapter.validate_python({"a": secrets["flat"]}, strict=True)


def test_a_file_is_decrypted_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(f"a: {VALUE}")
    first = vault(file)
    monkeypatch.setattr(module, "_decrypted", lambda *_: pytest.fail("decrypted again"))
    assert vault(file) is first


def test_the_given_password_file_wins_over_the_variable_and_the_one_beside(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("a: b", phrase="other")
    other, wrong = tmp_path / "other", tmp_path / "wrong"
    other.write_text("other")
    wrong.write_text("wrong")
    with pytest.raises(VaultError):
        vault(file)
    monkeypatch.setenv(PASSWORD_VARIABLE, str(wrong))
    with pytest.raises(VaultError):
        vault(file)
    assert vault(file, other)["a"].get_secret_value() == "b"
    monkeypatch.setenv(PASSWORD_VARIABLE, str(other))
    assert vault(file)["a"].get_secret_value() == "b"


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("print-password", f"#!/bin/sh\necho '{PHRASE}'\n"),
        # ansible asks a script of this name for a vault id.
        ("keyring-client.sh", f'#!/bin/sh\ntest "$1" = --vault-id && echo "{PHRASE}"\n'),
    ],
)
def test_an_executable_password_file_is_run(
    name: str, script: str, write: Write, tmp_path: Path
) -> None:
    password = executable(tmp_path / name, script)
    assert vault(write("a: b"), password)["a"].get_secret_value() == "b"


def test_a_secret_that_is_not_there_is_named_with_the_remedy(write: Write) -> None:
    file = write(f"alertmanager: {{slack: {VALUE}}}")
    secrets = vault(file)["alertmanager"]
    assert isinstance(secrets, Secrets)
    with pytest.raises(VaultError) as caught:
        secrets["pagerduty"]
    message = str(caught.value)
    assert message.startswith(f"{file}: alertmanager: pagerduty: no such secret (there is: slack)")
    assert "ansible-vault edit" in message


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (f"- {VALUE}", "no dictionary", "ansible-vault edit"),
        (f"a: [{VALUE}\nb: c", "no valid YAML (line 2)", "ansible-vault edit"),
        ("a: 8020042", ": a: is no text but int", "put it in quotes"),
        ("a: {b: [x, no]}", ": a: b: 1: is no text but bool", "put it in quotes"),
        ("a:", ": a: is no text but NoneType", "put it in quotes"),
    ],
)
def test_a_bad_content_is_refused_without_showing_it(
    content: str, what: str, remedy: str, write: Write
) -> None:
    file = write(content)
    with pytest.raises(VaultError) as caught:
        vault(file)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert what in message
    assert remedy in message
    for shown in (VALUE, "8020042"):
        assert shown not in message


def missing(file: Path) -> None:
    file.unlink()


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def plain(file: Path) -> None:
    file.write_text(f"a: {VALUE}\n")


def damaged(file: Path) -> None:
    file.write_text(file.read_text().replace("\n3", "\nz", 1))


def cut_off(file: Path) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:-1]) + "\n")


def password_of_another(file: Path) -> None:
    (file.parents[1] / PASSWORD_FILE).write_text("another")


def no_password(file: Path) -> None:
    (file.parents[1] / PASSWORD_FILE).unlink()


def empty_password(file: Path) -> None:
    (file.parents[1] / PASSWORD_FILE).write_text("\n")


def failing_script(file: Path) -> None:
    executable(file.parents[1] / PASSWORD_FILE, "#!/bin/sh\nexit 3\n")


@pytest.mark.parametrize(
    ("spoil", "what", "remedy"),
    [
        (missing, "the vault file is missing", "ansible-vault create"),
        (a_folder, "is no file", "ansible-vault create"),
        (plain, "lies in plain text", "ansible-vault encrypt"),
        (damaged, "is damaged", "Restore it"),
        (cut_off, "does not open it", "ansible-vault edit"),
        (password_of_another, "does not open it", "ansible-vault edit"),
        (no_password, "no password to open it", PASSWORD_VARIABLE),
        (empty_password, "Invalid vault password", PASSWORD_VARIABLE),
        (failing_script, "returned non-zero (3)", PASSWORD_VARIABLE),
    ],
)
def test_what_cannot_be_read_names_the_file_and_the_remedy(
    spoil: Callable[[Path], None], what: str, remedy: str, write: Write
) -> None:
    file = write(f"a: {VALUE}")
    spoil(file)
    with pytest.raises(VaultError) as caught:
        vault(file)
    message = str(caught.value)
    assert str(file) in message
    assert what in message
    assert remedy in message
    assert VALUE not in message


def pyinfra(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("pyinfra")
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def inventory(write: Write, tmp_path: Path) -> Path:
    """An inventory with a secret on a host that cannot be reached."""
    write(f"slack: {VALUE}")
    file = tmp_path / "site.py"
    file.write_text(
        "from plugins.vault import vault\n"
        "data = {'alertmanager': {'secrets': vault('vault/prod.yml')}}\n"
        "alertmanager = ([('192.0.2.1', {'ssh_connect_retries': 0})], data)\n"
    )
    return file


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_pyinfra_shows_stars(options: tuple[str, ...], inventory: Path) -> None:
    done = pyinfra(inventory.parent, *options, inventory.name, "debug-inventory")
    assert done.returncode == 0, done.stderr
    output = done.stdout + done.stderr
    assert "**********" in output
    assert VALUE not in output
    if options:
        data = json.loads(done.stdout)[0]["data"]
        assert data["alertmanager"]["secrets"] == {"slack": "**********"}


def test_an_unreadable_vault_ends_pyinfra_before_it_connects(inventory: Path) -> None:
    password_of_another(inventory.parent / "vault" / "prod.yml")
    done = pyinfra(inventory.parent, inventory.name, "exec", "--", "true")
    assert done.returncode == 1
    assert "does not open it" in done.stderr
    assert "ansible-vault edit" in done.stderr
    assert "Connecting" not in done.stderr
    assert "Traceback" not in done.stderr
