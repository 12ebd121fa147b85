"""Containers that somebody changed by hand: told in words, and made right again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.hosts import TestHost
from tests.integration.by_hand import make_anew, shown
from tests.integration.machine import get, on, until
from tests.integration.project import Project, words

pytestmark = pytest.mark.only("docker", "units changed by hand are in test_units.py")

ETC = "/etc/stackwatch/alertmanager"
SUBJECT = "container stackwatch-alertmanager"


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes:
        told: How drift tells it.
        more: Options that the container gets.
        replaced: How the option that it loses begins.
        argv: Words its command gets.
    """

    told: str
    more: tuple[str, ...] = ()
    replaced: str = ""
    argv: tuple[str, ...] = ()


CHANGES = {
    "a variable": Change("environment DEBUG is '1', should not be there", ("--env=DEBUG=1",)),
    "a published port": Change(
        "port 9093/tcp is '127.0.0.1:9093', should be ':9093'",
        ("--publish=127.0.0.1:9093:9093",),
        "--publish=9093:",
    ),
    "a mount": Change(
        f"mount {ETC} is '{ETC} (writable)', should be '{ETC} (read-only)'",
        (f"--mount=type=bind,source={ETC},target={ETC}",),
        f"--mount=type=bind,source={ETC},",
    ),
    "a capability": Change("capabilities is 'NET_ADMIN', should be ''", ("--cap-add=NET_ADMIN",)),
    "a flag": Change("--log.level=debug', should be ", argv=("--log.level=debug",)),
}
# All in one container: whoever does one of these may do them all.
MORE = {
    "--publish=2222:22": "port 22/tcp is ':2222', should not be there",
    "--mount=type=bind,source=/root,target=/mnt": "mount /mnt is '/root (writable)', should not",
    "--ipc=host": "memory namespace is 'host', should be ''",
    "--uts=host": "host name namespace is 'host', should be ''",
    "--userns=host": "user namespace is 'host', should be ''",
    "--pid=host": "process namespace is 'host', should be ''",
    "--sysctl=net.ipv4.ip_forward=0": "kernel settings is 'net.ipv4.ip_forward=0', should be ''",
    "--add-host=mon1:10.0.0.1": "added hosts is 'mon1:10.0.0.1', should be ''",
    "--dns=10.0.0.1": "name servers is '10.0.0.1', should be ''",
    "--no-healthcheck": "health check is '[\"NONE\"]', should be ",
    "--restart=no": "restart policy is 'no', should be 'always'",
    "--log-driver=json-file": "log driver is 'json-file', should be 'journald'",
    "--cpus=0.5": "processors is 'NanoCpus=500000000', should be ''",
    "--memory=1g": "memory is '1073741824', should be ",
    "--pids-limit=77": "processes is '77', should be '512'",
}


def _made(machine: TestHost) -> dict[str, Any]:
    """What is the same of every container that is made right."""
    found = shown(machine, "alertmanager")
    return {
        "image": found["Image"],
        "command": [found["Path"], *found["Args"]],
        "config": {**found["Config"], "Hostname": "", "Env": sorted(found["Config"]["Env"])},
        "host": found["HostConfig"],
    }


def _repaired(site: Project, wanted: dict[str, Any]) -> None:
    """A run makes it right, and then leaves it alone."""
    mon = site.machines["mon1"]
    others = {name: site.runtime.process(mon, name) for name in ("prometheus", "node_exporter")}
    assert site.deploy("--data", "prove=quick").changed() == {"alertmanager": {"mon1"}}
    assert _made(mon) == wanted
    container = site.runtime.process(mon, "alertmanager")
    assert "Nothing changed" in site.deploy("--data", "prove=quick").output
    assert site.runtime.process(mon, "alertmanager") == container
    assert {name: site.runtime.process(mon, name) for name in others} == others


def test_a_container_made_anew_just_as_it_was_is_no_difference(site: Project) -> None:
    """A control: what the tests below find is what they changed, and nothing of how."""
    mon = site.machines["mon1"]
    for component in ("alertmanager", "node_exporter"):
        make_anew(mon, component)
    told = site.run("drift.py")
    assert (told.code, "No drift" in told.output) == (0, True), told.output


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_by_hand_is_told_and_repaired(site: Project, change: Change) -> None:
    mon = site.machines["mon1"]
    wanted = _made(mon)
    make_anew(mon, "alertmanager", *change.more, without=change.replaced, argv=change.argv)
    told = site.run("drift.py")
    assert told.code == 3, told.output
    assert words(told.output, [SUBJECT, change.told, "1 difference on 1 host"]) == [], told.output
    _repaired(site, wanted)


def test_another_image_is_told_and_repaired(site: Project) -> None:
    mon = site.machines["mon1"]
    wanted = _made(mon)
    on(mon, "docker commit --change 'ENV MINE=1' stackwatch-alertmanager mine:1")
    mine = on(mon, "docker image inspect -f '{{.Id}}' mine:1")
    make_anew(mon, "alertmanager", image="mine:1")
    told = site.run("drift.py")
    expected = [f"{SUBJECT}: image is {mine}, should be", wanted["image"]]
    assert words(told.output, expected) == [], told.output
    _repaired(site, wanted)
    # It was made of ours and has its label: it is tidied up as any former one.
    assert on(mon, "docker image ls -q mine:1") == ""


def test_everything_else_that_loosens_a_container_is_told(site: Project) -> None:
    mon = site.machines["mon1"]
    wanted = _made(mon)
    # Options that may be given once are taken out; of the others one more is given.
    once = tuple(option.partition("=")[0] for option in MORE if "mount" not in option)
    make_anew(mon, "alertmanager", *MORE, without=once)
    told = site.run("drift.py")
    assert words(told.output, list(MORE.values())) == [], told.output
    _repaired(site, wanted)


def test_a_tag_that_was_given_to_another_image_is_of_no_consequence(site: Project) -> None:
    """What runs is of the right image; what is made next must be, too."""
    mon = site.machines["mon1"]
    image, tag = shown(mon, "alertmanager")["Image"], site.runtime.version(mon, "alertmanager")
    other = site.runtime.version(mon, "blackbox")
    on(mon, f"docker tag {other} {tag}")
    site.everyone["alertmanager"] = {"retention": "94h"}
    assert site.deploy("--data", "prove=quick").changed() == {"alertmanager": {"mon1"}}
    assert shown(mon, "alertmanager")["Image"] == image
    assert on(mon, f"docker image inspect -f '{{{{.Id}}}}' {tag}") == image
    assert get(mon, "/-/ready", port=9093) == "OK"


def test_a_container_and_an_image_that_were_removed_come_back(site: Project) -> None:
    mon = site.machines["mon1"]
    before = _made(mon)
    on(mon, "docker rm -f stackwatch-alertmanager && docker rmi -f " + before["image"])
    told = site.run("drift.py")
    assert words(told.output, [f"{SUBJECT}: is not there", "image stackwatch/alertmanager:"]) == []
    assert site.deploy("--data", "prove=quick").changed() == {"alertmanager": {"mon1"}}
    assert _made(mon) == before


def test_an_image_that_was_removed_under_a_stopped_container_comes_back(site: Project) -> None:
    mon = site.machines["mon1"]
    before = _made(mon)
    on(mon, f"docker stop stackwatch-alertmanager && docker rmi -f {before['image']}")
    assert site.deploy("--data", "prove=quick").changed() == {"alertmanager": {"mon1"}}
    assert _made(mon) == before


def test_a_network_that_was_removed_comes_back(site: Project) -> None:
    mon = site.machines["mon1"]
    # All that are in it.
    names = ("prometheus", "alertmanager", "blackbox", "cadvisor")
    containers = " ".join(f"stackwatch-{name}" for name in names)
    on(mon, f"docker stop {containers} && docker rm {containers} && docker network rm stackwatch")
    assert set(site.deploy().changed()) == set(names)
    until(lambda: get(mon, "/-/ready").startswith("Prometheus"))
