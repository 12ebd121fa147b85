"""A dashboard that somebody made in Grafana, as a file that is provisioned from then on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


class PullError(Exception):
    """A dashboard cannot be pulled; says why, and the remedy."""


@dataclass(frozen=True)
class Pulled:
    """A dashboard on its way into the repository.

    Attributes:
        folder: Title of its folder.
        uid: Name of its file.
        title: What people know it by.
        text: What the file holds.
    """

    folder: str
    uid: str
    title: str
    text: str


def _uid(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["uid"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def put(pulled: Pulled, root: Path) -> tuple[Path, str]:
    """Write a dashboard into the drop-in folder of a site.

    Args:
        pulled: The dashboard.
        root: The site's ``dashboards/``.

    Returns:
        Its file, and what became of it: ``new``, ``replaced`` or ``unchanged``.

    Raises:
        PullError: Another file has its uid, or its name.
    """
    target = root / pulled.folder / f"{pulled.uid}.json"
    elsewhere = [p for p in sorted(root.rglob("*.json")) if p != target and _uid(p) == pulled.uid]
    if elsewhere:
        raise PullError(
            f"{elsewhere[0]} has the uid {pulled.uid} already: remove it, or move the dashboard "
            f"back from {pulled.folder!r} in Grafana"
        )
    if target.is_file() and (other := _uid(target)) != pulled.uid:
        held = f"another dashboard ({other})" if other else "no dashboard"
        raise PullError(f"{target} holds {held}: rename that file")
    if target.is_file() and target.read_text() == pulled.text:
        return target, "unchanged"
    became = "replaced" if target.exists() else "new"
    target.parent.mkdir(parents=True, exist_ok=True)
    swap = target.with_suffix(".json.new")
    swap.write_text(pulled.text)
    swap.rename(target)
    return target, became
