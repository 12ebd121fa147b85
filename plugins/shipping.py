"""What every shipper of logs and traces has in common: what it may read, and what proves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plugins.logs import SMOKE_FOLDER
from plugins.model import Check, CheckKind, Directory, Endpoint, EndpointKind, Hardening
from plugins.role import Context
from plugins.settings import LogSource
from plugins.wiring import beside

# Who runs the smoke check writes there, a shipper only reads.
SMOKE_DIRECTORY = Directory(SMOKE_FOLDER, mode="0755", owner="root", writable=False)


def may_read(sources: Iterable[LogSource]) -> Hardening:
    """The exceptions from the hardened unit that reading these sources needs.

    Args:
        sources: The host's log sources.
    """
    paths = [path for source in sources for path in source.files]
    foreign = [path for path in paths if not path.startswith(f"{SMOKE_FOLDER}/")]
    homes = any(path.startswith(("/home/", "/root/")) for path in foreign)
    return Hardening(
        # Logs belong to whoever writes them. It may read them all, and write none.
        capabilities=("CAP_DAC_READ_SEARCH",) if foreign else (),
        protect_home="read-only" if homes else "yes",
        # Readers of the journal ask /proc/sys which boot this is.
        overrides={"ProcSubset": "all"},
        tasks_max=1024,
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
