"""Fixtures of all tiers."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain, unpacked
from plugins.model import ArtifactError

Program = Callable[[str, str], Path]

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take a file of tests at once, or of one that runs for several runtimes one part."""
    for item in items:
        given = getattr(item, "callspec", None)
        runtime = getattr(given.params.get("runtime"), "name", "") if given else ""
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{runtime}".rstrip("-")))


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
