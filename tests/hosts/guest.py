"""One test host as a container: how it is made, what is put into it, when it is ready."""

from __future__ import annotations

import io
import secrets
import socket
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import docker
from docker.models.containers import Container

from tests.hosts import keys
from tests.hosts.errors import HostsError
from tests.hosts.topology import HostSpec

GROUP: Final = "stackwatch.group"
CHECKOUT: Final = "stackwatch.checkout"
HOST: Final = "stackwatch.host"
USER: Final = "stackwatch.user"
FINGERPRINT: Final = "stackwatch.fingerprint"
ADDRESS: Final = "stackwatch.address"
SSH_PORT: Final = "stackwatch.ssh-port"

READY_SECONDS = 120.0
SETUP_SECONDS = 900.0
POLL_SECONDS = 0.1
SETUP = "/var/lib/test-host/setup"
SETUP_LOG = "/var/log/test-host-setup.log"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
# Where IPv6 cannot be switched off, an engine inside refuses IPv4-only networks without this. And
# it keeps names without a dot from the name server that knows the other hosts, wherever ndots is
# said: the outer engine says "ndots:0", which is no more than the default.
DOCKER_DROP_IN: Mapping[str, tuple[bytes | None, int]] = {
    "etc/systemd/system/docker.service.d": (None, 0o755),
    "etc/systemd/system/docker.service.d/test-host.conf": (
        b"[Service]\nEnvironment=DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE=1\n"
        b"ExecStartPre=sh -c 'sed /^options/d /etc/resolv.conf >/run/resolv.conf && "
        b"cat /run/resolv.conf >/etc/resolv.conf'\n",
        0o644,
    ),
}
ACCOUNTS: Mapping[str, tuple[str, int]] = {"root": ("/root", 0), "deploy": ("/home/deploy", 1000)}


def recipe() -> str:
    """Return the text that decides how containers are made: this file."""
    return Path(__file__).read_text()


def create(
    client: docker.DockerClient,
    spec: HostSpec,
    *,
    image: str,
    network: str,
    labels: Mapping[str, str],
    authorized_key: bytes,
) -> Container:
    """Create (not start) the container of a host; its address and port are in its labels."""
    endpoint = client.api.create_endpoint_config(ipv4_address=labels[ADDRESS], aliases=[spec.name])
    container = client.containers.create(
        image,
        name=f"{network}-{spec.name}",
        hostname=spec.name,
        labels={**labels, HOST: spec.name, USER: spec.user},
        network=network,
        networking_config={network: endpoint},
        ports={"22/tcp": ("127.0.0.1", int(labels[SSH_PORT]))},
        cap_add=["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"],
        # systemd's sandboxes make namespaces and mounts, which the default profiles forbid.
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        cgroupns="private",
        # What systemd takes as "power off"; SIGTERM means "re-execute" to it.
        stop_signal="SIGRTMIN+3",
        pids_limit=-1,
        tmpfs=_tmpfs(spec),
        volumes=["/var/lib/docker"] if spec.docker else [],
    )
    private, public = keys.generate()
    files: dict[str, tuple[bytes | None, int]] = {
        "etc/machine-id": (f"{secrets.token_hex(16)}\n".encode(), 0o444),
        HOST_KEY.lstrip("/"): (private, 0o600),
        f"{HOST_KEY.lstrip('/')}.pub": (public + b"\n", 0o644),
    }
    if spec.docker:
        files |= DOCKER_DROP_IN
    if spec.setup:
        shebang = "" if spec.setup.startswith("#!") else "#!/bin/sh -eu\n"
        files[str(Path(SETUP).parent).lstrip("/")] = (None, 0o700)
        files[SETUP.lstrip("/")] = (f"{shebang}{spec.setup}".encode(), 0o700)
    container.put_archive("/", _archive(files))
    authorize(container, spec.user, authorized_key)
    return container


def authorize(container: Container, user: str, public: bytes) -> None:
    """Let the owner of a key log in as `user`."""
    home, uid = ACCOUNTS[user]
    files: dict[str, tuple[bytes | None, int]] = {
        ".ssh": (None, 0o700),
        ".ssh/authorized_keys": (public + b"\n", 0o600),
    }
    container.put_archive(home, _archive(files, uid))


def host_key(container: Container) -> bytes:
    """Read a host's public key through the engine, which no one in between can change."""
    blocks, _ = container.get_archive(f"{HOST_KEY}.pub")
    with tarfile.open(fileobj=io.BytesIO(b"".join(blocks))) as archive:
        file = archive.extractfile(archive.getmembers()[0])
        return file.read().strip() if file else b""


def execute(container: Container, argv: Sequence[str]) -> tuple[int, str]:
    """Run a command in a host as root; return its exit code and both its outputs."""
    api = container.client.api  # type: ignore[union-attr]
    running = api.exec_create(container.id, list(argv))["Id"]
    # Not exec_start: it takes the connection over, past what was read with the answer's head, and
    # loses the beginning of an output that came at once. This reads one whole answer.
    answer = api.post(
        f"{api.base_url}/v{api.api_version}/exec/{running}/start",
        json={"Detach": False, "Tty": False},
        timeout=None,
    )
    answer.raise_for_status()
    code = api.exec_inspect(running)["ExitCode"]
    text = b"".join(_outputs(answer.content)).decode(errors="replace")
    return code if code is not None else -1, text


def _outputs(stream: bytes) -> Iterator[bytes]:
    """The pieces of an engine's stream of both outputs, in order.

    Each has a head of 8 bytes: which output, three zeros, its length, big endian;
    https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container/operation/ContainerAttach
    """
    at = 0
    while at + 8 <= len(stream):
        length = int.from_bytes(stream[at + 4 : at + 8], "big")
        yield stream[at + 8 : at + 8 + length]
        at += 8 + length


def set_up(container: Container, seconds: float = SETUP_SECONDS) -> None:
    """Run the setup script of a host that has one and has not run it; the script is then gone.

    Raises:
        HostsError: it failed or ran too long; the message has its last lines.
    """
    name, api = container.labels[HOST], container.client.api  # type: ignore[union-attr]
    if execute(container, ["test", "-e", SETUP])[0] != 0:
        return
    # Detached and asked for: a script may be silent for longer than the client waits for a byte.
    command = ["sh", "-c", f"{SETUP} > {SETUP_LOG} 2>&1 < /dev/null && rm {SETUP}"]
    running = api.exec_create(container.id, command)["Id"]
    api.exec_start(running, detach=True)
    deadline = time.monotonic() + seconds
    while (state := api.exec_inspect(running))["Running"]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    if state["ExitCode"] != 0:
        _, log = execute(container, ["tail", "--lines=12", SETUP_LOG])
        ended = f"still runs after {seconds:.0f} s" if state["Running"] else "failed"
        raise HostsError(f"host {name}: its setup {ended}:\n{log}")


def wait_ready(container: Container, seconds: float = READY_SECONDS) -> str:
    """Wait until systemd has booted and sshd says its banner.

    Returns:
        systemd's state: `running`, or `degraded` when a unit failed.

    Raises:
        HostsError: the host ended, or was not ready in time.
    """
    deadline = time.monotonic() + seconds
    name, port = container.labels[HOST], int(container.labels[SSH_PORT])
    state = "starting"
    # One call that waits inside the host is cheaper than asking again and again; it fails at once
    # until systemd's bus is there.
    wait = ["timeout", str(int(seconds)), "systemctl", "is-system-running", "--wait"]
    while state not in {"running", "degraded"} or not _greets(port):
        if time.monotonic() > deadline:
            raise HostsError(f"host {name}: {state} after {seconds:.0f} s\n{_journal(container)}")
        time.sleep(POLL_SECONDS)
        try:
            state = execute(container, wait)[1].strip() or state
        except docker.errors.APIError as error:
            container.reload()
            if container.status != "running":
                log = b"".join(container.logs(stream=True, tail=8)).decode(errors="replace")
                raise HostsError(f"host {name} is {container.status}:\n{log}") from error
    return state


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _journal(container: Container) -> str:
    command = ["journalctl", "--boot", "--no-pager", "--priority=warning", "--lines=12"]
    return execute(container, command)[1]


def _tmpfs(spec: HostSpec) -> dict[str, str]:
    mounts = {"/run": "mode=755", "/run/lock": "mode=1777"}
    mounts["/tmp"] = "mode=1777,exec"  # noqa: S108 the host's, not this machine's
    return mounts | {path: f"size={size},mode=755,exec" for path, size in spec.tmpfs.items()}


def _archive(files: Mapping[str, tuple[bytes | None, int]], uid: int = 0) -> bytes:
    """Return a tar archive of files (content, mode) and folders (None, mode)."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.size = len(content or b"")
            member.mode, member.uid, member.gid = mode, uid, uid
            member.mtime = int(time.time())
            archive.addfile(member, io.BytesIO(content or b""))
    return sink.getvalue()
