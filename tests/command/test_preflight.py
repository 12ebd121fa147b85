"""Before the first connection: pyinfra with inventories that are not right."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def hosts(*names: str) -> str:
    """Hosts at which nothing listens: whoever connects says so."""
    said = "{'ssh_hostname': '127.0.0.1', 'ssh_port': 1, 'address': "
    return "".join(f"({name!r}, {said}{name!r}}})," for name in names).join("[]")


@dataclass(frozen=True)
class Called:
    """One call of pyinfra: the files of an inventory and further arguments."""

    files: Mapping[str, str]
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """How it ended: exit code, all it said, and the inventory's folder."""

    code: int
    said: str
    folder: Path = field(default_factory=Path)


GOOD = {"site.py": f"prometheus = {hosts('a')}\n"}
MISTAKEN = {
    "site.py": f"prometheus = {hosts('a')}\nweb = {hosts('b', 'c')}\nappp = ['a']\n",
    "group_data/all.py": "site = {'groups': ['web'], 'nmae': 'x'}\n",
    "group_data/web.py": "node_exporter = {'port': '9100'}\nenviroment = 'x'\n",
    "group_data/prometheus.py": "prometheus = {'scrape_interval': 15, 'port': 9100}\n",
}
LEFT_OUT = {
    "site.py": f"from plugins.vault import Secret\nmonitoring = ({hosts('a')}, "
    "{'without': ['node_exporter'], 'grafana': {'admin_password': Secret('x'), "
    "'native': {'smtp': {'password': 'hunter2'}}}})\ngrafana = ['a']\n",
    "group_data/all.py": "site = {'groups': ['monitoring'], 'allow_missing': ['grafana'], "
    "'artifact_sources': ['mirror']}\n",
    "files/site/dashboards/broken.json": "{",
}
CALLS = {
    "mistaken": Called(MISTAKEN),
    "limit": Called(GOOD, ("--limit", "nosuch")),
    "missing": Called({}),
    "empty": Called({"site.py": "prometheus = []\n"}),
    "good": Called(GOOD),
    "left out": Called(LEFT_OUT),
}


def deploy(folder: Path, called: Called) -> Ended:
    (folder / "group_data").mkdir()
    for name, text in called.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    pyinfra = Path(sys.executable).with_name("pyinfra")
    done = subprocess.run(
        [pyinfra, "-y", folder / "site.py", "deploy.py", *called.arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout + done.stderr, folder)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    """Every call, all at the same time: each takes most of a second."""
    folders = [tmp_path_factory.mktemp(name.replace(" ", "_")) for name in CALLS]
    with ThreadPoolExecutor() as pool:
        return dict(zip(CALLS, pool.map(deploy, folders, CALLS.values()), strict=True))


def test_every_mistake_is_told_before_any_connection(ended: Mapping[str, Ended]) -> None:
    run = ended["mistaken"]
    data = run.folder / "group_data"
    assert run.code != 0
    for fault in (
        "5 problems, no host was touched:",
        f"{data}/all.py: site.nmae: unknown setting. Did you mean 'name'?",
        f"{data}/web.py: node_exporter.port: input should be a valid integer",
        f"{data}/web.py: enviroment: unknown setting. Did you mean 'environment'?",
        f"{data}/prometheus.py: prometheus.scrape_interval: input should be a valid string",
        f"{run.folder}/site.py: appp: unknown group.",
    ):
        assert fault in run.said
    assert "Connecting" not in run.said
    assert "Traceback" not in run.said


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("limit", "nosuch"),
        ("missing", "site.py: there is no such inventory file, check the path"),
        ("empty", "the inventory has no hosts: check its path and its groups"),
    ],
)
def test_nothing_begins(ended: Mapping[str, Ended], call: str, fault: str) -> None:
    assert ended[call].code != 0
    assert fault in ended[call].said
    assert "Connecting" not in ended[call].said


def test_what_is_right_gets_as_far_as_connecting(ended: Mapping[str, Ended]) -> None:
    assert ended["good"].code != 0
    assert "Connecting" in ended["good"].said


def test_what_is_not_installed_is_checked_all_the_same(ended: Mapping[str, Ended]) -> None:
    run = ended["left out"]
    assert run.code != 0
    assert "2 problems, no host was touched:" in run.said
    assert f"{run.folder}/files/site/dashboards/broken.json: is no valid JSON" in run.said
    assert "grafana.native.smtp.password: is a secret in plain text" in run.said
    assert "hunter2" not in run.said
    assert "Connect" not in run.said
