"""Jaeger: stores traces, shows them, and makes service performance metrics of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from plugins.durations import go_duration
from plugins.layers import merge_native
from plugins.model import (
    Check,
    CheckKind,
    Component,
    Endpoint,
    EndpointKind,
    Hardening,
    ManagedFile,
    OnChange,
    Problem,
    Service,
    SiteError,
    Validator,
)
from plugins.native import to_yaml
from plugins.paths import Paths
from plugins.role import Context, Role, limited
from plugins.settings import (
    LATER_EXTENDS,
    MemorySize,
    Native,
    PlainUrl,
    Port,
    Printable,
    RoleSettings,
    SealedSecret,
    Span,
)
from plugins.settings import Settings as Frozen
from plugins.site import Host
from plugins.wiring import nearest
from roles.jaeger.datasource import DATASOURCE

NAME = "jaeger"
PATHS = Paths(NAME)
PASSWORD = "secrets/elasticsearch"  # noqa: S105  # the file's name


class Elasticsearch(Frozen):
    """An Elasticsearch or OpenSearch that keeps the traces."""

    urls: list[PlainUrl] = Field(min_length=1, description="its URLs")
    username: Printable = Field("", description="user; empty for none")
    password: SealedSecret | None = Field(None, description="password, from a vault")
    index_prefix: Printable = Field("", description="prefix of its indices")


def _prefix(value: str) -> str:
    if value != "/" and (not value.startswith("/") or value.endswith("/")):
        raise ValueError("must start with /, and not end with one, as /jaeger")
    return value


class Settings(RoleSettings):
    """Settings of Jaeger."""

    port: Port = Field(16686, description="TCP port of interface and API")
    query_grpc_port: Port = Field(16685, description="TCP port of its gRPC API")
    # 4317 and 4318 are the collector's, which is on every host.
    otlp_grpc_port: Port = Field(14317, description="TCP port that takes traces, OTLP over gRPC")
    otlp_http_port: Port = Field(14318, description="TCP port that takes traces, OTLP over HTTP")
    metrics_port: Port = Field(14269, description="TCP port of its own metrics")
    performance_port: Port = Field(14270, description="TCP port of service performance metrics")
    health_port: Port = Field(14133, description="TCP port of its health")
    memory_max: MemorySize = Field("2G", description="memory limit of the service, systemd size")
    storage: Literal["badger", "elasticsearch", "opensearch"] = Field(
        "badger", description="where traces are kept: its own disk, or a search engine"
    )
    retention: Span = Field(
        "7d", description="how long its own disk keeps traces; search engines have policies"
    )
    elasticsearch: Elasticsearch | None = Field(
        None, description="for `elasticsearch` and `opensearch`: where it is"
    )
    base_path: Annotated[Printable, AfterValidator(_prefix)] = Field(
        "/", description="path prefix of the interface behind a proxy"
    )
    native: Native = Field(
        {}, description="native configuration, merged over ours", json_schema_extra=LATER_EXTENDS
    )


def endpoints(host: Host, settings: Settings) -> tuple[Endpoint, ...]:
    """Where Jaeger answers and takes traces."""
    prefix = settings.base_path.rstrip("/")
    shared = {}
    if settings.elasticsearch:
        shared = {"shared": ",".join(sorted(settings.elasticsearch.urls))}

    def at(kind: EndpointKind, port: int, path: str, **more: Any) -> Endpoint:
        return Endpoint(
            NAME, host.name, kind, host.address, port, path, bind=settings.listen, **more
        )

    return (
        at(EndpointKind.API, settings.port, f"{prefix}/"),
        at(EndpointKind.UI, settings.port, f"{prefix}/"),
        at(EndpointKind.TRACE_QUERY, settings.port, f"{prefix}/api/traces"),
        at(EndpointKind.METRICS, settings.metrics_port, "/metrics"),
        at(EndpointKind.METRICS, settings.performance_port, "/metrics"),
        at(EndpointKind.HEALTH, settings.health_port, "/status"),
        at(EndpointKind.TRACES, settings.otlp_http_port, "", labels=shared),
        at(EndpointKind.PEER, settings.otlp_grpc_port, "", scheme="grpc"),
        at(EndpointKind.PEER, settings.query_grpc_port, "", scheme="grpc"),
    )


def _backend(settings: Settings) -> dict[str, Any]:
    if settings.storage == "badger":
        return {
            "badger": {
                "directories": {
                    "keys": f"{PATHS.storage}/keys",
                    "values": f"{PATHS.storage}/values",
                },
                "ephemeral": False,
                "ttl": {"spans": go_duration(settings.retention)},
            }
        }
    engine = settings.elasticsearch
    assert engine is not None  # noqa: S101  # refused before
    made: dict[str, Any] = {"server_urls": engine.urls}
    if engine.index_prefix:
        made["indices"] = {"index_prefix": engine.index_prefix}
    if engine.username:
        login = {"username": engine.username, "password_file": f"{PATHS.config}/{PASSWORD}"}
        made["auth"] = {"basic": login}
    return {settings.storage: made}


def _configuration(context: Context) -> dict[str, Any]:
    """https://www.jaegertracing.io/docs/2.latest/deployment/configuration/"""
    settings: Settings = context.settings
    listen = settings.listen_address
    storage: dict[str, Any] = {"backends": {"main": _backend(settings)}}
    query: dict[str, Any] = {
        "storage": {"traces": "main"},
        "base_path": settings.base_path,
        "http": {"endpoint": f"{listen}:{settings.port}"},
        "grpc": {"endpoint": f"{listen}:{settings.query_grpc_port}"},
    }
    watching = nearest(context.site.endpoints(EndpointKind.API, "prometheus"), context.host)
    if watching:
        # The names that its own exporter gives: calls_total, duration_milliseconds.
        names = {"normalize_calls": True, "normalize_duration": True}
        backend = {"prometheus": {"endpoint": watching.url.rstrip("/"), **names}}
        storage["metric_backends"] = {"performance": backend}
        query["storage"]["metrics"] = "performance"
    return {
        "extensions": {
            "healthcheckv2": {
                "use_v2": True,
                "http": {"endpoint": f"{listen}:{settings.health_port}"},
            },
            "jaeger_storage": storage,
            "jaeger_query": query,
        },
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"{listen}:{settings.otlp_grpc_port}"},
                    "http": {"endpoint": f"{listen}:{settings.otlp_http_port}"},
                }
            }
        },
        "processors": {"batch": {}},
        # Once a minute, its default, is later than every scrape.
        "connectors": {"spanmetrics": {"metrics_flush_interval": "15s"}},
        "exporters": {
            "jaeger_storage_exporter": {"trace_storage": "main"},
            "prometheus": {"endpoint": f"{listen}:{settings.performance_port}"},
        },
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["batch"],
                    "exporters": ["jaeger_storage_exporter", "spanmetrics"],
                },
                "metrics/performance": {
                    "receivers": ["spanmetrics"],
                    "exporters": ["prometheus"],
                },
            },
            "telemetry": {
                "resource": {"service.name": NAME},
                "logs": {"level": "info", "encoding": "json"},
                "metrics": {
                    "level": "normal",
                    "readers": [
                        {
                            "pull": {
                                "exporter": {
                                    "prometheus": {"host": listen, "port": settings.metrics_port}
                                }
                            }
                        }
                    ],
                },
            },
        },
    }


def _problems(settings: Settings) -> list[Problem]:
    engine = settings.elasticsearch
    if settings.storage != "badger" and engine is None:
        remedy = 'Say where it is: jaeger.elasticsearch = {"urls": [...]}'
        return [Problem("jaeger.storage", f"{settings.storage} without an address", remedy)]
    if settings.storage == "badger" and engine is not None:
        remedy = 'Say jaeger.storage = "elasticsearch" or "opensearch", or take it out'
        return [Problem("jaeger.elasticsearch", "is not used by badger", remedy)]
    if engine and bool(engine.username) != bool(engine.password):
        remedy = "Give both, or neither"
        return [Problem("jaeger.elasticsearch", "has a user without a password", remedy)]
    return []


def component(context: Context) -> Component:
    """Jaeger on one host.

    Raises:
        SiteError: The storage is not said in full.
    """
    settings: Settings = context.settings
    problems = _problems(settings)
    if problems:
        raise SiteError(tuple(problems))
    content = to_yaml(merge_native(_configuration(context), settings.native))
    files = [ManagedFile("jaeger.yml", content, on_change=OnChange.RESTART)]
    engine = settings.elasticsearch
    if engine and engine.password:
        secret = engine.password.get_secret_value()
        files.append(ManagedFile(PASSWORD, secret, on_change=OnChange.RESTART, secret=True))
    health = context.endpoint(EndpointKind.HEALTH)
    return context.component(
        NAME,
        Service(
            argv=(
                f"{PATHS.programs}/jaeger",
                f"--config={PATHS.config}/jaeger.yml",
                *settings.flags,
            ),
            description="Jaeger",
            health=health,
            start_timeout=settings.start_timeout,
            # Badger takes ten seconds to write what it holds.
            stop_timeout=60,
            hardening=limited(Hardening(tasks_max=2048), settings),
        ),
        files=tuple(files),
        validators=(Validator(("{bin}/jaeger", "validate", "--config={config}/jaeger.yml")),),
        checks=(
            Check("is healthy", CheckKind.HTTP, health),
            Check("answers queries", CheckKind.HTTP, _services(context)),
        ),
    )


def _services(context: Context) -> Endpoint:
    api = context.endpoint(EndpointKind.API)
    return api.at(f"{api.path}api/services")


ROLE = Role(
    name=NAME,
    summary="stores traces, shows them, makes service performance metrics of them",
    settings=Settings,
    artifact=NAME,
    kind="backend",
    endpoints=endpoints,
    component=component,
    datasource=DATASOURCE,
    log_format="json",
)
