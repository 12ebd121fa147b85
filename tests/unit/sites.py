"""Sites for unit tests: inventories in a few words, compiled and rendered without any host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from plugins.compiler import Declared, DeclaredHost, compile_site, components_of
from plugins.layers import Layer
from plugins.model import Artifact, Component, ManagedFile, SiteError
from plugins.role import all_roles
from plugins.runtimes.systemd import Unit
from plugins.site import Site

INVENTORY = Path("inventories/test.py")
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "prometheus": ("prometheus", "promtool"),
    "alertmanager": ("alertmanager", "amtool"),
    "blackbox_exporter": ("blackbox_exporter",),
    "node_exporter": ("node_exporter",),
    "cadvisor": ("cadvisor",),
    "reference_app": ("reference_app",),
    "loki": ("loki", "lokitool"),
    "otelcol": ("otelcol",),
    "jaeger": ("jaeger",),
    "docker_registry": ("docker-registry",),
    "grafana": ("grafana",),
}


@dataclass(frozen=True)
class Line:
    """One host as a line of an inventory.

    Attributes:
        name: Inventory name.
        groups: Its groups, in order.
        own: What the inventory says of this host alone.
    """

    name: str
    groups: tuple[str, ...] = ()
    own: Mapping[str, Any] = field(default_factory=dict)


def on(name: str, *groups: str, **own: Any) -> Line:
    """A host in some groups, with some settings of its own."""
    return Line(name, groups, own)


def written(
    *lines: Line,
    everyone: Mapping[str, Any] | None = None,
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    data: Mapping[str, Any] | None = None,
    path: Path = INVENTORY,
) -> Declared:
    """An inventory as written.

    Args:
        lines: Its hosts.
        everyone: What ``group_data/all.py`` says.
        groups: Group to what its file says.
        data: What ``--data`` says.
        path: The inventory file.
    """
    folder = path.parent / "group_data"
    shared = [Layer(f"{folder}/all.py", everyone)] if everyone else []
    files = {name: Layer(f"{folder}/{name}.py", said) for name, said in (groups or {}).items()}
    last = [Layer("command line --data", data)] if data else []
    hosts = []
    for line in lines:
        layers = [*shared, *(files[group] for group in line.groups if group in files)]
        layers += [Layer(f"{path}: {line.name}", line.own)] if line.own else []
        hosts.append(
            DeclaredHost(
                line.name, line.groups, (*layers, *last), frozenset({"ssh_hostname", "ssh_user"})
            )
        )
    names = {group for line in lines for group in line.groups} | files.keys()
    return Declared(path, tuple(hosts), tuple(sorted(names)), (*shared, *last))


def compiled(*lines: Line, **said: Any) -> Site:
    """The compiled site of an inventory, see :func:`written`."""
    return compile_site(written(*lines, **said), all_roles())


def refused(*lines: Line, **said: Any) -> list[str]:
    """The problems of an inventory that must not compile, as people see them."""
    with pytest.raises(SiteError) as error:
        compiled(*lines, **said)
    return [str(problem) for problem in error.value.problems]


VERSIONS: Mapping[str, str] = {"grafana": "12.4.2"}


def artifact(name: str, version: str = "", folder: Path = Path("/nowhere")) -> Artifact:
    """A program that need not exist; ``folder`` would hold it."""
    version = version or VERSIONS.get(name, "3.14.0")
    files = {program: 1000 + number for number, program in enumerate(PROGRAMS[name])}
    return Artifact(
        name, version, "release", "amd64", folder / f"{name}.tar.gz", f"sha-{name}-{version}", files
    )


def components(site: Site, host: str, folder: Path = Path("/nowhere")) -> dict[str, Component]:
    """The components of one host by name; ``folder`` holds their programs."""
    got = {
        (name, architecture): artifact(name, folder=folder)
        for name in PROGRAMS
        for architecture in ("amd64", "arm64")
    }
    return {component.name: component for component in components_of(site, got, host)}


def rendered(site: Site, host: str, name: str) -> Unit:
    """One component of one host as its runtime wants it."""
    return Unit(components(site, host)[name])


def file(component: Component, path: str) -> ManagedFile:
    """One managed file of a component."""
    return next(file for file in component.files if file.path == path)


MONITORING = ("prometheus", "alertmanager", "blackbox")
SHOP = {"name": "shop", "port": 8080, "health": "/healthz", "labels": {"team": "shop"}}


def three_hosts(**said: Any) -> Site:
    """One host that watches, two that are watched; one runs a service of the user's own."""
    return compiled(
        on("mon1", *MONITORING, address="10.0.0.1"),
        on("web1", "web", address="10.0.0.2", services=[SHOP]),
        on("web2", "web", address="10.0.0.3", labels={"rack": "r7"}),
        everyone={"site": {"name": "test", "groups": ["web"]}, "environment": "staging"},
        **said,
    )


def two_and_three(**said: Any) -> Site:
    """Two Prometheus and three Alertmanagers, one of them reached by a name."""
    return compiled(
        on("mon1", *MONITORING, address="10.0.0.1"),
        on("mon2", "prometheus", "alertmanager", address="10.0.0.2"),
        on("mon3.example.org", "alertmanager"),
        **said,
    )


def lone(**said: Any) -> Site:
    """One host with everything on it; ``said`` are its own settings."""
    return compiled(on("mon1", *MONITORING, **said))
