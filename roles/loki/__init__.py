"""Loki: stores log lines, answers queries and alerts on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from plugins.durations import milliseconds
from plugins.layers import merge_native
from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    Guard,
    Hardening,
    ManagedFile,
    OnChange,
    Problem,
    Proof,
    Reload,
    Service,
    SiteError,
    Validator,
)
from plugins.native import to_yaml
from plugins.paths import Paths
from plugins.role import Context, Role, limited, own_endpoints
from plugins.rule_files import group_names, release_of, rule_files
from plugins.settings import (
    LATER_EXTENDS,
    Duration,
    MemorySize,
    Native,
    Port,
    Printable,
    RoleSettings,
    SealedSecret,
    Span,
)
from plugins.settings import Settings as Frozen
from plugins.site import Host, Site
from roles.loki.configuration import configuration
from roles.loki.datasource import DATASOURCE
from roles.loki.schema import day, in_order, refusal

NAME = "loki"
PATHS = Paths(NAME)
CREDENTIALS = "secrets/s3"
# Without authentication there is one tenant, and this is its name:
# https://grafana.com/docs/loki/latest/operations/multi-tenancy/
TENANT = "rules/fake"
# A reload is waited for so long; a changed rule must have been seen by then.
_LONGEST_RULES_INTERVAL = "20s"


class ObjectStorage(Frozen):
    """An S3-compatible store for chunks and index."""

    bucket: Printable = Field(description="bucket, which must exist")
    endpoint: Printable = Field("", description="host:port of a store that is not Amazon's")
    region: Printable = Field("us-east-1", description="region")
    insecure: bool = Field(False, description="plain HTTP")
    path_style: bool = Field(True, description="bucket in the path, not in the host's name")
    access_key_id: SealedSecret | None = Field(
        None, description="key, from a vault; None takes the machine's own"
    )
    secret_access_key: SealedSecret | None = Field(None, description="its secret, from a vault")


class Period(Frozen):
    """From which day on entries are stored in which form. Periods are added, never changed."""

    from_: Annotated[str, AfterValidator(day)] = Field(alias="from", description="first day, UTC")
    object_store: Literal["filesystem", "s3"] = Field(
        "filesystem", description="where chunks and index go"
    )
    schema_: Literal["v13"] = Field("v13", alias="schema", description="schema version")
    prefix: Printable = Field("index_", description="prefix of index tables")


class Settings(RoleSettings):
    """Settings of Loki."""

    port: Port = Field(3100, description="TCP port of the API")
    grpc_port: Port = Field(9095, description="TCP port Lokis talk to each other on")
    cluster_port: Port = Field(7946, description="TCP port of their memberlist")
    memory_max: MemorySize = Field("4G", description="memory limit of the service, systemd size")
    # It replays its write-ahead log first.
    start_timeout: int = Field(300, ge=1, description="seconds to become ready after a start")
    s3: ObjectStorage | None = Field(
        None,
        description="object storage that all Lokis share, instead of each one's own disk",
    )
    periods: list[Period] = Field(
        [], description="schema periods; default: one from 2024-04-01 in the storage above"
    )
    replication: int = Field(
        1, ge=1, description="how many of the Lokis that share a storage take each line"
    )
    reject_older: Span = Field("168h", description="entries older than this are refused")
    late_lines: Span = Field(
        "12h", description="how far behind the newest line of its stream a line may be"
    )
    compaction_interval: Span = Field("10m", description="how often the compactor runs")
    delete_delay: Duration = Field(
        "2h", description="how long chunks that retention gave up stay, for queries that run"
    )
    ingestion_mb: int = Field(32, ge=1, description="MB of lines that it takes in a second")
    rules_interval: Span = Field("10s", description="how often rule files are read, 20s at most")
    external_url: Printable = Field("", description="URL people reach it by, for links in alerts")
    native: Native = Field(
        {}, description="native loki.yml, merged over ours", json_schema_extra=LATER_EXTENDS
    )

    @field_validator("rules_interval")
    @classmethod
    def _soon(cls, value: str) -> str:
        if milliseconds(value) > milliseconds(_LONGEST_RULES_INTERVAL):
            raise ValueError(
                f"must be {_LONGEST_RULES_INTERVAL} or less: a reload is waited for 30s, and a "
                "changed rule must have been read by then"
            )
        return value

    @field_validator("periods")
    @classmethod
    def _one_after_the_other(cls, value: list[Period]) -> list[Period]:
        in_order([period.from_ for period in value])
        return value


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where Loki answers, where it takes lines, and where Lokis talk to each other."""
    served = own_endpoints(
        NAME,
        host,
        settings,
        {
            EndpointKind.METRICS: "/metrics",
            EndpointKind.HEALTH: "/ready",
            EndpointKind.API: "/",
            EndpointKind.LOG_QUERY: "/loki/api/v1/query_range",
        },
    )
    # Lokis on one storage are one: a line goes to any of them, else to every one.
    shared = {"shared": settings.s3.bucket} if settings.s3 else {}
    takes = Endpoint(
        NAME,
        host.name,
        EndpointKind.LOGS,
        host.address,
        settings.port,
        "/otlp",
        labels=shared,
        bind=settings.listen,
    )
    peers = tuple(
        Endpoint(NAME, host.name, EndpointKind.PEER, host.address, port, scheme=scheme)
        for port, scheme in ((settings.cluster_port, "tcp"), (settings.grpc_port, "grpc"))
    )
    return (*served, takes, *peers)


def _credentials(storage: ObjectStorage | None) -> tuple[ManagedFile, ...]:
    """A credentials file in the form every S3 client reads."""
    if storage is None or storage.access_key_id is None or storage.secret_access_key is None:
        return ()
    key, secret = storage.access_key_id, storage.secret_access_key
    content = (
        "[default]\n"
        f"aws_access_key_id = {key.get_secret_value()}\n"
        f"aws_secret_access_key = {secret.get_secret_value()}\n"
    )
    return (ManagedFile(CREDENTIALS, content, on_change=OnChange.RESTART, secret=True),)


def _release_file(release: str) -> ManagedFile:
    """A rule that never fires and tells which rules are loaded."""
    rule = {"alert": "StackwatchRelease", "expr": "vector(0) > 1", "labels": {"release": release}}
    group = {"name": "stackwatch_release", "rules": [rule]}
    return ManagedFile(f"{TENANT}/stackwatch_release.yml", to_yaml({"groups": [group]}))


def _replicas(settings: Settings, site: Site) -> Problem | None:
    """Every replica of a line is another Loki's on the same storage."""
    if settings.replication > 1 and settings.s3 is None:
        remedy = "Say loki.s3 for one that all share, or take it out: each has every line anyway"
        what = f"{settings.replication} with storages of their own"
        return Problem("loki.replication", what, remedy)
    bucket = settings.s3.bucket if settings.s3 else None
    takers = site.endpoints(EndpointKind.LOGS, NAME)
    sharing = sum(endpoint.labels.get("shared") == bucket for endpoint in takers)
    if settings.replication > 1 and settings.replication > sharing:
        what = f"{settings.replication}, but the Lokis on the storage {bucket} are {sharing}"
        return Problem("loki.replication", what, "Lower it, or give more hosts the role")
    return None


def _problems(settings: Settings, site: Site) -> list[Problem]:
    replicas = _replicas(settings, site)
    problems = [replicas] if replicas else []
    if settings.s3 and settings.periods and settings.periods[-1].object_store != "s3":
        what = f"the newest, from {settings.periods[-1].from_}, is on the filesystem beside loki.s3"
        remedy = 'Say "object_store": "s3" in it, or, if it is in force, add one that starts later'
        problems.append(Problem("loki.periods", what, f"{remedy}; or take loki.s3 out"))
    if any(period.object_store == "s3" for period in settings.periods) and settings.s3 is None:
        remedy = "Say loki.s3, or let the period be on the filesystem"
        problems.append(
            Problem("loki.periods", "a period is stored in s3, of which nothing is said", remedy)
        )
    if settings.s3 and bool(settings.s3.access_key_id) != bool(settings.s3.secret_access_key):
        remedy = "Give both, or neither for the machine's own"
        problems.append(Problem("loki.s3", "has a key without its secret", remedy))
    return problems


def component(context: Context) -> Component:
    """Loki on one host.

    Raises:
        SiteError: Settings that contradict each other, or a drop-in file that is not valid.
    """
    settings: Settings = context.settings
    problems = _problems(settings, context.site)
    ours = configuration(settings, context.host, context.site, f"{PATHS.config}/rules")
    rules = rule_files(context.site, "log_rules", TENANT, problems)
    if problems:
        raise SiteError(tuple(problems))
    content = to_yaml(merge_native(ours, settings.native))
    release = release_of(rules)
    rules = (*rules, _release_file(release))
    credentials = _credentials(settings.s3)
    health, api = context.endpoint(EndpointKind.HEALTH), context.endpoint(EndpointKind.API)
    groups = group_names(rules, TENANT)
    argv = (f"{PATHS.programs}/loki", f"-config.file={PATHS.config}/loki.yml", *settings.flags)
    environment = {"AWS_SHARED_CREDENTIALS_FILE": f"{PATHS.config}/{CREDENTIALS}"}
    return context.component(
        NAME,
        Service(
            argv=argv,
            description="Loki",
            health=health,
            environment=environment if credentials else {},
            # Rules are read anew from time to time; everything else needs a restart.
            reload=Reload(
                signal="0", proof=Proof(contains=(("/prometheus/api/v1/rules", release),))
            ),
            start_timeout=settings.start_timeout,
            # It writes what it holds in memory on the way down.
            stop_timeout=120,
            hardening=limited(
                Hardening(
                    tasks_max=2048,
                    # It looks at the machine's interfaces for its own address.
                    address_families=("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"),
                ),
                settings,
            ),
        ),
        files=(ManagedFile("loki.yml", content, on_change=OnChange.RESTART), *rules, *credentials),
        validators=(
            Validator(("{bin}/loki", "-verify-config", "-config.file={config}/loki.yml")),
            Validator(
                ("{bin}/lokitool", "rules", "lint", "--dry-run", f"--rule-dirs={{config}}/{TENANT}")
            ),
        ),
        checks=(
            Check("is ready", CheckKind.HTTP, health),
            Check("rules loaded", CheckKind.RULES, api.at("/prometheus/api/v1/rules"), groups),
        ),
        guards=(Guard("loki.yml", refusal),),
    )


ROLE = Role(
    name=NAME,
    summary="stores log lines, answers queries and alerts on them",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
    datasource=DATASOURCE,
)
