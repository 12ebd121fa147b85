"""What a service says of itself, and where its telemetry goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_NAMESPACE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
LEVELS = ("debug", "info", "warn", "error", "fatal")


class SettingsError(ValueError):
    """A setting that cannot work, told with its name and the remedy."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the instrumentation; the README has them as a table.

    Raises:
        SettingsError: A value cannot work.
    """

    namespace: str
    service: str
    version: str = "0.0.0"
    environment: str = "development"

    entity_ids: frozenset[str] = frozenset()
    """Values that the label entity_id may take. Others are counted as "other"; without a list
    the label stays empty, since whoever sends requests must not decide how many series there are.
    """
    entity_header: str = "X-Entity-ID"
    user_header: str | None = None
    """Header with the user's name, only where a proxy in front sets it and removes the client's."""
    request_id_header: str = "X-Request-ID"

    log_level: str = "info"
    log_stdout: bool = True
    log_file: Path | None = None
    access_log: bool = True

    otlp_endpoint: str | None = None
    """Base URL of an OTLP/HTTP receiver, such as http://127.0.0.1:4318. None: no export."""
    sample_ratio: float = 1.0
    export_timeout: float = 2.0
    export_queue: int = 2048

    check_timeout: float = 1.0

    def __post_init__(self) -> None:
        if not _NAMESPACE.fullmatch(self.namespace):
            raise SettingsError(
                f"namespace: {self.namespace!r} cannot start a metric's name;"
                " use letters, digits and underscores"
            )
        if not self.service:
            raise SettingsError("service: is empty; give the name that logs and traces carry")
        if self.log_level not in LEVELS:
            raise SettingsError(
                f"log_level: {self.log_level!r} is unknown; use one of {', '.join(LEVELS)}"
            )
        if not self.log_stdout and self.log_file is None:
            raise SettingsError(
                "log_stdout: is off and log_file is not set, so that nobody would see a log;"
                " set one of them"
            )
        if not 0.0 <= self.sample_ratio <= 1.0:
            raise SettingsError(f"sample_ratio: {self.sample_ratio} is not between 0 and 1")
        if self.export_timeout <= 0 or self.check_timeout <= 0:
            raise SettingsError("export_timeout, check_timeout: must be more than 0 seconds")
        if self.export_queue < 1:
            raise SettingsError("export_queue: must hold at least one span")
        if self.otlp_endpoint is not None:
            parts = urlsplit(self.otlp_endpoint)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise SettingsError(
                    "otlp_endpoint: is not an http or https URL; use one like http://127.0.0.1:4318"
                )
