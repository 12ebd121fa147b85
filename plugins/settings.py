"""Settings: what people may say in an inventory, with types, units and defaults.

Every role has a :class:`RoleSettings`; hosts and the site have one each. Unknown keys are
refused everywhere. The README's tables are generated from these classes.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic.config import JsonDict

from plugins import values
from plugins.dashboards.families import EXPOSED
from plugins.log_formats import FORMATS
from plugins.problem import suggestion

# Prometheus' own duration syntax (model.ParseDuration):
# https://prometheus.io/docs/prometheus/latest/configuration/configuration/#configuration-file
_DURATION = re.compile(r"(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?")
_SIZE = re.compile(r"\d+(B|KB|MB|GB|TB|PB|EB)")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
_DEPTH = 4
_DATA_ROOTS = frozenset({"var", "srv", "mnt", "data", "opt"})
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

# What lists of later layers do: they add to the earlier ones.
LATER_EXTENDS: JsonDict = {"merge": "extend"}


def _duration(value: str) -> str:
    if not value or (value != "0" and not _DURATION.fullmatch(value)):
        raise ValueError("write a duration such as 15s, 5m, 1h30m or 30d")
    return value


def _size(value: str) -> str:
    if not _SIZE.fullmatch(value):
        raise ValueError("write a size such as 512MB or 50GB")
    return value


def _folder(value: str) -> str:
    path = PurePosixPath(value)
    if not path.is_absolute() or str(path) != value or not _PLAIN_PATH.fullmatch(value):
        raise ValueError("write an absolute path of letters, digits and /._-")
    # It is given to a service's account: a folder of the system's must never be.
    if len(path.parts) < _DEPTH or ".." in path.parts or path.parts[1] not in _DATA_ROOTS:
        roots = ", ".join(f"/{root}" for root in sorted(_DATA_ROOTS))
        raise ValueError(f"write a folder of its own, two levels or more below {roots}")
    if path.is_relative_to("/opt/stackwatch"):
        raise ValueError("programs are below /opt/stackwatch, and what is no program is removed")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("control characters are not allowed")
    return value


def _label_names(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            raise ValueError(f"{name!r} is no label name (letters, digits, _; not __...)")
    return value


def _sealed(value: Any) -> SecretStr:
    # A plain text would be printed by pyinfra's --debug, and lie in the repository.
    if not isinstance(value, SecretStr):
        raise ValueError("a secret must come from a vault file: use plugins.vault.vault(...)")
    return value


SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
SealedSecret = Annotated[SecretStr, BeforeValidator(_sealed)]
DataFolder = Annotated[str, AfterValidator(_folder)]
Printable = Annotated[str, AfterValidator(_printable)]
# Read by everybody: a password goes into a setting of its own. Looked for first, so that no
# other mistake shows it.
PlainUrl = Annotated[str, AfterValidator(values.without_password), AfterValidator(_printable)]
LinePattern = Annotated[str, AfterValidator(values.re2_pattern)]
KeyPattern = Annotated[Printable, AfterValidator(values.key_pattern)]
MemorySize = Annotated[str, StringConstraints(pattern=r"^(\d+[KMGT]?|infinity)$")]
Bind = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]*$")]
Duration = Annotated[str, AfterValidator(_duration)]
# What a program would not take as 0, or take for "never".
Span = Annotated[str, AfterValidator(_duration), AfterValidator(values.more_than_nothing)]
Size = Annotated[str, AfterValidator(_size)]
Labels = Annotated[dict[str, str], AfterValidator(_label_names)]
Port = Annotated[int, Field(ge=1, le=65535)]
Native = dict[str, Any]


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys refused, no coercion of strings to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _job(value: str) -> str:
    if value == "probe":
        raise ValueError("the job of the blackbox probes has this name, take another")
    return value


def _family(value: str) -> str:
    if value not in EXPOSED:
        raise ValueError(f"unknown family; {suggestion(value, EXPOSED, 'families')}")
    return value


Family = Annotated[str, AfterValidator(_family)]


class AppService(Settings):
    """A service of the users' own on a host: scraped and probed, not installed."""

    name: Annotated[str, AfterValidator(_job)] = Field(description="job name of its metrics")
    port: Port = Field(description="TCP port")
    metrics: str | None = Field("/metrics", description="path of its metrics, or None")
    health: str | None = Field(None, description="path to probe every 30 s, or None")
    scheme: Literal["http", "https"] = Field("http", description="http or https")
    kind: Literal["application", "backend", "broker", "database", "exporter"] = Field(
        "application", description="what it is; alerts select by it"
    )
    labels: Labels = Field({}, description="extra labels")
    exposes: list[Family] = Field(
        [],
        description="families of metrics it has, for the panels that need them: "
        + ", ".join(EXPOSED),
    )

    @model_validator(mode="after")
    def _metrics_to_expose(self) -> Self:
        if self.exposes and self.metrics is None:
            raise ValueError("it has no `metrics`: take `exposes` out, or say their path")
        return self


def _format(value: str) -> str:
    if value not in FORMATS:
        raise ValueError(f"unknown log format; {suggestion(value, FORMATS, 'formats')}")
    return value


Glob = Annotated[str, AfterValidator(values.glob)]
Unit = Annotated[
    str, StringConstraints(pattern=r"^[\w@:.\\-]+\.(service|timer|socket|mount|scope)$")
]


ContainerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class LogSource(Settings):
    """Logs on a host: files, or units whose journal is read. The host's shipper ships them."""

    name: Printable = Field(description="label `service` of its lines", min_length=1)
    files: list[Glob] = Field([], description="files, absolute, `*` allowed")
    exclude: list[Glob] = Field([], description="files to leave out")
    units: list[Unit] = Field([], description="systemd units whose journal entries are read")
    containers: list[ContainerName] = Field(
        [], description="containers whose journal entries are read (log driver `journald`)"
    )
    format: Annotated[str, AfterValidator(_format)] = Field(
        "plain", description=f"how lines look: {', '.join(FORMATS)}"
    )
    multiline: LinePattern | None = Field(
        None, description="RE2 pattern of an entry's first line; default: the format's own"
    )
    timezone: Annotated[str, AfterValidator(values.zone)] = Field(
        "UTC", description="zone of times that name none"
    )
    class_: str = Field(
        "application", alias="class", description="retention class, one of `site.log_retention`"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if [bool(self.files), bool(self.units), bool(self.containers)].count(True) != 1:
            raise ValueError("give it `files`, `units` or `containers`, and just one of them")
        if not self.files and self.multiline is not None:
            raise ValueError("journal entries are lines of their own: take `multiline` out")
        return self


class RoleSettings(Settings):
    """What every role with a service understands.

    Subclasses give ``port`` its default; two roles with the same default port are refused.
    """

    port: Port = Field(description="TCP port it listens on")
    listen: Bind = Field("", description="address it binds to; empty means all")
    flags: list[Printable] = Field(
        [],
        description="extra command-line flags, after ours",
        json_schema_extra=LATER_EXTENDS,
    )
    memory_max: MemorySize = Field("1G", description="memory limit of the service, systemd size")
    start_timeout: int = Field(60, ge=1, description="seconds to become healthy after a start")
    logs: list[LogSource] = Field(
        [],
        description="further logs on hosts with this role",
        json_schema_extra=LATER_EXTENDS,
    )

    @property
    def listen_address(self) -> str:
        """What it binds to, for programs that want an address: all of them, unless said."""
        return self.listen or "0.0.0.0"  # noqa: S104


class HostSettings(Settings):
    """What a host, a group or the whole inventory may say of hosts."""

    address: str | None = Field(
        None, description="how other hosts reach it; default: ssh_hostname, else its name"
    )
    environment: str = Field("default", description="label `environment` of everything on it")
    labels: Labels = Field({}, description="labels of everything on it, they reach the metrics")
    runtime: Literal["docker", "systemd"] = Field(
        "systemd", description="how components run on it: as units, or as containers"
    )
    engine: Literal["docker", "podman"] = Field(
        "docker", description="what runs the containers of `runtime: docker`"
    )
    container_logs: Literal["journald", "json-file", "local"] = Field(
        "journald",
        description="log driver of containers; only what is in the journal is shipped",
    )
    architecture: Literal["amd64", "arm64"] = Field("amd64", description="its CPU architecture")
    os: Literal["linux"] = Field("linux", description="its operating system")
    without: list[str] = Field(
        [], description="roles that it does not get although every host does"
    )
    services: list[AppService] = Field(
        [],
        description="your own services on it, to be scraped and probed",
        json_schema_extra=LATER_EXTENDS,
    )
    logs: list[LogSource] = Field(
        [],
        description="logs of your own on it, beside those of our components",
        json_schema_extra=LATER_EXTENDS,
    )


@cache
def _binds(model: type[RoleSettings]) -> tuple[str, ...]:
    hints = get_type_hints(model, include_extras=True)
    return tuple(name for name in model.model_fields if hints[name] == Bind)


_Settings = TypeVar("_Settings", bound=RoleSettings)


def unbound(settings: _Settings) -> _Settings:
    """The same settings, bound to no address: for what listens on a network of its own.

    Args:
        settings: Of a role.
    """
    return settings.model_copy(update=dict.fromkeys(_binds(type(settings)), ""))
