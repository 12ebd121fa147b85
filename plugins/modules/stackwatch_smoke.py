#!/usr/bin/python
"""Ansible module: run every check of a monitoring site."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: stackwatch_smoke
short_description: Run every check of a monitoring site
version_added: "0.1.0"
description:
  - Runs C(pyinfra INVENTORY smoke.py). Units, health, targets, rules and probes are checked; one
    alert, one log line and one trace are sent and found again. Nothing is changed.
  - Fails with every check that does, what was expected and what was seen.
options:
  inventory:
    description:
      - Inventory of the site.
      - A file that ends in C(.py) is one of pyinfra; everything else is read as an Ansible
        inventory, which may be the one that this playbook runs with.
      - A relative path counts from O(project).
    type: path
    required: true
  project:
    description:
      - Folder of the stackwatch checkout.
      - Ansible runs a copy of this module, so it looks for it in E(STACKWATCH_PROJECT), then above
        the current folder, the folders of E(ANSIBLE_LIBRARY) and Ansible's own Python.
    type: path
  limit:
    description: Names or groups of the hosts to run on. Others still count for the wiring.
    type: list
    elements: str
    default: []
  data:
    description: Settings and options that win over the inventory, as C(--data) does.
    type: dict
    default: {}
  environment:
    description: Variables of pyinfra's process, for example E(ANSIBLE_VAULT_PASSWORD_FILE).
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: The same checks; nothing is changed in either mode.
  diff_mode:
    support: none
    description: Nothing is changed.
requirements:
  - a stackwatch checkout whose environment is made, on the machine this runs on
notes:
  - Runs on the controller, so delegate it to localhost, once, or use a local connection.
author:
  - stackwatch
"""

EXAMPLES = r"""
- name: The monitoring works
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Run every check
      stackwatch_smoke:
        project: /opt/stackwatch-checkout
        inventory: "{{ ansible_inventory_sources | first }}"
"""

RETURN = r"""
hosts:
  description: The hosts of this run.
  type: list
  elements: str
  returned: when the inventory has no mistakes
  sample: [mon1, web1]
failed_hosts:
  description: The hosts that failed.
  type: list
  elements: str
  returned: always
checks:
  description: Every check, as C(--data report=) writes it.
  type: list
  elements: dict
  returned: always
  sample:
    - host: mon1
      component: prometheus
      name: targets up
      ok: true
      where: http://10.0.0.11:9090/api/v1/targets?state=active
      expected: every target up
      seen: 10 up
output:
  description: What pyinfra printed, line by line.
  type: list
  elements: str
  returned: always
msg:
  description: Why it failed.
  type: str
  returned: on failure
"""


def find_project(given: str | None) -> Path | None:
    """The checkout: the one that is named, or the nearest that there is."""
    if given or os.environ.get("STACKWATCH_PROJECT"):
        return Path(given or os.environ["STACKWATCH_PROJECT"]).expanduser().resolve()
    library = os.environ.get("ANSIBLE_LIBRARY", "").split(os.pathsep)
    starts = [Path.cwd(), *(Path(folder).resolve() for folder in library if folder)]
    starts.append(Path(sys.executable).parent)
    folders = [folder for start in starts for folder in (start, *start.parents)]
    return next((f for f in folders if (f / "plugins" / "ansible_task.py").is_file()), None)


def main() -> None:
    """Give the parameters to the project and hand back what it says."""
    module = AnsibleModule(
        argument_spec={
            "inventory": {"type": "path", "required": True},
            "project": {"type": "path"},
            "limit": {"type": "list", "elements": "str", "default": []},
            "data": {"type": "dict", "default": {}, "no_log": True},
            "environment": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    project = find_project(module.params["project"])
    if project is None or not (project / "plugins" / "ansible_task.py").is_file():
        where = f"{project} is none" if project else "there is none to be found"
        module.fail_json(msg=f"no stackwatch checkout: {where}. Say `project:`")
        return
    python = project / ".venv" / "bin" / "python"
    asked = {
        **module.params,
        "task": "smoke",
        "check_mode": module.check_mode,
        "diff": module._diff,
    }
    code, out, err = module.run_command(
        [str(python) if python.exists() else sys.executable, "-m", "plugins.ansible_task"],
        data=json.dumps(asked),
        cwd=str(project),
        environ_update={"PYTHONPATH": str(project)},
    )
    if code:
        remedy = f"`make list` in {project} makes its environment"
        module.fail_json(msg=f"stackwatch cannot run: {err.strip()[-2000:]}\n{remedy}")
    result = json.loads(out)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
