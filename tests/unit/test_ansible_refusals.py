"""An Ansible inventory: its secrets, and what cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from plugins.ansible_loading import AnsibleInventoryError
from plugins.compiler import Declared
from plugins.model import SiteError
from plugins.vault import PASSWORD_VARIABLE
from tests.unit import ansible_site
from tests.unit.ansible_site import PHRASE, encrypted, site_of, tagged

VALUE = "hunter2-sentinel"
Read = Callable[..., Declared]


@pytest.fixture(autouse=True)
def no_password_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read an Ansible inventory that is written for one test."""
    return partial(ansible_site.read, tmp_path)


def problems(declared: Declared) -> str:
    with pytest.raises(SiteError) as caught:
        site_of(declared)
    return str(caught.value)


def test_what_comes_out_of_a_vault_is_a_secret(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text(PHRASE)
    monkeypatch.setenv(PASSWORD_VARIABLE, str(tmp_path / "password"))
    files = {
        "hosts": "[alertmanager]\nmon1\n",
        "group_vars/alertmanager/vault.yml": encrypted(f"vault_slack: {VALUE}\n"),
        "group_vars/alertmanager/vars.yml": (
            f"token: {tagged(VALUE)}\nalertmanager:\n  secrets:\n"
            "    whole: '{{ vault_slack }}'\n    value: '{{ token }}'\n"
            "    around: 'https://x/{{ token }}'\n  port: '{{ 9000 + 93 }}'\n"
            "  external_url: !unsafe 'http://{{ x }}'\n"
        ),
        "host_vars/mon1.yml": f"alertmanager:\n  secrets:\n    own: {tagged(VALUE)}\n",
    }
    declared = read(files, "")
    (placement,) = site_of(declared).placed("alertmanager")
    secrets = placement.settings.secrets
    assert set(secrets) == {"whole", "value", "around", "own"}
    assert all(isinstance(secret, SecretStr) for secret in secrets.values())
    assert secrets["around"].get_secret_value() == f"https://x/{VALUE}"
    assert secrets["own"].get_secret_value() == VALUE
    assert (placement.settings.port, placement.settings.external_url) == (9093, "http://{{ x }}")
    assert VALUE not in repr(declared)


def test_a_plain_text_is_no_secret(read: Read) -> None:
    files = {"hosts": "[alertmanager]\nmon1\n"}
    files["group_vars/all.yml"] = f"alertmanager: {{secrets: {{slack: {VALUE}}}}}\n"
    said = problems(read(files, ""))
    assert "group_vars/all.yml: alertmanager.secrets.slack: a secret must come from a vault" in said
    assert VALUE not in said


def test_mistakes_are_blamed_on_their_file(read: Read) -> None:
    files = {
        "hosts": "[prometheus]\nmon1\n[web]\nweb1\n[web:vars]\nenvironment=5\n",
        "group_vars/all.yml": "stackwatch:\n  enviroment: x\nsite: {nmae: x}\n",
        "group_vars/prometheus.yml": "prometheus: {port: '1'}\nsite: {name: x}\n",
        "host_vars/mon1.yml": "stackwatch: {promtheus: {}}\nunrelated: 1\n",
    }
    said = problems(read(files, ""))
    for fault in (
        "ansible/hosts: web: environment: input should be a valid string",
        "group_vars/all.yml: stackwatch: enviroment: unknown setting. Did you mean 'environment'?",
        "group_vars/all.yml: site.nmae: unknown setting. Did you mean 'name'?",
        "group_vars/prometheus.yml: prometheus.port: input should be a valid integer",
        "group_vars/prometheus.yml: site: is not read here",
        "host_vars/mon1.yml: stackwatch: promtheus: unknown setting. Did you mean 'prometheus'?",
    ):
        assert fault in said, said
    assert "unrelated" not in said


@pytest.mark.parametrize(
    ("files", "path", "faults"),
    [
        ({}, "nosuch", ["nosuch: there is no such Ansible inventory. Check the path"]),
        ({"hosts": "[web]\n"}, "hosts", ["hosts: it has no hosts"]),
        ({"x.yml": "all: {hosts: {a: \n"}, "x.yml", ["x.yml: Unable to parse", "YAML"]),
        ({"hosts": "[web:chldren]\na\n"}, "hosts", ["hosts: Unable to parse", "chldren"]),
        # Half of an inventory would be taken for the whole of it.
        ({"a": "mon1\n", "b": "[x:y]\n"}, "", ["Unable to parse", "ansible-inventory -i"]),
        (
            {"hosts": "a\n", "group_vars/all.yml": "x: [\n"},
            "hosts",
            ["group_vars/all.yml:2: YAML parsing failed"],
        ),
        (
            {"hosts": "a\nb ansible_connection=winrm\n", "host_vars/a.yml": "os: '{{ nope }}'\n"},
            "hosts",
            ["2 problems", "host_vars/a.yml: os: 'nope' is undefined", "connection 'winrm'"],
        ),
        (
            {"hosts": "a ansible_become=1 ansible_become_method=su ansible_port=x\n"},
            "hosts",
            ["ansible_become_method (host a): only sudo to root"],
        ),
        ({"hosts": "a ansible_port=x\n"}, "hosts", ["hosts: a: ansible_port (host a): 'x' is no"]),
        (
            {"hosts": "[x]\na\nb\n[x:vars]\nansible_connection=local\n"},
            "hosts",
            ["a, b are all on this machine"],
        ),
        (
            {"hosts": "a\n", "group_vars/all.yml": encrypted("environment: x\n")},
            "hosts",
            ["no vault secrets", PASSWORD_VARIABLE],
        ),
        (
            {"hosts": "a\n", "group_vars/all.yml": f"environment: {tagged('x')}"},
            "hosts",
            ["group_vars/all.yml: environment: ", PASSWORD_VARIABLE],
        ),
    ],
)
def test_what_cannot_be_used_says_why(
    files: Mapping[str, str], path: str, faults: list[str], read: Read
) -> None:
    with pytest.raises(AnsibleInventoryError) as caught:
        read(files, path)
    for fault in [*faults, "no host was touched"]:
        assert fault in str(caught.value)
