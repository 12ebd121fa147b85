"""Rule files: the project's own and a site's, for whatever evaluates rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import yaml

from plugins.model import ManagedFile, Problem
from plugins.native import drop_ins, parsed
from plugins.site import Site

_FILES = Path(__file__).parents[1] / "files"
# What the committed rules link to; a site sets its own.
RUNBOOKS = "https://runbooks.example.org"


@cache
def _project_rules(kind: str) -> tuple[tuple[str, str], ...]:
    return tuple((file.name, text) for file, text in _without_tests(_FILES / kind))


def _without_tests(folder: Path) -> Iterator[tuple[Path, str]]:
    """Rule files of a folder; their promtool tests stand beside them."""
    for file, text in drop_ins(folder, "*.yml"):
        if not file.name.endswith(".test.yml"):
            yield file, text


def _drop_in_rules(folder: Path, target: str, problems: list[Problem]) -> Iterator[ManagedFile]:
    for file, text in _without_tests(folder):
        content = parsed(file, text, problems)
        groups = content.get("groups") if isinstance(content, dict) else None
        if content is not None and not isinstance(groups, list):
            problems.append(Problem(str(file), "holds no rule groups", "Write `groups:`"))
        elif not all(isinstance(group, dict) and "name" in group for group in groups or []):
            remedy = "Write `- name: ...` for each"
            problems.append(Problem(str(file), "has a rule group without a name", remedy))
        yield ManagedFile(f"{target}/site-{file.name}", text)


def rule_files(
    site: Site, kind: str, target: str, problems: list[Problem]
) -> tuple[ManagedFile, ...]:
    """The project's rules of a kind with the site's runbooks, and the site's own.

    Args:
        site: The site; its own stand in its drop-in folder's ``<kind>/*.yml``.
        kind: Folder below ``files/``: ``rules`` or ``log_rules``.
        target: Folder below the component's configuration.
        problems: Gets what is wrong with the site's own files.
    """
    base = site.settings.runbook_base_url.rstrip("/")
    ours = (
        ManagedFile(f"{target}/{name}", text.replace(RUNBOOKS, base))
        for name, text in _project_rules(kind)
    )
    return (*ours, *_drop_in_rules(site.files / kind, target, problems))


def release_of(files: Iterable[ManagedFile]) -> str:
    """A short hash of what is loaded together, to be told by a rule of its own."""
    told = "".join(file.path + file.sha256 for file in files)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def group_names(files: Iterable[ManagedFile], target: str) -> tuple[str, ...]:
    """Names of the rule groups in the rule files below a folder, to be found loaded."""
    names: set[str] = set()
    for file in files:
        if file.path.startswith(f"{target}/"):
            names |= _names(file.content)
    return tuple(sorted(names))


@cache
def _names(content: str) -> frozenset[str]:
    parsed_rules = yaml.safe_load(content) or {}
    return frozenset(group["name"] for group in parsed_rules.get("groups") or [])
