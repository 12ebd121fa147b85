"""The files that Grafana provisions itself from, each checked against its format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from plugins.model import ManagedFile
from plugins.native import to_yaml
from plugins.problem import Problem
from roles.grafana.datasources import Datasource, entry
from roles.grafana.provisioning import (
    DatasourcesFile,
    Entry,
    datasource_problems,
    refusals,
)

_DATASOURCES = "provisioning/datasources"


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
    wired = tuple(wired)
    plain = [entry(each) for each in wired if not each.secrets]
    secret = [entry(each) for each in wired if each.secrets]
    files = [_datasources_file("stackwatch", plain, False, problems)]
    if secret:
        files.append(_datasources_file("secret", secret, True, problems))
    if not problems:
        problems += datasource_problems(map(Entry.model_validate, [*plain, *secret]))
    return tuple(files)
