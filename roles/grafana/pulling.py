"""A dashboard that somebody made in Grafana, read through its API as a file would hold it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from plugins.backup.folder import as_text
from plugins.backup.kept import ApiError
from plugins.backup.pulled import Pulled, PullError
from plugins.calls import Ask
from plugins.dashboards.document import GENERAL, DashboardError, parse
from roles.grafana.handmade import OUR_TAG, Dashboard, dashboards, search

_MARK = re.compile(r"sw-[0-9a-f]{12}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# What dashboards of a site's own may stand in.
_FOLDER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9._-])?")


def _cleaned(model: dict[str, Any]) -> dict[str, Any]:
    """Without the marks of dashboards that came from a file of ours: this one is a copy."""
    tags = [tag for tag in model.get("tags") or [] if tag != OUR_TAG and not _MARK.fullmatch(tag)]
    return {**model, "tags": tags}


def _found(ask: Ask, wanted: str) -> Dashboard:
    hits = [hit for hit in search(ask) if not hit.is_folder]
    fitting = [h for h in hits if h.uid == wanted] or [h for h in hits if h.title == wanted]
    if not fitting:
        raise PullError(f"no dashboard has the uid or the title {wanted!r}")
    if len(fitting) > 1:
        uids = ", ".join(sorted(hit.uid for hit in fitting))
        raise PullError(
            f"{len(fitting)} dashboards are called {wanted!r}, name one by its uid: {uids}"
        )
    (hit,) = fitting
    found = dashboards(ask, [hit.uid])
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
