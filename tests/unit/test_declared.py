"""Reading pyinfra's own inventory: which host, which groups, which file said what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import State
from pyinfra.context import ctx_state

from plugins.compiler import Declared, compile_site
from plugins.declared import COMMAND_LINE, read_inventory
from plugins.model import SiteError
from plugins.role import all_roles

with pytest.MonkeyPatch.context() as _patch:
    # pyinfra's command line patches the whole process for gevent, which other tests do not want.
    _patch.setattr("gevent.monkey.patch_all", lambda: None)
    from pyinfra_cli.inventory import make_inventory

OPTIONS = frozenset({"prove", "junit"})
Read = Callable[..., Declared]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write files, hand them to pyinfra as its command line does, and read the inventory."""

    def reading(files: Mapping[str, str], data: Mapping[str, Any] | None = None) -> Declared:
        (tmp_path / "group_data").mkdir()
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        path = tmp_path / "demo.py"
        with ctx_state.use(State()):
            inventory = make_inventory(str(path), override_data=dict(data or {}), cwd="/nowhere")
        return read_inventory(inventory, path, OPTIONS)

    return reading


def layers(declared: Declared, host: str, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    (found,) = (h for h in declared.hosts if h.name == host)
    return [(la.origin.replace(f"{folder}/", ""), dict(la.values)) for la in found.layers]


FILES = {
    "demo.py": """
prometheus = [("mon1", {"ssh_hostname": "10.0.0.1", "labels": {"rack": "r1"}})]
web = (["web1", "web2"], {"environment": "shop"})
""",
    "group_data/all.py": "import json\nsite = {'groups': ['web']}\nenvironment = 'everyone'\n",
    "group_data/web.py": "labels: dict = {'tier': 'front'}\nnode_exporter = {'port': 9101}\n",
    "group_data/prometheus.py": "prometheus = {'port': 9091}\n",
    "group_data/demo.py": "architecture = 'arm64'\n",
}


def test_layers_in_order_each_with_its_file(read: Read, tmp_path: Path) -> None:
    declared = read(FILES, {"prove": "off", "environment": "told"})
    everyone = ("group_data/all.py", {"site": {"groups": ["web"]}, "environment": "everyone"})
    demo = ("group_data/demo.py", {"architecture": "arm64"})
    told = (COMMAND_LINE, {"environment": "told"})
    assert layers(declared, "web1", tmp_path) == [
        everyone,
        ("demo.py: web", {"environment": "shop"}),
        ("group_data/web.py", {"labels": {"tier": "front"}, "node_exporter": {"port": 9101}}),
        demo,
        told,
    ]
    assert layers(declared, "mon1", tmp_path) == [
        everyone,
        ("group_data/prometheus.py", {"prometheus": {"port": 9091}}),
        demo,
        ("demo.py: mon1", {"ssh_hostname": "10.0.0.1", "labels": {"rack": "r1"}}),
        told,
    ]
    assert [la.origin.replace(f"{tmp_path}/", "") for la in declared.site_layers] == [
        "group_data/all.py",
        "group_data/demo.py",
        COMMAND_LINE,
    ]


def test_hosts_share_the_very_layers_of_their_groups(read: Read) -> None:
    declared = read(FILES)
    first, second = (h.layers for h in declared.hosts if h.name.startswith("web"))
    assert len(first) == len(second) == 4
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_groups_are_told_without_all_and_the_files_own(read: Read) -> None:
    assert read(FILES).groups == ("prometheus", "web")


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        ({}, ("prometheus", "web")),
        ({"group_data/prod.py": "environment = 'prod'\n"}, ("prod", "prometheus", "web")),
        (
            {"group_data/prod.py": "environment = 'prod'\n", "prod.py": "web = ['x']\n"},
            ("prometheus", "web"),
        ),
        ({"web.py": "hosts = ['x']\n"}, ("prometheus", "web")),
    ],
)
def test_settings_of_a_sibling_inventory_are_no_group(
    read: Read, files: Mapping[str, str], groups: tuple[str, ...]
) -> None:
    declared = read({**FILES, **files})
    assert declared.groups == groups
    assert "prod" not in {la.values.get("environment") for h in declared.hosts for la in h.layers}


def test_values_reach_the_site(read: Read) -> None:
    declared = read(FILES, {"site": {"name": "told"}})
    site = compile_site(declared, all_roles())
    assert site.name == "told"
    assert {h.name: (h.address, h.environment, h.architecture) for h in site.hosts.values()} == {
        "mon1": ("10.0.0.1", "everyone", "arm64"),
        "web1": ("web1", "shop", "arm64"),
        "web2": ("web2", "shop", "arm64"),
    }
    assert site.hosts["mon1"].labels == {"rack": "r1"}
    ports = {p.host.name: p.settings.port for p in site.placed("node_exporter")}
    assert ports == {"mon1": 9100, "web1": 9101, "web2": 9101}
    (prometheus,) = site.placed("prometheus")
    assert prometheus.settings.port == 9091


@pytest.mark.parametrize(
    ("files", "faults"),
    [
        (
            {"group_data/web.py": "node_exporter = {'prot': 1}\nlabel = 1\n"},
            ["group_data/web.py: label", "group_data/web.py: node_exporter.prot"],
        ),
        ({"demo.py": "web = [('a', {'ssh_port': 22, 'ssh_prot': 1})]\n"}, ["demo.py: a: ssh_prot"]),
        ({"demo.py": "web = (['a'], {'os': 'bsd'})\n"}, ["demo.py: web: os"]),
        ({"group_data/webb.py": "os = 'linux'\n"}, ["demo.py: webb"]),
        ({"group_data/demo.py": "site = {'name': 1}\n"}, ["group_data/demo.py: site.name"]),
        ({"demo.py": "_hidden = ['a']\n"}, ["demo.py"]),
    ],
)
def test_mistakes_name_the_file_that_holds_them(
    read: Read, tmp_path: Path, files: Mapping[str, str], faults: list[str]
) -> None:
    declared = read({**FILES, **files})
    with pytest.raises(SiteError) as error:
        compile_site(declared, all_roles())
    where = [problem.where.replace(f"{tmp_path}/", "") for problem in error.value.problems]
    assert sorted(where) == faults


def test_connector_keys_are_those_of_every_connector(read: Read) -> None:
    (host,) = read({"demo.py": "web = ['@local']\n"}).hosts
    assert host.name == "@local"
    # Hosts that are reached in other ways share their settings with it.
    assert {"ssh_user", "docker_identifier"} <= host.connector_keys
    assert "ssh_usr" not in host.connector_keys


def test_hosts_given_on_the_command_line_have_no_file() -> None:
    inventory = make_inventory("a,b", override_data={"environment": "x"}, cwd="/nowhere")
    declared = read_inventory(inventory, None, OPTIONS)
    assert [h.name for h in declared.hosts] == ["a", "b"]
    assert (declared.path, declared.groups) == (None, ())
    assert [(la.origin, la.values) for la in declared.site_layers] == [
        (COMMAND_LINE, {"environment": "x"})
    ]
    assert compile_site(declared, all_roles()).hosts["a"].environment == "x"
