"""Fit a dashboard to a site: what it has nothing for is left out, not shown empty."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from plugins.dashboards.document import OWN_KEY, Dashboard, flattened, named, own_words
from plugins.dashboards.grid import compacted
from plugins.dashboards.presence import lacking

_MARK_LENGTH = 12
_LINKED = re.compile(r"/d/([A-Za-z0-9_-]+)")
Raw = dict[str, Any]


def fitted(
    dashboard: Dashboard, present: frozenset[str], types: frozenset[str] | None = None
) -> Raw | None:
    """A dashboard as a site has it; None where the site has nothing for it.

    Args:
        dashboard: One of the project's own.
        present: Families that the site has.
        types: Types of its datasources; default: the families are these, too.
    """
    if lacking(dashboard.needs, present):
        return None
    listed = list(dashboard.raw["panels"])
    gone = _lost_variables(dashboard, present if types is None else types)
    kept = frozenset(
        id(panel)
        for panel in flattened(listed)
        if not lacking(own_words(panel).get("needs") or (), present) and not _uses(panel, gone)
    )
    panels = compacted(listed, kept)
    if not any(panel["type"] != "row" for panel in flattened(panels)):
        return None
    raw: Raw = {**dashboard.raw, "panels": panels}
    if gone:
        templating = dashboard.raw.get("templating") or {}
        left = [each for each in templating["list"] if each.get("name") not in gone]
        raw["templating"] = {**templating, "list": left}
        annotations = dashboard.raw.get("annotations") or {}
        if annotations.get("list"):
            left = [each for each in annotations["list"] if not _asks(each, gone)]
            raw["annotations"] = {**annotations, "list": left}
    return raw


def _asks(raw: Mapping[str, Any], gone: frozenset[str]) -> bool:
    """Whether something is asked of a datasource whose variable is gone."""
    return bool(gone & named(json.dumps(raw.get("datasource"))))


def _uses(panel: Mapping[str, Any], gone: frozenset[str]) -> bool:
    """Whether a panel asks with a variable that is gone; of a row, its heading alone."""
    said = {key: panel.get(key) for key in ("title", "datasource", "targets", "repeat")}
    return bool(gone & (named(json.dumps(said)) | {str(panel.get("repeat"))}))


def _lost_variables(dashboard: Dashboard, types: frozenset[str]) -> frozenset[str]:
    """Variables of datasources that a site lacks, and those that are asked of them."""
    lost = frozenset(
        each.name
        for each in dashboard.variables
        if each.type == "datasource" and each.query not in types
    )
    return lost | {each.name for each in dashboard.variables if _asks(each.raw, lost)}


def _plain(value: Any) -> Any:
    """Without what only this project understands."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if key != OWN_KEY}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def unlinked(value: Any, absent: frozenset[str]) -> Any:
    """A dashboard without the links that lead to some others.

    Args:
        value: The dashboard, or a part of it.
        absent: Uids of dashboards that are not there.
    """
    if isinstance(value, list):
        return [unlinked(each, absent) for each in value]
    if not isinstance(value, Mapping):
        return value
    made = {key: unlinked(each, absent) for key, each in value.items()}
    if isinstance(value.get("links"), list):
        made["links"] = [each for each in made["links"] if not absent & linked(each)]
    if value.get("id") == "links" and isinstance(value.get("value"), list):
        # The same, in what a panel says of some fields only.
        made["value"] = [each for each in made["value"] if not absent & linked(each)]
    return made


def linked(link: Any) -> frozenset[str]:
    """Uids of the dashboards that a link leads to."""
    url = link.get("url") if isinstance(link, Mapping) else None
    return frozenset(_LINKED.findall(str(url or "")))


def marked(raw: Mapping[str, Any]) -> tuple[str, str]:
    """A dashboard's text for a host, and the tag in it that tells which text it is.

    Grafana keeps tags, and answers with them: whoever reads them back knows what is loaded.

    Args:
        raw: The dashboard.
    """
    plain = _plain(raw)
    digest = hashlib.sha256(_text(plain).encode()).hexdigest()
    mark = f"sw-{digest[:_MARK_LENGTH]}"
    return _text({**plain, "tags": [*(plain.get("tags") or ()), mark]}), mark


def _text(raw: Raw) -> str:
    return json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
