"""What a backend is to people who look at its data: roles declare it, the role that shows it reads.

So a new backend is found by whatever shows data without a word said there about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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
