"""Answers as tables of rows and columns, before transformations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from plugins.dashboards.queries import Result
from plugins.preview.lines import name_of
from plugins.preview.units import written

Cell = float | str | None
TIME, VALUE = "Time", "Value"


@dataclass(frozen=True)
class Frame:
    """A table.

    Attributes:
        columns: Names in their order.
        rows: Column to cell; what a row does not have is empty.
        ref: The letter of the query it came from; empty for several.
    """

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    ref: str = ""

    def numeric(self, column: str) -> bool:
        """Whether a column holds numbers, if anything, and is no time."""
        return column != TIME and not any(isinstance(row.get(column), str) for row in self.rows)


def moment(seconds: float) -> str:
    """A time as text, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _labelled(result: Result, value: str) -> Frame:
    """A row for every series, with its labels and its last value."""
    labels = sorted({key for series in result.series for key in series.labels})
    rows: list[dict[str, Cell]] = []
    for series in result.series:
        row: dict[str, Cell] = dict(series.labels)
        row[TIME] = moment(series.times[-1]) if series.times else None
        row[value] = series.values[-1] if series.values else None
        rows.append(row)
    return Frame((TIME, *labels, value), tuple(rows), result.question.ref)


def _timed(result: Result) -> tuple[Frame, ...]:
    """A frame for every series: times and values."""
    frames = []
    for series in result.series:
        name = name_of(series)
        rows: list[Mapping[str, Cell]] = [
            {TIME: moment(at), name: value}
            for at, value in zip(series.times, series.values, strict=True)
        ]
        frames.append(Frame((TIME, name), tuple(rows), result.question.ref))
    return tuple(frames)


def _lines(result: Result) -> Frame:
    labels = sorted({key for line in result.lines for key in line.labels})
    rows: list[Mapping[str, Cell]] = [
        {**line.labels, TIME: moment(line.time), "Line": line.line} for line in result.lines
    ]
    return Frame((TIME, *labels, "Line"), tuple(rows), result.question.ref)


def _traces(result: Result) -> Frame:
    """With the columns that Grafana makes of Jaeger's answers."""
    columns = ("Trace ID", "Trace name", "Start time", "Duration")
    rows: list[Mapping[str, Cell]] = []
    for trace in result.traces:
        name = f"{trace.service}: {trace.name}"
        words = (trace.trace, name, moment(trace.start), written(trace.seconds, "s"))
        rows.append(dict(zip(columns, words, strict=True)))
    return Frame(columns, tuple(rows), result.question.ref)


def frames(results: Sequence[Result], formats: Mapping[str, str]) -> tuple[Frame, ...]:
    """The answers of a panel as tables, one a query; a query over time gives one a series.

    Args:
        results: The answers.
        formats: Letter of a query to its format.
    """
    made: list[Frame] = []
    tables = [result for result in results if formats.get(result.question.ref) == "table"]
    for result in results:
        if result.lines:
            made.append(_lines(result))
        elif result.traces:
            made.append(_traces(result))
        elif result in tables or all(len(series.times) <= 1 for series in result.series):
            alone = len(results) == 1
            made.append(_labelled(result, VALUE if alone else f"{VALUE} #{result.question.ref}"))
        else:
            made += _timed(result)
    return tuple(made)
