"""Ansible inventories for tests, read through the bridge and pyinfra's own command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from pyinfra.api import State
from pyinfra.context import ctx_state

from plugins.compiler import Declared, compile_site
from plugins.declared import read_inventory
from plugins.role import all_roles
from plugins.site import Site

with pytest.MonkeyPatch.context() as _patch:
    # pyinfra's command line patches the whole process for gevent, which other tests do not want.
    _patch.setattr("gevent.monkey.patch_all", lambda: None)
    from pyinfra_cli.inventory import make_inventory

PHRASE = "open sesame"


def encrypted(text: str) -> str:
    library = VaultLib([("default", VaultSecret(PHRASE.encode()))])
    return str(library.encrypt(text).decode())


def tagged(text: str) -> str:
    """A value as ``ansible-vault encrypt_string`` writes it."""
    return "!vault |\n" + "".join(f"      {line}\n" for line in encrypted(text).splitlines())


def read(
    folder: Path,
    files: Mapping[str, str],
    path: str = "hosts",
    ours: Mapping[str, str] | None = None,
) -> Declared:
    """Write an Ansible inventory, hand it to pyinfra as its command line does, and read it.

    Args:
        folder: Where to write.
        files: The Ansible inventory.
        path: What of it is given to the bridge.
        ours: Further files beside the bridge, for example in ``group_data/``.
    """
    for name, text in files.items():
        (folder / "ansible" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "ansible" / name).write_text(text)
    bridge = folder / "inventories" / "bridge.py"
    (bridge.parent / "group_data").mkdir(parents=True)
    for name, text in (ours or {}).items():
        (bridge.parent / name).write_text(text)
    source = folder / "ansible" / path
    bridge.write_text(
        "from pathlib import Path\nfrom plugins.ansible_inventory import pyinfra_groups\n"
        f"globals().update(pyinfra_groups(Path(__file__), {str(source)!r}))\n"
    )
    with ctx_state.use(State()):
        inventory = make_inventory(str(bridge), override_data={}, cwd="/nowhere")
    return read_inventory(inventory, bridge, frozenset())


def site_of(declared: Declared) -> Site:
    """The site of an inventory."""
    return compile_site(declared, all_roles())
