"""Preparing a host: what is asked of it, what differs, and what a role refuses beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.exceptions import FactProcessError

from plugins.model import SiteError
from plugins.preparation import Preparation, Steps, asked, steps
from plugins.prepared import PreparedState, ServiceState
from plugins.role import all_roles
from plugins.site import Site
from plugins.state import FileState, HostState, StackwatchState, parse_state
from roles.docker_engine import CONFIGURATION, prepares
from tests.unit.recorded import output
from tests.unit.sites import compiled, on

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
DOCKER = "https://packages.example.org/linux/debian trixie stable"


def _site(**said: Any) -> Site:
    return compiled(on("app1", "docker_engine", address="10.0.0.1", docker_engine=said))


def _wanted(**said: Any) -> Preparation:
    (placement,) = _site(**said).preparations
    return prepares(placement.host, placement.settings)


def _file(content: str, mode: str = "644") -> FileState:
    sha256 = replace(_wanted().files[0], content=content).sha256
    return FileState("f", mode, "root", "root", len(content), 1, "", sha256)


def _ready(wanted: Preparation) -> HostState:
    """A host on which everything is so."""
    files = {f.path: _file(f.content) for f in (*wanted.repository_files, *wanted.files)}
    service = ServiceState("active", "enabled", unread=False)
    prepared = PreparedState(
        frozenset(wanted.programs),
        dict.fromkeys(wanted.package_names, "installed"),
        {wanted.unit: service},
    )
    return HostState(files=files, prepared=prepared)


def _changed(state: HostState, **prepared: Any) -> HostState:
    return replace(state, prepared=replace(state.prepared, **prepared))


def _told(found: Steps) -> list[str]:
    return [f"{d.subject}: {d.what}" for d in found.differences]


def test_a_role_that_prepares_places_no_component() -> None:
    site = _site()
    assert [p.role.name for p in site.preparations] == ["docker_engine"]
    assert "docker_engine" not in site.component_names
    assert all_roles()["docker_engine"].port is None


def test_a_host_that_is_ready_needs_nothing() -> None:
    assert not steps(_wanted(), _ready(_wanted()))


def test_an_engine_of_whatever_packages_is_kept() -> None:
    ready = _ready(_wanted())
    for packages in ({}, {"docker.io": "config-files"}):
        assert not steps(_wanted(), _changed(ready, packages=packages))


def test_a_bare_host_gets_everything() -> None:
    found = steps(_wanted(), HostState())
    assert (found.install, found.restart, found.action) == (True, True, "install")
    assert [file.path for file in found.files] == [CONFIGURATION]
    assert _told(found) == [
        "packages docker.io docker-cli iptables: to be installed, dockerd and docker missing",
        f"{CONFIGURATION}: missing",
    ]


@pytest.mark.parametrize(
    ("prepared", "told", "action"),
    [
        ({"packages": {"docker.io": "half-configured"}}, "is half-configured", "install"),
        ({"services": {}}, "is not there", "restart"),
        ({"services": {"docker.service": ServiceState("failed", "enabled", False)}},
         "is failed", "restart"),
        ({"services": {"docker.service": ServiceState("active", "enabled", True)}},
         "was started before its configuration was written", "restart"),
        ({"services": {"docker.service": ServiceState("active", "disabled", False)}},
         "is disabled, not started at boot", "enable"),
    ],
)  # fmt: skip
def test_what_differs_is_told_and_done(prepared: dict[str, Any], told: str, action: str) -> None:
    found = steps(_wanted(), _changed(_ready(_wanted()), **prepared))
    assert [line.partition(": ")[2] for line in _told(found)] == [told]
    assert found.action == action
    assert found.restart is (action == "restart")


@pytest.mark.parametrize(
    ("there", "told", "diffable"),
    [
        (_file("{}\n"), "content differs", True),
        (_file("{}\n", mode="600"), "mode 0600, should be 0644", False),
        (replace(_file("{}\n"), owner="app"), "is of kind 'f' and app:root's", False),
        (FileState("d", "755", "root", "root", 1, 1, ""), "is of kind 'd' and root:root's", False),
    ],
)
def test_a_file_that_differs_is_sent(there: FileState, told: str, diffable: bool) -> None:
    ready = _ready(_wanted())
    found = steps(_wanted(), replace(ready, files={**ready.files, CONFIGURATION: there}))
    (difference,) = found.differences
    assert (difference.what, difference.diffable) == (told, diffable)
    assert (found.install, found.restart, len(found.files)) == (False, True, 1)


def test_only_who_needs_it_is_asked_for_more() -> None:
    assert asked(()) == ()
    assert StackwatchState().command(("/srv",)) == StackwatchState().command(("/srv",), ())
    command = StackwatchState().command((CONFIGURATION,), asked((_wanted(),)))
    assert "programs='dockerd docker'\n" in command
    assert f"services='docker.service {CONFIGURATION}'\n" in command


def _parsed(*lines: str) -> HostState:
    return parse_state([*lines, *output("state_mon1.txt")])


def test_what_a_host_tells_is_read() -> None:
    state = _parsed(
        *("#commands", "dockerd", "#packages", "docker.io installed", "docker-cli unpacked"),
        *("#sums", f"ab12  {CONFIGURATION}"),
        *("#services", "docker.service active enabled yes"),
    )
    assert state.prepared == PreparedState(
        frozenset({"dockerd"}),
        {"docker.io": "installed", "docker-cli": "unpacked"},
        {"docker.service": ServiceState("active", "enabled", unread=True)},
    )
    assert parse_state(output("state_mon1.txt")).prepared == PreparedState()
    # What stands in one section twice is one section.
    assert state.files == parse_state(output("state_mon1.txt")).files


def test_half_a_line_is_refused() -> None:
    with pytest.raises(FactProcessError):
        _parsed("#services", "docker.service active")


def test_the_configuration_is_ours_under_native_keys() -> None:
    (file,) = _wanted(engine={"log-driver": "local", "labels": ["rack=r7"]}).files
    assert json.loads(file.content) == {
        "live-restore": True,
        "log-driver": "local",
        "labels": ["rack=r7"],
    }
    assert _wanted().reloaded
    assert not _wanted(engine={"live-restore": False}).reloaded


@pytest.mark.parametrize(
    ("found", "native", "refused"),
    [
        ('{"data-root": "/srv/docker"}', {}, True),
        ('{"data-root": "/srv/docker"}', {"data-root": "/srv/other"}, True),
        ('{"data-root": "/srv/docker"}', {"data-root": "/srv/docker"}, False),
        ("{}", {"data-root": "/srv/docker"}, False),
        ("[]", {}, False),
        ("{", {}, False),
    ],
)
def test_a_data_folder_is_not_left(found: str, native: Mapping[str, Any], refused: bool) -> None:
    (file,) = _wanted(engine=native).files
    reason = file.refuse(found, file.content)
    assert (reason is not None) is refused
    assert reason is None or "keeps its data in /srv/docker" in reason


def test_another_repository_comes_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "key.asc").write_text(KEY)
    wanted = _wanted(source="upstream", repository=DOCKER, key_file=str(tmp_path / "key.asc"))
    key, sources = wanted.repository_files
    assert key.content == KEY
    assert sources.content.splitlines()[1:] == [
        "Types: deb",
        "URIs: https://packages.example.org/linux/debian",
        "Suites: trixie",
        "Components: stable",
        f"Signed-By: {key.path}",
    ]
    assert wanted.packages == ("docker-ce", "docker-ce-cli", "containerd.io")
    pinned = replace(wanted, packages=("docker-ce=5:28.5.2-1~debian.13~trixie",))
    assert pinned.package_names == ("docker-ce",)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"source": "upstream"}, ["repository: is missing", "key_file: is missing"]),
        ({"repository": DOCKER}, ["repository: is not used by the distribution's packages"]),
        ({"source": "upstream", "repository": DOCKER, "key_file": "/nowhere/key.asc"},
         ["key_file: /nowhere/key.asc cannot be read"]),
        ({"source": "upstream", "repository": DOCKER, "key_file": "/etc/hostname"},
         ["key_file: /etc/hostname holds no armored key"]),
    ],
)  # fmt: skip
def test_a_source_that_is_not_said_in_full_is_refused(
    said: dict[str, Any], told: list[str]
) -> None:
    with pytest.raises(SiteError) as error:
        _wanted(**said)
    problems = [str(problem) for problem in error.value.problems]
    assert len(problems) == len(told)
    assert all(f"docker_engine.{words}" in line for words, line in zip(told, problems, strict=True))


@pytest.mark.parametrize(
    "said",
    [
        {"repository": "https://packages.example.org"},
        {"repository": "https://me:secret@packages.example.org trixie stable"},
        {"packages": ["--allow-unauthenticated"]},
        {"port": 2375},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(SiteError) as error:
        _site(**said)
    assert "docker_engine." in str(error.value.problems[0])
    assert "secret" not in str(error.value.problems[0])
