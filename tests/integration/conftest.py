"""Real hosts for the integration tier: groups that live for the whole session.

Whatever uses the fixture `runtime`, or one that does, runs once for every runtime, on hosts and
a site of its own. The marker `only` leaves a test, or a file, to one of them and says why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests import hosts
from tests.hosts import HostSpec, TestHost
from tests.integration import application_site
from tests.integration.project import FAST, STORES, Project
from tests.integration.runtime import RUNTIMES, ServiceDriver

# Workers run side by side, each on hosts of its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

Machines = dict[str, TestHost]
Made = TypeVar("Made")


def _once(make: Callable[[ServiceDriver], Made]) -> Callable[[ServiceDriver], Made]:
    """Make something for a runtime when it is first asked for."""
    made: dict[str, Made] = {}

    def get(runtime: ServiceDriver) -> Made:
        if runtime.name not in made:
            made[runtime.name] = make(runtime)
        return made[runtime.name]

    return get


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for every runtime, or for those that its marker names."""
    if "runtime" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("only")
    names = [marker.args[0]] if marker else list(RUNTIMES)
    metafunc.parametrize(
        "runtime", [RUNTIMES[n] for n in names], ids=names, indirect=True, scope="module"
    )


@pytest.fixture(scope="session")
def lasting() -> list[TestHost]:
    """The hosts that last for the session, as far as they are made."""
    return []


@pytest.fixture(scope="module")
def runtime(request: pytest.FixtureRequest, lasting: list[TestHost]) -> ServiceDriver:
    """What runs the components. Hosts of other files are held: idle ones take their share, too."""
    driver: ServiceDriver = request.param
    for machine in lasting:
        hosts.pause(machine)
    return driver


def awake(machines: Mapping[str, TestHost]) -> None:
    """Let hosts that last go on."""
    for machine in machines.values():
        hosts.resume(machine)


def _going(site: Project) -> Project:
    """A site that lasts, with its hosts going on."""
    awake(site.machines)
    return site


@pytest.fixture(scope="session")
def group(lasting: list[TestHost]) -> Iterator[Callable[..., Machines]]:
    """Makes a group of fresh hosts, by name; all are removed at the end."""
    with ExitStack() as made:

        def up(name: str, *specs: HostSpec) -> Machines:
            full = f"{name}{WORKER}"
            hosts.down(full)
            made.callback(hosts.down, full)
            machines = hosts.up(full, specs)
            lasting.extend(machines)
            return {machine.name: machine for machine in machines}

        yield up


@pytest.fixture(scope="session")
def small_groups(group: Callable[..., Machines]) -> Callable[[ServiceDriver], Machines]:
    """The hosts of a runtime that most tests use, made when the first one does."""

    def made(runtime: ServiceDriver) -> Machines:
        return group(
            f"integration-{runtime.name}",
            runtime.host("mon1"),
            runtime.host("web1", user="deploy"),
            runtime.host("web2"),
            # Too small for any program: full from the start.
            runtime.host("small", tmpfs={"/opt": "6m"}),
        )

    return _once(made)


@pytest.fixture(scope="module")
def machines(small_groups: Callable[[ServiceDriver], Machines], runtime: ServiceDriver) -> Machines:
    """Hosts by name."""
    made = small_groups(runtime)
    awake(made)
    return made


def _small_site(folder: Path, machines: Machines, runtime: ServiceDriver) -> Project:
    project = Project(
        folder,
        {name: machines[name] for name in ("mon1", "web1")},
        groups={"prometheus": ["mon1"], "alertmanager": ["mon1"], "blackbox": ["mon1"]},
        everyone={"environment": "test", "prometheus": dict(FAST)},
        runtime=runtime,
    )
    project.deploy()
    return project


@pytest.fixture(scope="session")
def small_sites(
    small_groups: Callable[[ServiceDriver], Machines], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ServiceDriver], Project]:
    """The small site of a runtime, deployed when the first test wants it."""

    def made(runtime: ServiceDriver) -> Project:
        folder = tmp_path_factory.mktemp(f"site-{runtime.name}")
        return _small_site(folder, small_groups(runtime), runtime)

    return _once(made)


@pytest.fixture(scope="module")
def stack(small_sites: Callable[[ServiceDriver], Project], runtime: ServiceDriver) -> Project:
    """The small site most tests change: one host watches, one is watched through sudo."""
    return _going(small_sites(runtime))


# What a site with logs and traces says.
SIGNALS: dict[str, Any] = {
    "environment": "test",
    "prometheus": dict(FAST),
    # Retention that a test can wait for; a day is the shortest Loki takes.
    "site": {"log_retention": {"debug": "24h"}},
    "loki": {
        "delete_delay": "1s",
        "rules_interval": "2s",
        "native": {"ruler": {"evaluation_interval": "2s"}},
    },
    "logs": [
        {"name": "shop", "files": ["/var/log/shop/*.log"], "format": "json"},
        {"name": "legacy", "files": ["/var/log/legacy/*.log"]},
        {"name": "loud", "units": ["loud.service"], "format": "json"},
        {"name": "archive", "files": ["/var/log/archive/*.log"], "format": "json"},
    ],
}


@pytest.fixture(scope="session")
def signal_sites(
    group: Callable[..., Machines], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ServiceDriver], Project]:
    """The site of a runtime with every signal, on hosts of its own: shippers are on all."""

    def made(runtime: ServiceDriver) -> Project:
        specs = runtime.host("mon1"), runtime.host("web1", user="deploy")
        project = Project(
            tmp_path_factory.mktemp(f"signals-{runtime.name}"),
            group(f"signals-{runtime.name}", *specs),
            groups={role: ["mon1"] for role in STORES},
            everyone=dict(SIGNALS),
            runtime=runtime,
        )
        project.deploy()
        return project

    return _once(made)


@pytest.fixture(scope="module")
def signal_stack(
    signal_sites: Callable[[ServiceDriver], Project], runtime: ServiceDriver
) -> Project:
    """A site with every signal: one host stores, both ship."""
    return _going(signal_sites(runtime))


@pytest.fixture(scope="session")
def application_sites(
    group: Callable[..., Machines], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ServiceDriver], Project]:
    """The site of a runtime with the reference application."""

    def made(runtime: ServiceDriver) -> Project:
        machines = group(f"application-{runtime.name}", *application_site.specs(runtime))
        folder = tmp_path_factory.mktemp(f"application-{runtime.name}")
        return application_site.deployed(runtime, folder, machines)

    return _once(made)


@pytest.fixture(scope="module")
def shop(application_sites: Callable[[ServiceDriver], Project], runtime: ServiceDriver) -> Project:
    """A site with an instrumented application: one host stores, one has it."""
    return _going(application_sites(runtime))


def restored(project: Project) -> Iterator[Project]:
    """A converged site; what a test changes in its settings is undone afterwards."""
    done = len(project.history)
    before = (
        {group: list(names) for group, names in project.groups.items()},
        dict(project.everyone),
        dict(project.host_settings),
    )
    yield project
    project.groups, project.everyone, project.host_settings = before
    if not project.stands(since=done):
        project.deploy("--data", "prove=off")


@pytest.fixture
def signals(signal_stack: Project) -> Iterator[Project]:
    """The site with every signal, converged; changed settings are undone afterwards."""
    yield from restored(signal_stack)


@pytest.fixture
def site(stack: Project) -> Iterator[Project]:
    """The small site, converged; what a test changed in its settings is undone afterwards."""
    yield from restored(stack)
