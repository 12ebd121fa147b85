"""Settings of the reference service, all from environment variables REFERENCE_*."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import stackwatch_instrumentation as instrumentation
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

PREFIX = "REFERENCE_"
Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(ValueError):
    """Environment variables that cannot work; the text has one line for each."""


class Settings(BaseModel):
    """One field for each environment variable: `port` is REFERENCE_PORT."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: str = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(8000, description="TCP port of the service")
    worker_port: Port = Field(8001, description="TCP port of the worker's /metrics and /health")

    database_url: str = Field(
        "postgresql:///reference?host=/run/postgresql",
        description="PostgreSQL, over a socket with peer authentication or over TCP",
    )
    database_password_file: Path | None = Field(None, description="file with its password")
    database_connections: int = Field(10, ge=1, le=100, description="most connections of the pool")
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", description="Redis, also unix:///run/redis/redis.sock?db=0"
    )
    redis_password_file: Path | None = Field(None, description="file with its password")

    otlp_endpoint: str | None = Field(
        None, description="OTLP/HTTP receiver such as http://127.0.0.1:4318; unset: no export"
    )
    sample_ratio: float = Field(1.0, ge=0, le=1, description="share of traces to keep")

    namespace: str = Field("reference", description="first part of the names of metrics and keys")
    service: str = Field(
        "", description="name in logs and traces; unset: reference, and reference-worker"
    )
    environment: str = Field("development", description="environment in logs and traces")
    entity_ids: frozenset[str] = Field(
        frozenset({"acme", "globex", "initech"}),
        description="values of the label entity_id, separated by commas",
    )

    log_level: Literal["debug", "info", "warn", "error", "fatal"] = Field(
        "info", description="lowest level that is written"
    )
    log_file: Path | None = Field(None, description="file to log to as well")
    log_stdout: bool = Field(True, description="log to standard output")

    external_url: str | None = Field(
        None, description="what /external asks; unset: the service's own /health/live"
    )

    @field_validator("entity_ids", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("database_url", "redis_url")
    @classmethod
    def _without_password(cls, value: str) -> str:
        # The environment of a process is read by more than who may know its password.
        if urlsplit(value).password:
            raise ValueError("holds a password; put it into a file and name that file")
        return value

    @property
    def external(self) -> str:
        """The URL that /external asks."""
        if self.external_url is not None:
            return self.external_url
        everywhere = self.listen in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if everywhere else self.listen
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/health/live"

    def instrumentation(self, *, worker: bool = False) -> instrumentation.Settings:
        """What the instrumentation is to know."""
        return instrumentation.Settings(
            namespace=self.namespace,
            service=self.service or ("reference-worker" if worker else "reference"),
            version=version(),
            environment=self.environment,
            entity_ids=self.entity_ids,
            log_level=self.log_level,
            log_stdout=self.log_stdout,
            log_file=self.log_file,
            otlp_endpoint=self.otlp_endpoint,
            sample_ratio=self.sample_ratio,
        )


def version() -> str:
    """The version of this package, or a sign that it is not installed."""
    try:
        return metadata.version("stackwatch-reference")
    except metadata.PackageNotFoundError:
        return "0.0.0+source"


def password(file: Path | None) -> str | None:
    """The password in this file.

    Raises:
        SettingsError: The file cannot be read.
    """
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings that these environment variables make; empty ones count as unset.

    Raises:
        SettingsError: Some cannot work, or are unknown; all of them are told.
    """
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != ""
    }
    try:
        settings = Settings.model_validate(values)
        settings.instrumentation()
    except ValidationError as error:
        # Without the values: one of them may be a password in the wrong place.
        raise SettingsError(
            "\n".join(
                f"{PREFIX}{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}"
                for e in error.errors(include_input=False, include_url=False)
            )
        ) from None
    except instrumentation.SettingsError as error:
        raise SettingsError(f"{PREFIX}{error}") from None
    return settings
