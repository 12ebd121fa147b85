"""A Docker Engine that answers: the one that is there, or one installed and started here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import docker
import requests

from tests.hosts.command import LAST_LINES, run_command
from tests.hosts.errors import HostsError
from tests.hosts.folders import locked, machine_lock, state_folder
from tests.hosts.progress import console, step

PACKAGES = ("docker.io", "iptables", "ca-certificates")
ANSWER_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Daemon:
    """A dockerd that this project may start, and where it keeps its traces.

    Attributes:
        socket: the Unix socket it answers on.
        folder: where its log and the record of its process are written.
        command: how it is called; the socket is added.
    """

    socket: Path = Path("/var/run/docker.sock")
    folder: Path = field(default_factory=lambda: state_folder() / "engine")
    command: tuple[str, ...] = ("dockerd",)

    @property
    def log(self) -> Path:
        """Return the file dockerd writes its log to."""
        return self.folder / "dockerd.log"

    @property
    def record(self) -> Path:
        """Return the file that says which process was started."""
        return self.folder / "dockerd.json"


def connect(daemon: Daemon | None = None) -> docker.DockerClient | None:
    """Return a client of the engine that answers now, or None; nothing is installed or started.

    Raises:
        HostsError: an engine is there, but this account may not use it.
    """
    url = f"unix://{(daemon or Daemon()).socket}"
    if daemon is None and os.environ.get("DOCKER_HOST"):
        url = os.environ["DOCKER_HOST"]
    try:
        client = docker.DockerClient(base_url=url, timeout=120, max_pool_size=32)
        client.ping()
    except (docker.errors.DockerException, requests.RequestException) as error:
        if "Permission denied" in str(error):
            raise HostsError(
                f"this account may not use {url}: run as root or join the group docker"
            ) from error
        return None
    return client


def ensure(daemon: Daemon | None = None) -> docker.DockerClient:
    """Return a client of an engine that answers, installing and starting one if none does.

    Raises:
        HostsError: no engine answers and none could be installed or started.
    """
    client = connect(daemon)
    if client is not None:
        return client
    if daemon is None and os.environ.get("DOCKER_HOST"):
        raise HostsError(f"no engine answers on DOCKER_HOST={os.environ['DOCKER_HOST']}")
    if os.geteuid() != 0:
        raise HostsError("no Docker Engine answers, and only root can install or start one")
    with locked(machine_lock().with_suffix(".engine"), "starting the engine"):
        client = connect(daemon)
        if client is not None:
            return client
        install(PACKAGES, "dockerd")
        return _start(daemon or Daemon(), with_systemd=daemon is None)


def install(packages: tuple[str, ...], command: str) -> None:
    """Install Debian packages unless the command they bring is already there.

    Raises:
        HostsError: apt-get failed; the message has its last lines.
    """
    if shutil.which(command):
        return
    logs = state_folder() / "engine"
    logs.mkdir(parents=True, exist_ok=True)
    # needrestart, where it is installed, would restart services of the machine.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    argv = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    with step(f"installing {' '.join(packages)}") as progress:
        try:
            run_command(argv, progress, log=logs / "apt-install.log", environment=quiet)
        except HostsError:
            # Missing or outdated package lists are the usual reason, and refreshing them costs
            # seconds: so only then, and only once.
            run_command(
                ["apt-get", "update"], progress, log=logs / "apt-update.log", environment=quiet
            )
            run_command(argv, progress, log=logs / "apt-install.log", environment=quiet)


def stop(daemon: Daemon | None = None) -> bool:
    """Stop the dockerd that `ensure` started by hand, and no other.

    Returns:
        Whether there was one to stop.

    Raises:
        HostsError: it did not end in time.
    """
    daemon = daemon or Daemon()
    pid = _recorded_pid(daemon)
    if pid is not None:
        with step(f"stopping dockerd (process {pid})"):
            os.kill(pid, signal.SIGTERM)
            if not _poll(lambda: _recorded_pid(daemon) is None, STOP_SECONDS):
                raise HostsError(f"dockerd (process {pid}) still runs; its log: {daemon.log}")
    daemon.record.unlink(missing_ok=True)
    return pid is not None


def _start(daemon: Daemon, *, with_systemd: bool) -> docker.DockerClient:
    daemon.folder.mkdir(parents=True, exist_ok=True)
    with step("starting dockerd") as progress:
        process = None
        if with_systemd and Path("/run/systemd/system").is_dir():
            argv = ["systemctl", "start", "docker"]
            run_command(argv, progress, log=daemon.folder / "systemctl.log")
        else:
            process = _spawn(daemon)
        answering = _poll(
            lambda: (
                connect(daemon) is not None or (process is not None and process.poll() is not None)
            ),
            ANSWER_SECONDS,
        )
        client = connect(daemon)
        if client is None:
            reason = "ended" if answering else f"does not answer after {ANSWER_SECONDS:.0f} s"
            raise HostsError(f"dockerd {reason}; log: {daemon.log}; last lines:\n{_tail(daemon)}")
    console.print(f"engine {client.version()['Version']} answers on {daemon.socket}")
    return client


def _spawn(daemon: Daemon) -> subprocess.Popen[bytes]:
    if not os.path.ismount("/sys/fs/cgroup"):
        # Some minimal machines mount none, and dockerd refuses to start without.
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"], check=True)
    argv = [*daemon.command, "--host", f"unix://{daemon.socket}"]
    with daemon.log.open("ab") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    record = {"pid": process.pid, "started": _start_time(process.pid), "argv": argv}
    daemon.record.write_text(json.dumps(record))
    return process


def _recorded_pid(daemon: Daemon) -> int | None:
    """Return the process that was started, if it still runs."""
    try:
        record = json.loads(daemon.record.read_text())
    except FileNotFoundError:
        return None
    pid = int(record["pid"])
    # A number alone could by now be somebody else's process.
    return pid if _start_time(pid) == record["started"] else None


def _start_time(pid: int) -> str | None:
    """Return when a process started (clock ticks since boot), None if it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in brackets and may itself hold spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _poll(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _tail(daemon: Daemon) -> str:
    lines = daemon.log.read_text(errors="replace").splitlines() if daemon.log.exists() else []
    return "\n".join(f"  {line}" for line in lines[-LAST_LINES:])
