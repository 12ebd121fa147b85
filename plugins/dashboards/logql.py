"""LogQL, judged by Loki's own tool: what it refuses in a rule is none."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from plugins.artifacts import ArtifactPolicy, Lock, Store, obtain, unpacked
from plugins.problem import ArtifactError
from plugins.site import Site

_SECONDS = 60
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_REFUSED = re.compile(r"could not parse expression for alert '(\d+)' in group '\w+': (.*?)\" file=")


class UnjudgedError(Exception):
    """LogQL cannot be judged on this machine; says why."""


def is_log_query(expression: str) -> bool:
    """Whether an expression finds lines, not numbers that are made of them."""
    return expression.lstrip().lstrip("(").lstrip().startswith("{")


def as_metric(expression: str) -> str:
    """An expression that is a number: rules, and counts, are made of nothing else."""
    return f"count_over_time({expression} [1m])" if is_log_query(expression) else expression


def lokitool(site: Site | None = None) -> Path:
    """Loki's tool for this machine, as sites get it.

    Args:
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
    wanted = ("loki", _ARCHITECTURES.get(machine, machine))
    found = obtain(lock, [wanted], policy, Store.default(), lambda line: None)[wanted]
    if isinstance(found, ArtifactError):
        raise UnjudgedError(str(found))
    if "lokitool" not in found.files:
        raise UnjudgedError(f"loki {found.version} from {found.source} comes without lokitool")
    return unpacked(found) / "lokitool"


def faults(expressions: Sequence[str], tool: Path) -> Mapping[str, str]:
    """Expressions that are no LogQL, each with the reason.

    Args:
        expressions: Of any kind.
        tool: Where lokitool is.

    Raises:
        UnjudgedError: It does not run here.
    """
    left = {str(number): text for number, text in enumerate(dict.fromkeys(expressions))}
    refused: dict[str, str] = {}
    # It stops at the first mistake.
    while left:
        found = _first_fault(tuple(left.items()), tool)
        if found is None:
            break
        number, reason = found
        refused[left.pop(number)] = reason
    return refused


@cache
def _first_fault(numbered: tuple[tuple[str, str], ...], tool: Path) -> tuple[str, str] | None:
    """The first expression that the tool refuses, by its number, and why."""
    rules = [{"alert": number, "expr": as_metric(text)} for number, text in numbered]
    with TemporaryDirectory() as folder:
        file = Path(folder, "queries.yml")
        file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
        command = (str(tool), "rules", "check", str(file))
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnjudgedError(f"{tool} does not run here: {error}") from error
    if done.returncode == 0:
        return None
    told = _REFUSED.search(done.stderr.replace('\\"', "'"))
    if told is None:
        raise UnjudgedError(f"{tool} failed: {' '.join(done.stderr.split())[:300]}")
    return told[1], told[2].replace("\\n", " ")
