"""Rows of the mapping from variables of Ansible collections, and what makes several at once."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.ansible_converting import Convert, secret, to

PINNED = "versions and sums are pinned in files/artifacts.lock.yaml; `site.artifact_lock` is yours"
SOURCE = "where programs come from: `site.artifact_sources`, `site.artifact_mirror`"
FIXED = "folders and accounts are the same for every component"
OPEN = "no TLS and no login on endpoints yet"
DERIVED = "derived from the inventory"
NATIVE = "no templates of the whole file: `native` takes any key"
FIREWALL = "the firewall is yours"
REMOVE = "`remove.py`"
DROP_IN = "files beside the inventory: inventories/files/SITE/"
NO_GRAFANA = "there is no role for Grafana"


@dataclass(frozen=True)
class Row:
    """One variable, or several of one kind.

    Attributes:
        variable: Its name; ``*`` stands for anything.
        here: Our settings, for people; empty if there is none.
        note: Why there is none, or what differs.
        convert: What makes one of the other.
        sealed: Whether secrets and templates in its value are dealt with by ``convert``.
    """

    variable: str
    here: str = ""
    note: str = ""
    convert: Convert | None = None
    sealed: bool = False


def without(reason: str, *variables: str) -> list[Row]:
    """Variables that have no counterpart, all for one reason."""
    return [Row(variable, note=reason) for variable in variables]


def same(prefix: str, role: str, **settings: str) -> list[Row]:
    """Variables without their prefix, each with the setting that takes the same value."""
    return [
        Row(f"{prefix}_{name}", f"`{path}`", "", to(f"{role}.{path}"))
        for name, path in settings.items()
    ]


def vaulted(**settings: str) -> list[Row]:
    """Secrets of Alertmanager by variable, each with its key in `global`."""
    return [
        Row(
            f"alertmanager_{name}",
            f"`global.{key}_file`",
            "by vault",
            secret(f"alertmanager.global.{key}", key.partition("_")[0]),
            sealed=True,
        )
        for name, key in settings.items()
    ]


def programs(role: str, *more: str) -> list[Row]:
    """What every role of a collection has for its installation."""
    return [
        *without(PINNED, f"{role}_version"),
        *without(SOURCE, f"{role}_*_url", f"{role}_*_url_*", f"{role}_local_cache_path"),
        *without(FIXED, f"{role}_*_dir", f"{role}_system_*", *more),
    ]
