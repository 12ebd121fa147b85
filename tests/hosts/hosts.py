"""Groups of test hosts: up, down, and the accidents that happen to hosts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import docker
from docker.models.containers import Container

from tests.hosts import engine, guest, image, keys
from tests.hosts.errors import HostsError
from tests.hosts.folders import group_folder, locked, machine_lock
from tests.hosts.group import Group, in_parallel
from tests.hosts.progress import console, step
from tests.hosts.topology import HostSpec, TestHost, check_name, check_specs, parse_subnet

STOP_SECONDS = 15


def up(group: str, specs: Sequence[HostSpec], subnet: str | None = None) -> tuple[TestHost, ...]:
    """Make a group consist of exactly these hosts, running and reachable over SSH.

    Hosts that are as wanted are kept, stopped ones are started, others are replaced. Everything
    that is missing is made first: an engine, the image, the network, the keys.

    Args:
        group: the group's name.
        specs: its hosts.
        subnet: the network's subnet; a free private one by default.

    Raises:
        HostsError: it could not be done; what was made so far stays for a second try or `down`.
    """
    check_name(group, "group")
    check_specs(specs)
    wanted = parse_subnet(subnet) if subnet else None
    client = engine.ensure()
    images = {spec.name: image.ensure(client, spec.packages) for spec in specs}
    with _group_lock(group), step(f"group {group}: {len(specs)} hosts up"):
        key, public = keys.client_key(group_folder(group))
        with locked(machine_lock(), "creating test hosts"):
            made = Group(client, group).converge(specs, images, public, wanted)
        in_parallel(_boot, made)
        in_parallel(_set_up, [each for each, spec in zip(made, specs, strict=True) if spec.setup])
        return _record(group, made, key)


def load(group: str) -> tuple[TestHost, ...]:
    """Return the hosts of a group as `up` left them.

    Raises:
        HostsError: the group is not up.
    """
    path = group_folder(group) / "hosts.json"
    if not path.exists():
        raise HostsError(f"group {group} is not up: there is no {path}")
    return tuple(TestHost.from_connection(group, entry) for entry in json.loads(path.read_text()))


def down(group: str) -> int:
    """Remove a group of this checkout: containers with their volumes, network, keys and state.

    Returns:
        How many containers there were.
    """
    check_name(group, "group")
    client = engine.connect()
    removed = 0
    with _group_lock(group):
        if client is not None:
            with step(f"group {group}: down"):
                removed = Group(client, group).remove()
        shutil.rmtree(group_folder(group), ignore_errors=True)
    return removed


def pause(host: TestHost) -> None:
    """Hold every process of a host where it is, until :func:`resume`."""
    container = _container(host)
    if container.status == "running":
        container.pause()


def resume(host: TestHost) -> None:
    """Let the processes of a host go on, if they were held."""
    container = _container(host)
    if container.status == "paused":
        container.unpause()


def run(host: TestHost, argv: Sequence[str]) -> tuple[int, str]:
    """Run a command as root on a host through the engine, past SSH.

    Returns:
        Its exit code, and what it wrote to both outputs.
    """
    return guest.execute(_container(host), argv)


def stop(host: TestHost) -> None:
    """Power a host off in order."""
    _container(host).stop(timeout=STOP_SECONDS)


def kill(host: TestHost) -> None:
    """Take a host's power away."""
    _container(host).kill()


def start(host: TestHost) -> None:
    """Power a host on, with its files, address and SSH port, and wait until it is ready."""
    _boot(_container(host))


def reboot(host: TestHost) -> None:
    """Power a host off in order and on again, and wait until it is ready."""
    stop(host)
    start(host)


def _boot(container: Container) -> None:
    try:
        container.start()
    except docker.errors.APIError as error:
        raise HostsError(f"host {container.labels[guest.HOST]}: {error.explanation}") from error
    state = guest.wait_ready(container)
    if state == "degraded":
        _, failed = guest.execute(container, ["systemctl", "--failed", "--plain", "--no-legend"])
        console.print(f"  {container.labels[guest.HOST]}: some units failed\n{failed}")


def _set_up(container: Container) -> None:
    try:
        guest.set_up(container)
    except HostsError:
        # Half set up is no host: the next `up` makes a new one.
        container.remove(force=True, v=True)
        raise


def _record(group: str, made: Sequence[Container], key: Path) -> tuple[TestHost, ...]:
    """Write what inventories and SSH clients need to know about a group."""
    folder = group_folder(group)
    known_hosts = folder / "known_hosts"
    found = tuple(
        TestHost(
            group=group,
            name=each.labels[guest.HOST],
            address=each.labels[guest.ADDRESS],
            ssh_port=int(each.labels[guest.SSH_PORT]),
            user=each.labels[guest.USER],
            key=key,
            known_hosts=known_hosts,
            container=str(each.id),
        )
        for each in made
    )
    lines = (
        keys.known_hosts_line(host.name, host.address, host.ssh_port, public)
        for host, public in zip(found, in_parallel(guest.host_key, made), strict=True)
    )
    known_hosts.write_text("".join(lines))
    connections = [host.connection() for host in found]
    (folder / "hosts.json").write_text(json.dumps(connections, indent=2) + "\n")
    return found


def _container(host: TestHost) -> Container:
    client = engine.connect()
    if client is None:
        raise HostsError(f"host {host.name}: no Docker Engine answers")
    try:
        return client.containers.get(host.container)
    except docker.errors.NotFound as error:
        raise HostsError(f"host {host.name} of group {host.group} is gone") from error


def _group_lock(group: str) -> AbstractContextManager[None]:
    folder = group_folder(group)
    return locked(folder.with_name(f"{group}.lock"), f"changing group {group}")
