"""Real hosts for the integration tier: one group for the whole session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import hosts
from tests.hosts import HostSpec, TestHost
from tests.integration.project import Project

# Workers run side by side, each on hosts of its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
GROUP = f"integration{WORKER}"
SPECS = (
    HostSpec("mon1"),
    HostSpec("web1", user="deploy"),
    HostSpec("web2"),
    # Too small for any program: full from the start.
    HostSpec("small", tmpfs={"/opt": "6m"}),
)

FAST = {"scrape_interval": "3s", "evaluation_interval": "3s", "probe_interval": "3s"}


@pytest.fixture(scope="session")
def machines() -> Iterator[dict[str, TestHost]]:
    """Fresh hosts by name; removed at the end."""
    hosts.down(GROUP)
    yield {machine.name: machine for machine in hosts.up(GROUP, SPECS)}
    hosts.down(GROUP)


@pytest.fixture(scope="session")
def stack(machines: dict[str, TestHost], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small site most tests change: one host watches, one is watched through sudo."""
    folder: Path = tmp_path_factory.mktemp("site")
    project = Project(
        folder,
        {name: machines[name] for name in ("mon1", "web1")},
        groups={"prometheus": ["mon1"], "alertmanager": ["mon1"], "blackbox": ["mon1"]},
        # Fast, so that what has to travel does not have to be waited for.
        everyone={"environment": "test", "prometheus": dict(FAST)},
    )
    project.deploy()
    return project


# Its own hosts: what ships logs is on every host of the site.
SIGNALS = f"signals{WORKER}"


@pytest.fixture(scope="session")
def signal_machines() -> Iterator[dict[str, TestHost]]:
    """Fresh hosts by name, for a site with logs and traces; removed at the end."""
    specs = (HostSpec("mon1"), HostSpec("web1", user="deploy"))
    hosts.down(SIGNALS)
    yield {machine.name: machine for machine in hosts.up(SIGNALS, specs)}
    hosts.down(SIGNALS)


@pytest.fixture(scope="session")
def signal_stack(
    signal_machines: dict[str, TestHost], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A site with every signal: one host stores, both ship."""
    project = Project(
        tmp_path_factory.mktemp("signals"),
        signal_machines,
        groups={
            role: ["mon1"] for role in ("prometheus", "alertmanager", "blackbox", "loki", "jaeger")
        },
        everyone={
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
        },
    )
    project.deploy()
    return project


def _restored(project: Project) -> Iterator[Project]:
    before = (
        {group: list(names) for group, names in project.groups.items()},
        dict(project.everyone),
        dict(project.host_settings),
    )
    yield project
    project.groups, project.everyone, project.host_settings = before
    project.deploy("--data", "prove=off")


@pytest.fixture
def signals(signal_stack: Project) -> Iterator[Project]:
    """The site with every signal, converged; changed settings are undone afterwards."""
    yield from _restored(signal_stack)


@pytest.fixture
def site(stack: Project) -> Iterator[Project]:
    """The small site, converged; what a test changed in its settings is undone afterwards."""
    yield from _restored(stack)
