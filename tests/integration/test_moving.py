"""Sites of units and containers, and components that go from the one to the other."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.hosts import TestHost
from tests.integration.conftest import Machines
from tests.integration.machine import get, on, until
from tests.integration.project import FAST, Project, words
from tests.integration.runtime import DOCKER, SYSTEMD, ServiceDriver

NAMES = ("prometheus", "alertmanager")
OTHER = {SYSTEMD.name: DOCKER, DOCKER.name: SYSTEMD}
# The one test is about both ways; which way is the only difference between its two runs.
WAYS = pytest.mark.parametrize("first", [SYSTEMD, DOCKER], ids=["from units", "from containers"])


@pytest.fixture(scope="module")
def mixed(group: Callable[..., Machines], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Units on one host, containers on the other; each has what the other needs."""
    machines = group("mixed", DOCKER.host("mon1"), DOCKER.host("web1", user="deploy"))
    return Project(
        tmp_path_factory.mktemp("mixed"),
        machines,
        groups={
            "prometheus": ["mon1"],
            "alertmanager": ["mon1", "web1"],
            "blackbox": ["web1"],
            "loki": ["mon1"],
            "jaeger": ["web1"],
        },
        everyone={"environment": "test", "prometheus": dict(FAST)},
        host_settings={"mon1": {"runtime": "systemd"}, "web1": {"runtime": "docker"}},
    )


def _runs(project: Project, host: str, runtime: ServiceDriver) -> dict[str, str]:
    """What runs of everything on a host."""
    names = [role for role, names in project.groups.items() if host in names]
    machine = project.machines[host]
    found = {n: runtime.process(machine, n) for n in (*names, "node_exporter", "otelcol")}
    assert all(found.values()), found
    return found


def test_units_and_containers_are_wired_to_each_other(mixed: Project) -> None:
    outcome = mixed.deploy("--data", "prove=deep")
    assert "checks hold" in outcome.output
    for name in ("mon1", "web1"):
        status = get(mixed.machines[name], "/api/v2/status", port=9093)["cluster"]
        assert (status["status"], len(status["peers"])) == ("ready", 2), name
    before = _runs(mixed, "mon1", SYSTEMD), _runs(mixed, "web1", DOCKER)
    again = mixed.deploy("--debug")
    assert "Nothing changed." in again.output
    assert {name: again.executed(name) for name in mixed.machines} == {"mon1": 2, "web1": 2}
    assert (_runs(mixed, "mon1", SYSTEMD), _runs(mixed, "web1", DOCKER)) == before


def test_lines_and_traces_go_from_one_runtime_to_the_other(mixed: Project) -> None:
    smoke = mixed.run("smoke.py", "-v")
    assert smoke.code == 0, smoke.output
    expected = ["a log line is found in loki on mon1", "a trace is found in jaeger on web1"]
    assert words(smoke.output, expected) == [], smoke.output


@pytest.fixture(scope="module")
def place(mixed: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One of the hosts, with what keeps data, and nothing else of it left."""
    machine = {"mon1": mixed.machines["mon1"]}
    for component in ("loki", "otelcol", "alertmanager"):
        arguments = ("--limit", "mon1", "--data", f"component={component}")
        purge = f"purge=/var/lib/stackwatch/{component}"
        assert mixed.run("remove.py", *arguments, "--data", purge).code == 0
    return Project(
        tmp_path_factory.mktemp("place"),
        machine,
        groups={name: ["mon1"] for name in NAMES},
        # It goes with the engine, and is none of what moves.
        everyone={"environment": "test", "without": ["cadvisor"], "prometheus": dict(FAST)},
    )


@pytest.fixture
def home(place: Project) -> Iterator[Project]:
    """The same; what a test said is unsaid."""
    before = dict(place.everyone)
    yield place
    place.everyone = before


def _run_by(project: Project, runtime: ServiceDriver) -> None:
    project.runtime = runtime
    project.deploy("--data", "prove=quick")


def _alone(machine: TestHost, runtime: ServiceDriver) -> None:
    """All runs in one runtime, and the other has nothing of it, not even programs."""
    for name in (*NAMES, "node_exporter"):
        assert runtime.process(machine, name), name
        assert OTHER[runtime.name].left(machine, name) == [], name


def _silence(machine: TestHost, comment: str) -> str:
    body = {
        "matchers": [{"name": "alertname", "value": "Nothing", "isRegex": False}],
        "startsAt": on(machine, "date -u +%FT%TZ"),
        "endsAt": on(machine, "date -u -d '+1 hour' +%FT%TZ"),
        "createdBy": "test",
        "comment": comment,
    }
    post = f"curl -fsS -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
    answer = on(machine, f"{post} http://127.0.0.1:9093/api/v2/silences")
    return str(json.loads(answer)["silenceID"])


def _samples(machine: TestHost, moment: str) -> list[Any]:
    path = f"/api/v1/query?query=up%7Bjob%3D%22prometheus%22%7D&time={moment}"
    return [r["value"][1] for r in get(machine, path)["data"]["result"]]


@WAYS
def test_a_component_moves_with_its_data_and_leaves_no_twin(
    home: Project, first: ServiceDriver
) -> None:
    mon, second = home.machines["mon1"], OTHER[first.name]
    _run_by(home, first)
    _alone(mon, first)
    silence = _silence(mon, first.name)
    moment = until(lambda: (now := on(mon, "date +%s")) and _samples(mon, now) == ["1"] and now)

    home.runtime = second
    told = home.run("drift.py")
    assert (told.code, f"{first.service('alertmanager')}: runs it too" in told.output) == (3, True)
    moved = home.deploy("--data", "prove=deep")
    assert set(moved.changed()) == {*NAMES, "node_exporter"}
    _alone(mon, second)
    found = {each["id"]: each for each in get(mon, "/api/v2/silences", port=9093)}
    assert found[silence]["status"]["state"] == "active"
    assert _samples(mon, moment) == ["1"]
    assert home.deploy("--data", "prove=quick").changed() == {}
    assert home.run("drift.py").code == 0


@WAYS
@pytest.mark.parametrize(
    "broken",
    [{"flags": ["--no-such-flag"]}, {"start_timeout": 3, "flags": ["--web.route-prefix=/other"]}],
    ids=["it ends at once", "it never answers"],
)
def test_a_move_that_fails_leaves_it_where_it_was(
    home: Project, first: ServiceDriver, broken: dict[str, Any]
) -> None:
    mon, second = home.machines["mon1"], OTHER[first.name]
    _run_by(home, first)
    silence = _silence(mon, "stays")
    definition = first.definition(mon, "alertmanager")

    home.runtime, home.everyone["alertmanager"] = second, broken
    outcome = home.run("deploy.py", "--data", "prove=off")
    expected = [
        "alertmanager on mon1: restart failed",
        second.last_words("alertmanager"),
        "rolled back: the former version and configuration run again",
    ]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert first.process(mon, "alertmanager")
    assert first.definition(mon, "alertmanager") == definition
    assert silence in {each["id"] for each in get(mon, "/api/v2/silences", port=9093)}
    # Programs may wait there for the next attempt; nothing that runs, or could, may.
    _nothing_of(second, mon)
    # Where it was is where it is wanted again: nothing of the attempt is in the way.
    home.everyone.pop("alertmanager")
    _run_by(home, first)
    _nothing_of(second, mon)
    assert first.definition(mon, "alertmanager") == definition


def _nothing_of(runtime: ServiceDriver, machine: TestHost) -> None:
    """No unit and no container, whatever else a broken move left."""
    for name in NAMES:
        left = runtime.left(machine, name)
        assert [thing for thing in left if f"stackwatch-{name}" in thing] == [], name
