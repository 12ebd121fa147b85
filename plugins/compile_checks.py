"""Mistakes that only show where several settings of a host meet: logs, engines and ports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple, get_type_hints

from plugins.logs import SMOKE_SERVICE
from plugins.problem import Problem, suggestion
from plugins.settings import LogSource, Port, RoleSettings
from plugins.site import Host, Placement


class _Listener(NamedTuple):
    """Who listens on a port: only the same listener may name a port twice."""

    name: str
    is_role: bool


def log_problems(
    retention: Mapping[str, str] | None, hosts: Iterable[Host], placements: Iterable[Placement]
) -> Iterator[Problem]:
    """Log sources of a class that nothing says how long to keep, and two of one name.

    Args:
        retention: Class to how long it is kept; None if that is not known.
        hosts: Every host, with sources of its own.
        placements: Every role on every host, with sources of theirs.
    """
    sources = [(host.name, "logs", source) for host in hosts for source in host.logs]
    sources += [
        (p.host.name, f"{p.role.name}.logs", source)
        for p in placements
        for source in p.settings.logs
    ]
    taken: dict[tuple[str, str], LogSource] = {}
    for host, where, source in sources:
        if retention is not None and source.class_ not in retention:
            what = f"class {source.class_!r} of log source {source.name!r} has no retention"
            remedy = suggestion(source.class_, retention, "classes")
            remedy += "; or give it one in site.log_retention"
            yield Problem(where, what, remedy, host)
        # What shippers remember the place in a file under has no other characters.
        place = re.sub(r"[^A-Za-z0-9_]", "_", source.name)
        other = taken.setdefault((host, place), source)
        if source.name == SMOKE_SERVICE:
            what = f"the log source of the smoke check is {SMOKE_SERVICE!r} too"
            yield Problem(where, what, "Give this one another name", host)
        elif other is not source:
            names = {source.name: None, other.name: None}
            what = f"two log sources are {' and '.join(map(repr, names))}"
            if len(names) > 1:
                what += ", which is one name where their places in files are kept"
            remedy = "Put the files into one source, or give one another name"
            yield Problem(where, what, remedy, host)


def engine_problems(hosts: Iterable[Host]) -> Iterator[Problem]:
    """Log drivers that an engine does not have.

    Args:
        hosts: Every host.
    """
    for host in hosts:
        # Podman writes "json-file" in another form, keeps one file of it, and knows no "local".
        if host.engine == "podman" and host.container_logs != "journald":
            what = f"podman has no log driver like Docker's {host.container_logs!r}"
            remedy = "Set container_logs = 'journald', or engine = 'docker'"
            yield Problem("container_logs", what, remedy, host.name)


def port_problems(placements: Iterable[Placement], hosts: Iterable[Host]) -> Iterator[Problem]:
    """Two listeners on one port of one address.

    Args:
        placements: Every role on every host.
        hosts: Every host, with services of the users' own.
    """
    placements = list(placements)
    for placement in placements:
        yield from _same_number(placement)
    taken: dict[tuple[str, int], tuple[str, _Listener]] = {}
    # What a role serves on one port may be several endpoints.
    listeners = [
        (e.address, e.port, p.host.name, _Listener(p.role.name, is_role=True))
        for p in placements
        for e in p.endpoints
    ]
    listeners += [
        (h.address, s.port, h.name, _Listener(s.name, is_role=False))
        for h in hosts
        for s in h.services
    ]
    for address, port, host, listener in listeners:
        other_host, taker = taken.setdefault((address, port), (host, listener))
        if (other_host, taker) == (host, listener):
            continue
        name, other = listener.name, taker.name
        if other_host == host:
            what = f"port {port} is also {other}'s on this host"
            yield Problem(f"{name}.port", what, f"Give {name} or {other} another", host)
        else:
            what = f"has the address {address} of host {other_host}"
            yield Problem("address", what, "Set `address` to what other hosts reach it by", host)


@cache
def _ports(model: type[RoleSettings]) -> tuple[str, ...]:
    hints = get_type_hints(model, include_extras=True)
    return tuple(name for name in model.model_fields if hints[name] == Port)


def _same_number(placement: Placement) -> Iterator[Problem]:
    """Two settings of one role with the same port: each is a listener of its own."""
    taken: dict[int, str] = {}
    for name in _ports(placement.role.settings):
        port = getattr(placement.settings, name)
        setting = f"{placement.role.name}.{name}"
        other = taken.setdefault(port, setting)
        if other != setting:
            what = f"port {port} is also {other} on this host"
            remedy = f"Give {setting} or {other} another"
            yield Problem(setting, what, remedy, placement.host.name)
