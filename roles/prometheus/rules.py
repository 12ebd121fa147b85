"""Rule files: the project's, the site's own, and those generated from the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import yaml

from plugins.model import ManagedFile, Problem
from plugins.native import drop_ins, parsed, to_yaml
from plugins.site import Site
from plugins.wiring import PROBE_JOB, Target

RULES = Path(__file__).parents[2] / "files" / "rules"
# What the committed rules link to; a site sets its own.
RUNBOOKS = "https://runbooks.example.org"


@cache
def _project_rules() -> tuple[tuple[str, str], ...]:
    return tuple((file.name, text) for file, text in _without_tests(RULES))


def _without_tests(folder: Path) -> Iterator[tuple[Path, str]]:
    """Rule files of a folder; their promtool tests stand beside them."""
    for file, text in drop_ins(folder, "*.yml"):
        if not file.name.endswith(".test.yml"):
            yield file, text


def _expected_jobs(site: Site, targets: Iterable[Target]) -> ManagedFile:
    """An alert for every job that the inventory expects and that has no target at all.

    ``up == 0`` cannot see it: a job without targets has no ``up``.
    """
    jobs = sorted({target.job for target in targets} - {PROBE_JOB})
    rules = [
        {
            "alert": "ExpectedJobAbsent",
            "expr": f'absent(up{{job="{job}"}})',
            "for": "5m",
            "labels": {"severity": "critical", "priority": "P1", "team": "platform"},
            "annotations": {
                "summary": f"Job {job} has no target",
                "description": f"The inventory expects job {job}, Prometheus scrapes none of it.",
                "runbook_url": f"{site.settings.runbook_base_url}/expected-job-absent",
            },
        }
        for job in jobs
    ]
    return ManagedFile(
        "rules/expected_jobs.yml", to_yaml({"groups": [{"name": "expected_jobs", "rules": rules}]})
    )


def _drop_in_rules(site: Site, problems: list[Problem]) -> list[ManagedFile]:
    files = []
    for file, text in _without_tests(site.files / "rules"):
        content = parsed(file, text, problems)
        groups = content.get("groups") if isinstance(content, dict) else None
        if content is not None and not isinstance(groups, list):
            problems.append(Problem(str(file), "holds no rule groups", "Write `groups:`"))
        elif not all(isinstance(group, dict) and "name" in group for group in groups or []):
            remedy = "Write `- name: ...` for each"
            problems.append(Problem(str(file), "has a rule group without a name", remedy))
        files.append(ManagedFile(f"rules/site-{file.name}", text))
    return files


def rule_files(
    site: Site, targets: Iterable[Target], problems: list[Problem]
) -> tuple[ManagedFile, ...]:
    """Every rule file of a Prometheus.

    Args:
        site: The site; its ``rules/*.yml`` are taken over.
        targets: What the inventory expects to be scraped.
        problems: Gets what is wrong with the site's own files.
    """
    base = site.settings.runbook_base_url.rstrip("/")
    ours = [
        ManagedFile(f"rules/{name}", text.replace(RUNBOOKS, base))
        for name, text in _project_rules()
    ]
    return (*ours, _expected_jobs(site, targets), *_drop_in_rules(site, problems))


def release_file(release: str) -> ManagedFile:
    """A recording rule that tells which configuration is loaded.

    Prometheus exposes no hash of its configuration; this makes one, and makes every change
    of the configuration visible on a graph.

    Args:
        release: Hash of everything else that is loaded with it.
    """
    rule = {
        "record": "stackwatch_config_info",
        "expr": "vector(1)",
        "labels": {"component": "prometheus", "release": release},
    }
    return ManagedFile(
        "rules/stackwatch_config.yml",
        to_yaml({"groups": [{"name": "stackwatch_config", "rules": [rule]}]}),
    )


def group_names(files: Iterable[ManagedFile]) -> tuple[str, ...]:
    """Names of the rule groups in rule files, to be found loaded."""
    names: set[str] = set()
    for file in files:
        if file.path.startswith("rules/"):
            names |= _names(file.content)
    return tuple(sorted(names))


@cache
def _names(content: str) -> frozenset[str]:
    parsed_rules = yaml.safe_load(content) or {}
    return frozenset(group["name"] for group in parsed_rules.get("groups") or [])
