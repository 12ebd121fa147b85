"""The committed JSON is what the boards say, and nothing else is beside it."""

import json
import time
from pathlib import Path

import pytest

from files.dashboards import __main__ as command
from files.dashboards import committed
from files.dashboards.boards import boards
from files.dashboards.drawing import text


def test_the_committed_json_is_current() -> None:
    stale = committed.compare(committed.FOLDER).names
    assert not stale, f"run `make dashboards`: {', '.join(stale)}"


def test_all_are_generated_in_time_and_always_the_same() -> None:
    started = time.monotonic()
    made = [text(board) for board in boards()]
    assert time.monotonic() - started < 5
    assert made == [text(board) for board in boards()]


def test_files_are_sorted_and_named_by_uid() -> None:
    for path in committed.FOLDER.glob("*.json"):
        content = path.read_text()
        read = json.loads(content)
        assert path.name == f"{read['uid']}.json"
        assert content == json.dumps(read, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_what_is_stale_is_written_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "json"
    assert command.main([], folder) == 0
    (folder / "stackwatch-gone.json").write_text("{}")
    (folder / "stackwatch-home.json").write_text("{}")
    (folder / "stackwatch-slo.json").unlink()
    capsys.readouterr()

    assert command.main(["--check"], folder) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"stackwatch-{name}.json: is stale. Run `make dashboards`"
        for name in ("gone", "home", "slo")
    ]
    assert (folder / "stackwatch-gone.json").exists(), "a check changes nothing"

    assert command.main([], folder) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "stackwatch-gone.json: removed",
        "stackwatch-home.json: written",
        "stackwatch-slo.json: written",
    ]
    assert command.main(["--check"], folder) == 0


def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    assert "--check" in capsys.readouterr().out
