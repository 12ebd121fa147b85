"""A real Grafana on real hosts: installed whole, provisioned, reloaded by its own API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from plugins.state import StackwatchState
from tests.hosts import TestHost
from tests.integration import grafana, releases
from tests.integration.grafana import Api, dashboard
from tests.integration.machine import on, until
from tests.integration.project import Project, words
from tests.integration.runtime import ServiceDriver

ARCHIVE = grafana.named()
pytestmark = pytest.mark.skipif(ARCHIVE is None, reason=grafana.MISSING)

ROLES = ("prometheus", "alertmanager", "loki", "jaeger", "grafana")
FAST = {"scrape_interval": "3s", "evaluation_interval": "3s"}
QUICK = ("--data", "prove=quick")
# Before 10 the proxy takes no uid with a hyphen.
OLD = ARCHIVE is not None and int(ARCHIVE.version.partition(".")[0]) < 10


def _pin(project: Project, archive: grafana.Archive | None) -> None:
    """Let the site's own lock say which Grafana it has."""
    assert archive is not None
    lock = project.folder / "site.lock.yaml"
    lock.write_text(yaml.safe_dump(archive.pinned()))


@pytest.fixture(scope="module")
def deployed(
    group: Callable[..., dict[str, TestHost]],
    runtime: ServiceDriver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """A host with everything that Grafana shows, and Grafana, which the site's mirror serves."""
    assert ARCHIVE is not None
    folder = tmp_path_factory.mktemp(f"grafana-{runtime.name}")
    with releases.served(ARCHIVE.path.read_bytes(), name=ARCHIVE.path.name) as url:
        project = Project(
            folder,
            group(f"graf-{runtime.name}", runtime.host("mon1")),
            groups={role: ["mon1"] for role in ROLES},
            everyone={
                "environment": "test",
                "prometheus": FAST,
                # Tests log in with wrong passwords, too: five, and nobody is let in for a while.
                "grafana": grafana.settings(
                    folder / "vault",
                    native={"security": {"disable_brute_force_login_protection": True}},
                ),
                "site": {
                    "artifact_lock": str(folder / "site.lock.yaml"),
                    "artifact_mirror": url.rpartition("/")[0],
                },
            },
            runtime=runtime,
        )
        _pin(project, ARCHIVE)
        _own(project).mkdir(parents=True)
        for name in ("first", "second"):
            (_own(project) / f"{name}.json").write_text(dashboard(f"team-{name}", name))
        # Everything is proven: every datasource, every dashboard, a query of each.
        project.deploy()
        yield project


def _own(project: Project) -> Path:
    """Dashboards of the site's people."""
    return project.drop_ins / "dashboards" / "Team"


@pytest.fixture
def shown(deployed: Project) -> Iterator[Project]:
    """The same; what a test changes is undone afterwards."""
    files = {file: file.read_text() for file in _own(deployed).iterdir()}
    said = dict(deployed.everyone)
    yield deployed
    for file, text in files.items():
        file.write_text(text)
    deployed.everyone = said
    _pin(deployed, ARCHIVE)
    deployed.deploy("--data", "prove=off")


@pytest.fixture
def mon(deployed: Project) -> TestHost:
    return deployed.machines["mon1"]


@pytest.fixture
def api(mon: TestHost) -> Api:
    return Api(mon, grafana.PASSWORD)


def test_every_store_is_a_datasource_that_nobody_edits(deployed: Project, api: Api) -> None:
    found = {each["uid"]: each for each in api.get("/api/datasources")}
    assert found.keys() >= {f"{each}-mon1" for each in ROLES[:-1]}
    assert {each["readOnly"] for each in found.values()} == {True}
    assert [uid for uid, each in found.items() if each["isDefault"]] == ["prometheus-mon1"]


def test_every_dashboard_is_there_in_its_folder_with_the_mark_of_its_text(api: Api) -> None:
    found = api.dashboards()
    assert {uid: found[uid]["folderTitle"] for uid in ("team-first", "team-second")} == {
        "team-first": "Team",
        "team-second": "Team",
    }
    unmarked = {
        uid: each["tags"]
        for uid, each in found.items()
        if not any(re.fullmatch(r"sw-[0-9a-f]{12}", tag) for tag in each["tags"])
    }
    assert unmarked == {}
    assert api.get("/api/dashboards/uid/team-first")["meta"]["provisioned"] is True


@pytest.mark.parametrize("kind", grafana.PROBES)
def test_every_datasource_reaches_its_store(kind: str, api: Api) -> None:
    (found,) = (each for each in api.get("/api/datasources") if each["type"] == kind)
    place = found["id"] if OLD else f"uid/{found['uid']}"
    path, key = grafana.PROBES[kind]

    def answered() -> bool:
        status, body = api.status(f"/api/datasources/proxy/{place}{path}")
        return status == 200 and key in json.loads(body)

    # A store that was just started takes its time.
    until(answered, 60, f"{kind} behind Grafana")


def test_smoke_checks_ask_grafana_itself(deployed: Project) -> None:
    outcome = deployed.run("smoke.py")
    assert outcome.code == 0, outcome.output


def test_a_password_of_any_characters_arrives_as_it_is(mon: TestHost, api: Api) -> None:
    assert on(mon, f"cat {grafana.LOGIN}") == grafana.PASSWORD
    assert api.get("/api/user")["login"] == "admin"
    for other in ("admin", grafana.PASSWORD.replace("$$", "$"), grafana.PASSWORD + "$"):
        assert Api(mon, other).status("/api/user")[0] == 401


def test_the_password_is_in_no_output_and_no_argument(shown: Project, mon: TestHost) -> None:
    (_own(shown) / "first.json").write_text(dashboard("team-first", "told to nobody"))
    outcome = shown.deploy("--debug", "-vvv", "--diff")
    assert outcome.changed() == {"grafana": {"mon1"}}
    assert "pa$$word" not in outcome.output
    assert "pa$$word" not in on(mon, "journalctl --no-pager -o cat; cat /proc/[0-9]*/cmdline")


def test_a_second_run_changes_nothing(shown: Project, mon: TestHost) -> None:
    shown.deploy("--data", "prove=off")
    before = shown.runtime.process(mon, "grafana")
    outcome = shown.deploy()
    assert outcome.changed() == {}
    assert shown.runtime.process(mon, "grafana") == before


def test_a_changed_dashboard_arrives_by_a_reload(shown: Project, mon: TestHost, api: Api) -> None:
    before = shown.runtime.process(mon, "grafana")
    former = set(api.dashboards()["team-first"]["tags"])
    (_own(shown) / "first.json").write_text(dashboard("team-first", "First of all"))
    outcome = shown.deploy(*QUICK)
    assert words(outcome.output, ["mon1: grafana (reload)"]) == [], outcome.output
    # At once: nothing is waited for that Grafana would find by itself some time.
    found = api.dashboards()["team-first"]
    assert found["title"] == "First of all"
    assert not former & set(found["tags"])
    assert shown.runtime.process(mon, "grafana") == before


def test_a_dashboard_that_is_taken_out_goes(shown: Project, mon: TestHost, api: Api) -> None:
    before = shown.runtime.process(mon, "grafana")
    others = api.dashboards().keys() - {"team-second"}
    (_own(shown) / "second.json").unlink()
    shown.deploy(*QUICK)
    assert api.dashboards().keys() == others
    assert shown.runtime.process(mon, "grafana") == before


def test_a_new_datasource_arrives_by_a_reload(shown: Project, mon: TestHost, api: Api) -> None:
    before = shown.runtime.process(mon, "grafana")
    new = {"name": "Elsewhere", "type": "prometheus", "url": "http://127.0.0.1:9/a$$b"}
    shown.everyone["grafana"] = {**shown.everyone["grafana"], "datasources": [new]}
    shown.deploy("--data", "prove=off")
    found = {each["name"]: each["url"] for each in api.get("/api/datasources")}
    # Of a native entry a dollar is Grafana's syntax.
    assert found["Elsewhere"] == "http://127.0.0.1:9/a$b"
    assert shown.runtime.process(mon, "grafana") == before


def test_a_configuration_that_grafana_does_not_start_with_is_rolled_back(
    shown: Project, api: Api
) -> None:
    said = dict(shown.everyone["grafana"])
    broken = {**said["native"], "database": {"type": "nonsense"}}
    shown.everyone["grafana"] = {**said, "native": broken}
    outcome = shown.run("deploy.py", *QUICK)
    assert outcome.code == 1
    expected = [
        "grafana on mon1: restart failed",
        "rolled back: the former version and configuration run again",
        "unknown database type: nonsense",
    ]
    assert words(outcome.output, expected) == [], outcome.output
    assert api.get("/api/health")["database"] == "ok"
    shown.everyone["grafana"] = said
    assert shown.deploy(*QUICK).changed() == {}


def test_a_reload_that_grafana_refuses_is_a_failure_and_is_owed(shown: Project, api: Api) -> None:
    # Somebody changed the password by hand: nobody of ours can log in.
    other = "changed-by-hand"
    change = {"oldPassword": grafana.PASSWORD, "newPassword": other}
    assert api.status("/api/user/password", "PUT", change)[0] == 200
    (_own(shown) / "first.json").write_text(dashboard("team-first", "Not yet"))
    try:
        outcome = shown.run("deploy.py", *QUICK)
    finally:
        back = {"oldPassword": other, "newPassword": grafana.PASSWORD}
        assert Api(api.machine, other).status("/api/user/password", "PUT", back)[0] == 200
    assert outcome.code == 1
    expected = [
        "grafana on mon1: reload failed",
        "POST http://127.0.0.1:3000/api/admin/provisioning/datasources/reload: status 401",
        "rolled back: the former version and configuration",
    ]
    assert words(outcome.output, expected) == [], outcome.output
    outcome = shown.deploy(*QUICK)
    assert words(outcome.output, ["mon1: grafana (reload)"]) == [], outcome.output
    assert api.dashboards()["team-first"]["title"] == "Not yet"


def test_another_version_replaces_the_whole_tree(
    shown: Project, mon: TestHost, api: Api, tmp_path: Path
) -> None:
    assert ARCHIVE is not None
    former = shown.runtime.version(mon, "grafana")
    other = grafana.rebuilt(ARCHIVE, tmp_path)
    _pin(shown, other)
    with releases.served(other.path.read_bytes(), name=other.path.name) as url:
        mirror = {"artifact_mirror": url.rpartition("/")[0]}
        shown.everyone["site"] = {**shown.everyone["site"], **mirror}
        shown.deploy(*QUICK)
    version = shown.runtime.version(mon, "grafana")
    assert other.version in version
    assert shown.runtime.versions(mon, "grafana") == {version} != {former}
    assert api.dashboards().keys() >= {"team-first", "team-second"}


@pytest.mark.only("systemd", "nothing is written into an image")
@pytest.mark.parametrize(
    "damage",
    ["echo more >>%s/conf/defaults.ini", "rm %s/conf/defaults.ini", "touch %s/public/img/alien"],
)
def test_what_is_changed_below_a_tree_is_found_and_mended(
    damage: str, shown: Project, mon: TestHost
) -> None:
    folder = "/opt/stackwatch/grafana/current"
    sums = f"cd {folder}/ && find . -type f -exec sha256sum {{}} + | sort | sha256sum"
    before = on(mon, sums)
    on(mon, damage % folder)
    outcome = shown.run("drift.py")
    assert outcome.code == 3
    assert words(outcome.output, ["not the files that were installed"]) == [], outcome.output
    assert shown.deploy(*QUICK).changed() == {"grafana": {"mon1"}}
    assert on(mon, sums) == before


def test_a_tree_is_one_line_of_a_hosts_state(deployed: Project, mon: TestHost) -> None:
    told = on(mon, StackwatchState().command())
    assert len([line for line in told.splitlines() if "/opt/stackwatch/grafana/" in line]) < 30


def test_nothing_of_it_waits_for_what_it_does_not_need(deployed: Project, mon: TestHost) -> None:
    """It runs, confined as others are, without ever being restarted by what runs it."""
    until(lambda: deployed.runtime.process(mon, "grafana"), 10)
    assert deployed.runtime.deaths(mon, "grafana") == 0
