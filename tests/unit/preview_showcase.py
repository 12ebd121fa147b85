"""A made-up dashboard with every panel type and hostile names, for the preview's tests."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plugins.dashboards.document import Dashboard, parse
from plugins.dashboards.queries import LogLine, Question, Result, Series, TraceSummary
from plugins.dashboards.results import Kind, legend
from plugins.preview.report import Rendering, Report

END = 1_795_000_000
START = END - 3600
STEP = 30
HOSTILE = "<script>alert('x')</script>\"&$$x$$"
REPORT = Report("demo", START, END, END + 5, "stackwatch 0.1.0", ("loki-mon1 did not answer",))
_VARIABLES = [
    {"name": "host", "type": "query", "query": "label_values(up, host)", "multi": True},
    {"name": "environment", "type": "query", "includeAll": True, "allValue": ".+"},
]
STEPS = {"steps": [{"value": None, "color": "green"}, {"value": 0.8, "color": "red"}]}


def panel(kind: str, place: tuple[int, int, int, int] = (0, 0, 12, 8), **said: Any) -> Any:
    """A panel as a dashboard file has it.

    Args:
        kind: Its type.
        place: x, y, width, height.
        said: ``defaults`` and ``overrides`` of its fields, ``formats`` of its queries, and
            whatever else stands in a panel.
    """
    formats = said.pop("formats", ("time_series",))
    fields = {"defaults": said.pop("defaults", {}), "overrides": said.pop("overrides", [])}
    targets = [
        {"refId": chr(65 + number), "expr": "up", "format": form}
        for number, form in enumerate(formats)
    ]
    grid = dict(zip("xywh", place, strict=True))
    return {
        "id": said.pop("id", place[1] * 100 + place[0] + 1),
        "type": kind,
        "title": kind,
        "gridPos": grid,
        "fieldConfig": fields,
        "targets": targets,
        **said,
    }


def dashboard(*panels: Any, uid: str = "showcase", title: str = "Showcase") -> Dashboard:
    """A dashboard of panels."""
    raw = {
        "uid": uid,
        "title": title,
        "tags": ["stackwatch"],
        "panels": list(panels),
        "templating": {"list": _VARIABLES},
    }
    return parse(json.dumps(raw), Path(f"{uid}.json"))


def question(ref: str = "A", kind: Kind = "range", expr: str = "up") -> Question:
    """What was asked."""
    return Question("showcase", 1, ref, "prometheus", expr, "/", kind)


def wave(number: int, low: float = 0.0, high: float = 1.0) -> tuple[float | None, ...]:
    """Values that go up and down between two ends, with a gap."""
    count = (END - START) // STEP + 1
    return tuple(
        None
        if 40 <= at < 45 and number == 1
        else low + (high - low) * (0.5 + 0.4 * math.sin(at / (7 + number) + number))
        for at in range(count)
    )


def series(labels: Mapping[str, str], values: Sequence[float | None], pattern: str = "") -> Series:
    """A series that ends at the report's end."""
    times = tuple(float(END - STEP * (len(values) - 1 - n)) for n in range(len(values)))
    return Series(labels, legend(pattern, labels), times, tuple(values))


def waves(names: Sequence[str], low: float = 0.0, high: float = 1.0, ref: str = "A") -> Result:
    """An answer over time, a series a name."""
    made = (
        series({"host": name}, wave(number, low, high), "{{host}}")
        for number, name in enumerate(names)
    )
    return Result(question(ref), tuple(made))


def instants(values: Mapping[str, float], ref: str = "A", key: str = "host") -> Result:
    """An answer of one moment."""
    made = (series({key: name}, (value,), f"{{{{{key}}}}}") for name, value in values.items())
    return Result(question(ref, "instant"), tuple(made))


def _buckets() -> Result:
    limits = ("0.01", "0.05", "0.1", "0.5", "1", "+Inf")
    made = []
    for number, limit in enumerate(limits):
        # Cumulative, as Prometheus has it; the last two hold the same.
        height = min(number, 4)
        values = tuple((v or 0) * 0 + height * (2 + math.sin(n / 9)) for n, v in enumerate(wave(0)))
        made.append(series({"le": limit}, values, "{{le}}"))
    return Result(question(), tuple(made))


def _lines() -> Result:
    words = ("request done", "slow query", f"failed: {HOSTILE}", "x" * 3000)
    levels = ("info", "warning", "error", "debug")
    return Result(
        question(kind="logs"),
        lines=tuple(
            LogLine(
                float(END - number),
                words[number % 4],
                {"level": levels[number % 4], "service": "app", "host": "web1", "requestId": "r1"},
            )
            for number in range(250)
        ),
    )


def _traces() -> Result:
    made = (
        TraceSummary(
            f"{n:032x}", "app", f"GET {HOSTILE}", float(END - n), 0.01 * 2**n, 5 + n, n % 2
        )
        for n in range(8)
    )
    return Result(question(kind="traces"), traces=tuple(made))


def _alerts() -> Result:
    def alert(name: str, severity: str) -> Series:
        labels = {"alertname": name, "severity": severity, "alertstate": "firing", "host": "web1"}
        return series(labels, (1.0,))

    return Result(question(), (alert("DiskSpaceLow", "warning"), alert(HOSTILE, "critical")))


_HOSTS = ("mon1", "web1", HOSTILE)
_UP = [
    {
        "type": "value",
        "options": {"0": {"text": "down", "color": "red"}, "1": {"text": "up", "color": "green"}},
    }
]
_STACKED = {"fillOpacity": 25, "stacking": {"mode": "normal", "group": "A"}}
_DASHED = {"thresholdsStyle": {"mode": "dashed+area"}, "fillOpacity": 5}
_TABLE = {"showLegend": True, "displayMode": "table", "calcs": ["mean", "max", "lastNotNull"]}

SHOWN: tuple[tuple[Any, tuple[Result, ...]], ...] = (
    (panel("row", (0, 0, 24, 1), title="Over time of $host"), ()),
    (
        panel(
            "timeseries",
            (0, 1, 12, 8),
            title="Requests of ${host}",
            description="a < b",
            defaults={"unit": "reqps", "custom": _STACKED},
        ),
        (waves(_HOSTS, 0, 40),),
    ),
    (
        panel(
            "timeseries",
            (12, 1, 12, 8),
            title="Processor",
            options={"legend": _TABLE},
            defaults={
                "unit": "percentunit",
                "min": 0,
                "max": 1,
                "thresholds": STEPS,
                "custom": _DASHED,
            },
        ),
        (waves(_HOSTS),),
    ),
    (
        panel("heatmap", (0, 9, 12, 8), formats=("heatmap",), defaults={"unit": "s"}),
        (_buckets(),),
    ),
    (
        panel("state-timeline", (12, 9, 12, 8), defaults={"mappings": _UP}),
        (
            Result(
                question(),
                tuple(
                    series(
                        {"host": name},
                        tuple(float((n // 20 + place) % 3 > 0) for n in range(121)),
                        "{{host}}",
                    )
                    for place, name in enumerate(_HOSTS)
                ),
            ),
        ),
    ),
    (panel("row", (0, 17, 24, 1), title="Numbers"), ()),
    (
        panel("stat", (0, 18, 4, 4), defaults={"unit": "bytes"}),
        (Result(question(), (series({}, wave(2, 1e9, 4e9), "size"),)),),
    ),
    (
        panel(
            "stat",
            (4, 18, 8, 4),
            defaults={"mappings": _UP, "thresholds": STEPS},
            options={"colorMode": "background"},
        ),
        (instants({"mon1": 1, "web1": 1, HOSTILE: 0}),),
    ),
    (
        panel(
            "gauge",
            (12, 18, 6, 6),
            defaults={"unit": "percentunit", "thresholds": STEPS, "min": 0, "max": 1},
        ),
        (instants({"mon1": 0.43, "web1": 0.91}),),
    ),
    (
        panel("bargauge", (18, 18, 6, 6), defaults={"unit": "s", "min": 0, "thresholds": STEPS}),
        (instants({"mon1": 0.043, "web1": 1.91, HOSTILE: 0.4}),),
    ),
    (
        panel("barchart", (0, 24, 12, 7), defaults={"unit": "short"}),
        (instants({"mon1": 1200, "web1": 800, HOSTILE: 300}),),
    ),
    (
        panel(
            "piechart", (12, 24, 12, 7), defaults={"unit": "decbytes"}, options={"pieType": "donut"}
        ),
        (instants({"mon1": 1200, "web1": 800, HOSTILE: 300}),),
    ),
    (
        panel(
            "table",
            (0, 31, 12, 7),
            formats=("table", "table"),
            transformations=[
                {"id": "merge", "options": {}},
                {
                    "id": "organize",
                    "options": {
                        "excludeByName": {"Time": True},
                        "indexByName": {"host": 0, "Value #B": 1, "Value #A": 2},
                        "renameByName": {"Value #A": "Up", "Value #B": "Size"},
                    },
                },
            ],
            overrides=[
                {
                    "matcher": {"id": "byName", "options": "Size"},
                    "properties": [
                        {"id": "unit", "value": "bytes"},
                        {"id": "custom.cellOptions", "value": {"type": "gauge"}},
                    ],
                },
                {
                    "matcher": {"id": "byName", "options": "Up"},
                    "properties": [
                        {"id": "mappings", "value": _UP},
                        {"id": "custom.cellOptions", "value": {"type": "color-text"}},
                    ],
                },
            ],
        ),
        (
            instants({"mon1": 1, "web1": 0, HOSTILE: 1}),
            instants({"mon1": 2048, "web1": 4096, HOSTILE: 1e6}, "B"),
        ),
    ),
    (panel("alertlist", (12, 31, 12, 7)), (_alerts(),)),
    (panel("logs", (0, 38, 24, 8)), (_lines(),)),
    (panel("traces", (0, 46, 24, 8)), (_traces(),)),
    (panel("dashlist", (0, 54, 6, 5), options={"tags": ["stackwatch"]}), ()),
    (
        panel("text", (6, 54, 6, 5), options={"content": f"# Read me\n\nTold {HOSTILE}"}),
        (),
    ),
    (
        panel(
            "timeseries",
            (12, 54, 4, 5),
            title="Rightly empty",
            stackwatch={"empty": "no request failed"},
        ),
        (Result(question()),),
    ),
    (panel("timeseries", (16, 54, 4, 5), title="Empty"), (Result(question(expr="absent_metric")),)),
    (
        panel("timeseries", (20, 54, 4, 5), title="Refused"),
        (Result(question(), error=f"HTTP 400: parse error {HOSTILE}"),),
    ),
)


def showcase() -> tuple[Rendering, ...]:
    """The dashboard of every panel type, and another beside it."""
    shown = dashboard(*(raw for raw, _ in SHOWN))
    results = {raw["id"]: answers for raw, answers in SHOWN if answers}
    other = dashboard(uid="other", title=f"Other {HOSTILE}")
    return (
        Rendering(shown, {"host": ("web1", HOSTILE), "environment": ".+"}, results),
        Rendering(other),
    )
