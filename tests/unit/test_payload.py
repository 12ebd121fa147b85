"""What travels to a host: the tar, the manifest, and a command without a secret."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shlex
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from plugins.compare import compare
from plugins.payload import Order, order, programs
from plugins.runtimes.rendered import Rendered
from plugins.runtimes.systemd import Unit
from plugins.scripts import script
from plugins.state import HostState
from tests.unit.host_states import STAMP, file_is, live, matching, unit_is
from tests.unit.sites import components, lone

PROGRAMS = b"a packed program" * 1000
SCRIPTS = {
    "converge": ("common", "login", "stage", "systemd", "docker", "converge"),
    "programs": ("common", "programs"),
}
SECRETS = {"secrets": {"token": SecretStr("s3cr3t")}}


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Unit]:
    """Every component of one host, with programs that can be read."""
    site = lone(alertmanager=SECRETS)
    made = components(site, "mon1", tmp_path)
    for component in made.values():
        component.artifact.path.write_bytes(PROGRAMS)
    return {name: Unit(component) for name, component in made.items()}


def sent(rendered: Rendered, state: HostState, lock_timeout: int = 120) -> Order:
    return order(compare(rendered, state), state, lock_timeout)


def _tar(made: Order) -> bytes:
    (piece,) = made.payload
    # As pyinfra takes it: nothing is added to what ends with a newline.
    assert piece.endswith("\n")
    return piece.encode()


def members(made: Order) -> dict[str, str]:
    packed = io.BytesIO(_tar(made))
    with tarfile.open(fileobj=packed) as tar:
        opened = {entry.name: tar.extractfile(entry) for entry in tar.getmembers()}
        return {name: file.read().decode() for name, file in opened.items() if file}


def variables(made: Order, name: str = "converge") -> dict[str, str]:
    head = made.command.removesuffix("".join(map(script, SCRIPTS[name])))
    assert head != made.command
    pairs = (word.partition("=") for word in shlex.split(head))
    return {name: value for name, _, value in pairs}


def test_an_empty_host_gets_everything(wanted: dict[str, Unit]) -> None:
    prometheus = wanted["prometheus"]
    found = members(sent(prometheus, HostState()))
    own = {f"release/{f.path}": f.content for f in prometheus.release}
    own |= {f"hot/{f.path}": f.content for f in prometheus.hot}
    assert {name: found[name] for name in own} == own
    assert found.keys() - own.keys() == {
        *("directories", "manifest", "hot_files", "hot_strays", "contains", "posts", "validators"),
        "rehearsal",
        "service",
    }
    assert found["service"] == prometheus.unit_text
    assert found["directories"] == "0750 prometheus /var/lib/stackwatch/prometheus\n"


def test_the_manifest_names_the_whole_release_whatever_is_sent(wanted: dict[str, Unit]) -> None:
    prometheus = wanted["prometheus"]
    state = file_is(live(prometheus, "rules/watchdog.yml"), sha256="x")(matching(prometheus))
    found = members(sent(prometheus, state))
    assert found["manifest"].splitlines() == [
        f"0644 {hashlib.sha256(f.content.encode()).hexdigest()} {f.path}"
        for f in prometheus.release
    ]
    assert [name for name in found if name.startswith("release/")] == ["release/rules/watchdog.yml"]
    assert "service" not in found


def test_hot_files_and_strays_are_listed(wanted: dict[str, Unit]) -> None:
    prometheus = wanted["prometheus"]
    job = f"{prometheus.paths.hot}/targets/node_exporter.json"
    edit, stray = file_is(job, sha256="x"), file_is(f"{prometheus.paths.hot}/old/a b")
    found = members(sent(prometheus, stray(edit(matching(prometheus)))))
    assert found["hot_files"] == "0644 targets/node_exporter.json\n"
    assert found["hot_strays"] == "old/a b\n"
    assert "hot/targets/node_exporter.json" in found


def test_validators_get_the_staged_paths_and_only_where_something_is_swapped(
    wanted: dict[str, Unit],
) -> None:
    prometheus = wanted["prometheus"]
    assert members(sent(prometheus, HostState()))["validators"] == (
        "/opt/stackwatch/prometheus/3.14.0/promtool check config "
        "/etc/stackwatch/prometheus/releases/.check/prometheus.yml\n"
    )
    state = unit_is(prometheus.unit, spec="other")(matching(prometheus))
    assert members(sent(prometheus, state))["validators"] == ""


def test_what_proves_a_reload(wanted: dict[str, Unit]) -> None:
    prometheus, node = wanted["prometheus"], wanted["node_exporter"]
    reload = prometheus.component.service.reload
    assert reload
    assert reload.proof
    ((_, release),) = reload.proof.contains
    made = sent(prometheus, HostState())
    assert members(made)["contains"] == (
        f"http://127.0.0.1:9090/api/v1/rules?type=record {release}\n"
    )
    assert variables(made)["proof"] == "http://127.0.0.1:9090/metrics"
    assert variables(made)["proof_success"] == "prometheus_config_last_reload_successful"
    made = sent(node, HostState())
    assert members(made)["contains"] == ""
    assert variables(made)["proof"] == variables(made)["proof_time"] == ""


# "${name:?}" must be there and not empty, "${name?}" must be there.
DEMANDED = re.findall(
    r'"\$\{(\w+)(:?)\?\}"', script("common") + script("converge").partition("disturbed=")[0]
)


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "blackbox", "node_exporter"])
def test_everything_the_script_demands_is_set(name: str, wanted: dict[str, Unit]) -> None:
    assert len(DEMANDED) >= 19
    for state in (HostState(), unit_is(wanted[name].unit, spec="x")(matching(*wanted.values()))):
        given = variables(sent(wanted[name], state))
        assert {variable for variable, _ in DEMANDED} == given.keys()
        assert [variable for variable, full in DEMANDED if full and not given[variable]] == []


def test_variables_say_what_to_do(wanted: dict[str, Unit]) -> None:
    prometheus = wanted["prometheus"]
    fresh = variables(sent(prometheus, HostState(), lock_timeout=7))
    told = {
        "host": "mon1",
        "component": "prometheus",
        "user": "prometheus",
        "groups": "",
        "version": "3.14.0",
        "runtime": "systemd",
        "twin": "",
        "reload_signal": "HUP",
        "release": prometheus.release_hash,
        "spec": prometheus.spec,
        "seen_live": "",
        "swap": "yes",
        "hot": "yes",
        "action": "restart",
        "health": "http://127.0.0.1:9090/-/ready",
        "start_timeout": "300",
        "lock_timeout": "7",
    }
    assert {name: fresh[name] for name in told} == told
    stale = unit_is(prometheus.unit, loaded="x")(matching(prometheus))
    later = variables(sent(prometheus, stale))
    assert (later["swap"], later["hot"], later["action"]) == ("no", "no", "reload")
    assert later["seen_live"] == f"releases/{prometheus.release_hash}.{STAMP}"


def test_the_payload_is_what_its_sum_says(wanted: dict[str, Unit]) -> None:
    made = sent(wanted["prometheus"], HostState())
    packed = _tar(made)
    assert variables(made)["payload"] == hashlib.sha256(packed).hexdigest()


def test_room_is_asked_for_the_payload_twice(wanted: dict[str, Unit]) -> None:
    made = sent(wanted["prometheus"], HostState())
    assert int(variables(made)["needed"]) == 2 * len(_tar(made)) // 1024 + 1024


def test_programs_travel_together_the_largest_first_with_room_for_all(
    wanted: dict[str, Unit],
) -> None:
    names = ("alertmanager", "prometheus", "node_exporter")
    sizes = {"alertmanager": 20_000_000, "prometheus": 100_000_000, "node_exporter": 5_000_000}
    rendered = [
        Unit(
            replace(
                wanted[name].component,
                artifact=replace(wanted[name].component.artifact, files={name: sizes[name]}),
            )
        )
        for name in names
    ]
    made = programs([compare(each, HostState()) for each in rendered], lock_timeout=9)
    told = variables(made, "programs")
    lines = [line.split() for line in told["orders"].splitlines()]
    assert [line[0] for line in lines] == ["prometheus", "alertmanager", "node_exporter"]
    assert [int(line[4]) for line in lines] == [len(piece.encode()) for piece in made.payload]
    assert [piece.encode() for piece in made.payload] == [PROGRAMS] * 3
    sums = {each.name: each.component.artifact.sha256 for each in rendered}
    assert {line[0]: line[3] for line in lines} == sums
    assert {line[1] for line in lines} == {"programs"}
    unpacked = sum((len(PROGRAMS) + size) // 1024 for size in sizes.values())
    assert int(told["needed"]) == 1024 + unpacked
    assert (told["host"], told["lock_timeout"]) == ("mon1", "9")


def test_secrets_travel_in_the_payload_alone(wanted: dict[str, Unit]) -> None:
    made = sent(wanted["alertmanager"], HostState())
    assert members(made)["release/secrets/token"] == "s3cr3t"
    assert "s3cr3t" not in made.command
    assert base64.b64encode(b"s3cr3t").decode().rstrip("=") not in made.command
    assert "0640" in members(made)["manifest"]


def test_nothing_in_the_tar_is_open_to_others(wanted: dict[str, Unit]) -> None:
    packed = io.BytesIO(_tar(sent(wanted["alertmanager"], HostState())))
    with tarfile.open(fileobj=packed) as tar:
        assert {entry.mode for entry in tar.getmembers()} == {0o600}


def test_scripts_travel_without_their_comments() -> None:
    lines = [line for line in script("converge").splitlines() if line.lstrip().startswith("#")]
    assert lines == []
    assert "receive\naccount\nawait_programs\n" in script("converge")
