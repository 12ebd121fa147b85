"""An Ansible inventory and the Ansible modules on the real command lines, without any host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "plugins" / "modules"
# Nothing listens there: whoever connects says so.
NOBODY = "ansible_host=127.0.0.1 ansible_port=1"

GOOD = {"hosts": f"[prometheus]\na {NOBODY}\n"}
MISTAKEN = {
    "hosts": f"[prometheus]\na {NOBODY}\n",
    "group_vars/all.yml": "stackwatch: {site: {nmae: x}}\n",
    "host_vars/a.yml": "prometheus: {port: '1'}\nstackwatch: {enviroment: x}\nnginx: 1\n",
}
BRIDGE = "inventories/from_ansible.py"


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code and all it said."""

    code: int
    said: str


def call(program: str, *arguments: str, cwd: Path = ROOT, **environment: str) -> Ended:
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout + done.stderr)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def deploy(folder: Path) -> Ended:
    return call("pyinfra", "-y", BRIDGE, "deploy.py", "--data", f"ansible_inventory={folder}")


def module(name: str, *options: str, **parameters: object) -> Ended:
    """A module by `ansible localhost`, as one calls it by hand."""
    said = json.dumps({"project": str(ROOT), **parameters})
    return call("ansible", "localhost", "-M", str(MODULES), "-m", name, "-a", said, *options)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    """Every call, all at the same time: each takes most of a second."""
    good = write(tmp_path_factory.mktemp("good"), GOOD)
    mistaken = write(tmp_path_factory.mktemp("mistaken"), MISTAKEN)
    calls = {
        "good": lambda: deploy(good),
        "mistaken": lambda: deploy(mistaken),
        "missing": lambda: deploy(good / "nosuch"),
        "unnamed": lambda: call("pyinfra", "-y", BRIDGE, "deploy.py"),
        "environment": lambda: call(
            "pyinfra", "-y", BRIDGE, "deploy.py", STACKWATCH_ANSIBLE_INVENTORY=str(mistaken)
        ),
        "listing": lambda: call(
            "python",
            "-m",
            "plugins.listing",
            "--inventory",
            BRIDGE,
            STACKWATCH_ANSIBLE_INVENTORY=str(good),
        ),
        "shown": lambda: call(
            "pyinfra", "--json", BRIDGE, "debug-inventory", "--data", f"ansible_inventory={good}"
        ),
        "check": lambda: module("stackwatch_deploy", "--check", inventory=str(mistaken)),
        "smoke": lambda: module("stackwatch_smoke", inventory=str(good), limit=["nosuch"]),
        "down": lambda: module("stackwatch_deploy", "--diff", inventory=str(good)),
        "no project": lambda: module("stackwatch_smoke", inventory="x", project=str(good)),
        "hidden": lambda: module(
            "stackwatch_deploy", inventory=str(mistaken), data={"environment": "sentinel-1"}
        ),
    }
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(calls, pool.map(lambda each: each(), calls.values()), strict=True))


FAULTS = (
    "group_vars/all.yml: stackwatch: site.nmae: unknown setting. Did you mean 'name'?",
    "host_vars/a.yml: prometheus.port: input should be a valid integer, got '1'",
    "host_vars/a.yml: stackwatch: enviroment: unknown setting. Did you mean 'environment'?",
)


@pytest.mark.parametrize("run", ["mistaken", "environment", "check"])
def test_every_mistake_is_told_before_any_connection(ended: Mapping[str, Ended], run: str) -> None:
    assert ended[run].code != 0
    for fault in ("3 problems, no host was touched:", *FAULTS):
        assert fault in ended[run].said
    assert "nginx" not in ended[run].said
    for never in ("Connecting", "Traceback", "WARNING: Found variable"):
        assert never not in ended[run].said


def test_an_inventory_that_is_right_gets_as_far_as_connecting(ended: Mapping[str, Ended]) -> None:
    assert ended["good"].code != 0
    assert "[a] Could not connect" in ended["good"].said


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        ("missing", "nosuch: there is no such Ansible inventory. Check the path"),
        ("unnamed", "Add --data ansible_inventory=PATH, or set STACKWATCH_ANSIBLE_INVENTORY"),
    ],
)
def test_no_inventory(ended: Mapping[str, Ended], run: str, fault: str) -> None:
    assert ended[run].code != 0
    assert fault in ended[run].said
    assert "Traceback" not in ended[run].said


def test_the_listing_reads_it_too(ended: Mapping[str, Ended]) -> None:
    assert ended["listing"].code == 0, ended["listing"].said
    assert "prometheus" in ended["listing"].said


def test_pyinfra_can_show_it_as_json(ended: Mapping[str, Ended]) -> None:
    assert ended["shown"].code == 0, ended["shown"].said
    assert '"ssh_port": 1' in ended["shown"].said


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        ("smoke", "--limit or --exclude leaves no host: check the names"),
        ("down", "Could not connect"),
        ("no project", "no stackwatch checkout"),
    ],
)
def test_a_task_that_fails_says_why(ended: Mapping[str, Ended], run: str, fault: str) -> None:
    assert ended[run].code != 0
    assert "localhost | FAILED!" in ended[run].said
    assert fault in ended[run].said
    assert '"changed": false' in ended[run].said


def test_values_of_data_are_hidden(ended: Mapping[str, Ended]) -> None:
    assert FAULTS[0] in ended["hidden"].said
    assert "sentinel-1" not in ended["hidden"].said


@pytest.mark.parametrize("name", ["stackwatch_deploy", "stackwatch_smoke", "stackwatch_hosts"])
def test_the_documentation_of_a_module_is_what_it_takes(name: str) -> None:
    told = call("ansible-doc", "-M", str(MODULES), "-j", name)
    assert told.code == 0, told.said
    found = json.loads(told.said)[name]
    assert found["doc"]["short_description"]
    assert found["examples"] and found["return"]["msg"]
    options = set(found["doc"]["options"])
    text = (MODULES / f"{name}.py").read_text()
    taken = text[text.index("argument_spec={") : text.index("supports_check_mode")]
    assert all(f'"{option}": {{' in taken for option in options)
    assert taken.count('"type"') + taken.count('{"choices"') == len(options)
