"""The Docker runtime: the words a container is made with, and what another one is needed for."""

from __future__ import annotations

import csv
import hashlib
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins.model import (
    EndpointKind,
    Hardening,
    HostView,
)
from plugins.runtimes.docker import Container, memory_bytes
from plugins.site import Site
from tests.unit.container_site import contained
from tests.unit.container_states import (
    ALPHA,
    BETA,
    alpha,
    beta,
    hardened,
    made_of,
    said,
    with_service,
    words,
)
from tests.unit.recorded import golden
from tests.unit.sites import compiled, on

LOGS = {"name": "shop", "files": ["/var/log/shop/*.log"], "format": "json"}


def site(**said: Any) -> Site:
    """One host of containers with logs, and a service of our own."""
    roles = ("prometheus", "alertmanager", "loki", "reference_app")
    return compiled(on("mon1", *roles, address="10.0.0.1", runtime="docker", logs=[LOGS], **said))


@pytest.mark.parametrize("name", ["node_exporter", "otelcol", "prometheus", "reference_app"])
def test_the_words_are_the_golden_ones(name: str, tmp_path: Path) -> None:
    container = contained(site(), "mon1", name, tmp_path)
    # Which is another one whenever a role writes its configuration otherwise.
    definition = container.definition.replace(container.spec, "SPEC")
    kept, made = golden(f"containers/{name}", definition)
    assert made == kept


def test_the_words_of_a_check_are_the_golden_ones(tmp_path: Path) -> None:
    container = contained(site(), "mon1", "otelcol", tmp_path)
    kept, made = golden("containers/otelcol.rehearsal", container.rehearsal)
    assert made == kept


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ("infinity", 0),
        ("1000", 1000),
        ("3K", 3 << 10),
        ("512M", 512 << 20),
        ("2G", 2 << 30),
        ("1T", 1 << 40),
        ("0", 0),
    ],
)
def test_memory_sizes(size: str, found: int) -> None:
    assert memory_bytes(size) == found
    container = hardened(memory_max=size)
    # As much with swap as without: there is none.
    limits = [str(found)] * bool(found)
    assert (said(container, "--memory"), said(container, "--memory-swap")) == (limits, limits)


PORT = ("8080/tcp", "", 8080)


@pytest.mark.parametrize(
    ("kind", "scheme", "bind", "published"),
    [
        (EndpointKind.API, "http", "", ["8080:8080/tcp"]),
        (EndpointKind.API, "http", "10.0.0.1", ["10.0.0.1:8080:8080/tcp"]),
        (EndpointKind.API, "http", "fd00::1", ["[fd00::1]:8080:8080/tcp"]),
        (EndpointKind.API, "tcp", "::1", ["[::1]:8080:8080/tcp"]),
        (EndpointKind.API, "http", "localhost", ["127.0.0.1:8080:8080/tcp"]),
        (
            EndpointKind.PEER,
            "tcp",
            "10.0.0.1",
            ["10.0.0.1:8080:8080/tcp", "10.0.0.1:8080:8080/udp"],
        ),
        (EndpointKind.PEER, "http", "", ["8080:8080/tcp"]),
    ],
)
def test_ports(kind: EndpointKind, scheme: str, bind: str, published: list[str]) -> None:
    endpoint = replace(alpha().endpoints[0], kind=kind, scheme=scheme, bind=bind)
    # Two endpoints of one port are one.
    both = (endpoint, endpoint.at("/other"))
    assert said(made_of(replace(alpha(), endpoints=both)), "--publish") == published
    assert said(made_of(replace(beta(), endpoints=both), BETA), "--publish") == []


def test_a_distributions_program_sees_its_libraries() -> None:
    packaged = replace(beta(), artifact=replace(beta().artifact, source="package"))
    seen = [{mount.target for mount in made_of(each, BETA).mounts} for each in (beta(), packaged)]
    assert ["/usr" in targets for targets in seen] == [False, True]


def test_what_is_seen_of_the_host() -> None:
    assert said(ALPHA, "--pid") == []
    mounts = {mount.target: mount for mount in ALPHA.mounts}
    assert {target for target, mount in mounts.items() if mount.writable} == {
        "/run/systemd/private",
        "/var/lib/stackwatch/alpha",
    }
    assert not mounts["/srv/alpha"].optional
    assert mounts["/var/nowhere"].optional
    # To hand its rights on it needs setpriv, and with that the host's libraries.
    assert "/usr" in mounts
    assert "/usr" not in {mount.target for mount in BETA.mounts}
    assert said(BETA, "--pid") == ["host"]
    root = next(mount for mount in BETA.mounts if mount.target == "/host")
    assert root.word == "type=bind,source=/,target=/host,readonly,bind-propagation=rslave"


@pytest.mark.parametrize(
    ("view", "seen"),
    [
        (HostView(), {"/etc/ssl/certs": True}),
        (HostView(files=("/var/log",)), {"/etc/ssl/certs": True, "/var/log": True}),
        (HostView(sockets=("/run/x",)), {"/etc/ssl/certs": True, "/run/x": True}),
        # What is a folder of its own stays as that is.
        (HostView(files=("/srv/alpha",)), {"/etc/ssl/certs": True, "/srv/alpha": False}),
    ],
)
def test_what_a_host_may_lack_is_left_out_there(view: HostView, seen: dict[str, bool]) -> None:
    component = with_service(alpha(), view=view, hardening=Hardening())
    own = {"/etc/stackwatch/alpha": False, "/var/lib/stackwatch/alpha": False, "/srv/alpha": False}
    lines = made_of(component).definition.splitlines()
    mounts = [shlex.split(line) for line in lines if "--mount=" in line]
    assert {word.split("target=")[1].split(",")[0]: needed != "-" for needed, word in mounts} == {
        **own,
        **seen,
    }
    for needed, word in mounts:
        assert needed == "-" or f"source={needed.removeprefix('?')}," in f"{word},"


def test_a_folder_may_have_any_name() -> None:
    odd = '/srv/a b,"c" \\d'
    view = HostView(files=(odd,))
    wanted = made_of(with_service(alpha(), view=view, hardening=Hardening()))
    (line,) = [line for line in wanted.definition.splitlines() if "/srv/a" in line and "b," in line]
    needed, _, word = line.partition(" ")
    assert needed == '?/srv/a\\0040b,"c"\\0040\\0134d'
    fields = next(csv.reader([shlex.split(word)[0].removeprefix("--mount=")]))
    assert fields == ["type=bind", f"source={odd}", f"target={odd}", "readonly"]


@pytest.mark.parametrize("flag", ["?", "?/nowhere x", "? --mount=x", "- x", " x", "'$(id)' \\"])
def test_no_flag_is_taken_for_something_else(flag: str) -> None:
    argv = (*alpha().service.argv, flag)
    lines = made_of(with_service(alpha(), argv=argv)).definition.splitlines()
    needed, _, word = lines[-1].partition(" ")
    assert (needed, shlex.split(word)) == ("-", [flag])


def test_rights_are_handed_on_to_the_account_by_the_hosts_setpriv() -> None:
    assert ALPHA.capabilities == ("DAC_READ_SEARCH",)
    assert said(ALPHA, "--user") == ["0:0"]
    assert said(ALPHA, "--cap-add") == ["DAC_READ_SEARCH", "SETGID", "SETPCAP", "SETUID"]
    assert ALPHA.argv[:9] == (
        "/usr/bin/setpriv",
        "--reuid=@uid@",
        "--regid=@gid@",
        "--groups=@groups@",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
        "--bounding-set=-all,+dac_read_search",
        "--",
        "/opt/stackwatch/alpha/current/busybox",
    )


def test_who_only_pings_needs_no_rights() -> None:
    pings = hardened(capabilities=("CAP_NET_RAW",))
    assert (said(pings, "--cap-add"), said(pings, "--user")) == ([], ["@uid@:@gid@"])
    assert pings.argv == alpha().service.argv


@pytest.mark.parametrize("container", [ALPHA, BETA], ids=["alpha", "beta"])
def test_every_container_is_confined(container: Container) -> None:
    assert {
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=64m",
        "--restart=always",
        "--log-driver=journald",
    } <= {*words(container)}
    assert said(container, "--pids-limit") == [str(container.component.service.hardening.tasks_max)]
    assert not [word for word in words(container) if "privileged" in word and "no-new" not in word]


def test_a_check_sees_what_the_service_will_but_no_network_and_no_rights() -> None:
    lines = {*ALPHA.rehearsal.splitlines()}
    assert {"- --network=none", "- --user=@uid@:@gid@", "- --rm", "- --no-healthcheck"} <= lines
    assert ALPHA.rehearsal.splitlines()[-1] == f"- {ALPHA.image.tag}"
    mounts = {line for line in ALPHA.definition.splitlines() if "--mount=" in line}
    assert mounts == {line for line in lines if "--mount=" in line}
    assert not [line for line in lines if "--cap-add" in line or "--publish" in line]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("--plain=/a/b:1,2@x", "- --plain=/a/b:1,2@x"),
        ("--say=two words", "- '--say=two words'"),
        ("--match=^a$", "- '--match=^a$'"),
        ("it's", """- 'it'"'"'s'"""),
        ("", "- ''"),
    ],
)
def test_quoting_of_arguments(word: str, written: str) -> None:
    component = with_service(beta(), argv=("/bin/x", word, "--last"))
    assert made_of(component, BETA).definition.endswith(f"- /bin/x\n{written}\n- --last\n")


@pytest.mark.parametrize("word", ["a\nb", "a\x00b", "\x1b[2J", "a\tb"])
def test_control_characters_are_refused(word: str) -> None:
    for component in (
        with_service(alpha(), argv=("/bin/x", word)),
        with_service(alpha(), environment={"A": word}),
        with_service(alpha(), view=HostView(files=(f"/var/{word}",))),
    ):
        with pytest.raises(ValueError, match="control characters"):
            _ = made_of(component).definition


def test_what_the_scripts_are_told() -> None:
    told = {"engine": "docker", "network": "stackwatch"}
    assert ALPHA.variables == {**told, "image_ids": f"{ALPHA.image.id} {ALPHA.image.digest}"}
    assert ALPHA.version == ALPHA.image.tag
    assert ALPHA.programs == "/opt/stackwatch/alpha/current"
    assert ALPHA.service == "container stackwatch-alpha"
    assert replace(ALPHA, engine="podman").variables["engine"] == "podman"
    assert ALPHA.busybox == "docker exec stackwatch-alpha /busybox"
    assert BETA.busybox == ""


def test_the_health_check_asks_where_the_service_listens() -> None:
    assert ALPHA.environment["STACKWATCH_HEALTH"] == "http://127.0.0.1:8080/index.html"
    moved = replace(BETA.component.service.health, bind="10.0.0.1")
    there = made_of(with_service(beta(), health=moved), BETA)
    assert there.environment["STACKWATCH_HEALTH"] == "http://10.0.0.1:9105/index.html"
    inside = made_of(with_service(alpha(), health=replace(alpha().service.health, bind="10.0.0.1")))
    assert inside.environment["STACKWATCH_HEALTH"] == "http://127.0.0.1:8080/index.html"


def test_what_travels_is_the_image(tmp_path: Path) -> None:
    container = contained(site(), "mon1", "prometheus", tmp_path)
    travels = container.deliverable()
    whole = b"".join(travels.pieces)
    assert (travels.kind, travels.name) == ("image", container.image.tag)
    assert travels.sha256 == hashlib.sha256(whole).hexdigest()
    assert (travels.size, travels.unpacked) == (len(whole), 0)
    assert whole == b"".join(container.image.pieces())
