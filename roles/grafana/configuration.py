"""grafana.ini, and the files of the secrets it reads."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from plugins.layers import merge_native
from plugins.model import ManagedFile, OnChange
from plugins.paths import Paths
from plugins.problem import Problem
from roles.grafana import ini
from roles.grafana.settings import Settings

PATHS = Paths("grafana")
# Beside them the secrets of people's own have a folder of their own.
LOGIN = f"{PATHS.config}/login"
ADMIN_PASSWORD = f"{LOGIN}/admin_password"
DASHBOARDS = f"{PATHS.hot}/dashboards"


def _database(settings: Settings) -> dict[str, Any]:
    database = settings.database
    if database is None:
        return {"type": "sqlite3", "path": "grafana.db"}
    made = {
        "type": database.type,
        "host": database.host,
        "name": database.name,
        "user": database.user,
        "ssl_mode": database.ssl_mode,
    }
    if database.password:
        made["password"] = ini.from_file(f"{LOGIN}/database_password")
    return made


def _plugins(settings: Settings) -> dict[str, Any]:
    # What is pinned stays what it is.
    made: dict[str, Any] = {"preinstall_auto_update": False}
    if settings.plugins:
        mirror = settings.plugins_mirror
        listed = [
            f"{name}@{version}" + (f"@{mirror.rstrip('/')}/{name}-{version}.zip" if mirror else "")
            for name, version in sorted(settings.plugins.items())
        ]
        # Before it answers, so that a start without its plugins is no start.
        made["preinstall_sync"] = ",".join(listed)
    return made


def _server(settings: Settings, authority: str) -> dict[str, Any]:
    return {
        "protocol": "http",
        "http_addr": settings.listen,
        "http_port": settings.port,
        "root_url": settings.root_url or f"http://{authority}/",
        # A proxy may leave the path in or take it out: both work.
        "serve_from_sub_path": bool(settings.path),
        "enable_gzip": True,
    }


def sections(settings: Settings, authority: str, home: str) -> dict[str, dict[str, Any]]:
    """Ours: what follows from settings, and what is closed unless people open it.

    https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/

    Args:
        settings: The role's.
        authority: Address and port that people reach it by.
        home: Path of the dashboard that they see first; empty for Grafana's own.
    """
    security: dict[str, Any] = {
        "admin_user": settings.admin_user,
        "admin_password": ini.from_file(ADMIN_PASSWORD),
        "disable_gravatar": True,
        "cookie_secure": urlsplit(settings.root_url).scheme == "https",
        "cookie_samesite": "lax",
    }
    if settings.secret_key:
        security["secret_key"] = ini.from_file(f"{LOGIN}/secret_key")
    made: dict[str, dict[str, Any]] = {
        "paths": {
            "data": PATHS.storage,
            "logs": f"{PATHS.storage}/log",
            "plugins": f"{PATHS.storage}/plugins",
            "provisioning": f"{PATHS.config}/provisioning",
        },
        "server": _server(settings, authority),
        "database": _database(settings),
        "analytics": {
            "reporting_enabled": False,
            "check_for_updates": False,
            "check_for_plugin_updates": False,
            "feedback_links_enabled": False,
        },
        "security": security,
        "snapshots": {"external_enabled": False},
        "users": {"allow_sign_up": False, "allow_org_create": False},
        "auth.anonymous": {"enabled": False},
        "news": {"news_feed_enabled": False},
        "log": {"mode": "console", "level": "info"},
        "log.console": {"format": "json"},
        "metrics": {"enabled": True},
        "plugins": _plugins(settings),
    }
    if settings.ldap:
        made["auth.ldap"] = {"enabled": True, "config_file": f"{PATHS.config}/ldap.toml"}
    if home:
        made["dashboards"] = {"default_home_dashboard_path": home}
    return made


def configuration(settings: Settings, authority: str, home: str, problems: list[Problem]) -> str:
    """The text of grafana.ini.

    Args:
        settings: The role's.
        authority: Address and port that people reach it by.
        home: Path of the dashboard that they see first; empty for Grafana's own.
        problems: Gets one for each mistake in native configuration.
    """
    native = ini.native(settings.native, settings.secrets, problems)
    merged = merge_native(sections(settings, authority, home), native)
    return ini.rendered(merged, "grafana.native", problems)


def _own_secrets(settings: Settings) -> Iterator[tuple[str, str, SecretStr]]:
    """Setting, file and secret of what Grafana reads from files."""
    yield "admin_password", "login/admin_password", settings.admin_password
    if settings.database and settings.database.password:
        yield "database.password", "login/database_password", settings.database.password
    if settings.secret_key:
        yield "secret_key", "login/secret_key", settings.secret_key
    for name, secret in sorted(settings.secrets.items()):
        yield f"secrets.{name}", f"secrets/{name}", secret


def _check_word(password: str, problems: list[Problem]) -> None:
    """Grafana makes a database's password a word of its connection string.

    Some of its parts quote it there, others do not, so what would need it arrives changed:
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
    """
    if re.search(r"[\s'\\]", password):
        what = "has a blank, a quote ' or a backslash, which Grafana hands to PostgreSQL changed"
        remedy = "Change it, in the vault and in the database"
        problems.append(Problem("grafana.database.password", what, remedy))


def secret_files(settings: Settings, problems: list[Problem]) -> tuple[ManagedFile, ...]:
    """A file a secret, and ldap.toml.

    Args:
        settings: The role's.
        problems: Gets one for each secret that would not arrive as it is.
    """
    files = []
    for setting, path, secret in _own_secrets(settings):
        text = secret.get_secret_value()
        if not text or text != text.strip() or not text.isprintable():
            what = "is empty, has blanks around it or control characters, which Grafana cuts off"
            problems.append(Problem(f"grafana.{setting}", what, "Change the secret in the vault"))
        # The ini format's own variables; the parser looks for them after a file was read.
        if "%(" in text:
            what = "holds %(, which Grafana's configuration takes for a variable"
            problems.append(Problem(f"grafana.{setting}", what, "Change the secret in the vault"))
        files.append(ManagedFile(path, text, on_change=OnChange.RESTART, secret=True))
    if settings.database and settings.database.password:
        _check_word(settings.database.password.get_secret_value(), problems)
    if settings.ldap:
        text = settings.ldap.get_secret_value()
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            # Its words have line and column, and nothing of the content.
            what = f"is no valid TOML: {error}"
            problems.append(Problem("grafana.ldap", what, "Correct it in the vault"))
        files.append(ManagedFile("ldap.toml", text, on_change=OnChange.RESTART, secret=True))
    return tuple(files)
