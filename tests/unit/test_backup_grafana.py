"""What of a Grafana is kept and put back, through its API (mocked) and the script of the hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plugins.backup.kept import ApiError, Copy, Plan, Wish
from plugins.calls import Ask
from roles.grafana import handmade, restoring
from tests.unit.calling import asking, endpoint
from tests.unit.mock_grafana import PASSWORD, USER, VERSION, MockGrafana, mock_grafana

NOW = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
WISH = Wish(NOW, False, "2026-11-21T213000Z")
OVERWRITE = Wish(NOW, True, "2026-11-21T213000Z")
MADE = {"uid": "made", "title": "By hand: ümläut", "tags": ["shop"], "panels": [{"id": 2}]}


@pytest.fixture
def mock() -> Iterator[MockGrafana]:
    with mock_grafana() as running:
        yield running


@pytest.fixture
def ask(mock: MockGrafana, tmp_path: Path) -> Ask:
    return logged_in(mock, tmp_path)


def logged_in(mock: MockGrafana, folder: Path) -> Ask:
    file = folder / "admin_password"
    file.write_text(PASSWORD)
    return asking(endpoint(mock.port), USER, file)


def fill(mock: MockGrafana) -> None:
    """A Grafana that people work with, beside what a deploy brings."""
    mock.folders |= {"teamuid": "Team", "random1": "Stack"}
    mock.add(MADE, "teamuid")
    mock.add({"uid": "loose", "title": "In no folder"})
    mock.add({"uid": "stackwatch-loki", "title": "Loki", "tags": ["stackwatch"]}, "random1", True)
    mock.add({"uid": "copy", "title": "A copy", "tags": ["stackwatch"]}, "random1")
    mock.add({"uid": "from-file", "title": "Of the site"}, "teamuid", True)
    mock.note(1763762400000, "released 1.2", "made", 2, tags=["release"])
    mock.note(1763762500000, "an outage", timeEnd=1763762600000)
    mock.note(1763762700000, "on ours", "stackwatch-loki")
    mock.note(1763762800000, "an alert's own", "made", alertId=7)


def carry_out(plan: Plan, ask: Ask) -> list[tuple[str, int]]:
    answers = ask([step.call for step in plan.steps])
    return [(step.what, a.status) for step, a in zip(plan.steps, answers, strict=True)]


def through_disk(copy: Copy) -> Copy:
    return Copy(copy.version, copy.counts, json.loads(json.dumps(copy.files)))


def test_what_people_made_is_read_and_nothing_that_a_deploy_brings(
    mock: MockGrafana, ask: Ask
) -> None:
    fill(mock)
    copy = handmade.read(ask)
    assert copy.version == VERSION
    assert copy.counts == {"dashboards": 3, "folders": 2, "annotations": 3}
    assert sorted(copy.files) == [
        "annotations.json",
        "dashboards/copy.json",
        "dashboards/loose.json",
        "dashboards/made.json",
        "folders.json",
    ]
    assert copy.files["dashboards/made.json"] == {
        "folderUid": "teamuid",
        "folderTitle": "Team",
        "dashboard": MADE,
    }
    assert [each["text"] for each in copy.files["annotations.json"]] == [
        "released 1.2",
        "an outage",
        "on ours",
    ]
    assert mock.written == []


def test_what_is_wiped_comes_back_and_a_second_time_nothing_happens(
    mock: MockGrafana, ask: Ask, tmp_path: Path
) -> None:
    fill(mock)
    copy = through_disk(handmade.read(ask))
    with mock_grafana() as fresh:
        # As a deploy leaves it: our folder has another uid than before.
        fresh.folders |= {"random2": "Stack"}
        fresh.add({"uid": "stackwatch-loki", "title": "Loki"}, "random2", True)
        again = logged_in(fresh, tmp_path)
        plan = restoring.plan(copy, again, WISH)
        assert {status for _, status in carry_out(plan, again)} == {200}
        assert plan.left == ()
        restored = handmade.read(again)
        assert restored.files["annotations.json"] == copy.files["annotations.json"]
        assert restored.files["dashboards/made.json"] == copy.files["dashboards/made.json"]
        assert restored.files["dashboards/loose.json"] == copy.files["dashboards/loose.json"]
        assert fresh.dashboards["copy"].folder == "random2"
        assert fresh.folders == {"random2": "Stack", "teamuid": "Team"}
        second = restoring.plan(copy, again, WISH)
        assert (second.steps, second.left, second.same) == ((), (), 8)
    # And where nothing is missing from the beginning.
    assert restoring.plan(copy, ask, WISH).steps == ()


def test_one_that_differs_stays_unless_it_is_to_be_replaced(mock: MockGrafana, ask: Ask) -> None:
    fill(mock)
    copy = handmade.read(ask)
    mock.dashboards["made"].model["title"] = "Changed since"
    plan = restoring.plan(copy, ask, WISH)
    assert plan.steps == ()
    assert plan.left == (
        "dashboard 'By hand: ümläut' (made): the one that is there differs; "
        "--data overwrite=true replaces it",
    )
    plan = restoring.plan(copy, ask, OVERWRITE)
    assert carry_out(plan, ask) == [("dashboard 'By hand: ümläut' (made)", 200)]
    assert mock.dashboards["made"].model["title"] == MADE["title"]
    assert restoring.plan(copy, ask, OVERWRITE).steps == ()


def test_one_that_was_moved_to_another_folder_differs(mock: MockGrafana, ask: Ask) -> None:
    fill(mock)
    copy = handmade.read(ask)
    mock.dashboards["made"].folder = "random1"
    assert len(restoring.plan(copy, ask, WISH).left) == 1


def test_overwriting_never_takes_another_dashboard_of_the_same_title(
    mock: MockGrafana, ask: Ask
) -> None:
    fill(mock)
    copy = handmade.read(ask)
    del mock.dashboards["made"]
    mock.add({"uid": "other", "title": MADE["title"], "panels": []}, "teamuid")
    plan = restoring.plan(copy, ask, OVERWRITE)
    (step,) = (step for step in plan.steps if step.call.path == "/api/dashboards/db")
    assert step.call.body["overwrite"] is False
    assert carry_out(plan, ask)[0] == ("dashboard 'By hand: ümläut' (made)", 412)


def test_one_that_is_provisioned_by_now_is_told_and_left_alone(mock: MockGrafana, ask: Ask) -> None:
    fill(mock)
    copy = handmade.read(ask)
    mock.dashboards["made"].provisioned = True
    plan = restoring.plan(copy, ask, OVERWRITE)
    assert plan.steps == ()
    assert plan.left == ("dashboard 'By hand: ümläut' (made): it is provisioned by now",)


def test_a_mark_on_a_dashboard_that_is_gone_is_not_put_on_all(
    mock: MockGrafana, ask: Ask, tmp_path: Path
) -> None:
    fill(mock)
    copy = handmade.read(ask)
    with mock_grafana() as fresh:
        again = logged_in(fresh, tmp_path)
        plan = restoring.plan(copy, again, WISH)
        assert plan.left == ("annotation 'on ours': its dashboard stackwatch-loki is not there",)
        carry_out(plan, again)
        assert sorted(each["text"] for each in fresh.annotations) == ["an outage", "released 1.2"]


def test_folders_in_folders_come_after_those_they_are_in(ask: Ask) -> None:
    nested = [
        {"uid": "c", "title": "C", "parentUid": "b"},
        {"uid": "a", "title": "A"},
        {"uid": "b", "title": "B", "parentUid": "a"},
    ]
    copy = Copy("12.0.0", {}, {"folders.json": nested, "annotations.json": []})
    bodies = [step.call.body for step in restoring.plan(copy, ask, WISH).steps]
    assert bodies == [
        {"uid": "a", "title": "A"},
        {"uid": "b", "title": "B", "parentUid": "a"},
        {"uid": "c", "title": "C", "parentUid": "b"},
    ]


def test_many_annotations_are_read_to_the_last(
    mock: MockGrafana, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handmade, "_ANNOTATIONS", 3)
    for number in range(31):
        mock.note(1763762400000 + number, f"mark {number}")
    assert len(handmade.marks(ask)) == 31


def test_many_dashboards_are_read_to_the_last_page(
    mock: MockGrafana, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handmade, "_PAGE", 4)
    for number in range(12):
        mock.add({"uid": f"u{number}", "title": f"t{number}"})
    assert len(handmade.search(ask)) == 12


@pytest.mark.parametrize(
    ("down", "told"),
    [
        ("/api/health", "GET /api/health: HTTP 500: Internal server error"),
        ("/api/search", "GET /api/search: HTTP 500: Internal server error"),
        (
            "/api/dashboards/uid/made",
            "GET /api/dashboards/uid/made: HTTP 500: Internal server error",
        ),
        ("/api/annotations", "GET /api/annotations: HTTP 500: Internal server error"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_it(
    mock: MockGrafana, ask: Ask, down: str, told: str
) -> None:
    fill(mock)
    mock.down.add(down)
    with pytest.raises(ApiError) as error:
        handmade.read(ask)
    assert str(error.value) == told


def test_a_wrong_password_is_told_without_it(mock: MockGrafana, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("not this one")
    with pytest.raises(ApiError) as error:
        handmade.read(asking(endpoint(mock.port), USER, file))
    assert str(error.value) == "GET /api/search: HTTP 401: invalid username or password"


@pytest.mark.parametrize("uid", ["../../etc/passwd", ".hidden", "a/b"])
def test_no_uid_leads_out_of_the_backup(uid: str) -> None:
    root = Path("/backup/dashboards")
    assert (Path("/backup") / handmade.file_name(uid)).resolve().parent == root


def test_something_else_on_the_port_is_told(mock: MockGrafana, ask: Ask) -> None:
    def other(calls: Any) -> Any:
        return [type(a)(200, "<html>") for a in ask(calls)]

    with pytest.raises(ApiError, match="does another program have this port"):
        handmade.read(other)
