"""What `make compose` writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.compiler import compile_site
from plugins.compose import __main__ as command
from plugins.compose.__main__ import main
from plugins.options import Options
from plugins.role import all_roles
from plugins.run import Run
from tests.unit.container_site import everything

INVENTORY = """
boxes = [("box1", {"address": "10.0.0.1", "runtime": "docker"})]
units = [("web1", {"address": "10.0.0.2"})]
prometheus = ["box1"]
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory whose programs are small ones of the tests' own."""

    def begun(declared: Any, said: Any, hosts: tuple[str, ...], say: Any) -> Run:
        assert hosts == ("box1",)
        return Run(
            compile_site(declared, all_roles()), Options(), everything(tmp_path / "store"), {}
        )

    monkeypatch.setattr(command, "begin", begun)
    path = tmp_path / "inventories" / "shop.py"
    (path.parent / "group_data").mkdir(parents=True)
    (path.parent / "group_data" / "all.py").write_text("site = {'groups': ['boxes', 'units']}\n")
    path.write_text(INVENTORY)
    return path


@pytest.mark.parametrize("more", [[], ["--host", "box1"], ["--host", "web1", "--host", "box1"]])
def test_the_command_writes_every_host_of_containers(
    more: list[str], inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = inventory.parent / "out"
    assert main([str(inventory), "--output", str(output), *more]) == 0
    assert capsys.readouterr().out == f"{output}/shop/box1\n"
    assert [path.name for path in (output / "shop").iterdir()] == ["box1"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--host", "box2"], "no host of this inventory is named 'box2'"),
        (["--host", "web1"], "no host runs containers"),
    ],
)
def test_hosts_that_nothing_can_be_written_for(
    more: list[str], told: str, inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(inventory), "--output", str(inventory.parent / "out"), *more]) == 1
    assert told in capsys.readouterr().err
    assert not (inventory.parent / "out").exists()


def test_mistakes_of_the_inventory_are_told(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory.write_text(INVENTORY.replace("runtime", "runtim"))
    assert main([str(inventory)]) == 1
    assert "runtim" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([str(inventory.parent / "nowhere.py")])
    assert ended.value.code == 2
