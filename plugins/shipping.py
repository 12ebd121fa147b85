"""What every shipper of logs and traces has in common: what it may read, and what proves it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import Field, model_validator

from plugins.logs import SMOKE_FOLDER
from plugins.model import Check, CheckKind, Directory, Endpoint, EndpointKind, Hardening, HostView
from plugins.paths import Paths
from plugins.role import Context
from plugins.settings import (
    LATER_EXTENDS,
    Bind,
    KeyPattern,
    LogSource,
    MemorySize,
    Port,
    RoleSettings,
)
from plugins.site import Host
from plugins.values import below
from plugins.wiring import beside

# Who runs the smoke check writes there, a shipper only reads.
SMOKE_DIRECTORY = Directory(SMOKE_FOLDER, mode="0755", owner="root", writable=False)


_LOGS = "/var/log"
# What a shipper needs of /etc beside its own configuration: names, certificates, libraries.
_ETC = (
    "alternatives",
    "ca-certificates",
    "group",
    "hosts",
    "ld.so.cache",
    "localtime",
    "machine-id",
    "nsswitch.conf",
    "passwd",
    "pki",
    "resolv.conf",
    "ssl/certs",
)
# Where data and secrets of others are.
_HIDDEN = ("/etc", "/media", "/mnt", "/opt", "/srv", "/var")
_HOMES = ("/home", "/root")


class ShipperSettings(RoleSettings):
    """What every shipper understands."""

    otlp_grpc_port: Port = Field(4317, description="TCP port that takes OTLP over gRPC")
    otlp_http_port: Port = Field(4318, description="TCP port that takes OTLP over HTTP")
    otlp_listen: Bind = Field(
        "127.0.0.1", description="address that takes OTLP; applications are on its own host"
    )
    memory_max: MemorySize = Field("512M", description="memory limit of the service, systemd size")
    memory_limit_mib: int = Field(
        350, ge=50, description="MiB of memory above which what is sent to it has to wait"
    )
    queue_mb: int = Field(
        1024, ge=1, description="MB on disk for what a store does not take; then sources wait"
    )
    fsync: bool = Field(
        False, description="force every entry to the disk: survives a power cut, costs speed"
    )
    sampling_percent: float = Field(
        100, gt=0, le=100, description="share of traces that are kept, decided by their id"
    )
    redact_keys: list[KeyPattern] = Field(
        [],
        description="RE2 patterns of further keys whose values are secret, e.g. `iban`",
        json_schema_extra=LATER_EXTENDS,
    )

    @model_validator(mode="after")
    def _refuses_before_it_is_killed(self) -> Self:
        below(self.memory_limit_mib, self.memory_max)
        return self


def otlp_endpoints(name: str, host: Host, settings: ShipperSettings) -> tuple[Endpoint, ...]:
    """Where a shipper takes OTLP.

    Args:
        name: The shipper.
        host: Where it is.
        settings: Of it.
    """
    ports = (
        (EndpointKind.OTLP, settings.otlp_http_port, "http"),
        (EndpointKind.PEER, settings.otlp_grpc_port, "grpc"),
    )
    return tuple(
        Endpoint(name, host.name, kind, host.address, port, "", scheme, bind=settings.otlp_listen)
        for kind, port, scheme in ports
    )


def _folder(path: str) -> str:
    """The folder that a pattern of files begins in."""
    plain = re.split(r"[*?\[{]", path, maxsplit=1)[0]
    return plain.rpartition("/")[0] or "/"


def may_read(sources: Iterable[LogSource], component: str) -> Hardening:
    """The exceptions from the hardened unit that reading these sources needs.

    Logs belong to whoever writes them, so a shipper may read every file. Who writes logs could
    then put a link to somebody else's secret among them: so it sees nothing but logs. Folders
    outside /var/log must be there when it starts.

    Args:
        sources: The host's log sources.
        component: The shipper.
    """
    paths, folders = Paths(component), {_folder(path) for s in sources for path in s.files}
    foreign = {folder for folder in folders if folder != SMOKE_FOLDER}
    homes = any(folder.startswith(_HOMES) for folder in foreign)
    apart = sorted(folder for folder in foreign if not f"{folder}/".startswith(f"{_LOGS}/"))
    seen = [_LOGS, *apart, *(f"/etc/{name}" for name in _ETC)]
    return Hardening(
        capabilities=("CAP_DAC_READ_SEARCH",) if foreign else (),
        protect_home="tmpfs" if homes else "yes",
        overrides={
            # Readers of the journal ask /proc/sys which boot this is.
            "ProcSubset": "all",
            "TemporaryFileSystem": " ".join(f"{folder}:ro" for folder in _HIDDEN),
            "BindPaths": paths.storage,
            "BindReadOnlyPaths": " ".join([paths.etc, paths.versions, *(f"-{p}" for p in seen)]),
            "InaccessiblePaths": "-/boot -/run/credentials -/run/secrets",
        },
        tasks_max=1024,
    )


def must_see(sources: Iterable[LogSource]) -> HostView:
    """What of its host a shipper reads: logs, and the journal with the host's own journalctl.

    Args:
        sources: The host's log sources.
    """
    folders = {_folder(path) for source in sources for path in source.files}
    return HostView(
        files=tuple(sorted({_LOGS, "/run/log/journal", *folders} - {SMOKE_FOLDER})),
        programs=True,
    )


def arrivals(context: Context, shipper: str, stores: Sequence[Endpoint]) -> tuple[Check, ...]:
    """Checks that a line and a trace arrive in every store that can be asked for them.

    Args:
        context: The shipper's; its OTLP endpoint takes spans.
        shipper: Its name.
        stores: Stores of logs and of traces.
    """
    takes = context.endpoint(EndpointKind.OTLP).at("/v1/traces")
    checks = []
    for store in stores:
        queries = beside(context.site, store, EndpointKind.LOG_QUERY)
        if queries and store.kind is EndpointKind.LOGS:
            found = f"a log line is found in {store.component} on {store.host}"
            checks.append(Check(found, CheckKind.LOG_LINE, queries, (shipper,)))
        queries = beside(context.site, store, EndpointKind.TRACE_QUERY)
        if queries and store.kind is EndpointKind.TRACES:
            found = f"a trace is found in {store.component} on {store.host}"
            checks.append(Check(found, CheckKind.TRACE, queries, (shipper, takes.local_url)))
    return tuple(checks)
