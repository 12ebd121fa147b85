"""Scrape jobs: derived from the site, and a site's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from plugins.model import Endpoint, EndpointKind, Problem
from plugins.native import drop_ins, parsed
from plugins.paths import Paths
from plugins.site import Host, Site
from plugins.wiring import PROBE_JOB, Target, nearest


def nearest_blackbox(site: Site, host: Host) -> Endpoint | None:
    """The prober of a Prometheus: the one on its own host, else the first of the site."""
    return nearest(site.endpoints(EndpointKind.API, "blackbox"), host)


def _file_sd(job: str) -> list[dict[str, Any]]:
    # Prometheus watches the files: a new target needs no reload.
    return [{"files": [f"{Paths('prometheus').hot}/targets/{job}.json"]}]


def _probe_job(blackbox: Endpoint, interval: str) -> dict[str, Any]:
    """https://github.com/prometheus/blackbox_exporter#prometheus-configuration"""
    return {
        "job_name": PROBE_JOB,
        "metrics_path": blackbox.path,
        "scheme": blackbox.scheme,
        "scrape_interval": interval,
        "file_sd_configs": _file_sd(PROBE_JOB),
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["module"], "target_label": "__param_module"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": blackbox.authority},
        ],
    }


def scrape_configs(
    targets: Iterable[Target], blackbox: Endpoint | None, probe_interval: str
) -> list[dict[str, Any]]:
    """One scrape config a job; its targets stand in files beside it.

    Args:
        targets: All targets, probes among them.
        blackbox: Where probes go; None if the site has no prober.
        probe_interval: Prometheus duration.
    """
    names = sorted({target.job for target in targets} - {PROBE_JOB})
    configs = [{"job_name": job, "file_sd_configs": _file_sd(job)} for job in names]
    if blackbox:
        configs.append(_probe_job(blackbox, probe_interval))
    return configs


def drop_in_jobs(site: Site, problems: list[Problem]) -> list[dict[str, Any]]:
    """Scrape configs from the site's ``jobs/*.yml``: one native entry a file, or a list.

    Args:
        site: The site.
        problems: Gets what is wrong with the files.
    """
    found: list[dict[str, Any]] = []
    for file, text in drop_ins(site.files / "jobs", "*.yml"):
        content = parsed(file, text, problems)
        entries = content if isinstance(content, list) else [content]
        for entry in entries:
            if isinstance(entry, dict) and "job_name" in entry:
                found.append(entry)
            elif content is not None:
                remedy = "Write a native scrape config with a job_name, or a list of them"
                problems.append(Problem(str(file), "holds no scrape config", remedy))
    return found
