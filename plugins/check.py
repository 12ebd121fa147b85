"""What must be true of a running component, as roles declare it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plugins.endpoint import Endpoint


class CheckKind(StrEnum):
    """How a check is evaluated; see :mod:`plugins.checks`."""

    HTTP = "http"
    TARGETS = "targets"
    TARGETS_UP = "targets_up"
    RULES = "rules"
    ALERTMANAGERS = "alertmanagers"
    MEMBERS = "members"
    WATCHDOG = "watchdog"
    PROBES = "probes"
    DELIVERY = "delivery"
    LOG_LINE = "log_line"
    TRACE = "trace"
    DATASOURCE = "datasource"
    PROXIED = "proxied"
    DASHBOARDS = "dashboards"
    QUERIES = "queries"


@dataclass(frozen=True)
class Check:
    """One thing that must be true of a running component, readable with one request on its host.

    Attributes:
        name: What is checked, in words, unique within the component.
        kind: How the body is judged.
        endpoint: Where to read it, with its credentials where it has some.
        expected: What the body must hold; meaning depends on ``kind`` (targets: ``job
            instance``, rules: group names, watchdog: alert names, probes: URLs, ...).
        body: JSON to post there; empty for a GET. It stands in an argument: never a secret.
    """

    name: str
    kind: CheckKind
    endpoint: Endpoint
    expected: tuple[str, ...] = ()
    body: str = ""
