"""This machine's own engine, through pyinfra's local connector; everything is taken away again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.hosts import engine
from tests.integration.conftest import WORKER
from tests.integration.project import ROOT

# Nobody else's ports: the machine is not ours alone.
SETTINGS = {
    "runtime": "docker",
    "environment": "test",
    "without": ["cadvisor", "node_exporter", "otelcol"],
    "blackbox": {"port": 29115},
    "site": {"name": "local", "lock_timeout": 300},
}


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The machine as inventories/local.py has it, with one component."""
    engine.ensure()
    folder = tmp_path_factory.mktemp(f"local{WORKER}") / "inventories"
    (folder / "group_data").mkdir(parents=True)
    made = folder / "own.py"
    shipped = (ROOT / "inventories" / "local.py").read_text()
    # Its host with all it says of itself, and one role instead of five.
    made.write_text(f"{shipped.partition('prometheus = ')[0]}blackbox = ['@local']\n")
    said = {**SETTINGS, "site": {**SETTINGS["site"], "groups": ["monitoring"]}}  # type: ignore[dict-item]
    lines = [f"{name} = {value!r}" for name, value in said.items()]
    (folder / "group_data" / "all.py").write_text("\n".join(lines) + "\n")
    yield made
    purge = ("--data", "purge=/var/lib/stackwatch/blackbox")
    code, output = _run(made, "remove.py", "--data", "component=blackbox", *purge)
    assert code == 0, output
    assert _found() == []


def _run(inventory: Path, entry: str, *arguments: str) -> tuple[int, str]:
    pyinfra = Path(sys.executable).parent / "pyinfra"
    done = subprocess.run(
        [str(pyinfra), "-y", str(inventory), entry, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYINFRA_PROGRESS": "off"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def _found() -> list[str]:
    """Containers of the component on this machine, by id."""
    client = engine.connect()
    assert client is not None
    label = "stackwatch.component=blackbox"
    return [c.id for c in client.containers.list(all=True, filters={"label": label}) if c.id]


def test_a_component_runs_on_this_machines_own_engine(inventory: Path) -> None:
    code, output = _run(inventory, "deploy.py")
    assert code == 0, output
    assert "blackbox (restart)" in output
    probe = {"target": "http://127.0.0.1:29115/-/healthy", "module": "http_2xx"}
    answer = httpx.get("http://127.0.0.1:29115/probe", params=probe, trust_env=False)
    assert "\nprobe_success 1\n" in answer.text
    (container,) = _found()

    code, output = _run(inventory, "deploy.py")
    assert code == 0, output
    assert "Nothing changed." in output
    assert _found() == [container]


def test_drift_of_this_machine_is_told(inventory: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    code, output = _run(inventory, "drift.py", "--data", f"report={report}")
    assert code == 0, output
    assert json.loads(report.read_text())["drift"] == {"@local": []}
