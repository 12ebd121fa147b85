"""Silences of a real Alertmanager, saved and put back; by the entry points, as people call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plugins.backup.kept import Wish
from roles.alertmanager import silences
from tests.conftest import Program
from tests.content.running import free_ports
from tests.content.running_alertmanager import RunningAlertmanager, running_alertmanager
from tests.unit.calling import asking, endpoint

ROOT = Path(__file__).parents[2]
NOTHING, MINUTE, HOUR = timedelta(), timedelta(minutes=1), timedelta(hours=1)
LATER = timedelta(hours=3)


@pytest.fixture
def source(program: Program, tmp_path: Path) -> Iterator[RunningAlertmanager]:
    """An Alertmanager with silences of every state."""
    with running_alertmanager(program("alertmanager", "alertmanager"), tmp_path / "am1") as it:
        it.silence("in force", NOTHING, LATER)
        it.silence("to come", HOUR, LATER)
        it.expire(it.silence("over", NOTHING, LATER))
        yield it


@pytest.fixture
def target(program: Program, tmp_path: Path) -> Iterator[RunningAlertmanager]:
    """An Alertmanager with nothing in it."""
    with running_alertmanager(program("alertmanager", "alertmanager"), tmp_path / "am2") as it:
        yield it


def kept(silence: dict[str, Any]) -> tuple[Any, ...]:
    """What must come back of a silence."""
    matchers = sorted(json.dumps(each, sort_keys=True) for each in silence["matchers"])
    return matchers, silence["comment"], silence["createdBy"], silence["endsAt"]


def restored(source: RunningAlertmanager, target: RunningAlertmanager, now: datetime) -> Any:
    """The plan for one from what the other has."""
    copy = silences.read(asking(endpoint(source.port)))
    return silences.plan(copy, asking(endpoint(target.port)), Wish(now, False, "x"))


def carry_out(plan: Any, target: RunningAlertmanager) -> list[int]:
    ask = asking(endpoint(target.port))
    return [answer.status for answer in ask([step.call for step in plan.steps])]


def test_silences_in_force_and_to_come_are_kept(source: RunningAlertmanager) -> None:
    copy = silences.read(asking(endpoint(source.port)))
    assert copy.counts == {"silences": 2}
    assert copy.version[0].isdigit()
    comments = {each["comment"] for each in copy.files["silences.json"]}
    assert comments == {"in force", "to come"}


def test_they_come_back_as_they_were_and_only_once(
    source: RunningAlertmanager, target: RunningAlertmanager
) -> None:
    now = datetime.now(UTC)
    plan = restored(source, target, now)
    assert carry_out(plan, target) == [200, 200]
    was, came = source.silences("active", "pending"), target.silences("active", "pending")
    assert [kept(each) for each in came] == [kept(each) for each in was]
    assert [each["status"]["state"] for each in came] == ["active", "pending"]
    assert came[1]["startsAt"] == was[1]["startsAt"]
    again = restored(source, target, now)
    assert (again.steps, again.left, again.same) == ((), (), 2)


def test_one_that_has_ended_is_told_and_left_out(
    source: RunningAlertmanager, target: RunningAlertmanager
) -> None:
    plan = restored(source, target, datetime.now(UTC) + LATER + MINUTE)
    assert plan.steps == ()
    assert len(plan.left) == 2
    assert 'silence of alertname!~"Dis(k|c)", team="a b" until ' in plan.left[0]
    assert plan.left[0].endswith("UTC: it has ended")


def test_one_that_was_ended_by_hand_comes_back(source: RunningAlertmanager) -> None:
    copy = silences.read(asking(endpoint(source.port)))
    for each in source.silences("active"):
        source.expire(each["id"])
    plan = silences.plan(copy, asking(endpoint(source.port)), Wish(datetime.now(UTC), False, "x"))
    assert [step.call.body["comment"] for step in plan.steps] == ["in force"]
    assert carry_out(plan, source) == [200]
    assert [each["comment"] for each in source.silences("active")] == ["in force"]


def test_another_silence_of_the_same_alerts_is_no_reason_to_leave_one_out(
    source: RunningAlertmanager, target: RunningAlertmanager
) -> None:
    target.silence("in force", NOTHING, HOUR)
    plan = restored(source, target, datetime.now(UTC))
    assert len(plan.steps) == 2


@dataclass(frozen=True)
class Ended:
    """How a call of pyinfra ended."""

    code: int
    said: str


@dataclass(frozen=True)
class Called:
    """Calls of pyinfra for one site, whose host is this machine.

    Attributes:
        folder: Has the inventory and the backups.
    """

    folder: Path

    def inventory(self, port: int, more: str = "") -> None:
        """Say where the Alertmanager is, and what else there is."""
        host = {"address": "127.0.0.1", "without": ["node_exporter"]}
        settings = {"port": port, "listen": "127.0.0.1"}
        text = f"alertmanager = [('@local', {host | {'alertmanager': settings}!r})]\n{more}"
        (self.folder / "shop.py").write_text(text)

    def run(self, what: str, *arguments: str) -> Ended:
        """Call an entry point."""
        pyinfra = Path(sys.executable).with_name("pyinfra")
        done = subprocess.run(
            [pyinfra, self.folder / "shop.py", what, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ | {"COLUMNS": "200"},
        )
        return Ended(done.returncode, done.stdout + done.stderr)

    def backup(self, *more: str) -> Ended:
        """Save into this folder."""
        return self.run("backup.py", "-y", "--data", f"backup_dir={self.folder / 'kept'}", *more)

    def restore(self, path: Path, *more: str) -> Ended:
        """Put a backup back."""
        return self.run("restore.py", "--data", f"from={path}", *more)

    @property
    def backups(self) -> list[Path]:
        """Every backup, the oldest first."""
        return sorted((self.folder / "kept" / "shop").iterdir())


@pytest.fixture
def called(tmp_path: Path) -> Called:
    (tmp_path / "site").mkdir()
    return Called(tmp_path / "site")


def test_the_entry_points_save_wipe_and_put_back(
    called: Called, source: RunningAlertmanager, target: RunningAlertmanager
) -> None:
    called.inventory(source.port)
    ended = called.backup()
    assert ended.code == 0, ended.said
    assert "No grafana on this site" in ended.said
    assert "): silences 2" in ended.said
    (path,) = called.backups
    assert str(path) in ended.said
    assert source.silences("active", "pending", "expired")[1]["comment"] == "over"

    called.inventory(target.port)
    dry = called.restore(path, "--dry")
    assert dry.code == 0, dry.said
    assert "alertmanager (through @local): 2 to restore, 0 there already" in dry.said
    assert target.silences("active", "pending") == []

    done = called.restore(path, "-y")
    assert done.code == 0, done.said
    assert "alertmanager (through @local): 2 restored, 0 there already" in done.said
    was, came = source.silences("active", "pending"), target.silences("active", "pending")
    assert [kept(each) for each in came] == [kept(each) for each in was]

    again = called.restore(path, "-y")
    assert again.code == 0, again.said
    assert "alertmanager (through @local): 0 restored, 2 there already" in again.said
    assert "Nothing changed." in again.said
    assert target.silences("active", "pending") == came

    (path / "alertmanager/silences.json").write_text("[]\n")
    damaged = called.restore(path, "-y")
    assert damaged.code == 1
    assert "no host was touched" in damaged.said
    assert "alertmanager/silences.json is not what was saved" in damaged.said
    assert "Connecting" not in damaged.said


def test_what_does_not_answer_fails_the_run_and_is_not_a_whole_backup(called: Called) -> None:
    called.inventory(free_ports(1)[0])
    ended = called.backup()
    assert ended.code == 1
    assert "alertmanager was not saved" in ended.said
    assert "GET /api/v2/status: no answer" in ended.said
    assert "Nothing was saved." in ended.said
    assert not (called.folder / "kept").exists()


def test_a_grafana_that_could_not_be_had_is_told_and_the_rest_is_saved(
    called: Called, source: RunningAlertmanager
) -> None:
    called.inventory(
        source.port,
        "from pydantic import SecretStr\n"
        "settings = {'admin_password': SecretStr('only-for-this-test')}\n"
        "grafana = (['@local'], {'grafana': settings})\n",
    )
    (called.folder / "group_data").mkdir()
    (called.folder / "group_data" / "all.py").write_text(
        "site = {'allow_missing': ['grafana'], 'artifact_sources': ['module']}\n"
    )
    ended = called.backup()
    assert ended.code == 0, ended.said
    assert "No grafana on this site: no dashboards, no annotations." in ended.said
    assert "Left out: grafana: " in ended.said
    assert "): silences 2" in ended.said
    assert "only-for-this-test" not in ended.said


def test_older_backups_go_when_their_number_is_said(
    called: Called, source: RunningAlertmanager
) -> None:
    called.inventory(source.port)
    assert called.backup().code == 0
    (first,) = called.backups
    ended = called.backup("--data", "keep=1")
    assert ended.code == 0, ended.said
    assert f"Removed: {first}" in ended.said
    (second,) = called.backups
    assert second.name > first.name


def test_restore_and_pull_want_to_know_what(called: Called, source: RunningAlertmanager) -> None:
    called.inventory(source.port)
    for entry, remedy in (
        ("restore.py", "say which: restore.py --data from="),
        ("pull_dashboard.py", "say which: pull_dashboard.py --data dashboard="),
        ("remove.py", "say which: remove.py --data component="),
    ):
        ended = called.run(entry, "-y")
        assert ended.code == 1
        assert f"pyinfra error: {remedy}" in ended.said
        assert "Traceback" not in ended.said
    ended = called.run("pull_dashboard.py", "-y", "--data", "dashboard=x")
    assert ended.code == 1
    assert "the site has no grafana" in ended.said
