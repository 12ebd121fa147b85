"""What runs the components of a host: units or containers, disturbed in the same words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from plugins.paths import Paths
from tests.hosts import HostSpec, TestHost
from tests.integration.machine import on


class Halt(NamedTuple):
    """Where a run can be made to stand still, for :func:`tests.integration.machine.held`.

    Attributes:
        program: Full path of the program that is called then.
        matching: A shell pattern over its arguments.
    """

    program: str
    matching: str


class ServiceDriver(ABC):
    """One runtime, as tests see it.

    Attributes:
        name: What the setting ``runtime`` calls it.
        kind: What it calls what runs, in the name of the check that it does.
        stopped: How drift begins to tell of one that was stopped.
        runs: What the check wants to see.
        seen_stopped: What the check says it saw of one that was stopped.
        shebang: First line of a script that can be a program.
        checking: When a checker is about to look at staged configuration.
        starting: When what was swapped in is about to be started.
        reloading: When what runs is about to be told of its configuration.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    stopped: ClassVar[str]
    runs: ClassVar[str]
    seen_stopped: ClassVar[str]
    shebang: ClassVar[str]
    checking: ClassVar[Halt]
    starting: ClassVar[Halt]
    reloading: ClassVar[Halt]

    @abstractmethod
    def host(
        self, name: str, user: str = "root", packages: tuple[str, ...] = (), **more: Any
    ) -> HostSpec:
        """A host that it works on."""

    @abstractmethod
    def service(self, component: str) -> str:
        """What people find a component under."""

    @abstractmethod
    def last_words(self, component: str) -> str:
        """How a failed run introduces what a component said last."""

    @abstractmethod
    def process(self, machine: TestHost, component: str) -> str:
        """What tells a start of a component from every other; empty where it does not run."""

    @abstractmethod
    def pid(self, machine: TestHost, component: str) -> str:
        """Its process, as the host numbers it."""

    @abstractmethod
    def deaths(self, machine: TestHost, component: str) -> int:
        """How often it died by itself since it was started."""

    @abstractmethod
    def stop(self, machine: TestHost, component: str) -> None:
        """Stop it in order."""

    @abstractmethod
    def start(self, machine: TestHost, component: str) -> None:
        """Start it."""

    @abstractmethod
    def restart(self, machine: TestHost, component: str) -> None:
        """Stop and start it."""

    @abstractmethod
    def version(self, machine: TestHost, component: str) -> str:
        """The version in force, as the host calls it; empty without one."""

    @abstractmethod
    def versions(self, machine: TestHost, component: str) -> set[str]:
        """All versions that the host keeps."""

    @abstractmethod
    def definition(self, machine: TestHost, component: str) -> str:
        """What tells how it is run from every other way."""

    @abstractmethod
    def left(self, machine: TestHost, component: str) -> list[str]:
        """What there is of it in this runtime: nothing after it was removed or moved away."""

    @abstractmethod
    def checked_as(self, machine: TestHost, account: str) -> tuple[str, ...]:
        """Words of a checker's command line: whose rights it has."""

    @abstractmethod
    def command(self, component: str) -> str:
        """What runs a component's own program once more, beside it, in words of a shell."""


def kill(runtime: ServiceDriver, machine: TestHost, component: str) -> None:
    """End a component's process without a word to it or to what runs it."""
    on(machine, f"kill -KILL {runtime.pid(machine, component)}")


def argv(runtime: ServiceDriver, machine: TestHost, component: str) -> str:
    """The command line of a component's process."""
    return on(machine, f"tr '\\0' ' ' </proc/{runtime.pid(machine, component)}/cmdline")


class Systemd(ServiceDriver):
    """Units."""

    name = "systemd"
    kind = "unit"
    stopped = "is inactive"
    runs = "active (running)"
    seen_stopped = "inactive (dead)"
    shebang = "#!/bin/sh"
    checking = Halt("/usr/bin/setpriv", "*promtool*")
    starting = Halt("/usr/bin/systemctl", "restart*")
    reloading = Halt("/usr/bin/systemctl", "reload*")

    def host(
        self, name: str, user: str = "root", packages: tuple[str, ...] = (), **more: Any
    ) -> HostSpec:
        return HostSpec(name, user=user, packages=packages, **more)

    def service(self, component: str) -> str:
        return f"stackwatch-{component}.service"

    def command(self, component: str) -> str:
        return f"{Paths(component).programs}/{component}"

    def last_words(self, component: str) -> str:
        return f"last journal lines of {self.service(component)}"

    def process(self, machine: TestHost, component: str) -> str:
        return self.pid(machine, component).removeprefix("0")

    def pid(self, machine: TestHost, component: str) -> str:
        return self._shown(machine, component, "MainPID")

    def deaths(self, machine: TestHost, component: str) -> int:
        return int(self._shown(machine, component, "NRestarts"))

    def stop(self, machine: TestHost, component: str) -> None:
        on(machine, f"systemctl stop {self.service(component)}")

    def start(self, machine: TestHost, component: str) -> None:
        on(machine, f"systemctl start {self.service(component)}")

    def restart(self, machine: TestHost, component: str) -> None:
        on(machine, f"systemctl restart {self.service(component)}")

    def version(self, machine: TestHost, component: str) -> str:
        return on(machine, f"readlink /opt/stackwatch/{component}/current || true")

    def versions(self, machine: TestHost, component: str) -> set[str]:
        return set(on(machine, f"ls -A /opt/stackwatch/{component}").split()) - {"current"}

    def definition(self, machine: TestHost, component: str) -> str:
        return on(machine, f"sha256sum </etc/systemd/system/{self.service(component)}")

    def left(self, machine: TestHost, component: str) -> list[str]:
        unit = f"/etc/systemd/system/{self.service(component)}"
        places = f"{unit} {unit}.d /opt/stackwatch/{component}/*"
        known = f"systemctl list-units --all --plain --no-legend {self.service(component)}"
        return on(machine, f"ls -d {places} 2>/dev/null; {known}").splitlines()

    def checked_as(self, machine: TestHost, account: str) -> tuple[str, ...]:
        return f"--reuid={account}", f"--regid={account}", "--init-groups", "--no-new-privs"

    def _shown(self, machine: TestHost, component: str, what: str) -> str:
        return on(machine, f"systemctl show -p {what} --value {self.service(component)}")


class Docker(ServiceDriver):
    """Containers of a Docker Engine of the host's own."""

    name = "docker"
    kind = "container"
    stopped = "is exited"
    runs = "running (healthy)"
    seen_stopped = "exited ("
    # Images have no other shell.
    shebang = "#!/busybox sh"
    checking = Halt("/usr/bin/docker", "run*promtool*")
    starting = Halt("/usr/bin/docker", "start*")
    reloading = Halt("/usr/bin/docker", "kill*")

    def host(
        self, name: str, user: str = "root", packages: tuple[str, ...] = (), **more: Any
    ) -> HostSpec:
        wanted = (*ENGINE, *packages)
        return HostSpec(name, user=user, docker=True, packages=wanted, **more)

    def service(self, component: str) -> str:
        return f"container stackwatch-{component}"

    def command(self, component: str) -> str:
        return f"docker exec stackwatch-{component} {Paths(component).programs}/{component}"

    def last_words(self, component: str) -> str:
        return f"last lines of {self.service(component)}"

    def process(self, machine: TestHost, component: str) -> str:
        shown = "{{if .State.Running}}{{.Id}} {{.State.StartedAt}}{{end}}"
        return self.shown(machine, component, shown)

    def pid(self, machine: TestHost, component: str) -> str:
        return self.shown(machine, component, "{{.State.Pid}}")

    def deaths(self, machine: TestHost, component: str) -> int:
        return int(self.shown(machine, component, "{{.RestartCount}}"))

    def stop(self, machine: TestHost, component: str) -> None:
        on(machine, f"docker stop stackwatch-{component}")

    def start(self, machine: TestHost, component: str) -> None:
        on(machine, f"docker start stackwatch-{component}")

    def restart(self, machine: TestHost, component: str) -> None:
        on(machine, f"docker restart stackwatch-{component}")

    def version(self, machine: TestHost, component: str) -> str:
        return self.shown(machine, component, "{{.Config.Image}}")

    def versions(self, machine: TestHost, component: str) -> set[str]:
        listed = "docker image ls --format '{{.Repository}}:{{.Tag}}'"
        return set(on(machine, f"{listed} 'stackwatch/{component}'").split())

    def definition(self, machine: TestHost, component: str) -> str:
        return self.shown(machine, component, "{{.Id}}")

    def left(self, machine: TestHost, component: str) -> list[str]:
        label = f"--filter label=stackwatch.component={component}"
        containers = f"docker ps -a --format '{{{{.Names}}}}' {label}"
        return on(machine, f"{containers}; docker image ls -q {label}").splitlines()

    def checked_as(self, machine: TestHost, account: str) -> tuple[str, ...]:
        user = on(machine, f"echo $(id -u {account}):$(id -g {account})")
        return f"--user={user}", "--network=none", "--read-only", "--cap-drop=ALL"

    def shown(self, machine: TestHost, component: str, what: str) -> str:
        """A template over what the engine shows of the container."""
        return on(machine, f"docker inspect --type container -f '{what}' stackwatch-{component}")


# Debian's packages of an engine.
ENGINE = ("docker.io", "docker-cli", "iptables")
SYSTEMD, DOCKER = Systemd(), Docker()
RUNTIMES: dict[str, ServiceDriver] = {SYSTEMD.name: SYSTEMD, DOCKER.name: DOCKER}
