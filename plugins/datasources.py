"""What a backend is to people who look at its data: roles declare it, the role that shows it reads.

So a new backend is found by whatever shows data without a word said there about it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# https://github.com/grafana/grafana/blob/v12.4.2/pkg/util/shortid_generator.go#L19
_LONGEST_UID = 40


class Signal(StrEnum):
    """What a datasource holds; others lead to it by this."""

    METRICS = "metrics"
    LOGS = "logs"
    TRACES = "traces"
    ALERTS = "alerts"


@dataclass(frozen=True)
class Linked:
    """Where a datasource may lead to: uids of the site's nearest one of each signal, or empty."""

    metrics: str = ""
    logs: str = ""
    traces: str = ""
    alerts: str = ""


@dataclass(frozen=True)
class DatasourceType:
    """How Grafana reads a backend.

    Attributes:
        name: Type of the datasource, Grafana's plugin id.
        title: Its name for people; the host's name is put behind it.
        signal: What it holds.
        probe: Path and query below its URL that Grafana's own health check calls.
        options: From the backend's settings and what it may lead to, to ``jsonData``.
        proxied: True where some versions have no health check for the type, so that the probe
            is called through Grafana's proxy.
    """

    name: str
    title: str
    signal: Signal
    probe: str
    options: Callable[[Any, Linked], Mapping[str, Any]]
    proxied: bool = False


def uid_of(kind: str, name: str) -> str:
    """The uid of a datasource of a type: of its host's name, or of its own.

    Args:
        kind: Its type.
        name: What tells it from others of its type.
    """
    made = re.sub(r"[^a-z0-9]", "-", f"{kind}-{name}".lower())
    if len(made) <= _LONGEST_UID:
        return made
    mark = hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:8]
    return f"{made[: _LONGEST_UID - len(mark) - 1]}-{mark}"
