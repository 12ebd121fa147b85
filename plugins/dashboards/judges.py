"""Programs of the sites' own that judge queries on this machine: promtool and lokitool."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain, unpacked
from plugins.problem import ArtifactError
from plugins.site import Site

_SECONDS = 60
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class UnjudgedError(Exception):
    """Queries cannot be judged on this machine; says why."""


def judge(artifact: str, program: str, site: Site | None = None) -> Path:
    """A program for this machine, as sites get it.

    Args:
        artifact: What it comes in.
        program: Its name.
        site: Where programs may come from, and the lock; without one, ours.

    Raises:
        UnjudgedError: It cannot be had.
    """
    machine = platform.machine().lower()
    policy, lock = ArtifactPolicy(), Lock.load()
    if site:
        said = site.settings
        policy = ArtifactPolicy(sources=tuple(said.artifact_sources), mirror=said.artifact_mirror)
        lock = lock.overlaid(Path(said.artifact_lock)) if said.artifact_lock else lock
    wanted = (artifact, _ARCHITECTURES.get(machine, machine))
    found = obtain(lock, [wanted], policy, Store.default(), lambda line: None)[wanted]
    if isinstance(found, ArtifactError):
        raise UnjudgedError(str(found))
    if program not in found.files:
        raise UnjudgedError(f"{artifact} {found.version} from {found.source} has no {program}")
    return unpacked(found) / program


@cache
def judged(command: tuple[str, ...], numbered: tuple[tuple[str, str], ...]) -> tuple[int, str]:
    """Show queries to a program as a file of alert rules; its exit code, and its words.

    Args:
        command: The program and its arguments before the file.
        numbered: Names of alerts, and their queries.

    Raises:
        UnjudgedError: It does not run here.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder, "queries.yml")
        file.write_text(rules(numbered))
        try:
            done = subprocess.run(
                (*command, str(file)), capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnjudgedError(f"{command[0]} does not run here: {error}") from error
    return done.returncode, done.stderr


def rules(numbered: Iterable[tuple[str, str]]) -> str:
    """A file of alert rules.

    Args:
        numbered: Names of alerts, and their queries.
    """
    listed = [{"alert": name, "expr": query} for name, query in numbered]
    return yaml.safe_dump({"groups": [{"name": "queries", "rules": listed}]})
