"""What people may say of Grafana."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from plugins.settings import (
    LATER_EXTENDS,
    MemorySize,
    Native,
    PlainUrl,
    Port,
    Printable,
    RoleSettings,
    SealedSecret,
    SecretName,
)
from plugins.settings import Settings as Frozen
from roles.grafana.provisioning import NativeEntry

# Words of a connection string that Grafana writes without quotes.
Word = Annotated[Printable, StringConstraints(pattern=r"^[^\s'\\]+$")]
PluginName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$")]
PluginVersion = Annotated[str, StringConstraints(pattern=r"^[0-9][A-Za-z0-9.+-]*$")]
_PLACE = re.compile(r"://(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#\[\]]+)(?:/[\w~-][\w.~-]*)*/?", re.ASCII)
_ADDRESS = re.compile(r"[^\s:/]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?|/\S+")


def _web(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("write a URL such as https://grafana.example.org/")
    # It is a folder of addresses that are called, links are put behind it, and a proxy reads it.
    if value and not _PLACE.fullmatch(value[len(parts.scheme) :]):
        raise ValueError("write host and path, of letters, digits, -, _, ~ and dots in names")
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("write host, host:port, or the folder of its socket")
    return value


def _user(value: str) -> str:
    # HTTP's basic login ends the name at the first colon.
    if not value or ":" in value or value.strip() != value:
        raise ValueError("write a name without a colon and blanks around it")
    return value


class Database(Frozen):
    """A database server that keeps what people make in Grafana; several Grafanas may share it."""

    type: Literal["postgres"] = Field("postgres", description="what it is")
    host: Annotated[Printable, AfterValidator(_address)] = Field(
        "localhost:5432", description="its host:port"
    )
    name: Word = Field("grafana", description="its database, which must exist")
    user: Word = Field("grafana", description="user, who owns it")
    password: SealedSecret | None = Field(None, description="password, from a vault")
    ssl_mode: Literal["disable", "require", "verify-ca", "verify-full"] = Field(
        "disable", description="whether the connection is encrypted, and verified"
    )

    @property
    def local(self) -> bool:
        """Whether every host means a server of its own by this address."""
        return self.host.startswith(("/", "localhost", "127.", "[::1]"))


class Settings(RoleSettings):
    """Settings of Grafana."""

    port: Port = Field(3000, description="TCP port of interface and API")
    memory_max: MemorySize = Field("1G", description="memory limit of the service, systemd size")
    # A new version changes its database first.
    start_timeout: int = Field(180, ge=1, description="seconds to become healthy after a start")
    root_url: Annotated[PlainUrl, AfterValidator(_web)] = Field(
        "", description="URL people reach it by; its path, too, behind a proxy; default: its port"
    )
    admin_user: Annotated[Printable, AfterValidator(_user)] = Field(
        "admin", description="name of the first administrator"
    )
    admin_password: SealedSecret = Field(
        description="the administrator's password, from a vault; Grafana takes it over at its "
        "first start alone"
    )
    secret_key: SealedSecret | None = Field(
        None, description="what secrets in its database are encrypted with, from a vault"
    )
    database: Database | None = Field(
        None, description="a PostgreSQL that several may share; default: a file of its own"
    )
    home_dashboard: Printable = Field(
        "stackwatch-home", description="uid of the dashboard that people see first"
    )
    organisation: Printable = Field(
        "", description="name of its organisation; default: left as it is"
    )
    teams: list[Annotated[Printable, StringConstraints(min_length=1)]] = Field(
        [],
        description="teams that there must be; their members are made by people",
        json_schema_extra=LATER_EXTENDS,
    )
    datasources: list[NativeEntry] = Field(
        [],
        description="native datasources beside those of the site",
        json_schema_extra=LATER_EXTENDS,
    )
    plugins: dict[PluginName, PluginVersion] = Field(
        {}, description="plugins to the version that Grafana installs when it starts"
    )
    plugins_mirror: PlainUrl | None = Field(
        None, description="URL that has them as <name>-<version>.zip; default: grafana.com"
    )
    ldap: SealedSecret | None = Field(
        None, description="content of ldap.toml, from a vault; switches LDAP on"
    )
    secrets: dict[SecretName, SealedSecret] = Field(
        {}, description="secrets by name, from a vault; `secret:NAME` in `native` reads them"
    )
    native: Native = Field(
        {},
        description="native grafana.ini, section to key to value, merged over ours",
        json_schema_extra=LATER_EXTENDS,
    )

    @property
    def path(self) -> str:
        """The path that it is served under, without the slash at its end."""
        return urlsplit(self.root_url).path.rstrip("/")
