"""Containers: everything that is set of one is compared, each of it told in words."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.compare import Action, compare
from plugins.state import HostState
from tests.unit.container_states import ALPHA, BETA, found, inside, setting, shown

RESTART = Action.RESTART
WHO = "container stackwatch-alpha"
ETC = "/etc/stackwatch/alpha"
STATE = shown()


def mount(target: str, **changed: Any) -> HostState:
    def change(mounts: list[dict[str, Any]]) -> None:
        next(each for each in mounts if each["Destination"] == target).update(changed)

    return inside("Mounts", change)


# What is set otherwise -> how it is told. All of it needs another container.
SETTINGS: dict[str, tuple[HostState, str]] = {
    "user": (shown(setting("Config/User", "7:7")), "user is '7:7', should be '0:0'"),
    "program": (
        shown(setting("Path", "/bin/sh")),
        f"command is {found(shown(setting('Path', '/bin/sh')))['command']!r}, "
        f"should be {found(STATE)['command']!r}",
    ),
    "environment": (
        inside("Config/Env", lambda env: env.append("TOLD=less")),
        "environment TOLD is 'less', should be 'two words, $5 and 50%'",
    ),
    "more environment": (
        inside("Config/Env", lambda env: env.append("LD_PRELOAD=/x.so")),
        "environment LD_PRELOAD is '/x.so', should not be there",
    ),
    "less environment": (
        shown(
            setting("Config/Env", [f"{n}={v}" for n, v in ALPHA.environment.items() if n[0] != "T"])
        ),
        "environment TOLD is not there, should be 'two words, $5 and 50%'",
    ),
    "mount of something else": (
        mount("/srv/alpha", Source="/srv/other"),
        "mount /srv/alpha is '/srv/other (read-only)', should be '/srv/alpha (read-only)'",
    ),
    "mount writable": (
        mount(ETC, RW=True),
        f"mount {ETC} is '{ETC} (writable)', should be '{ETC} (read-only)'",
    ),
    "more mounts": (
        mount("/srv/alpha", Destination="/srv/moved"),
        "mount /srv/alpha is not there, should be '/srv/alpha (read-only)'; "
        "mount /srv/moved is '/srv/alpha (read-only)', should not be there",
    ),
    "tmpfs": (
        shown(setting("HostConfig/Tmpfs", {"/tmp": ""})),  # noqa: S108
        "tmpfs /tmp is '', should be 'rw,noexec,nosuid,nodev,size=64m'",
    ),
    "port open to all": (
        shown(setting("HostConfig/PortBindings/8081~tcp", [{"HostIp": "", "HostPort": "8081"}])),
        "port 8081/tcp is ':8081', should be '127.0.0.2:8081'",
    ),
    "another port": (
        shown(setting("HostConfig/PortBindings/22~tcp", [{"HostIp": "", "HostPort": "22"}])),
        "port 22/tcp is ':22', should not be there",
    ),
    "port not published": (
        shown(setting("HostConfig/PortBindings/8080~tcp", None)),
        "port 8080/tcp is not there, should be ':8080'",
    ),
    "capabilities": (
        inside("HostConfig/CapAdd", lambda names: names.append("SYS_ADMIN")),
        "capabilities is 'DAC_READ_SEARCH SETGID SETPCAP SETUID SYS_ADMIN', "
        "should be 'DAC_READ_SEARCH SETGID SETPCAP SETUID'",
    ),
    "nothing dropped": (
        shown(setting("HostConfig/CapDrop", None)),
        "dropped capabilities is '', should be 'ALL'",
    ),
    "device": (
        shown(setting("HostConfig/Devices", [{"PathOnHost": "/dev/sda"}])),
        "devices is '/dev/sda', should be ''",
    ),
    "privileged": (
        shown(setting("HostConfig/Privileged", True)),
        "privileged is 'True', should be 'False'",
    ),
    "root writable": (
        shown(setting("HostConfig/ReadonlyRootfs", False)),
        "read-only root is 'False', should be 'True'",
    ),
    "security options": (
        shown(setting("HostConfig/SecurityOpt", ["seccomp=unconfined"])),
        "security options is 'seccomp=unconfined', should be 'no-new-privileges'",
    ),
    "memory": (
        shown(setting("HostConfig/Memory", 0)),
        "memory is '0', should be '67108864'",
    ),
    "swap": (
        shown(setting("HostConfig/MemorySwap", -1)),
        "memory and swap is '-1', should be '67108864'",
    ),
    "processes": (shown(setting("HostConfig/PidsLimit", None)), "processes is '0', should be '32'"),
    "groups": (
        shown(setting("HostConfig/GroupAdd", ["0", "4"])),
        "groups is '0 4', should be '4'",
    ),
    "another network": (
        shown(setting("NetworkSettings/Networks/bridge", {})),
        "networks is 'bridge stackwatch', should be 'stackwatch'",
    ),
    "network mode": (
        shown(setting("HostConfig/NetworkMode", "host")),
        "network mode is 'host', should be 'stackwatch'",
    ),
    "host's processes": (
        shown(setting("HostConfig/PidMode", "host")),
        "process namespace is 'host', should be ''",
    ),
    "host's shared memory": (
        shown(setting("HostConfig/IpcMode", "host")),
        "memory namespace is 'host', should be ''",
    ),
    "host's name": (
        shown(setting("HostConfig/UTSMode", "host")),
        "host name namespace is 'host', should be ''",
    ),
    "host's users": (
        shown(setting("HostConfig/UsernsMode", "host")),
        "user namespace is 'host', should be ''",
    ),
    "kernel settings": (
        shown(setting("HostConfig/Sysctls", {"net.ipv4.ip_forward": "1"})),
        "kernel settings is 'net.ipv4.ip_forward=1', should be ''",
    ),
    "added hosts": (
        shown(setting("HostConfig/ExtraHosts", ["loki:10.6.6.6"])),
        "added hosts is 'loki:10.6.6.6', should be ''",
    ),
    "processors": (
        shown(setting("HostConfig/NanoCpus", 200000000)),
        "processors is 'NanoCpus=200000000', should be ''",
    ),
    "uncovered paths": (
        shown(setting("HostConfig/MaskedPaths", [])),
        "uncovered paths is 'all', should be ''",
    ),
    "name servers": (
        shown(setting("HostConfig/Dns", ["10.6.6.6"])),
        "name servers is '10.6.6.6', should be ''",
    ),
    "restart policy": (
        shown(setting("HostConfig/RestartPolicy", {"Name": "no"})),
        "restart policy is 'no', should be 'always'",
    ),
    "log driver": (
        shown(setting("HostConfig/LogConfig/Type", "json-file")),
        "log driver is 'json-file', should be 'journald'",
    ),
    "log options": (
        shown(setting("HostConfig/LogConfig/Config", {})),
        "log options is '{}', should be '{\"tag\": \"stackwatch-alpha\"}'",
    ),
    "stop timeout": (
        shown(setting("Config/StopTimeout", 1)),
        "stop timeout is '1', should be '30'",
    ),
    "health check": (
        shown(setting("Config/Healthcheck/Test", ["NONE"])),
        f"health check is '[\"NONE\"]', should be {found(STATE)['health check']!r}",
    ),
    "spec": (
        shown(setting("Config/Labels/stackwatch.spec", "other")),
        "was made of another configuration",
    ),
}


@pytest.mark.parametrize(("state", "told"), SETTINGS.values(), ids=SETTINGS.keys())
def test_what_is_set_otherwise_is_told_and_needs_another_container(
    state: HostState, told: str
) -> None:
    changes = compare(ALPHA, state)
    assert "; ".join(d.what for d in changes.differences) == told
    assert {d.subject for d in changes.differences} == {WHO}
    assert (changes.action, changes.service, changes.artifact) == (RESTART, True, False)
    assert (changes.swap, changes.release, changes.hot) == (False, (), ())
    # It is this component's alone.
    assert not compare(BETA, state)


def test_everything_that_is_read_has_a_case() -> None:
    kinds = {name.split(" ")[0] for name in found(STATE)}
    assert {told.split(" ")[0] for _, told in SETTINGS.values()} == kinds | {"was"}


def test_the_hosts_own_is_looked_at_too() -> None:
    other = shown(setting("HostConfig/PidMode", "", "stackwatch-beta"))
    (difference,) = compare(BETA, other).differences
    assert difference.what == "process namespace is '', should be 'host'"


def test_what_a_host_lacks_may_be_missing_and_must_be_as_meant_where_it_is() -> None:
    assert "mount /var/nowhere" not in found(STATE)

    def gone(mounts: list[dict[str, Any]]) -> None:
        mounts[:] = [each for each in mounts if each["Destination"] != "/var/log"]

    assert not compare(ALPHA, inside("Mounts", gone))
    (difference,) = compare(ALPHA, mount("/var/log", RW=True)).differences
    assert (
        difference.what
        == "mount /var/log is '/var/log (writable)', should be '/var/log (read-only)'"
    )


def test_words_with_spaces_are_words_still() -> None:
    first, second = (
        found(shown(setting("Args", args)))["command"] for args in (["a b"], ["a", "b"])
    )
    assert first != second


def test_an_engine_may_list_a_tmpfs_among_the_mounts_too() -> None:
    tmpfs = {"Type": "tmpfs", "Destination": "/tmp", "Source": "", "RW": True}  # noqa: S108
    assert not compare(ALPHA, inside("Mounts", lambda mounts: mounts.append(tmpfs)))


def test_without_a_check_there_is_no_health() -> None:
    state = inside("State", lambda state: state.update(Health=None))
    assert state.containers["stackwatch-alpha"].health == "none"
