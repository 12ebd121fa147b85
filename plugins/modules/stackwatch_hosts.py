#!/usr/bin/python
"""Ansible module: test hosts of a stackwatch checkout, up or gone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: stackwatch_hosts
short_description: Test hosts of a stackwatch checkout, up or gone
version_added: "0.1.0"
description:
  - Makes a group of containers with systemd and SSH, as C(python -m tests.hosts up) does, or takes
    it down. Molecule creates and destroys its instances by it.
options:
  project:
    description: Folder of the stackwatch checkout.
    type: path
    required: true
  group:
    description: The group's name; it consists of exactly O(hosts).
    type: str
    required: true
  state:
    description: Whether the group is there.
    type: str
    choices: [present, absent]
    default: present
  hosts:
    description:
      - The hosts. Keys are V(name), V(user) (V(root) or V(deploy), which has sudo), V(packages), a
        list of Debian packages in its image, V(setup), a script that root runs once, whose path
        counts from O(project), and V(docker), whether it can run a Docker Engine of its own, which
        V(packages) has to bring.
      - Other keys are left alone, so a platform of molecule is a host.
    type: list
    elements: dict
    default: []
requirements:
  - a stackwatch checkout whose environment is made, on a Debian machine, and root
notes:
  - Runs on the controller, by a local connection.
author:
  - stackwatch
"""

EXAMPLES = r"""
- name: Three machines to try things on
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Bring them up
      stackwatch_hosts:
        project: /opt/stackwatch-checkout
        group: playground
        hosts:
          - name: mon1
          - name: web1
            user: deploy
            packages: [python3, redis-server]
            setup: scripts/prepare-web1.sh
          - name: run1
            docker: true
            packages: [docker.io, docker-cli, iptables]
      register: made
"""

RETURN = r"""
instances:
  description: How the hosts are reached, as molecule's instance configuration has it.
  type: list
  elements: dict
  returned: when present
  sample:
    - instance: mon1
      address: 127.0.0.1
      port: 22001
      user: root
      identity_file: /checkout/.stackwatch/hosts/playground/id_ed25519
known_hosts:
  description: The file with their host keys.
  type: str
  returned: when present
msg:
  description: Why it failed.
  type: str
  returned: on failure
"""


def main() -> None:
    """Give the parameters to the project and hand back what it says."""
    module = AnsibleModule(
        argument_spec={
            "project": {"type": "path", "required": True},
            "group": {"type": "str", "required": True},
            "state": {"choices": ["present", "absent"], "default": "present"},
            "hosts": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=False,
    )
    project = Path(module.params["project"]).resolve()
    python = project / ".venv" / "bin" / "python"
    code, out, err = module.run_command(
        [str(python) if python.exists() else sys.executable, "-m", "tests.hosts.task"],
        data=json.dumps(module.params),
        cwd=str(project),
        environ_update={"PYTHONPATH": str(project)},
    )
    if code:
        module.fail_json(msg=f"test hosts of {project}: {err.strip()[-2000:]}")
        return
    module.exit_json(**json.loads(out))


if __name__ == "__main__":
    main()
