"""What a scenario says, and which scenarios there are.

In a run of molecule, ``MOLECULE_FILE`` is the scenario's ``molecule.yml`` with what all share
merged in. Its platforms are the hosts, their groups the roles on them; the group variables of
``all`` are the settings, as ``group_data/all.py`` would hold them, and host variables those of one
host, as the inventory would. ``{secret: TEXT}`` stands for what a vault would hold.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plugins.vault import Secret

ROLES = Path(__file__).resolve().parents[1]
ROOT = ROLES.parent
# A group that stands for every file in roles/exporters/.
EXPORTERS = "exporters"
DEFAULT = "default"
RUNTIMES = ("systemd", "docker")
# What a run of everything leaves out, by title, and why; asked for, it is run.
LEFT_OUT: Mapping[str, str] = {
    "alertmanager/cluster (docker)": "three engines take as long as three other scenarios, and one "
    "Alertmanager runs as a container anyway; ROLE=alertmanager/cluster runs it",
}


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        role: The folder in ``roles/`` that it is in.
        name: Its name there.
        runtime: What its components run as.
    """

    role: str
    name: str = DEFAULT
    runtime: str = RUNTIMES[0]

    @property
    def word(self) -> str:
        """What it is asked for by: ``loki``, ``alertmanager/cluster``."""
        return self.role if self.name == DEFAULT else f"{self.role}/{self.name}"

    @property
    def title(self) -> str:
        """What people see: ``loki``, ``loki (docker)``."""
        return self.word if self.runtime == RUNTIMES[0] else f"{self.word} ({self.runtime})"

    @property
    def slug(self) -> str:
        """The word where no slash may be; names its hosts, whatever runs on them."""
        return self.word.replace("/", "-")

    @property
    def folder(self) -> Path:
        """Where it is."""
        return ROLES / self.role / "molecule" / self.name

    @property
    def file(self) -> Path:
        """Its ``molecule.yml``."""
        return self.folder / "molecule.yml"


def scenarios(runtimes: Sequence[str] = RUNTIMES) -> list[Scenario]:
    """Every scenario of every role, in every runtime."""
    files = ROLES.glob("*/molecule/*/molecule.yml")
    found = [Scenario(path.parts[-4], path.parts[-2], name) for path in files for name in runtimes]
    return sorted(found, key=lambda each: (each.word, RUNTIMES.index(each.runtime)))


def asked_for(word: str, runtimes: Sequence[str] = RUNTIMES) -> list[Scenario]:
    """The scenarios that a word means.

    Args:
        word: A role, for its default scenario; a role and one of its scenarios; a role without any
            of its own, for those that place it.
        runtimes: The ones that are wanted.
    """
    known = scenarios(runtimes)
    own = [each for each in known if word in (each.word, f"{each.role}/{each.name}")]
    return own or [each for each in known if word in placed(each.file)]


def exporters() -> list[str]:
    """Every exporter, by its file."""
    return sorted(path.stem for path in (ROLES / EXPORTERS).glob("[!_]*.py"))


def running() -> Scenario:
    """The scenario that molecule runs now."""
    role = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]).name
    return Scenario(role, os.environ.get("MOLECULE_SCENARIO_NAME", DEFAULT))


def group() -> str:
    """The group of test hosts of the scenario that runs; ``group.yml`` says the same."""
    return f"molecule-{running().slug}".replace("_", "-")


def said(file: Path | None = None) -> dict[str, Any]:
    """A ``molecule.yml``; by default that of the scenario that runs."""
    read: dict[str, Any] = yaml.safe_load((file or Path(os.environ["MOLECULE_FILE"])).read_text())
    return read


def placed(file: Path | None = None) -> dict[str, list[str]]:
    """Component to the hosts that it is on."""
    found: dict[str, list[str]] = {}
    for platform in said(file)["platforms"]:
        for name in platform["groups"]:
            for component in exporters() if name == EXPORTERS else [name]:
                found.setdefault(component, []).append(platform["name"])
    return found


def _sealed(value: Any) -> Any:
    """A value with its secrets as a vault would give them."""
    if isinstance(value, Mapping):
        if value.keys() == {"secret"}:
            return Secret(value["secret"])
        return {key: _sealed(inner) for key, inner in value.items()}
    return [_sealed(inner) for inner in value] if isinstance(value, list) else value


def _variables(file: Path | None, kind: str, name: str) -> dict[str, Any]:
    inventory = said(file).get("provisioner", {}).get("inventory", {})
    found: dict[str, Any] = _sealed(inventory.get(kind, {}).get(name, {}))
    return found


def own(host: str, file: Path | None = None) -> dict[str, Any]:
    """Settings of one host alone."""
    return _variables(file, "host_vars", host)


def runtime(host: str) -> str:
    """What components run as on a host of the scenario that runs."""
    return str({**settings(), **own(host)}["runtime"])


def settings(file: Path | None = None) -> dict[str, Any]:
    """Settings of all hosts."""
    everyone = _variables(file, "group_vars", "all")
    site = {"name": "molecule", "groups": ["everything"], **everyone.get("site", {})}
    return {**everyone, "site": site}
