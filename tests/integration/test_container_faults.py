"""What goes wrong with an engine: told with its remedy, and what ran before runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests import hosts
from tests.hosts import TestHost
from tests.integration.conftest import Machines
from tests.integration.machine import get, held, on, until
from tests.integration.project import FAST, Project, words
from tests.integration.runtime import DOCKER, Halt

pytestmark = pytest.mark.only("docker", "engines, images and ports of containers")

STORE = "/srv/engine"
# Room for the images of small components, not for those of large ones.
SMALL_STORE = f"""
mkdir -p {STORE} /etc/docker
printf '{{"data-root": "{STORE}"}}' >/etc/docker/daemon.json
echo 'tmpfs {STORE} tmpfs size=120m 0 0' >>/etc/fstab
mount {STORE}
systemctl restart docker
"""


LISTENER = """
use Socket;
socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1) or die;
bind($s, sockaddr_in({port}, INADDR_ANY)) or die;
listen($s, 1) or die;
sleep 1000;
"""


@contextmanager
def _listener(machine: TestHost, port: int) -> Iterator[None]:
    """Another program of the host's on a port."""
    on(machine, f"cat >/run/taker.pl <<'E'\n{LISTENER.format(port=port)}E")
    on(machine, "systemd-run --quiet --unit=taker perl /run/taker.pl")
    hexadecimal = f":{port:04X}"
    until(lambda: hexadecimal in on(machine, "cat /proc/net/tcp"), what="the other program")
    try:
        yield
    finally:
        on(machine, "systemctl stop taker")


def test_a_port_of_another_program_is_told_before_anything_is_stopped(site: Project) -> None:
    mon = site.machines["mon1"]
    before = site.runtime.process(mon, "alertmanager")
    site.everyone["alertmanager"] = {"port": 9193}
    with _listener(mon, 9193):
        outcome = site.run("deploy.py", "--data", "prove=off")
    expected = [
        "alertmanager on mon1: restart failed",
        "port 9193 is taken by another program on this host",
        "the former version and configuration never stopped",
    ]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert site.runtime.process(mon, "alertmanager") == before
    assert on(mon, "docker ps -a --format '{{.Names}}' | grep -c alertmanager") == "1"
    # The other program gone, it is done.
    assert "alertmanager" in site.deploy("--data", "prove=quick").changed()
    assert get(mon, "/-/ready", port=9193) == "OK"


def test_a_container_that_ends_at_once_is_rolled_back_to_the_same_one(site: Project) -> None:
    mon = site.machines["mon1"]
    before = site.runtime.definition(mon, "blackbox")
    site.everyone["blackbox"] = {"flags": ["--no-such-flag"]}
    outcome = site.run("deploy.py", "--data", "prove=off")
    expected = [
        "blackbox on mon1: restart failed",
        "it died",
        "unknown long flag '--no-such-flag'",
        "rolled back: the former version and configuration run again",
    ]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert site.runtime.definition(mon, "blackbox") == before
    assert site.runtime.process(mon, "blackbox") != ""
    assert on(
        mon, "docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' stackwatch-blackbox"
    ) == ("always")


def test_an_engine_that_is_down_is_told_and_its_containers_come_back_with_it(
    site: Project,
) -> None:
    mon = site.machines["mon1"]
    before = site.runtime.definition(mon, "prometheus")
    site.everyone["prometheus"] = {**FAST, "scrape_interval": "12s"}
    on(mon, "systemctl stop docker.socket docker.service")
    try:
        outcome = site.run("deploy.py", "--data", "prove=off")
        drift = site.run("drift.py")
    finally:
        on(mon, "systemctl start docker.socket docker.service")
    expected = ["mon1", "docker does not answer (", "start it, for example systemctl start docker"]
    for told in (outcome, drift):
        assert told.code != 0
        assert words(told.output, expected) == [], told.output
        assert "is not there" not in told.output
    assert site.runtime.definition(mon, "prometheus") == before
    ready = ["curl", "-fs", "http://127.0.0.1:9090/-/ready"]
    until(lambda: hosts.run(mon, ready)[0] == 0, what="Prometheus to be ready")
    assert site.deploy("--data", "prove=quick").changed() == {"prometheus": {"mon1"}}
    assert site.runtime.definition(mon, "prometheus") == before


@pytest.mark.parametrize(
    "at",
    [
        Halt("/usr/bin/docker", "create*"),
        Halt("/usr/bin/docker", "stop*"),
        Halt("/usr/bin/docker", "rename*former"),
        Halt("/usr/bin/docker", "rename*.new*"),
        Halt("/usr/bin/docker", "rm*former*"),
    ],
    ids=["before it is made", "before the stop", "after the stop", "under no name", "at the end"],
)
def test_a_host_that_lost_its_power_between_two_containers(site: Project, at: Halt) -> None:
    """Whatever was left of the two, the next run makes one of it, with the same data."""
    mon = site.machines["mon1"]
    site.everyone["alertmanager"] = {"retention": "93h"}
    with held(mon, *at) as wait:
        run = site.start("deploy.py", "--data", "prove=off")
        wait()
        run.kill()
        run.communicate()
        hosts.kill(mon)
        hosts.start(mon)
    site.deploy("--data", "prove=quick")
    names = on(mon, "docker ps -a --format '{{.Names}} {{.State}}' | grep alertmanager")
    assert names == "stackwatch-alertmanager running"
    assert "--data.retention=93h" in on(mon, "docker inspect stackwatch-alertmanager")
    assert site.deploy("--data", "prove=quick").changed() == {}


@pytest.fixture(scope="module")
def tiny(group: Callable[..., Machines], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A host whose engine has little room for images; a small component fits."""
    machines = group("tiny", DOCKER.host("tiny", setup=SMALL_STORE))
    folder = tmp_path_factory.mktemp("tiny")
    said = {"environment": "test"}
    project = Project(folder, machines, everyone=said, runtime=DOCKER)
    project.deploy("--data", "prove=quick")
    return project


def test_a_full_image_store_is_told_and_what_runs_runs_on(tiny: Project) -> None:
    machine = tiny.machines["tiny"]
    before = tiny.runtime.process(machine, "node_exporter")
    tiny.groups = {"prometheus": ["tiny"]}
    tiny.everyone["prometheus"] = dict(FAST)
    outcome = tiny.run("deploy.py", "--data", "prove=off")
    expected = ["prometheus on tiny: docker cannot load the image", "no space left on device"]
    assert (outcome.code, words(outcome.output, expected)) == (1, []), outcome.output
    assert "KiB free in the engine's store" in outcome.output
    assert tiny.runtime.process(machine, "node_exporter") == before
    # What fits is there, and nothing half-made takes the room of what comes next.
    tiny.groups = {"blackbox": ["tiny"]}
    tiny.deploy("--data", "prove=quick")
    assert on(machine, "ls -A /opt/stackwatch | grep -c incoming || true") == "0"
