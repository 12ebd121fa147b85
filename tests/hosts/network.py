"""The bridge network of a group of test hosts."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import docker
from docker.models.networks import Network as EngineNetwork
from docker.types import IPAMConfig, IPAMPool

from tests.hosts.errors import HostsError
from tests.hosts.topology import Network, candidate_subnets, machine_routes

TRIES = 16


def ensure(
    client: docker.DockerClient,
    name: str,
    labels: Mapping[str, str],
    wanted: Network | None = None,
) -> tuple[EngineNetwork, Network]:
    """Return the network called `name` and its subnet, creating it if there is none.

    Args:
        client: the engine.
        name: also decides where the search for a free subnet begins, so that a group usually
            gets the same one again and two groups never share one.
        labels: what `down` finds it by.
        wanted: a subnet to use instead of a free one.

    Raises:
        HostsError: the network has another subnet than the wanted one, or none is free.
    """
    for network in client.networks.list(names=[name]):
        if network.name == name:
            subnet = subnets_of(network)[0]
            if wanted is not None and subnet != wanted:
                raise HostsError(f"network {name} has {subnet}, not {wanted}: take the group down")
            return network, subnet
    if wanted is not None:
        candidates = iter([wanted])
    else:
        engine = {subnet for network in client.networks.list() for subnet in subnets_of(network)}
        candidates = candidate_subnets(name, engine | machine_routes())
    refusal = "no private subnet is free"
    for _, subnet in zip(range(TRIES), candidates, strict=False):
        pool = IPAMPool(subnet=str(subnet), gateway=str(subnet.network_address + 1))
        try:
            network = client.networks.create(
                name,
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                labels=dict(labels),
                check_duplicate=True,
            )
        except docker.errors.APIError as error:
            # Another program may take the subnet between our look and this call.
            refusal = str(error.explanation)
            if "overlap" not in refusal.lower():
                break
        else:
            return network, subnet
    raise HostsError(f"network {name}: {refusal}")


def subnets_of(network: EngineNetwork) -> list[Network]:
    """Return the IPv4 subnets of a network of the engine."""
    configs = (network.attrs.get("IPAM") or {}).get("Config") or []
    texts = [config.get("Subnet", "") for config in configs]
    return [ipaddress.IPv4Network(text) for text in texts if text and ":" not in text]
