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
GROUP = f"integration{os.environ.get('PYTEST_XDIST_WORKER', '')}"
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


@pytest.fixture
def site(stack: Project) -> Iterator[Project]:
    """The small site, converged; what a test changed in its settings is undone afterwards."""
    before = (
        {group: list(names) for group, names in stack.groups.items()},
        dict(stack.everyone),
        dict(stack.host_settings),
    )
    yield stack
    stack.groups, stack.everyone, stack.host_settings = before
    stack.deploy("--data", "prove=off")
