"""What a scenario says, and which scenarios there are.

In a run of molecule, ``MOLECULE_FILE`` is the scenario's ``molecule.yml`` with what all share
merged in. Its platforms are the hosts, their groups the roles on them; the group variables of
``all`` are the settings, as ``group_data/all.py`` would hold them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parents[1]
ROOT = ROLES.parent
# A group that stands for every file in roles/exporters/.
EXPORTERS = "exporters"


def scenarios() -> list[str]:
    """Folders in ``roles/`` that have one."""
    return sorted(path.parts[-4] for path in ROLES.glob("*/molecule/default/molecule.yml"))


def exporters() -> list[str]:
    """Every exporter, by its file."""
    return sorted(path.stem for path in (ROLES / EXPORTERS).glob("[!_]*.py"))


def group() -> str:
    """The group of test hosts of the scenario that runs."""
    role = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]).name
    return f"molecule-{role.replace('_', '-')}"


def _said() -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load(Path(os.environ["MOLECULE_FILE"]).read_text())
    return said


def placed() -> dict[str, list[str]]:
    """Component to the hosts that it is on."""
    found: dict[str, list[str]] = {}
    for platform in _said()["platforms"]:
        for name in platform["groups"]:
            for component in exporters() if name == EXPORTERS else [name]:
                found.setdefault(component, []).append(platform["name"])
    return found


def settings() -> dict[str, Any]:
    """Settings of all hosts."""
    said: dict[str, Any] = _said()["provisioner"]["inventory"]["group_vars"].get("all", {})
    site = {"name": "molecule", "groups": ["everything"], **said.get("site", {})}
    return {**said, "site": site}
