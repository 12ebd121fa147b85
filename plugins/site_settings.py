"""What is true of a whole site, as people may say it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from plugins.durations import milliseconds
from plugins.settings import LATER_EXTENDS, Duration, Settings

RETENTION = {"debug": "7d", "application": "30d", "audit": "1y", "security": "1y"}


_CLASS = re.compile(r"[a-z][a-z0-9_-]*")
# https://github.com/grafana/loki/blob/v3.7.8/pkg/validation/limits.go#L606
_SHORTEST_RETENTION = "24h"


def _retention(value: dict[str, str]) -> dict[str, str]:
    for name, period in value.items():
        if not _CLASS.fullmatch(name):
            raise ValueError(f"{name!r} is no class name (a-z first, then a-z, 0-9, _ or -)")
        if milliseconds(period) < milliseconds(_SHORTEST_RETENTION):
            raise ValueError(
                f"class {name!r} is to be kept for {period}, and the shortest that Loki takes is "
                f"{_SHORTEST_RETENTION}"
            )
    return {**RETENTION, **value}


ImageRegistry = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]


class SiteSettings(Settings):
    """What is true of the whole site; said once, in the inventory or `group_data/all.py`."""

    name: str = Field("", description="name of the site; default: the inventory's file name")
    groups: list[str] = Field(
        [],
        description="groups that are no roles, for settings only",
        json_schema_extra=LATER_EXTENDS,
    )
    runbook_base_url: str = Field(
        "https://runbooks.example.org", description="where alerts link their runbooks"
    )
    artifact_sources: list[Literal["mirror", "release", "image", "module", "package", "python"]] = (
        Field(
            ["mirror", "release", "image", "module", "package", "python"],
            description="where programs may come from, in order of preference",
        )
    )
    artifact_mirror: str | None = Field(None, description="base URL of your own mirror")
    artifact_image_mirror: str | None = Field(
        None,
        description="registry of your own that has upstream's images under their own names",
    )
    artifact_lock: str | None = Field(
        None, description="a lock file of your own; its entries replace ours, to pin a version"
    )
    image_registry: ImageRegistry | None = Field(
        None,
        description="registry of your own, `https://host:port`: images are pushed to it once and "
        "hosts pull them by digest; default: each host is sent them",
    )
    allow_missing: list[str] = Field(
        [], description="roles that may be left out when their program cannot be obtained"
    )
    log_retention: Annotated[dict[str, Duration], AfterValidator(_retention)] = Field(
        RETENTION,
        description="retention class of log lines to how long they are kept; adds to ours",
    )
    check_deadline: int = Field(
        90, ge=1, description="seconds for targets and alerts to appear after a change"
    )
    lock_timeout: int = Field(
        120, ge=0, description="seconds to wait for another run on the same host"
    )
    files: str | None = Field(
        None,
        description="drop-in folder; default: `files/<site name>` beside the inventory",
    )
