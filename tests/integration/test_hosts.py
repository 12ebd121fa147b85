"""The test hosts themselves: what every other integration test relies on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests import hosts
from tests.hosts import engine, guest, image
from tests.hosts.folders import checkout_id, group_folder
from tests.hosts.topology import HostSpec, TestHost

GROUP = f"test-hosts-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
SPECS = (HostSpec("one", tmpfs={"/srv/small": "1m"}), HostSpec("two", user="deploy"))
HARDENING = (
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectControlGroups=yes",
    "NoNewPrivileges=yes",
    "SystemCallFilter=@system-service",
    "CapabilityBoundingSet=",
    "RestrictNamespaces=yes",
    "DynamicUser=yes",
)
# A script without a first line for the kernel: it runs with `sh -eu`.
SETUP = """\
systemctl is-active redis-server
echo ran as $(id -un) >> /var/lib/setup-ran
"""
Group = tuple[TestHost, TestHost]


@pytest.fixture(scope="module")
def group() -> Iterator[Group]:
    one, two = hosts.up(GROUP, SPECS)
    yield one, two
    hosts.down(GROUP)


@pytest.fixture(scope="module")
def packaged() -> Iterator[Group]:
    name = f"{GROUP}-packages"
    specs = HostSpec("with", packages=("redis-server",), setup=SETUP), HostSpec("without")
    has, lacks = hosts.up(name, specs)
    yield has, lacks
    hosts.down(name)


def ssh(host: TestHost, command: str, *, address: str = "127.0.0.1", port: int = 0) -> str:
    """Run a command over SSH, trusting nothing but the group's known_hosts."""
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(host.known_hosts))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            address,
            port=port or host.ssh_port,
            username=host.user,
            key_filename=str(host.key),
            allow_agent=False,
            look_for_keys=False,
            timeout=10,
        )
        _, output, errors = client.exec_command(command, timeout=30)
        text = output.read().decode()
        assert output.channel.recv_exit_status() == 0, errors.read().decode()
    return text.strip()


def service(host: TestHost, command: str, *properties: str) -> tuple[int, str]:
    """Run a shell command as a transient unit with these properties."""
    options = [f"--property={each}" for each in properties]
    return hosts.run(
        host, ["systemd-run", "--quiet", "--wait", "--pipe", *options, "sh", "-c", command]
    )


def test_ssh_knows_the_hosts_before_the_first_connection(group: Group) -> None:
    for host in group:
        answer = f"{host.name} {host.user}"
        assert ssh(host, "echo $(hostname) $(whoami)") == answer
        assert ssh(host, "echo $(hostname) $(whoami)", address=host.address, port=22) == answer


def test_another_host_key_is_refused(group: Group) -> None:
    one, two = group
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(one.known_hosts))
        known = client.get_host_keys()
        known[f"[127.0.0.1]:{one.ssh_port}"] = known[f"[127.0.0.1]:{two.ssh_port}"]
        with pytest.raises(paramiko.BadHostKeyException):
            client.connect("127.0.0.1", port=one.ssh_port, username=one.user)


def test_deploy_is_root_only_through_sudo(group: Group) -> None:
    _, two = group
    assert ssh(two, "id -un; sudo -n id -un") == "deploy\nroot"


def test_hosts_have_their_own_identity(group: Group) -> None:
    one, two = group
    assert ssh(one, "cat /etc/machine-id") != ssh(two, "cat /etc/machine-id")
    assert len(one.known_hosts.read_text().splitlines()) == len(group)
    keys = {line.split()[2] for line in one.known_hosts.read_text().splitlines()}
    assert len(keys) == len(group)


def test_hardened_unit_runs(group: Group) -> None:
    code, output = service(group[0], "id -u; touch /etc/x 2>&1", *HARDENING)
    user, refusal = output.splitlines()
    assert code == 1
    assert int(user) > 0
    assert "Read-only file system" in refusal


def test_memory_limit_of_a_unit_is_enforced(group: Group) -> None:
    hungry = "head -c 200m /dev/zero | tail | wc -c"
    _, within = service(group[0], hungry, "MemoryMax=1G")
    _, beyond = service(group[0], hungry, "MemoryMax=30M")
    assert within.strip() == str(200 * 1024 * 1024)
    assert "Killed" in beyond


def test_stopping_a_unit_leaves_the_other_host_alone(group: Group) -> None:
    one, two = group
    for host in group:
        start = ["systemd-run", "--quiet", "--unit=same-name", "sleep", "600"]
        assert hosts.run(host, start) == (0, "")
    assert hosts.run(one, ["systemctl", "stop", "same-name"]) == (0, "")
    assert hosts.run(one, ["systemctl", "is-active", "same-name"])[1].strip() == "inactive"
    assert hosts.run(two, ["systemctl", "is-active", "same-name"])[1].strip() == "active"


def test_hosts_reach_each_other_by_address(group: Group) -> None:
    one, two = group
    command = f"exec 3<>/dev/tcp/{two.address}/22; head -c 4 <&3"
    assert hosts.run(one, ["bash", "-c", command]) == (0, "SSH-")


def test_a_small_disk_fills_up(group: Group) -> None:
    code, output = hosts.run(group[0], ["sh", "-c", "head -c 2m /dev/zero > /srv/small/file"])
    assert code != 0
    assert "No space left on device" in output


def test_reboot_boots_anew_and_keeps_files(group: Group) -> None:
    _, two = group
    mark = "sudo -n touch /var/lib/kept /run/lost"
    before = ssh(two, f"{mark}; sudo -n journalctl --list-boots --quiet | wc -l")
    hosts.reboot(two)
    after = "sudo -n journalctl --list-boots --quiet | wc -l"
    assert ssh(two, f"ls /var/lib/kept /run/lost 2>/dev/null || true; {after}") == (
        f"/var/lib/kept\n{int(before) + 1}"
    )


def test_power_loss_and_start(group: Group) -> None:
    one, _ = group
    hosts.kill(one)
    with pytest.raises(paramiko.ssh_exception.NoValidConnectionsError):
        ssh(one, "true")
    hosts.start(one)
    assert ssh(one, "hostname") == "one"


def test_second_up_keeps_and_starts_and_replaces(group: Group) -> None:
    one, two = group
    hosts.stop(two)
    assert hosts.up(GROUP, SPECS) == group
    assert hosts.load(GROUP) == group
    assert ssh(two, "hostname") == "two"
    other = (SPECS[0], HostSpec("two"), HostSpec("three"))
    kept, replaced, _ = hosts.up(GROUP, other)
    assert kept == one
    assert replaced.container != two.container
    assert ssh(replaced, "whoami") == "root"
    assert len(hosts.up(GROUP, SPECS)) == len(group)


def test_lost_state_is_made_again(group: Group) -> None:
    one, _ = group
    shutil.rmtree(group_folder(GROUP))
    again, _ = hosts.up(GROUP, SPECS)
    assert again.container == one.container
    assert ssh(again, "hostname") == "one"


def test_a_host_has_its_packages_and_another_stays_plain(packaged: Group) -> None:
    has, lacks = packaged
    assert hosts.run(has, ["redis-cli", "ping"]) == (0, "PONG\n")
    assert hosts.run(has, ["systemctl", "is-enabled", "redis-server"]) == (0, "enabled\n")
    assert hosts.run(has, ["sh", "-c", "ls /usr/sbin/policy-rc.d || true"])[1].startswith("ls: ")
    assert hosts.run(lacks, ["sh", "-c", "command -v redis-cli"]) == (127, "")
    client = engine.connect()
    assert client is not None
    images = [client.containers.get(each.container).attrs["Config"]["Image"] for each in packaged]
    assert images == [image.tag(["redis-server"]), image.tag()]


def test_an_image_is_built_as_if_nothing_had_run(packaged: Group) -> None:
    ids = {hosts.run(each, ["cat", "/etc/machine-id"])[1] for each in packaged}
    assert len(ids) == len(packaged)
    assert len({each.known_hosts.read_text() for each in packaged}) == 1
    _, boots = hosts.run(packaged[0], ["journalctl", "--list-boots", "--quiet"])
    assert len(boots.splitlines()) == 1


def test_setup_runs_once(packaged: Group) -> None:
    has, lacks = packaged
    ran = ["cat", "/var/lib/setup-ran"]
    assert hosts.run(has, ran) == (0, "ran as root\n")
    assert hosts.run(lacks, ran)[0] == 1
    hosts.reboot(has)
    specs = HostSpec("with", packages=("redis-server",), setup=SETUP), HostSpec("without")
    assert hosts.up(has.group, specs) == packaged
    assert hosts.run(has, ran) == (0, "ran as root\n")
    assert hosts.run(has, ["redis-cli", "ping"]) == (0, "PONG\n")


def test_a_failing_setup_is_told_and_leaves_no_host() -> None:
    name = f"{GROUP}-setup"
    try:
        with pytest.raises(hosts.HostsError, match=r"host only: its setup failed:\nabout to\n"):
            hosts.up(name, [HostSpec("only", setup="echo about to; false; echo not said")])
        (only,) = hosts.up(name, [HostSpec("only", setup="#!/bin/bash\n[[ a == a ]]; echo $0")])
        assert hosts.run(only, ["cat", guest.SETUP_LOG]) == (0, f"{guest.SETUP}\n")
        (other,) = hosts.up(name, [HostSpec("only", setup="true")])
        assert other.container != only.container, "another script is another host"
    finally:
        assert hosts.down(name) == 1


def test_down_leaves_nothing() -> None:
    name = f"{GROUP}-gone"
    hosts.up(name, [HostSpec("only")])
    assert hosts.down(name) == 1
    client = engine.connect()
    assert client is not None
    labels = [f"{guest.GROUP}={name}", f"{guest.CHECKOUT}={checkout_id()}"]
    assert client.containers.list(all=True, filters={"label": list(labels)}) == []
    assert client.networks.list(filters={"label": list(labels)}) == []
    assert not group_folder(name).exists()


def test_an_engine_is_started_and_stopped_by_hand() -> None:
    # The path of a Unix socket has room for 107 characters; pytest's own folders are too deep.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    daemon = engine.Daemon(
        socket=folder / "docker.sock",
        folder=folder,
        command=(
            # Its own network: a second engine would take the first one's bridge away, even with
            # --bridge=none.
            *("unshare", "--net", "dockerd"),
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/dockerd.pid",
        ),
    )
    if os.geteuid() != 0:
        with pytest.raises(hosts.HostsError, match="root"):
            engine.ensure(daemon)
        return
    try:
        assert engine.ensure(daemon).ping()
        assert engine.stop(daemon)
        assert engine.connect(daemon) is None
        assert not engine.stop(daemon)
    finally:
        engine.stop(daemon)
        shutil.rmtree(folder)


def test_the_image_stays_while_a_host_uses_it(group: Group) -> None:
    client = engine.connect()
    assert client is not None
    assert image.remove(client) is False
    assert client.images.get(image.tag()).id
