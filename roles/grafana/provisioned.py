"""The files that Grafana provisions itself from, each checked against its format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from plugins.dashboards.site import SiteDashboard
from plugins.model import ManagedFile, OnChange
from plugins.native import to_yaml
from plugins.problem import Problem
from roles.grafana.configuration import DASHBOARDS
from roles.grafana.datasources import Datasource, entry
from roles.grafana.provisioning import (
    DatasourcesFile,
    Entry,
    ProvidersFile,
    datasource_problems,
    refusals,
)

_DATASOURCES = "provisioning/datasources"
_PROVIDER = "provisioning/dashboards/stackwatch.yml"


def _datasources_file(
    name: str, entries: list[dict[str, Any]], secret: bool, problems: list[Problem]
) -> ManagedFile:
    content = {"apiVersion": 1, "prune": True, "datasources": entries}
    path = f"{_DATASOURCES}/{name}.yml"
    problems += refusals(DatasourcesFile, content, path)
    return ManagedFile(path, to_yaml(content), secret=secret)


def datasource_files(
    wired: Iterable[Datasource], problems: list[Problem]
) -> tuple[ManagedFile, ...]:
    """The provisioning files of datasources; those with secrets apart, so that others have diffs.

    Args:
        wired: All of them.
        problems: Gets what Grafana would refuse.
    """
    wired, refused = tuple(wired), list[Problem]()
    plain = [entry(each) for each in wired if not each.secrets]
    secret = [entry(each) for each in wired if each.secrets]
    files = [_datasources_file("stackwatch", plain, False, refused)]
    if secret:
        files.append(_datasources_file("secret", secret, True, refused))
    if not refused:
        refused += datasource_problems(map(Entry.model_validate, [*plain, *secret]))
    problems += refused
    return tuple(files)


def _provider(mark: str, problems: list[Problem]) -> ManagedFile:
    """Where Grafana finds dashboards; their hash in it makes a change of theirs a reload.

    Grafana knows a dashboard by the path of its file, so they lie where releases are not: below
    the folder of a new release each would be another one, without its stars and versions.
    """
    content = {
        "apiVersion": 1,
        "providers": [
            {
                "name": "stackwatch",
                "orgId": 1,
                "type": "file",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": DASHBOARDS, "foldersFromFilesStructure": True},
            }
        ],
    }
    problems += refusals(ProvidersFile, content, _PROVIDER)
    return ManagedFile(_PROVIDER, f"{to_yaml(content)}# Dashboards: {mark}\n")


def dashboard_files(
    dashboards: Iterable[SiteDashboard], problems: list[Problem]
) -> tuple[ManagedFile, ...]:
    """The dashboards of a site, and where Grafana finds them.

    Args:
        dashboards: All of them.
        problems: Gets what Grafana would refuse.
    """
    files = tuple(
        ManagedFile(f"dashboards/{each.path}", each.content, on_change=OnChange.NOTHING)
        for each in dashboards
    )
    seen = "".join(f"{file.path} {file.sha256}\n" for file in files)
    return _provider(hashlib.sha256(seen.encode()).hexdigest()[:16], problems), *files


def unused() -> tuple[ManagedFile, ...]:
    """Files that say nothing: Grafana logs an error for each folder that is not there."""
    return tuple(
        ManagedFile(f"provisioning/{folder}/stackwatch.yml", to_yaml({"apiVersion": 1}))
        for folder in ("alerting", "plugins")
    )
