"""What datasources answer to the queries of panels, as values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["range", "instant", "logs", "traces", "values"]
_LABEL = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_AUTO = frozenset({"", "__auto"})


@dataclass(frozen=True)
class Question:
    """One HTTP GET to a datasource.

    Attributes:
        dashboard: Uid of the dashboard that asks.
        panel: Id of the panel; 0 for a variable.
        ref: Letter of the query; of a variable its name.
        datasource: Type of the datasource.
        expr: The query with values for its variables.
        path: Path and query of the URL, below the datasource's own; empty where there is nothing
            to ask, as of a trace that is not chosen.
        kind: What is answered.
        legend: How series are called, with ``{{label}}``.
        uid: The datasource as the panel names it.
        missing: Variables in it that have no value.
    """

    dashboard: str
    panel: int
    ref: str
    datasource: str
    expr: str
    path: str
    kind: Kind
    legend: str = ""
    uid: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """Points of one series; None where its value is no number."""

    labels: Mapping[str, str]
    legend: str
    times: tuple[float, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class LogLine:
    """One log entry: Unix seconds, text, labels and structured metadata together."""

    time: float
    line: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class TraceSummary:
    """One trace: its id, service and name of its first span, start in Unix seconds, length."""

    trace: str
    service: str
    name: str
    start: float
    seconds: float
    spans: int
    errors: int


@dataclass(frozen=True)
class Result:
    """One question, answered; ``error`` says why there is no answer."""

    question: Question
    series: tuple[Series, ...] = ()
    lines: tuple[LogLine, ...] = ()
    traces: tuple[TraceSummary, ...] = ()
    error: str = ""

    @property
    def points(self) -> int:
        """Values that are numbers."""
        return sum(value is not None for each in self.series for value in each.values)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.points or self.lines or self.traces)


def legend(pattern: str, labels: Mapping[str, str]) -> str:
    """What a series is called.

    Args:
        pattern: With ``{{label}}``; without one, it is called by all of its labels.
        labels: The series' own.
    """
    if pattern not in _AUTO:
        return _LABEL.sub(lambda found: labels.get(found[1], ""), pattern)
    listed = ", ".join(f'{name}="{labels[name]}"' for name in sorted(labels) if name != "__name__")
    return labels.get("__name__", "") + (f"{{{listed}}}" if listed else "")


def _number(text: Any) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _series(question: Question, labels: Mapping[str, str], points: list[Any]) -> Series:
    times = tuple(float(at) for at, _ in points)
    values = tuple(_number(value) for _, value in points)
    return Series(labels, legend(question.legend, labels), times, values)


def _numbers(question: Question, data: Mapping[str, Any]) -> Result:
    """https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats"""
    result = data["result"]
    if data["resultType"] in ("scalar", "string"):
        result = [{"metric": {}, "value": result}] if data["resultType"] == "scalar" else []
    made = (
        _series(question, each["metric"], each.get("values") or [each["value"]])
        for each in result
        # A series of native histograms alone has neither.
        if "values" in each or "value" in each
    )
    return Result(question, series=tuple(made))


def _lines(question: Question, data: Mapping[str, Any]) -> Result:
    """https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time"""
    found = (
        LogLine(int(entry[0]) / 1e9, entry[1], stream["stream"])
        for stream in data["result"]
        for entry in stream["values"]
    )
    return Result(question, lines=tuple(sorted(found, key=lambda line: -line.time)))


def _trace(raw: Mapping[str, Any]) -> TraceSummary:
    spans = raw["spans"]
    known = {span["spanID"] for span in spans}
    roots = [s for s in spans if not known & {r["spanID"] for r in s.get("references") or ()}]
    first = min(roots or spans, key=lambda span: span["startTime"])
    start = min(span["startTime"] for span in spans)
    end = max(span["startTime"] + span["duration"] for span in spans)
    failed = ("true", True)
    errors = sum(
        any(tag["key"] == "error" and tag["value"] in failed for tag in span.get("tags") or ())
        for span in spans
    )
    service = raw["processes"][first["processID"]]["serviceName"]
    return TraceSummary(
        raw["traceID"],
        service,
        first["operationName"],
        start / 1e6,
        (end - start) / 1e6,
        len(spans),
        errors,
    )


def _traces(question: Question, data: Any) -> Result:
    """https://www.jaegertracing.io/docs/2.latest/architecture/apis/#query-json-over-http"""
    found = (_trace(each) for each in data or () if each.get("spans"))
    return Result(question, traces=tuple(sorted(found, key=lambda trace: -trace.start)))


_READ: Mapping[Kind, Callable[[Question, Any], Result]] = {
    "range": _numbers,
    "instant": _numbers,
    "logs": _lines,
    "traces": _traces,
}


def content(status: int, body: str) -> tuple[Any, str]:
    """The data of an answer, or None and why there is none.

    Args:
        status: HTTP status; 0 where there was no answer.
        body: What was answered; without an answer, the words of who asked.
    """
    try:
        answer = json.loads(body)
        # Loki refuses in plain words.
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        words = " ".join(body.split())[:300]
        return None, f"HTTP {status} {words}".strip() if status else words or "no answer"
    errors = answer.get("errors") or ()
    error = answer.get("error") or "; ".join(str(each.get("msg", each)) for each in errors)
    if error or status != 200:
        return None, str(error or f"HTTP {status} {' '.join(body.split())[:300]}")
    return answer.get("data"), ""


def parse(question: Question, status: int, body: str) -> Result:
    """Read the answer to a question.

    Args:
        question: What was asked.
        status: HTTP status; 0 where there was no answer.
        body: What was answered.
    """
    data, error = content(status, body)
    if error:
        return Result(question, error=error)
    try:
        return _READ[question.kind](question, data)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # Some JSON, but of another form: another program has the port.
        words = " ".join(body.split())[:100]
        return Result(question, error=f"an answer that no {question.datasource} gives: {words}")
