"""Ansible users: their inventory and their tasks, over real hosts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.machine import get, on
from tests.integration.project import FAST, ROOT, Project

MODULES = ROOT / "plugins" / "modules"
# The modules run a project; what it does on hosts is another file's.
pytestmark = pytest.mark.only("systemd", "how the project is run decides nothing on the hosts")
PLAYBOOK = """
- name: Monitoring
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Deploy
      stackwatch_deploy:
        project: {root}
        inventory: "{{{{ ansible_inventory_sources | first }}}}"
        limit: [mon1, web1]
      register: monitoring

    - name: It was done before
      ansible.builtin.assert:
        that:
          - monitoring is not changed
          - monitoring.components == []
          - monitoring.hosts | sort == ['mon1', 'web1']
          - monitoring.checks | rejectattr('ok') | list == []
          - monitoring.checks | length > 5
"""


@dataclass(frozen=True)
class Task:
    """How a task ended: Ansible's word for it, its result, and all that was printed."""

    status: str
    result: dict[str, Any]
    output: str

    def components(self) -> set[tuple[str, str]]:
        """Host and name of what was changed, or would be."""
        return {(each["host"], each["component"]) for each in self.result["components"]}


@dataclass
class Ansible:
    """The small site as an Ansible inventory, and tasks that run with it."""

    folder: Path
    site: Project
    prometheus: dict[str, Any] = field(default_factory=lambda: dict(FAST))

    @property
    def inventory(self) -> Path:
        """The folder that `ansible -i` gets; the site is called like it."""
        return self.folder / "it"

    def write(self) -> None:
        """Write hosts and variables as they stand now."""
        hosts: dict[str, Any] = {}
        for name in self.site.machines:
            made = self.site.connection(name)
            hosts[name] = {
                "ansible_host": made["ssh_hostname"],
                "ansible_port": made["ssh_port"],
                "ansible_user": made["ssh_user"],
                "ansible_private_key_file": made["ssh_key"],
                "ansible_become": made["_sudo"],
                "stackwatch": {
                    "address": made["address"],
                    "ssh_known_hosts_file": made["ssh_known_hosts_file"],
                },
            }
        groups = {"everything": list(hosts), **self.site.groups}
        children = {group: {"hosts": dict.fromkeys(names)} for group, names in groups.items()}
        everyone = {
            "environment": "test",
            "nginx_port": 80,
            "stackwatch": {"prometheus": self.prometheus},
        }
        (self.inventory / "group_vars").mkdir(parents=True, exist_ok=True)
        (self.inventory / "hosts.yml").write_text(
            yaml.safe_dump({"all": {"hosts": hosts, "children": children}})
        )
        (self.inventory / "group_vars" / "all.yml").write_text(yaml.safe_dump(everyone))

    def call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of Ansible's programs, with this inventory and our modules."""
        self.write()
        return subprocess.run(
            [Path(sys.executable).with_name(program), "-i", self.inventory, *arguments],
            cwd=self.folder,
            env={**os.environ, "ANSIBLE_LIBRARY": str(MODULES)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def task(self, module: str, *options: str, **parameters: Any) -> Task:
        """Run one module; fails on what is no result of it."""
        said = {"project": str(ROOT), "inventory": str(self.inventory), **parameters}
        done = self.call("ansible", "localhost", "-m", module, "-a", json.dumps(said), *options)
        found = re.search(r"^localhost \| (\w+)!? => (\{.*\})", done.stdout, re.DOTALL | re.M)
        assert found, done.stdout + done.stderr
        return Task(found[1], json.loads(found[2]), done.stdout + done.stderr)


@pytest.fixture
def ansible(site: Project, tmp_path: Path) -> Ansible:
    """The small site, that its own fixture makes anew afterwards."""
    return Ansible(tmp_path, site)


def test_a_site_from_an_ansible_inventory(ansible: Ansible) -> None:
    mon = ansible.site.machines["mon1"]
    ansible.prometheus["scrape_interval"] = "2s"
    first = ansible.task("stackwatch_deploy")
    assert first.status == "CHANGED", first.output
    # group_data/ of this project counts too: node_exporter's collectors are from there.
    assert {("mon1", "prometheus"), ("web1", "node_exporter")} <= first.components()
    reasons = [r for c in first.result["components"] for r in c["reasons"]]
    assert any("prometheus.yml" in reason for reason in reasons), reasons
    assert all(check["ok"] for check in first.result["checks"])
    assert "scrape_interval: 2s" in get(mon, "/api/v1/status/config")["data"]["yaml"]

    # The same again, from a playbook: nothing to do.
    (ansible.folder / "play.yml").write_text(PLAYBOOK.format(root=ROOT))
    played = ansible.call("ansible-playbook", str(ansible.folder / "play.yml"))
    assert played.returncode == 0, played.stdout + played.stderr

    # Check mode tells what would change and leaves it.
    ansible.prometheus["scrape_interval"] = "4s"
    checked = ansible.task("stackwatch_deploy", "--check", "--diff")
    assert checked.status == "CHANGED", checked.output
    assert checked.components() == {("mon1", "prometheus")}
    assert "+  scrape_interval: 4s" in checked.output
    assert "-  scrape_interval: 2s" in checked.output
    assert "scrape_interval: 2s" in get(mon, "/api/v1/status/config")["data"]["yaml"]

    # And with it: exactly that.
    changed = ansible.task("stackwatch_deploy", "--diff", prove="quick")
    assert changed.status == "CHANGED", changed.output
    assert [(c["component"], c["action"]) for c in changed.result["components"]] == [
        ("prometheus", "reload")
    ]
    assert "+  scrape_interval: 4s" in changed.output
    assert "scrape_interval: 4s" in get(mon, "/api/v1/status/config")["data"]["yaml"]


def test_smoke_is_a_task_that_fails_with_the_reason(ansible: Ansible) -> None:
    mon = ansible.site.machines["mon1"]
    ansible.task("stackwatch_deploy", prove="off")
    smoke = ansible.task("stackwatch_smoke")
    assert smoke.status == "SUCCESS", smoke.output
    assert "an alert is delivered" in {check["name"] for check in smoke.result["checks"]}

    on(mon, "systemctl stop stackwatch-blackbox")
    try:
        failed = ansible.task("stackwatch_smoke")
    finally:
        on(mon, "systemctl start stackwatch-blackbox")
    assert failed.status == "FAILED"
    assert re.match(r"\d+ of \d+ checks fail:\nmon1: blackbox: unit runs: ", failed.result["msg"])
    assert failed.result["failed_hosts"] == ["mon1"]


def test_a_configuration_that_a_host_refuses_fails_the_task(ansible: Ansible) -> None:
    ansible.task("stackwatch_deploy", prove="off")
    ansible.prometheus["native"] = {"global": {"scrape_timeout": "banana"}}
    failed = ansible.task("stackwatch_deploy", prove="off")
    assert failed.status == "FAILED", failed.output
    assert failed.result["changed"] is False
    assert "banana" in failed.result["msg"], failed.result["msg"]
    assert "refused by promtool" in failed.result["msg"], failed.result["msg"]
