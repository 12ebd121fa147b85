"""Addresses that components answer on, and how clients trust and log in to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

EMPTY: Mapping[str, str] = MappingProxyType({})


class EndpointKind(StrEnum):
    """What an endpoint is for; wiring selects by it."""

    METRICS = "metrics"
    HEALTH = "health"
    API = "api"
    UI = "ui"
    PEER = "peer"
    # Take logs and traces in OTLP over HTTP; the path is what stands before /v1/logs, /v1/traces.
    LOGS = "logs"
    TRACES = "traces"
    # Takes OTLP from applications, over HTTP; the path as before.
    OTLP = "otlp"
    # Where a line or a trace that was taken is found again.
    LOG_QUERY = "log_query"
    TRACE_QUERY = "trace_query"


@dataclass(frozen=True)
class Trust:
    """How a client verifies a server.

    Attributes:
        authority: Path on the client's host of the PEM bundle to trust; None means the system's.
        server_name: Name expected in the certificate; None means the endpoint's address.
    """

    authority: str | None = None
    server_name: str | None = None


@dataclass(frozen=True)
class Credentials:
    """Where a client reads its user name and password from (paths on its own host)."""

    username: str
    password_file: str


@dataclass(frozen=True)
class Endpoint:
    """One address a component answers on. No role builds a URL by hand.

    Attributes:
        component: Name of the component that listens.
        host: Inventory name of the host it listens on.
        kind: What the endpoint is for.
        address: Name or IP that other hosts reach it by.
        port: TCP port, 1-65535.
        path: Absolute URL path, starting with ``/``.
        scheme: ``http``, ``https`` or ``tcp``.
        trust: How clients verify it, for ``https``.
        credentials: What clients log in with, if anything.
        labels: Extra labels for its scrape target or probe.
        bind: Address it is bound to; empty means all.
    """

    component: str
    host: str
    kind: EndpointKind
    address: str
    port: int
    path: str = "/"
    scheme: str = "http"
    trust: Trust | None = None
    credentials: Credentials | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    bind: str = ""

    @property
    def authority(self) -> str:
        """``address:port``, with IPv6 addresses in brackets."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"

    @property
    def url(self) -> str:
        """The full URL, for example ``http://10.0.0.5:9090/-/healthy``."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def at(self, path: str) -> Endpoint:
        """The same endpoint with another path (and query)."""
        return replace(self, path=path)

    @property
    def local_only(self) -> bool:
        """True if only its own host reaches it."""
        return self.bind.startswith("127.") or self.bind in ("localhost", "::1")

    @property
    def local_url(self) -> str:
        """The URL its own host reads it by, which works behind any address translation."""
        if self.bind in ("", "0.0.0.0", "::"):  # noqa: S104  # read, not bound
            return replace(self, address="127.0.0.1").url
        return replace(self, address=self.bind).url

    @property
    def loopback_url(self) -> str:
        """The URL that what listens on all addresses of its own network is read by from inside."""
        return replace(self, address="127.0.0.1").url
