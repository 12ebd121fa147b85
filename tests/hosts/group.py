"""The containers and the network of one group of test hosts, found by their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import docker
from docker.models.containers import Container

from tests.hosts import guest, network
from tests.hosts.errors import HostsError
from tests.hosts.folders import checkout_id
from tests.hosts.progress import console
from tests.hosts.topology import HostSpec, Network, free_addresses, free_ports

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Group:
    """One group of this checkout on an engine."""

    client: docker.DockerClient
    name: str

    @property
    def full_name(self) -> str:
        """Return the network's name, which is also how the containers' names begin."""
        return f"stackwatch-{checkout_id()}-{self.name}"

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels all of the group carry."""
        return {guest.GROUP: self.name, guest.CHECKOUT: checkout_id()}

    @property
    def _filters(self) -> dict[str, str | list[str] | bool]:
        return {"label": [f"{key}={value}" for key, value in self.labels.items()]}

    def containers(self) -> list[Container]:
        """Return the group's containers, running or not."""
        return every_container(self.client, self._filters)

    def converge(
        self,
        specs: Sequence[HostSpec],
        images: Mapping[str, str],
        authorized_key: bytes,
        subnet: Network | None,
    ) -> list[Container]:
        """Make the group have a container for every spec, and no other; start none.

        Args:
            specs: its hosts.
            images: what each starts from, by name.
            authorized_key: the public key that may log in.
            subnet: the network's subnet; a free private one if None.

        Returns:
            The containers in the order of `specs`.

        Raises:
            HostsError: there are more hosts than addresses.
        """
        net, addresses = network.ensure(self.client, self.full_name, self.labels, subnet)
        made_from = (str(net.id), guest.recipe())
        wanted = {spec.name: spec.fingerprint(images[spec.name], *made_from) for spec in specs}
        kept = self._keep(wanted, authorized_key)
        missing = [spec for spec in specs if spec.name not in kept]
        held = {each.labels[guest.ADDRESS] for each in kept.values()}
        places = list(zip(missing, free_addresses(addresses, held), self._ports(), strict=False))
        if len(places) < len(missing):
            raise HostsError(f"group {self.name}: {addresses} is too small for {len(specs)} hosts")

        def create(place: tuple[HostSpec, str, int]) -> Container:
            spec, address, port = place
            return guest.create(
                self.client,
                spec,
                image=images[spec.name],
                network=self.full_name,
                authorized_key=authorized_key,
                labels=self.labels
                | {
                    guest.FINGERPRINT: wanted[spec.name],
                    guest.ADDRESS: address,
                    guest.SSH_PORT: str(port),
                },
            )

        made = kept | {each.labels[guest.HOST]: each for each in in_parallel(create, places)}
        return [made[spec.name] for spec in specs]

    def remove(self) -> int:
        """Remove the group's containers with their volumes, then its network.

        Returns:
            How many containers there were.
        """
        found = self.containers()
        in_parallel(_remove, found)
        for each in self.client.networks.list(filters=self._filters):
            each.remove()
        return len(found)

    def _keep(self, wanted: Mapping[str, str], authorized_key: bytes) -> dict[str, Container]:
        """Return the containers that are as wanted; remove the others."""
        kept, others = {}, []
        for each in self.containers():
            name = each.labels[guest.HOST]
            if each.labels[guest.FINGERPRINT] == wanted.get(name):
                console.print(
                    f"  {name}: {'kept' if each.status == 'running' else 'started again'}"
                )
                # The folder with the key may have been removed, and the key be a new one.
                guest.authorize(each, each.labels[guest.USER], authorized_key)
                kept[name] = each
            else:
                console.print(f"  {name}: {'replaced' if name in wanted else 'removed'}")
                others.append(each)
        in_parallel(_remove, others)
        return kept

    def _ports(self) -> Iterable[int]:
        """Yield free SSH ports; a stopped host of any checkout keeps its own."""
        others = every_container(self.client, {"label": guest.SSH_PORT})
        return free_ports(self.full_name, {int(each.labels[guest.SSH_PORT]) for each in others})


def every_container(
    client: docker.DockerClient, filters: dict[str, str | list[str] | bool]
) -> list[Container]:
    """Return containers, running or not.

    The client lists them and then asks for each: one that another checkout takes down in between
    is left out instead of being an error.
    """
    return client.containers.list(all=True, filters=filters, ignore_removed=True)


def in_parallel(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Call `function` for every item at the same time; a failure is raised when all have ended."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, items))


def _remove(container: Container) -> None:
    container.remove(force=True, v=True)
