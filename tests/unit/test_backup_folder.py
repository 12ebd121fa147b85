"""Backups on disk: whole or not there, readable by nobody else, refused when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from plugins.backup import folder
from plugins.backup.finish import _save, collected
from plugins.backup.folder import Backup, BackupError
from plugins.backup.kept import Copy, Store
from plugins.backup.stores import galleries, matched, stores
from plugins.endpoint import Endpoint, EndpointKind
from plugins.model import SiteError
from plugins.options import Options
from plugins.report import screen
from plugins.role import all_roles
from plugins.run import Run, _options
from plugins.site import Site
from roles.alertmanager import backup as silences
from roles.grafana import backup as grafana
from tests.unit import sites
from tests.unit.grafana_site import PASSWORD

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SILENCES = Copy("0.31.1", {"silences": 1}, {"silences.json": [{"comment": "ünïcode"}]})
BOARDS = Copy(
    "9.4.0",
    {"dashboards": 1},
    {"dashboards/a%2Fb.json": {"dashboard": {"uid": "a/b"}}, "folders.json": []},
)
COPIES = {"grafana/mon1": BOARDS, "alertmanager": SILENCES}


def saved(root: Path, moment: datetime = NOON, missing: tuple[str, ...] = ()) -> Path:
    return folder.write(root, "shop", moment, COPIES, list(missing))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = saved(tmp_path)
    assert path == tmp_path / "shop" / "2026-11-21T120000Z"
    backup = folder.read(path)
    assert backup.copies == COPIES
    assert (backup.manifest.site, backup.manifest.made) == ("shop", "2026-11-21T12:00:00Z")
    assert backup.manifest.stores["grafana/mon1"].version == "9.4.0"
    assert backup.manifest.stores["alertmanager"].counts == {"silences": 1}
    assert sorted(backup.manifest.files) == [
        "alertmanager/silences.json",
        "grafana/mon1/dashboards/a%2Fb.json",
        "grafana/mon1/folders.json",
    ]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = saved(tmp_path)
    modes = {each.is_dir(): f"{each.stat().st_mode & 0o777:o}" for each in path.rglob("*")}
    assert modes == {True: "700", False: "600"}
    assert f"{path.stat().st_mode & 0o777:o}" == "700"
    assert f"{path.parent.stat().st_mode & 0o777:o}" == "700"


def test_the_same_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    first, second = saved(tmp_path), saved(tmp_path, NOON + timedelta(seconds=1))
    for path in ("alertmanager/silences.json", "grafana/mon1/dashboards/a%2Fb.json"):
        assert (first / path).read_bytes() == (second / path).read_bytes()
    assert "ünïcode" in (first / "alertmanager/silences.json").read_text()


def test_one_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("plugins.backup.folder.os.fdopen", full)
    with pytest.raises(OSError, match="No space"):
        saved(tmp_path)
    assert list((tmp_path / "shop").iterdir()) == []


def test_one_of_the_same_second_is_not_replaced(tmp_path: Path) -> None:
    path = saved(tmp_path)
    before = (path / folder.MANIFEST).read_bytes()
    with pytest.raises(OSError):
        folder.write(tmp_path, "shop", NOON, {}, [])
    assert (path / folder.MANIFEST).read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def _edit(path: Path) -> None:
    file = path / "alertmanager/silences.json"
    file.write_text(file.read_text() + " ")


def _remove(path: Path) -> None:
    (path / "grafana/mon1/folders.json").unlink()


def _cut(path: Path) -> None:
    file = path / folder.MANIFEST
    file.write_text(file.read_text()[:100])


def _no_manifest(path: Path) -> None:
    (path / folder.MANIFEST).unlink()


def _other_format(path: Path) -> None:
    file = path / folder.MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2}))


def _outside(path: Path) -> None:
    file = path / folder.MANIFEST
    told = json.loads(file.read_text())
    told["files"]["../../secret"] = "0" * 64
    (path.parent.parent / "secret").write_text("x")
    file.write_text(json.dumps(told))


DAMAGE: list[tuple[Callable[[Path], None], str]] = [
    (_edit, "alertmanager/silences.json is not what was saved"),
    (_remove, "grafana/mon1/folders.json is missing"),
    (_cut, "manifest.json is damaged"),
    (_no_manifest, "is no backup: manifest.json: No such file"),
    (_other_format, "manifest.json is damaged: Input should be 1"),
    (_outside, "../../secret is missing"),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGE)
def test_a_damaged_backup_is_refused(
    tmp_path: Path, damage: Callable[[Path], None], told: str
) -> None:
    path = saved(tmp_path)
    damage(path)
    with pytest.raises(BackupError) as error:
        folder.read(path)
    assert told in str(error.value)


def test_an_incomplete_backup_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    path = saved(tmp_path, missing=("grafana/mon2 (mon2: no answer)",))
    with pytest.raises(BackupError, match=r"is incomplete: grafana/mon2 \(mon2: no answer\)"):
        folder.read(path)


def test_a_damaged_backup_is_told_with_the_mistakes_of_the_inventory(tmp_path: Path) -> None:
    path = saved(tmp_path)
    assert _options({"from": str(path)}).from_ == str(path)
    _edit(path)
    with pytest.raises(SiteError) as error:
        _options({"from": str(path), "keep": 0})
    said = [str(problem) for problem in error.value.problems]
    assert [line.partition(" ")[0] for line in said] == ["command", "command"]
    assert "command line --data: keep" in said[0]
    assert "command line --data: from" in said[1]
    assert "is damaged: alertmanager/silences.json is not what was saved" in said[1]


def test_options_are_known_by_the_names_that_people_write() -> None:
    assert {"from", "keep", "overwrite", "dashboard", "backup_dir"} <= Options.names()
    assert "from_" not in Options.names()
    assert _options({"dashboard": 2024}).dashboard == "2024"


def test_the_newest_whole_ones_are_kept_and_nothing_of_others_is_touched(tmp_path: Path) -> None:
    hour = timedelta(hours=1)
    made = [saved(tmp_path, NOON + n * hour, ("x",) if n in (0, 3) else ()) for n in range(5)]
    other = tmp_path / "shop" / "2026-01-01T000000Z"
    other.mkdir()
    (tmp_path / "shop" / "notes.txt").write_text("mine")
    # Whole are 1, 2 and 4; 3 is incomplete and newer than the oldest that stays.
    assert folder.prune(tmp_path / "shop", 2) == (made[1], made[0])
    assert sorted(each.name for each in (tmp_path / "shop").iterdir()) == sorted(
        [made[2].name, made[3].name, made[4].name, other.name, "notes.txt"]
    )
    assert folder.prune(tmp_path / "shop", 2) == ()


def test_fewer_than_are_to_be_kept_are_all_kept(tmp_path: Path) -> None:
    incomplete = saved(tmp_path, missing=("x",))
    whole = saved(tmp_path, NOON + timedelta(hours=1))
    assert folder.prune(tmp_path / "shop", 2) == ()
    assert incomplete.is_dir()
    assert whole.is_dir()


def api(host: str, component: str = "grafana") -> Endpoint:
    return Endpoint(component, host, EndpointKind.API, host, 3000)


def test_one_member_that_answers_is_enough_and_one_that_does_not_is_told() -> None:
    pair = Store("alertmanager", "alertmanager", silences.KIND, (api("a"), api("b")))
    alone = Store("grafana/c", "grafana", grafana.KIND, (api("c"),))
    unread = Store("grafana/d", "grafana", grafana.KIND, (api("d"),))
    copies, missing = collected(
        (pair, alone, unread),
        {
            ("alertmanager", "a"): "GET /api/v2/silences: no answer",
            ("alertmanager", "b"): SILENCES,
            ("grafana/c", "c"): "GET /api/health: no answer",
        },
    )
    assert copies == {"alertmanager": SILENCES}
    assert missing == [
        "grafana/c (c: GET /api/health: no answer)",
        "grafana/d (d: not reached)",
    ]


def saving(root: Path, missing: list[str], **more: object) -> tuple[int, list[Path]]:
    """Exit code of the end of a run, and the backups there are then."""
    site = sites.three_hosts()
    run = Run(site, _options({"backup_dir": str(root), **more}), {}, {})
    code = _save(screen(), run, COPIES, missing)
    return code, sorted((root / site.name).iterdir())


def test_what_is_missing_fails_the_run_and_the_rest_is_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (path,) = saving(tmp_path, ["grafana/mon2 (mon2: HTTP 500)"])
    assert code == 1
    assert (path / "alertmanager/silences.json").is_file()
    with pytest.raises(BackupError, match=r"is incomplete: grafana/mon2 \(mon2: HTTP 500\)"):
        folder.read(path)
    said = capsys.readouterr().err
    assert "Missing: grafana/mon2 (mon2: HTTP 500)" in said
    assert f"Incomplete: {path}" in said


def test_an_incomplete_backup_removes_no_older_one(tmp_path: Path) -> None:
    older = folder.write(tmp_path, "test", NOON, COPIES, [])
    code, left = saving(tmp_path, ["x"], keep=1)
    assert (code, len(left)) == (1, 2)
    assert older in left


def test_the_alertmanagers_of_a_site_are_one_store() -> None:
    (store,) = stores(sites.two_and_three())
    assert store.name == "alertmanager"
    assert [member.host for member in store.members] == ["mon1", "mon2", "mon3.example.org"]
    assert galleries(sites.two_and_three()) == ()


def test_a_role_that_can_be_pulled_from_says_so() -> None:
    """What it declares without being loaded is what its module can do."""
    for role in all_roles().values():
        if role.handmade:
            kind = import_module(role.handmade.module).KIND
            assert (kind.pull is not None) == role.handmade.dashboards, role.name


def two_grafanas(**said: object) -> Site:
    settings = {"admin_password": PASSWORD, **said}
    return sites.compiled(
        sites.on("mon1", "grafana", grafana=settings), sites.on("mon2", "grafana", grafana=settings)
    )


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, {"grafana/mon1": ("mon1",), "grafana/mon2": ("mon2",)}),
        ({"database": {"host": "db1:5432"}}, {"grafana/mon1": ("mon1", "mon2")}),
        # Of two hosts each has its own localhost.
        ({"database": {}}, {"grafana/mon1": ("mon1",), "grafana/mon2": ("mon2",)}),
    ],
)
def test_grafanas_of_one_database_are_one_store(
    said: dict[str, object], found: dict[str, tuple[str, ...]]
) -> None:
    there = stores(two_grafanas(**said))
    assert {store.name: tuple(m.host for m in store.members) for store in there} == found
    assert {m.credentials and m.credentials.username for s in there for m in s.members} == {"admin"}


def backup_of(*names: str) -> Backup:
    copies = {name: Copy(name, {}, {}) for name in names}
    manifest = folder.Manifest(site="s", made="", missing=[], stores={}, files={})
    return Backup(Path(), manifest, copies)


@pytest.mark.parametrize(
    ("saved_as", "wanted", "found"),
    [
        (("grafana/a",), ("grafana/a",), {"grafana/a": "grafana/a"}),
        # The only one may have moved to another host.
        (("grafana/a",), ("grafana/b",), {"grafana/b": "grafana/a"}),
        # Which of two is meant, nobody knows.
        (("grafana/a", "grafana/b"), ("grafana/c",), {}),
        (("grafana/a",), ("grafana/b", "grafana/c"), {}),
        (("grafana/a", "grafana/b"), ("grafana/b", "grafana/c"), {"grafana/b": "grafana/b"}),
    ],
)
def test_a_copy_goes_where_it_came_from(
    saved_as: tuple[str, ...], wanted: tuple[str, ...], found: dict[str, str]
) -> None:
    there = tuple(Store(name, "grafana", grafana.KIND, (api(name),)) for name in wanted)
    got = matched(backup_of(*saved_as), there)
    assert {name: copy.version for name, copy in got.items()} == found
