"""A dashboard that somebody made in Grafana, as a file that is provisioned from then on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugins.backup import grafana
from plugins.backup.folder import as_text
from plugins.backup.grafana import OUR_TAG, Dashboard
from plugins.backup.kept import ApiError
from plugins.calls import Ask
from plugins.dashboards.document import GENERAL, DashboardError, parse

_MARK = re.compile(r"sw-[0-9a-f]{12}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# What dashboards of a site's own may stand in.
_FOLDER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9._-])?")


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


def _cleaned(model: dict[str, Any]) -> dict[str, Any]:
    """Without the marks of dashboards that came from a file of ours: this one is a copy."""
    tags = [tag for tag in model.get("tags") or [] if tag != OUR_TAG and not _MARK.fullmatch(tag)]
    return {**model, "tags": tags}


def _found(ask: Ask, wanted: str) -> Dashboard:
    hits = [hit for hit in grafana.search(ask) if not hit.is_folder]
    fitting = [h for h in hits if h.uid == wanted] or [h for h in hits if h.title == wanted]
    if not fitting:
        raise PullError(f"no dashboard has the uid or the title {wanted!r}")
    if len(fitting) > 1:
        uids = ", ".join(sorted(hit.uid for hit in fitting))
        raise PullError(
            f"{len(fitting)} dashboards are called {wanted!r}, name one by its uid: {uids}"
        )
    (hit,) = fitting
    found = grafana.dashboards(ask, [hit.uid])
    if hit.uid not in found:
        raise ApiError(f"dashboard {hit.uid} was found and then was not there: run again")
    return found[hit.uid]


def pull(ask: Ask, wanted: str) -> Pulled:
    """Read a dashboard by its uid or its title.

    Raises:
        ApiError: Grafana does not answer.
        PullError: There is none, or more than one, or none that a file may hold.
    """
    found = _found(ask, wanted)
    if found.provisioned:
        raise PullError(
            f"dashboard {found.title!r} ({found.uid}) comes from a file already: change that, "
            "or save it in Grafana under another name and pull that one"
        )
    folder = found.folder_title if found.folder else GENERAL
    if not _FILE_NAME.fullmatch(found.uid):
        raise PullError(f"uid {found.uid!r} is no name for a file: pull a copy with another one")
    if not _FOLDER_NAME.fullmatch(folder):
        raise PullError(
            f"folder {folder!r} is no name for a folder of files: rename it in Grafana; begin it "
            "with a letter or digit; letters, digits, blanks, dots, _ and - may follow"
        )
    text = as_text(_cleaned(found.model))
    try:
        parse(text, Path(folder, f"{found.uid}.json"))
    except DashboardError as error:
        # The next run of anything would refuse the file.
        raise PullError("; ".join(str(problem) for problem in error.problems)) from error
    return Pulled(folder, found.uid, found.title, text)


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
