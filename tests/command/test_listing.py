"""What `make list` tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field

from plugins.artifacts import Lock
from plugins.experiment import Experiment, required
from plugins.exporter import Exporter
from plugins.listing import main
from plugins.model import EndpointKind
from plugins.role import all_roles
from plugins.settings import Port, RoleSettings

ROOT = Path(__file__).resolve().parents[2]
DEMO = """
web = [("web1", {"services": [{"name": "shop", "port": 8080, "health": "/up"}]})]
mon = [("mon1", {"address": "10.0.0.1"})]
prometheus = ["mon1"]
alertmanager = ["mon1"]
blackbox = ["mon1"]
"""


class Needy(RoleSettings):
    port: Port = Field(9999, description="port")
    address: str = Field(description="what it asks")


NEEDY = Exporter(name="needy", summary="asks", settings=Needy, artifact="needy").role()


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment.of({**all_roles(), "needy": NEEDY}, Lock.load())


@pytest.mark.parametrize(
    ("role", "kind", "used"),
    [
        ("prometheus", EndpointKind.API, {"alertmanager", "blackbox"}),
        ("prometheus", EndpointKind.PEER, set()),
        ("prometheus", EndpointKind.UI, set()),
        ("alertmanager", EndpointKind.PEER, {"alertmanager"}),
        # It looks for Prometheus' API to know what to check, which wires nothing.
        ("alertmanager", EndpointKind.API, set()),
        ("node_exporter", EndpointKind.METRICS, set()),
    ],
)
def test_wiring_is_found_out(
    role: str, kind: EndpointKind, used: set[str], experiment: Experiment
) -> None:
    wiring = experiment.wiring(role)
    assert wiring is not None
    assert set(wiring.get(kind, ())) == used


@pytest.mark.parametrize("kind", [EndpointKind.METRICS, EndpointKind.HEALTH])
def test_prometheus_wires_to_all(kind: EndpointKind, experiment: Experiment) -> None:
    wiring = experiment.wiring("prometheus")
    assert wiring is not None
    having = {r for r in all_roles() if kind in experiment.kinds(r)}
    assert set(wiring[kind]) == having


def test_a_role_that_needs_settings_is_not_guessed_at(experiment: Experiment) -> None:
    assert required(NEEDY) == ("address",)
    assert experiment.wiring("needy") is None


def test_roles_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = {line.split()[0]: line for line in lines[1:]}
    assert set(words) == set(all_roles())
    version = Lock.load().entry("alertmanager").version
    assert f"alertmanager {version}" in words["alertmanager"]
    assert "peer of its own kind" in words["alertmanager"]
    assert "metrics of all; health of all; api of alertmanager, blackbox" in words["prometheus"]
    assert " every host " in words["node_exporter"]
    assert " every Docker host " in words["cadvisor"]


def listing(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: reading an inventory patches the whole process."""
    return subprocess.run(
        [sys.executable, "-m", "plugins.listing", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_inventory_is_told_without_connecting(tmp_path: Path) -> None:
    (tmp_path / "site.py").write_text(DEMO)
    (tmp_path / "group_data").mkdir()
    (tmp_path / "group_data" / "site.py").write_text("site = {'groups': ['web', 'mon']}\n")
    jobs = tmp_path / "files" / "site" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "more.yml").write_text(
        "- {job_name: mine, static_configs: [{targets: [a, b]}]}\n"
        "- {job_name: found, dns_sd_configs: [{names: [a]}]}\n"
    )
    done = listing(tmp_path, "--inventory", "site.py")
    assert done.returncode == 0, done.stderr
    told = {" ".join(line.split()) for line in done.stdout.splitlines()}
    assert told >= {
        "mon1 alertmanager 10.0.0.1:9093, 10.0.0.1:9094",
        "mon1 prometheus 10.0.0.1:9090",
        "web1 node_exporter web1:9100",
        "web1 shop (your own) web1:8080",
        "node_exporter 2 mon1",
        "shop 1 mon1",
        "probe 6 mon1",
        "mine 2 mon1",
        "found discovered mon1",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("promtheus = ['a']\n", "Did you mean 'prometheus'?"),
        ("prometheus = []\n", "the inventory has no hosts"),
        ("prometheus = [1 / 0]\n", "ZeroDivisionError"),
        (
            "from plugins.vault import vault\nprometheus = [('a', vault('no.yml'))]\n",
            "no.yml: the vault file is missing. Create it: `ansible-vault create no.yml`",
        ),
    ],
)
def test_mistakes_are_told_and_the_exit_code_says_so(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "site.py").write_text(text)
    done = listing(tmp_path, "--inventory", "site.py")
    assert told in done.stderr
    assert done.returncode == 1


def test_a_path_that_leads_nowhere_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--inventory", "nowhere.py"])
    assert caught.value.code == 2
    assert "--inventory nowhere.py: no such file" in capsys.readouterr().err
