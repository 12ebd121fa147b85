"""Small dashboards for unit tests, as their JSON would be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plugins.dashboards.document import Dashboard, read_raw

Raw = dict[str, Any]
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
LOKI = {"type": "loki", "uid": "${loki}"}


def source(kind: str) -> Raw:
    """A variable that chooses among the datasources of a type."""
    return {"name": kind, "type": "datasource", "query": kind}


def target(expr: str, **more: Any) -> Raw:
    return {
        "refId": "A",
        "datasource": PROMETHEUS,
        "expr": expr,
        "legendFormat": "{{job}}",
        **more,
    }


def panel(number: int, *, at: tuple[int, int, int, int] | None = None, **more: Any) -> Raw:
    """A panel without fault; ``at`` is x, y, w, h."""
    x, y, w, h = at or (0, 8 * number, 24, 8)
    return {
        "id": number,
        "title": f"Panel {number}",
        "type": "timeseries",
        "description": "What it shows.",
        "datasource": PROMETHEUS,
        "gridPos": {"x": x, "y": y, "w": w, "h": h},
        "fieldConfig": {"defaults": {"unit": "short"}, "overrides": []},
        "targets": [target("up")],
        **more,
    }


def needs(*families: str, empty: str = "") -> Raw:
    """What this project says of a panel."""
    return {"stackwatch": {"needs": list(families), **({"empty": empty} if empty else {})}}


def row(number: int, y: int, *inner: Raw) -> Raw:
    """A heading; with panels it is collapsed."""
    return {
        "id": number,
        "title": f"Row {number}",
        "type": "row",
        "collapsed": bool(inner),
        "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        "panels": list(inner),
    }


def board(*panels: Raw, uid: str = "stackwatch-test", **more: Any) -> Raw:
    return {
        "uid": uid,
        "title": uid.title(),
        "tags": ["stackwatch"],
        "schemaVersion": 41,
        "templating": {"list": [source("prometheus")]},
        "panels": list(panels),
        "stackwatch": {"folder": "Stack", "needs": []},
        **more,
    }


def made(raw: Mapping[str, Any]) -> Dashboard:
    """A dashboard, read."""
    return read_raw(raw, Path(f"files/{raw['uid']}.json"))


def write(folder: Path, name: str, raw: Mapping[str, Any]) -> Path:
    """A file in a folder that need not be there yet."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw))
    return path
