"""Record what a real host shows of two containers.

``python -m tests.integration.record_containers`` makes a test host with an engine, puts the
containers of ``tests/unit/container_states.py`` on it with the scripts that a deploy sends, and
writes ``tests/unit/recordings/*_containers.txt``; then the same with Podman, ``*_podman.txt``.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from plugins.answers import StackwatchAnswers
from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain
from plugins.compare import Changes, compare
from plugins.model import Artifact, ArtifactError
from plugins.payload import Order, order, programs
from plugins.runtimes.docker import Container
from plugins.runtimes.images import image_of
from plugins.state import HostState, StackwatchState, parse_state
from tests import hosts
from tests.hosts import HostSpec, TestHost
from tests.integration.podman import spec
from tests.unit.container_states import HOST, SHELL, alpha, beta

GROUP = "recording"
PACKAGES = ("docker.io", "docker-cli", "iptables")
RECORDINGS = Path(__file__).parents[1] / "unit" / "recordings"
QUESTIONS = (("body", "http://127.0.0.1:8080/index.html"), ("status", "http://127.0.0.1:9105/"))


def told(machine: TestHost, command: str, payload: tuple[bytes, ...] = ()) -> str:
    """What a command prints, sent to a host over SSH with something for its input."""
    options = (f"UserKnownHostsFile={machine.known_hosts}", "LogLevel=ERROR")
    ssh = ["ssh", "-i", str(machine.key), "-p", str(machine.ssh_port)]
    ssh += [word for option in options for word in ("-o", option)]
    done = subprocess.run(
        [*ssh, f"{machine.user}@127.0.0.1", command],
        input=b"".join(payload),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{machine.name}: {done.stderr.decode()}")
    return done.stdout.decode()


def state(machine: TestHost) -> str:
    """Its state, as the host prints it."""
    return told(machine, StackwatchState().command(("/srv/alpha",)))


def _send(machine: TestHost, made: Order) -> None:
    told(machine, made.command, tuple(piece.encode() for piece in made.payload))


def _converge(machine: TestHost, wanted: tuple[Container, ...]) -> None:
    found = parse_state(state(machine).splitlines())
    todo: list[Changes] = [changes for each in wanted if (changes := compare(each, found))]
    _send(machine, programs(todo, 60))
    for changes in todo:
        _send(machine, order(changes, found, 60))


def _wanted(engine: str) -> tuple[Container, ...]:
    policy = ArtifactPolicy()
    got = obtain(Lock.load(), [("busybox", "amd64")], policy, Store.default(), print)
    shell: Artifact | ArtifactError = got["busybox", "amd64"]
    if isinstance(shell, ArtifactError):
        raise SystemExit(str(shell))
    if shell.sha256 != SHELL.sha256:
        raise SystemExit(f"busybox is another: say {shell.sha256} in container_states.py")
    made = [replace(each, artifact=shell) for each in (alpha(), beta())]
    return tuple(
        Container(
            each, image_of(each.name, shell, shell), host_network=each.name == "beta", engine=engine
        )
        for each in made
    )


def record(machine: TestHost, engine: str, kind: str) -> HostState:
    """Put the containers onto a host and write down what it shows, in a file of that kind."""
    wanted = _wanted(engine)
    _converge(machine, wanted)
    healthy = (
        f"until {engine} inspect -f '{{{{.State.Health.Status}}}}' stackwatch-alpha stackwatch-beta"
    )
    told(machine, f"{healthy} | grep -c ^healthy | grep -qx 2; do sleep 0.2; done")
    shown = state(machine)
    (RECORDINGS / f"state_{kind}.txt").write_text(shown)
    answers = told(machine, StackwatchAnswers().command(QUESTIONS))
    (RECORDINGS / f"check_{kind}.txt").write_text(answers)
    found = parse_state(shown.splitlines())
    left = [str(d) for each in wanted for d in compare(each, found).differences]
    if left:
        raise SystemExit("\n".join(left))
    return found


def main() -> None:
    """Record on a host of its own."""
    hosts.down(GROUP)
    try:
        docker = HostSpec(HOST, docker=True, packages=PACKAGES)
        record(hosts.up(GROUP, (docker,))[0], "docker", "containers")
        hosts.down(GROUP)
        record(hosts.up(GROUP, (spec(HOST),))[0], "podman", "podman")
    finally:
        hosts.down(GROUP)


if __name__ == "__main__":
    main()
