"""Rule files: the project's, the site's own, and those generated from the inventory."""

from __future__ import annotations

from collections.abc import Iterable

from plugins.model import ManagedFile, Problem
from plugins.native import to_yaml
from plugins.rule_files import rule_files as written
from plugins.site import Site
from plugins.wiring import PROBE_JOB, Target

FOLDER = "rules"


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
        f"{FOLDER}/expected_jobs.yml",
        to_yaml({"groups": [{"name": "expected_jobs", "rules": rules}]}),
    )


def rule_files(
    site: Site, targets: Iterable[Target], problems: list[Problem]
) -> tuple[ManagedFile, ...]:
    """Every rule file of a Prometheus.

    Args:
        site: The site; its ``rules/*.yml`` are taken over.
        targets: What the inventory expects to be scraped.
        problems: Gets what is wrong with the site's own files.
    """
    return (*written(site, "rules", FOLDER, problems), _expected_jobs(site, targets))


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
        f"{FOLDER}/stackwatch_config.yml",
        to_yaml({"groups": [{"name": "stackwatch_config", "rules": [rule]}]}),
    )
