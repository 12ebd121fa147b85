"""Fixtures of all tiers."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain, unpacked
from plugins.model import ArtifactError

Program = Callable[[str, str], Path]

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


# What runs for containers in every run of the tests; `make test-containers` runs the rest, too.
# Each takes engines of its own, and all of them together longer than everything else.
CONTAINERS = frozenset({"test_confinement", "test_containers", "test_converge", "test_secrets"})


# Files that take engines of their own throughout.
ENGINES = frozenset(
    {"test_container_accidents", "test_container_faults", "test_moving", "test_podman"}
)


# Files whose tests share a site that takes long to deploy; one worker takes all of them, in this
# order: a dashboard opens with the first service there is, and tests of the application send spans
# of others.
SHARING = {
    "test_dashboards": "application",
    "test_application": "application",
    "test_journal": "signals",
    "test_log_store": "signals",
    "test_logs": "signals",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which tests run for containers."""
    parser.addoption("--every-container", action="store_true", help="all that can, not just some")


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is left out: nobody should take it for tested."""
    if config.getoption("--every-container"):
        return "containers: every test that makes sense for them"
    names = ", ".join(sorted(CONTAINERS))
    return f"containers: {names}; the others run with `make test-containers`"


def _for_containers(item: pytest.Item) -> bool:
    given = getattr(item, "callspec", None)
    runtime = given.params.get("runtime") if given else None
    return getattr(runtime, "name", "") == "docker"


def _left_out(item: pytest.Item) -> bool:
    file = item.path.stem
    return file in ENGINES or (_for_containers(item) and file not in CONTAINERS)


class _ByFileAndRuntime(LoadScopeScheduling):  # type: ignore[misc]
    """A worker takes a file of tests at once, or all that share a site, or are for containers.

    Hosts belong to a worker: two that test containers would need twice as many engines.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        if "[docker]" in name or "[docker-" in name:
            return "docker"
        return SHARING.get(Path(file).stem, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFileAndRuntime:
    """How workers share the tests."""
    return _ByFileAndRuntime(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files in order, and leave out what runs for containers only when it is asked for."""
    order = list(SHARING)
    items.sort(key=lambda item: order.index(item.path.stem) if item.path.stem in order else -1)
    if config.getoption("--every-container"):
        return
    left = [item for item in items if _left_out(item)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if not _left_out(item)]


@pytest.fixture(scope="session")
def program() -> Program:
    """Path of a program by artifact and name, for example ``program("alertmanager", "amtool")``.

    It is the program that sites get: from the store, else fetched or built into it, which takes
    minutes the first time. ``make artifacts`` does that beforehand.
    """
    architecture = _ARCHITECTURES[platform.machine()]

    @cache
    def folder(artifact: str) -> Path:
        wanted = [(artifact, architecture)]
        found = obtain(Lock.load(), wanted, ArtifactPolicy(), Store.default(), print)[wanted[0]]
        if isinstance(found, ArtifactError):
            pytest.fail(str(found), pytrace=False)
        return unpacked(found)

    def find(artifact: str, name: str) -> Path:
        path = folder(artifact) / name
        assert path.is_file(), f"{artifact} has no program {name}"
        return path

    return find


@pytest.fixture(scope="session")
def promtool(program: Program) -> Path:
    """Prometheus' checker."""
    return program("prometheus", "promtool")


@pytest.fixture(scope="session")
def amtool(program: Program) -> Path:
    """Alertmanager's checker."""
    return program("alertmanager", "amtool")
