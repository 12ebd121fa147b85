"""An Ansible inventory as ours: hosts, groups, layers with their files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugins.ansible_inventory import VARIABLE, named, pyinfra_groups, site_name
from plugins.ansible_loading import AnsibleInventoryError
from plugins.compiler import Declared
from tests.unit import ansible_site
from tests.unit.ansible_site import site_of

Read = Callable[..., Declared]

INI = """
[prometheus]
mon1 ansible_host=10.0.0.1 ansible_port=2222 ansible_user=deploy

[web]
web1 ansible_host=10.0.0.2 ansible_ssh_private_key_file=/keys/web address=192.0.2.2

[web:vars]
ansible_become=yes
nginx_port=80

[dc-1:children]
web
prometheus

[all:vars]
stackwatch={"site": {"check_deadline": 33}}
"""

YAML = """
all:
  vars:
    ansible_user: deploy
    site: {name: shop}
  children:
    node-exporter: {hosts: {web1: {ansible_host: 10.0.0.2}}}
    prometheus:
      hosts:
        mon1: {ansible_host: 10.0.0.1, ansible_become: true, labels: {rack: r1}}
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read an Ansible inventory that is written for one test."""
    return partial(ansible_site.read, tmp_path)


def told(declared: Declared, host: str, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Origin and values of each layer of a host."""
    (found,) = (h for h in declared.hosts if h.name == host)
    return [(la.origin.replace(f"{folder}/", ""), dict(la.values)) for la in found.layers]


def test_an_ini_file(read: Read, tmp_path: Path) -> None:
    declared = read({"shop.ini": INI}, "shop.ini")
    site = site_of(declared)
    assert (site.name, site.settings.check_deadline) == ("shop", 33)
    assert set(site.settings.groups) == {"web", "dc-1"}
    assert {name: host.address for name, host in site.hosts.items()} == {
        "mon1": "10.0.0.1",
        "web1": "192.0.2.2",
    }
    assert [p.host.name for p in site.placed("prometheus")] == ["mon1"]
    own = dict(told(declared, "mon1", tmp_path))["inventories/bridge.py: mon1"]
    assert own == {
        "ssh_hostname": "10.0.0.1",
        "ssh_port": 2222,
        "ssh_user": "deploy",
        "_sudo": False,
    }
    own = dict(told(declared, "web1", tmp_path))["inventories/bridge.py: web1"]
    assert own == {"ssh_hostname": "10.0.0.2", "ssh_key": "/keys/web", "_sudo": True}


def test_a_yaml_file_and_a_group_with_a_hyphen(read: Read, tmp_path: Path) -> None:
    declared = read({"hosts.yml": YAML}, "hosts.yml")
    site = site_of(declared)
    assert site.name == "shop"
    assert site.hosts["mon1"].labels == {"rack": "r1"}
    assert {p.host.name for p in site.placed("node_exporter")} == {"mon1", "web1"}
    (web,) = (host for host in declared.hosts if host.name == "web1")
    assert "node_exporter" in web.groups
    assert ("ansible/hosts.yml: mon1", {"labels": {"rack": "r1"}}) in told(
        declared, "mon1", tmp_path
    )


FOLDER = {
    "hosts": "[prometheus]\nmon1\n[eu:children]\nprometheus\n[eu:vars]\nenvironment=inline\n",
    "group_vars/all.yml": "environment: everyone\nprometheus: {scrape_interval: 1s}\n",
    "group_vars/eu/a.yml": "prometheus: {flags: [--eu], evaluation_interval: 2s}\nlogrotate: 1\n",
    "group_vars/prometheus.yml": "stackwatch: {prometheus: {flags: [--role]}}\n",
    "host_vars/mon1.yml": "prometheus: {scrape_interval: 3s}\n",
}


def test_a_folder_has_a_layer_for_every_file_in_ansibles_order(read: Read, tmp_path: Path) -> None:
    declared = read(FOLDER, "")
    assert told(declared, "mon1", tmp_path)[:-1] == [
        (
            "inventories/bridge.py",
            {"site": {"name": "ansible", "groups": ["eu"]}},
        ),
        ("ansible/hosts: eu", {"environment": "inline"}),
        (
            "ansible/group_vars/all.yml",
            {"environment": "everyone", "prometheus": {"scrape_interval": "1s"}},
        ),
        (
            "ansible/group_vars/eu/a.yml",
            {"prometheus": {"flags": ["--eu"], "evaluation_interval": "2s"}},
        ),
        ("ansible/group_vars/prometheus.yml: stackwatch", {"prometheus": {"flags": ["--role"]}}),
        ("ansible/host_vars/mon1.yml", {"prometheus": {"scrape_interval": "3s"}}),
    ]
    (placement,) = site_of(declared).placed("prometheus")
    # Ansible would let the last one win; dictionaries merge here, and flags grow.
    assert placement.settings.scrape_interval == "3s"
    assert placement.settings.evaluation_interval == "2s"
    assert placement.settings.flags == ["--eu", "--role"]
    assert placement.host.environment == "everyone"


def test_ansible_wins_over_group_data_and_the_rest_of_it_stays(read: Read) -> None:
    ours = {
        "group_data/all.py": "environment = 'ours'\nsite = {'lock_timeout': 7}\n",
        "group_data/prometheus.py": "prometheus = {'scrape_interval': '9s', 'port': 9999}\n",
    }
    site = site_of(read(FOLDER, "", ours))
    (placement,) = site.placed("prometheus")
    assert (placement.settings.scrape_interval, placement.settings.port) == ("3s", 9999)
    assert site.hosts["mon1"].environment == "everyone"
    assert site.settings.lock_timeout == 7


def test_layers_are_shared_by_hosts_and_templates_are_filled_in_for_each(read: Read) -> None:
    declared = read(
        {
            "hosts": "[web]\nweb1 nr=1\nweb2 nr=2\n",
            "group_vars/web.yml": "labels: {tier: front}\n",
            "group_vars/all.yml": "stackwatch: {address: '10.0.0.{{ nr }}'}\n",
        },
        "",
    )
    first, second = declared.hosts
    shared = {id(layer) for layer in first.layers} & {id(layer) for layer in second.layers}
    assert [la.values for la in first.layers if id(la) in shared and "labels" in la.values]
    assert [h.address for h in site_of(declared).hosts.values()] == ["10.0.0.1", "10.0.0.2"]


def test_groups_that_would_be_taken_for_something_else(read: Read) -> None:
    files = {"hosts": "[prod]\nmon1\n[web]\nmon1\n[stackwatch]\nmon1\n[other]\nelsewhere\n"}
    ours = {"prod.py": "", "group_data/prod.py": "environment = 'not mine'\n"}
    declared = read(files, ours=ours)
    site = site_of(declared)
    # A group stackwatch chooses the hosts, and prod.py is an inventory of its own.
    assert list(site.hosts) == ["mon1"]
    assert site.settings.groups == ["ansible_prod", "web"]
    assert site.hosts["mon1"].environment == "default"


def test_this_machine(read: Read) -> None:
    declared = read({"hosts": "[prometheus]\nlocalhost ansible_connection=local\n"})
    assert site_of(declared).hosts["@local"].address == "127.0.0.1"


def test_only_the_namespace_is_read_where_it_is_asked_for(read: Read) -> None:
    files = {
        "hosts": "mon1\n",
        "group_vars/all.yml": "stackwatch_only: true\nservices: [nginx]\n"
        "stackwatch: {environment: mine, ssh_known_hosts_file: /k}\n",
    }
    declared = read(files, "")
    assert site_of(declared).hosts["mon1"].environment == "mine"
    assert declared.hosts[0].layers[-1].values["ssh_known_hosts_file"] == "/k"


def test_the_environment_names_an_inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "~/x")
    assert named() == Path("~/x").expanduser()
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(AnsibleInventoryError, match="--data ansible_inventory=PATH"):
        named()


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/shop.ini", "shop"), ("a/shop/hosts.yml", "shop"), ("a/shop/inventory", "shop")],
)
def test_a_site_is_called_what_its_inventory_is(path: str, name: str) -> None:
    assert site_name(Path(path)) == name


def test_a_group_that_is_nearly_a_role_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hosts").write_text("[promtheus]\na\n")
    with caplog.at_level("WARNING", "pyinfra"):
        groups = pyinfra_groups(tmp_path / "x.py", tmp_path / "hosts")
    assert groups["promtheus"] == ["a"]
    assert "is it 'prometheus'?" in caplog.text
