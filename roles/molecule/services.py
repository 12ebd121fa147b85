"""The service of a component on a host, for tests that do not care what it runs as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from roles.molecule import scenario


@dataclass(frozen=True)
class Service:
    """One service, by commands of its host.

    Attributes:
        unit: The unit of systemd that it runs by.
        type: That unit's type.
        settled: Command to what it prints while the service is well, has never been restarted by
            what runs it, and will come up with its host.
        process: Prints the host's number of its first process.
        guarded: Command to what it prints as long as only root can write what it is made of.
        packed: From one of its programs to a command that writes it as an archive.
        stop: Stops it until it is started.
        start: Starts it.
    """

    unit: str
    type: str
    settled: Mapping[str, str]
    process: str
    guarded: Mapping[str, str]
    packed: Callable[[str], str]
    stop: str
    start: str


def _unit(component: str) -> Service:
    unit, folder = f"stackwatch-{component}.service", f"/opt/stackwatch/{component}"
    shown = f"systemctl show {unit} --value -p"
    file = f"/etc/systemd/system/{unit}"
    return Service(
        unit=unit,
        type="exec",
        settled={
            f"{shown} ActiveState": "active",
            f"{shown} UnitFileState": "enabled",
            f"{shown} NRestarts": "0",
        },
        process=f"{shown} MainPID",
        guarded={
            f"stat -c '%U %G %a' {file}": "root root 644",
            f'test -n "$(find {folder} -type f)" && echo there': "there",
        },
        packed=lambda program: f"tar -C {folder}/current/ -c {program}",
        stop=f"systemctl stop {unit}",
        start=f"systemctl start {unit}",
    )


def _container(component: str) -> Service:
    name, engine = f"stackwatch-{component}", "docker.service"
    shown = f"docker inspect --type container {name} --format"
    programs = f"{name}:/opt/stackwatch/{component}/current"
    return Service(
        unit=engine,
        type="notify",
        settled={
            f"{shown} '{{{{.State.Status}}}} {{{{.State.Health.Status}}}}'": "running healthy",
            f"{shown} '{{{{.HostConfig.RestartPolicy.Name}}}}'": "always",
            f"systemctl is-enabled {engine}": "enabled",
            f"{shown} '{{{{.RestartCount}}}}'": "0",
        },
        process=f"{shown} '{{{{.State.Pid}}}}'",
        guarded={f"{shown} '{{{{.HostConfig.ReadonlyRootfs}}}}'": "true"},
        packed=lambda program: f"docker cp {programs}/{program} -",
        stop=f"docker stop {name}",
        start=f"docker start {name}",
    )


RUNTIMES: Mapping[str, Callable[[str], Service]] = {"systemd": _unit, "docker": _container}


def service(host: str, component: str) -> Service:
    """The service of a component on a host, by what the host's settings say it runs as."""
    return RUNTIMES[scenario.runtime(host)](component)


def differing(machine: Any, wanted: Mapping[str, str]) -> dict[str, str]:
    """What commands print that should print something else."""
    found = {command: machine.run(command).stdout.strip() for command in wanted}
    return {command: text for command, text in found.items() if text != wanted[command]}
