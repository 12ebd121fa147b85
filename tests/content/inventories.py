"""The example inventories as the real programs would meet them on their hosts."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from plugins.artifacts import Lock
from plugins.compiler import Declared, compile_site
from plugins.listing import components, read
from plugins.model import Component
from plugins.paths import Paths
from plugins.role import all_roles
from plugins.site import Site
from plugins.vault import PASSWORD_FILE, PASSWORD_VARIABLE

INVENTORIES = Path(__file__).resolve().parents[2] / "inventories"
PROD_SECRETS = {
    "pagerduty": "sentinel-routing-key",
    "slack": "https://slack.invalid/sentinel-hook",
    "smtp": "sentinel-mail-password",
    "dead-man": "https://dead-man.invalid/sentinel-ping",
}
GRAFANA_SECRETS = {
    "admin_password": "sentinel-grafana-admin",
    "secret_key": "sentinel-grafana-key",
    "database": "sentinel-grafana-database",
    "oauth": "sentinel-grafana-oauth",
}


@dataclass(frozen=True)
class Rendered:
    """An inventory as it would lie on its hosts.

    Attributes:
        declared: As written.
        site: Compiled.
        components: Of every host.
        folder: Configurations, in <host>/<component>/.
    """

    declared: Declared
    site: Site
    components: tuple[Component, ...]
    folder: Path

    def find(self, name: str) -> tuple[Component, ...]:
        return tuple(c for c in self.components if c.name == name)

    def config(self, component: Component) -> Path:
        return self.folder / component.host / component.name

    def alertmanager(self) -> dict[str, Any]:
        config = self.config(self.find("alertmanager")[0]) / "alertmanager.yml"
        loaded: dict[str, Any] = yaml.safe_load(config.read_text())
        return loaded


def rendered(inventory: Path, folder: Path) -> Rendered:
    declared = read(inventory)
    site = compile_site(declared, all_roles())
    made = components(site, Lock.load())
    for component in made:
        for file in component.files:
            path = folder / component.host / component.name / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            # What is watched lies elsewhere on a host: here the checkers shall find it too.
            path.write_text(file.content.replace(Paths(component.name).hot, str(path.parent)))
    return Rendered(declared, site, made, folder)


def prod(folder: Path) -> Rendered:
    """Production, with a vault as its README says."""
    inventories = folder / "inventories"
    shutil.copytree(INVENTORIES, inventories, ignore=shutil.ignore_patterns(PASSWORD_FILE))
    secrets = yaml.safe_dump({"alertmanager": PROD_SECRETS, "grafana": GRAFANA_SECRETS})
    encrypted = VaultLib([("default", VaultSecret(b"a password"))]).encrypt(secrets)
    (inventories / "vault" / "prod.yml").write_bytes(encrypted)
    (inventories / PASSWORD_FILE).write_text("a password")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(PASSWORD_VARIABLE, raising=False)
        return rendered(inventories / "prod.py", folder / "hosts")


def staging(folder: Path) -> Rendered:
    """Staging as it is committed, its example vault too."""
    return rendered(INVENTORIES / "staging.py", folder / "hosts")


def demo(folder: Path) -> Rendered:
    """The demo, with hosts as `make demo` would write them; it shares settings with the others."""
    shutil.copytree(INVENTORIES, folder / "inventories")
    made = [
        {
            "name": name,
            "address": f"10.0.0.{number}",
            "ssh_hostname": "127.0.0.1",
            "ssh_port": 2200 + number,
            "ssh_user": "deploy",
            "ssh_known_hosts_file": "known_hosts",
        }
        for number, name in enumerate(("mon1", "web1", "web2"), start=1)
    ]
    hosts = folder / ".stackwatch" / "hosts" / "demo" / "hosts.json"
    hosts.parent.mkdir(parents=True)
    hosts.write_text(json.dumps(made))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return rendered(Path("inventories", "demo.py"), folder / "rendered")
