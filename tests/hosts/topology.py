"""What a group of test hosts looks like: its hosts, their addresses and their SSH ports."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.hosts.errors import HostsError

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
USERS = ("root", "deploy")
# Private, and outside what engines and home networks take by themselves (172.16/12, 192.168/16).
POOL = ipaddress.IPv4Network("10.208.0.0/12")
FIRST_HOST = 10
# Below the ports the kernel hands out for outgoing connections: a stopped host's port stays free.
SSH_PORTS = range(22000, 32000)

Network = ipaddress.IPv4Network


@dataclass(frozen=True, slots=True)
class HostSpec:
    """One host as a test or the demo wants it.

    Attributes:
        name: its host name.
        user: the account that SSH logs in to; `deploy` has passwordless sudo.
        tmpfs: sizes (`16m`) by path, for full-disk tests; they are empty again after a reboot.
        docker: whether the host can run a Docker Engine of its own.
        packages: Debian packages in its image; their services start when it boots.
        setup: a shell script that root runs once on the host, after its first boot. One that
            fails leaves no host; one that was interrupted is run again.
    """

    name: str
    user: str = "root"
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    docker: bool = False
    packages: tuple[str, ...] = ()
    setup: str = ""

    def __post_init__(self) -> None:
        """Refuse what an engine or sshd would refuse later and less clearly."""
        check_name(self.name, "host")
        if self.user not in USERS:
            raise HostsError(f"host {self.name}: user {self.user!r} is none of {', '.join(USERS)}")
        check_packages(self.packages)

    @classmethod
    def parse(cls, text: str) -> HostSpec:
        """Read `name`, `name:deploy` or `name:root`."""
        name, _, user = text.strip().partition(":")
        return cls(name, user or "root")

    def fingerprint(self, *made_from: str) -> str:
        """Return a hash of this and of what else makes an existing host the wrong one."""
        text = json.dumps([made_from, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class TestHost:
    """One running host and how to reach it.

    Attributes:
        group: the group it belongs to.
        name: its host name.
        address: its fixed IP, for other hosts and for this machine.
        ssh_port: its SSH port on 127.0.0.1; on `address` it is 22.
        user: the account that SSH logs in to.
        key: the private key for it.
        known_hosts: the file with its host key, under all its names.
        container: the id of its container.
    """

    # The name starts as a test case's does, and it is none.
    __test__: ClassVar[bool] = False

    group: str
    name: str
    address: str
    ssh_port: int
    user: str
    key: Path
    known_hosts: Path
    container: str

    def connection(self) -> dict[str, Any]:
        """Return what inventories read from `hosts.json`."""
        return {
            "name": self.name,
            "address": self.address,
            "ssh_hostname": "127.0.0.1",
            "ssh_port": self.ssh_port,
            "ssh_user": self.user,
            "ssh_key": str(self.key),
            "ssh_known_hosts_file": str(self.known_hosts),
            "container": self.container,
        }

    @classmethod
    def from_connection(cls, group: str, entry: Mapping[str, Any]) -> TestHost:
        """Read one entry of `hosts.json`."""
        return cls(
            group=group,
            name=entry["name"],
            address=entry["address"],
            ssh_port=entry["ssh_port"],
            user=entry["ssh_user"],
            key=Path(entry["ssh_key"]),
            known_hosts=Path(entry["ssh_known_hosts_file"]),
            container=entry["container"],
        )


def check_name(name: str, what: str) -> None:
    """Refuse a name that cannot be a host name.

    Raises:
        HostsError: it cannot.
    """
    if not NAME.fullmatch(name):
        raise HostsError(f"{what} name {name!r}: use lower-case letters, digits and dashes")


def check_packages(packages: Iterable[str]) -> None:
    """Refuse what apt-get would take for an option or a pattern.

    Raises:
        HostsError: one is not the name of a package.
    """
    for package in packages:
        if not PACKAGE.fullmatch(package):
            raise HostsError(f"package {package!r}: that is no name of a Debian package")


def parse_options(texts: Iterable[str], specs: Iterable[HostSpec], what: str) -> dict[str, str]:
    """Read `HOST=VALUE` options, one for each host at most.

    Raises:
        HostsError: there is no such host, it is named twice, or the value is missing.
    """
    names = [spec.name for spec in specs]
    found: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in names or name in found or not value:
            raise HostsError(f"{what} {text!r}: say HOST=VALUE once, HOST of {', '.join(names)}")
        found[name] = value
    return found


def parse_subnet(text: str) -> Network:
    """Read a subnet.

    Raises:
        HostsError: it is none.
    """
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as error:
        raise HostsError(f"subnet {text!r}: {error}") from error


def check_specs(specs: Iterable[HostSpec]) -> None:
    """Refuse an empty group and a name given twice.

    Raises:
        HostsError: on either.
    """
    names = [spec.name for spec in specs]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles or not names:
        raise HostsError(f"hosts named twice: {', '.join(doubles)}" if doubles else "no hosts")


def candidate_subnets(seed: str, taken: Collection[Network]) -> Iterator[Network]:
    """Yield the free /24 networks of the pool, beginning at a place that `seed` decides."""
    subnets = list(POOL.subnets(new_prefix=24))
    for index in _from_seed(seed, len(subnets)):
        if not any(subnets[index].overlaps(other) for other in taken):
            yield subnets[index]


def free_addresses(subnet: Network, taken: Collection[str]) -> Iterator[str]:
    """Yield the addresses of `subnet` that no host has, in order."""
    first = int(subnet.network_address) + min(FIRST_HOST, subnet.num_addresses // 4)
    for number in range(first, int(subnet.broadcast_address)):
        address = str(ipaddress.IPv4Address(number))
        if address not in taken:
            yield address


def free_ports(seed: str, taken: Collection[int]) -> Iterator[int]:
    """Yield ports of this machine's loopback that are neither taken nor listened on."""
    for index in _from_seed(seed, len(SSH_PORTS)):
        port = SSH_PORTS[index]
        if port in taken:
            continue
        with socket.socket() as probe:
            # As listeners do: a connection that ended a moment ago does not occupy the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


def machine_routes() -> set[Network]:
    """Return the networks this machine already routes somewhere."""
    routes = set()
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        columns = line.split()
        # Hexadecimal in the byte order of the machine, which is little-endian where we run.
        destination, mask = (
            str(ipaddress.IPv4Address(bytes.fromhex(columns[index])[::-1])) for index in (1, 7)
        )
        network = ipaddress.IPv4Network(f"{destination}/{mask}")
        # The default route covers everything and takes nothing.
        if network.prefixlen > 0:
            routes.add(network)
    return routes


def _from_seed(seed: str, length: int) -> Iterator[int]:
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % length
    yield from (index % length for index in range(start, start + length))
