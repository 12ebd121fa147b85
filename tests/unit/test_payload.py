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
from plugins.payload import Order, order
from plugins.runtimes.systemd import Rendered
from plugins.scripts import script
from plugins.state import HostState
from tests.unit.host_states import STAMP, file_is, live, matching, unit_is
from tests.unit.sites import components, lone

PROGRAMS = b"a packed program" * 1000
SECRETS = {"secrets": {"token": SecretStr("s3cr3t")}}


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Rendered]:
    """Every component of one host, with programs that can be read."""
    site = lone(alertmanager=SECRETS)
    made = components(site, "mon1", tmp_path)
    for component in made.values():
        component.artifact.path.write_bytes(PROGRAMS)
    return {name: Rendered(component) for name, component in made.items()}


def sent(rendered: Rendered, state: HostState, lock_timeout: int = 120) -> Order:
    return order(compare(rendered, state), state, lock_timeout)


def members(made: Order) -> dict[str, str]:
    packed = io.BytesIO(base64.b64decode(made.payload))
    with tarfile.open(fileobj=packed) as tar:
        opened = {entry.name: tar.extractfile(entry) for entry in tar.getmembers()}
        return {name: file.read().decode() for name, file in opened.items() if file}


def variables(made: Order) -> dict[str, str]:
    head = made.command.removesuffix(script("converge"))
    assert head != made.command
    pairs = (word.partition("=") for word in shlex.split(head))
    return {name: value for name, _, value in pairs}


def test_an_empty_host_gets_everything(wanted: dict[str, Rendered]) -> None:
    prometheus = wanted["prometheus"]
    found = members(sent(prometheus, HostState()))
    own = {f"release/{f.path}": f.content for f in prometheus.release}
    own |= {f"hot/{f.path}": f.content for f in prometheus.hot}
    assert {name: found[name] for name in own} == own
    assert found.keys() - own.keys() == {
        *("directories", "manifest", "hot_files", "hot_strays", "contains", "validators"),
        *("unit", "programs.tar.gz"),
    }
    assert found["unit"] == prometheus.unit_text
    assert found["programs.tar.gz"].encode() == PROGRAMS
    assert found["directories"] == "0750 prometheus /var/lib/stackwatch/prometheus\n"


def test_the_manifest_names_the_whole_release_whatever_is_sent(wanted: dict[str, Rendered]) -> None:
    prometheus = wanted["prometheus"]
    state = file_is(live(prometheus, "rules/watchdog.yml"), sha256="x")(matching(prometheus))
    found = members(sent(prometheus, state))
    assert found["manifest"].splitlines() == [
        f"0644 {hashlib.sha256(f.content.encode()).hexdigest()} {f.path}"
        for f in prometheus.release
    ]
    assert [name for name in found if name.startswith("release/")] == ["release/rules/watchdog.yml"]
    assert "programs.tar.gz" not in found
    assert "unit" not in found


def test_hot_files_and_strays_are_listed(wanted: dict[str, Rendered]) -> None:
    prometheus = wanted["prometheus"]
    job = f"{prometheus.paths.hot}/targets/node_exporter.json"
    edit, stray = file_is(job, sha256="x"), file_is(f"{prometheus.paths.hot}/old/a b")
    found = members(sent(prometheus, stray(edit(matching(prometheus)))))
    assert found["hot_files"] == "0644 targets/node_exporter.json\n"
    assert found["hot_strays"] == "old/a b\n"
    assert "hot/targets/node_exporter.json" in found


def test_validators_get_the_staged_paths_and_only_where_something_is_swapped(
    wanted: dict[str, Rendered],
) -> None:
    prometheus = wanted["prometheus"]
    assert members(sent(prometheus, HostState()))["validators"] == (
        "/opt/stackwatch/prometheus/3.14.0/promtool check config "
        "/etc/stackwatch/prometheus/releases/.new/prometheus.yml\n"
    )
    state = unit_is(prometheus.unit, spec="other")(matching(prometheus))
    assert members(sent(prometheus, state))["validators"] == ""


def test_what_proves_a_reload(wanted: dict[str, Rendered]) -> None:
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
DEMANDED = re.findall(r'"\$\{(\w+)(:?)\?\}"', script("converge").partition("etc=")[0])


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "blackbox", "node_exporter"])
def test_everything_the_script_demands_is_set(name: str, wanted: dict[str, Rendered]) -> None:
    assert len(DEMANDED) >= 19
    for state in (HostState(), unit_is(wanted[name].unit, spec="x")(matching(*wanted.values()))):
        given = variables(sent(wanted[name], state))
        assert {variable for variable, _ in DEMANDED} == given.keys()
        assert [variable for variable, full in DEMANDED if full and not given[variable]] == []


def test_variables_say_what_to_do(wanted: dict[str, Rendered]) -> None:
    prometheus = wanted["prometheus"]
    fresh = variables(sent(prometheus, HostState(), lock_timeout=7))
    told = {
        "host": "mon1",
        "component": "prometheus",
        "user": "prometheus",
        "groups": "",
        "version": "3.14.0",
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


def test_the_payload_is_what_its_sum_says(wanted: dict[str, Rendered]) -> None:
    made = sent(wanted["prometheus"], HostState())
    packed = base64.b64decode(made.payload)
    assert variables(made)["payload"] == hashlib.sha256(packed).hexdigest()


def test_room_is_asked_for_the_payload_twice_and_the_programs_unpacked(
    wanted: dict[str, Rendered],
) -> None:
    prometheus = wanted["prometheus"]
    artifact = replace(prometheus.component.artifact, files={"prometheus": 100_000_000})
    large = Rendered(replace(prometheus.component, artifact=artifact))
    made = sent(large, HostState())
    size = len(base64.b64decode(made.payload))
    assert int(variables(made)["needed"]) == (2 * size + 100_000_000) // 1024 + 1024
    small = sent(large, unit_is(large.unit, enabled="disabled")(matching(large)))
    size = len(base64.b64decode(small.payload))
    assert int(variables(small)["needed"]) == 2 * size // 1024 + 1024


def test_secrets_travel_in_the_payload_alone(wanted: dict[str, Rendered]) -> None:
    made = sent(wanted["alertmanager"], HostState())
    assert members(made)["release/secrets/token"] == "s3cr3t"
    assert "s3cr3t" not in made.command
    assert base64.b64encode(b"s3cr3t").decode().rstrip("=") not in made.command
    assert "0640" in members(made)["manifest"]


def test_nothing_in_the_tar_is_open_to_others(wanted: dict[str, Rendered]) -> None:
    packed = io.BytesIO(base64.b64decode(sent(wanted["alertmanager"], HostState()).payload))
    with tarfile.open(fileobj=packed) as tar:
        assert {entry.mode for entry in tar.getmembers()} == {0o600}


def test_scripts_travel_without_their_comments() -> None:
    lines = [line for line in script("converge").splitlines() if line.lstrip().startswith("#")]
    assert lines == []
    assert "receive\naccount\nstage_programs\n" in script("converge")
