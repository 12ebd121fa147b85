"""A dashboard from the interface into the repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.backup.pulled import Pulled, PullError, put
from plugins.calls import Ask
from roles.grafana.pulling import pull
from tests.unit.calling import asking, endpoint
from tests.unit.mock_grafana import PASSWORD, USER, MockGrafana, mock_grafana

MODEL = {
    "uid": "shop-orders",
    "title": "Orders",
    "tags": ["stackwatch", "sw-0123456789ab", "sw-orders", "shop"],
    "iteration": 1669000000,
    "panels": [
        {"id": 1, "type": "stat", "datasource": {"type": "prometheus", "uid": "prometheus-mon1"}}
    ],
}


@pytest.fixture
def mock() -> Iterator[MockGrafana]:
    with mock_grafana() as running:
        running.folders |= {"team": "Team Shop", "odd": "a/b"}
        running.add(MODEL, "team")
        running.add({"uid": "loose", "title": "Loose", "panels": []})
        running.add({"uid": "broken", "title": "Broken"})
        running.add({"uid": "twin1", "title": "Twin"}, "team")
        running.add({"uid": "twin2", "title": "Twin"})
        running.add({"uid": "file", "title": "From a file"}, "team", provisioned=True)
        running.add({"uid": "elsewhere", "title": "Elsewhere"}, "odd")
        running.add({"uid": "un.common", "title": "Uncommon"})
        yield running


@pytest.fixture
def ask(mock: MockGrafana, tmp_path: Path) -> Ask:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    return asking(endpoint(mock.port), USER, file)


@pytest.mark.parametrize("wanted", ["shop-orders", "Orders"])
def test_it_is_found_by_uid_or_title_and_is_what_is_provisioned(
    mock: MockGrafana, ask: Ask, wanted: str
) -> None:
    found = pull(ask, wanted)
    assert (found.folder, found.uid, found.title) == ("Team Shop", "shop-orders", "Orders")
    model = json.loads(found.text)
    assert model == {
        "uid": "shop-orders",
        "title": "Orders",
        "tags": ["sw-orders", "shop"],
        "panels": MODEL["panels"],
    }
    assert list(model) == sorted(model)
    assert found.text.endswith("}\n")
    assert mock.written == []


def test_one_in_no_folder_goes_into_general(ask: Ask) -> None:
    assert pull(ask, "loose").folder == "General"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("nothing", "no dashboard has the uid or the title 'nothing'"),
        ("Twin", "2 dashboards are called 'Twin', name one by its uid: twin1, twin2"),
        ("file", "comes from a file already"),
        ("elsewhere", "folder 'a/b' is no name for a folder of files"),
        ("un.common", "uid 'un.common' is no name for a file"),
        # The next deploy would refuse its file.
        ("broken", "General/broken.json: is no dashboard"),
    ],
)
def test_what_has_no_place_is_refused(ask: Ask, wanted: str, told: str) -> None:
    with pytest.raises(PullError) as error:
        pull(ask, wanted)
    assert told in str(error.value)


def pulled(text: str = '{"uid": "u"}\n', folder: str = "Team") -> Pulled:
    return Pulled(folder, "u", "U", text)


def test_the_same_again_changes_nothing_and_another_version_replaces_it(tmp_path: Path) -> None:
    root = tmp_path / "dashboards"
    file = root / "Team" / "u.json"
    assert put(pulled(), root) == (file, "new")
    assert put(pulled(), root) == (file, "unchanged")
    assert put(pulled('{"uid": "u", "a": 1}\n'), root) == (file, "replaced")
    assert json.loads(file.read_text()) == {"uid": "u", "a": 1}
    assert [each.name for each in file.parent.iterdir()] == ["u.json"]


def test_a_file_of_another_dashboard_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "Team" / "u.json"
    file.parent.mkdir()
    file.write_text('{"uid": "someone-elses"}')
    with pytest.raises(PullError, match="holds another dashboard"):
        put(pulled(), tmp_path)
    assert file.read_text() == '{"uid": "someone-elses"}'


def test_a_file_that_is_no_dashboard_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "Team" / "u.json"
    file.parent.mkdir()
    file.write_text("notes")
    with pytest.raises(PullError, match="holds no dashboard"):
        put(pulled(), tmp_path)


def test_the_same_uid_in_another_folder_is_told_instead_of_written_twice(tmp_path: Path) -> None:
    put(pulled(), tmp_path)
    with pytest.raises(PullError) as error:
        put(pulled(folder="Moved"), tmp_path)
    assert f"{tmp_path / 'Team' / 'u.json'} has the uid u already" in str(error.value)
    assert not (tmp_path / "Moved").exists()
