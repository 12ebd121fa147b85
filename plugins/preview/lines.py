"""From answers to what is drawn over time: lines with names, colours and gaps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from plugins.dashboards.queries import Result, Series
from plugins.dashboards.results import legend
from plugins.preview.fields import Field, field
from plugins.preview.report import View

# More lines than this cannot be told apart; those with the largest values are drawn.
MOST = 60


@dataclass(frozen=True)
class Line:
    """One series as it is drawn.

    Attributes:
        name: In legend and tooltip.
        colour: For canvas and CSS.
        field: How its values are shown.
        times: Unix seconds, ascending.
        values: None is a gap.
        base: Below which it stands, if it is stacked; as long as ``values``.
    """

    name: str
    colour: str
    field: Field
    times: tuple[float, ...]
    values: tuple[float | None, ...]
    base: tuple[float, ...] = ()

    @property
    def tops(self) -> tuple[float, ...]:
        """Where it is drawn; NaN in gaps."""
        base = self.base or (0.0,) * len(self.values)
        return tuple(
            math.nan if value is None else below + value
            for value, below in zip(self.values, base, strict=True)
        )


def name_of(series: Series) -> str:
    """What a series is called: its legend, or else its labels."""
    return series.legend.strip() or legend("", series.labels)


def step_of(series: Iterable[Series]) -> float:
    """The seconds between two moments that were asked for, as far as answers tell; 0 if none does.

    A series that is rarely there does not tell it alone, the others of its panel do.
    """
    return min((b - a for each in series for a, b in pairwise(each.times)), default=0.0)


def with_gaps(
    series: Series, step: float | None = None
) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
    """Times and values, with a gap where an answer left moments out.

    Args:
        series: What was answered.
        step: Seconds between two moments that were asked for; default: what the series tells.
    """
    step = step_of([series]) if step is None else step
    times: list[float] = []
    values: list[float | None] = []
    for at, value in zip(series.times, series.values, strict=True):
        if times and at - times[-1] > 1.5 * step:
            times.append(times[-1] + step)
            values.append(None)
        times.append(at)
        values.append(value if value is not None and math.isfinite(value) else None)
    return tuple(times), tuple(values)


def _each(results: Sequence[Result]) -> Iterator[tuple[Result, Series]]:
    for result in results:
        for series in result.series:
            yield result, series


def lines(view: View) -> tuple[Line, ...]:
    """What the answers of a panel draw, in their order; without those that are hidden."""
    made: list[Line] = []
    step = step_of(series for _, series in _each(view.results))
    for result, series in _each(view.results):
        name = name_of(series)
        shown = field(view.panel, name, result.question.ref)
        if (shown.custom.get("hideFrom") or {}).get("viz"):
            continue
        times, values = with_gaps(series, step)
        if shown.custom.get("transform") == "negative-Y":
            values = tuple(None if value is None else -value for value in values)
        last = next((value for value in reversed(values) if value is not None), None)
        colour = shown.colour(last, len(made), name)
        made.append(Line(shown.named or name, colour, shown, times, values))
    return tuple(made)


def largest(drawn: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with the largest values, in their order, if there are too many."""
    if len(drawn) <= MOST:
        return tuple(drawn)
    tops = sorted(
        (max((abs(v) for v in line.values if v is not None), default=0.0) for line in drawn),
        reverse=True,
    )
    limit = tops[MOST - 1]
    kept = [
        line
        for line in drawn
        if max((abs(v) for v in line.values if v is not None), default=0.0) >= limit
    ]
    return tuple(kept[:MOST])


def stacked(drawn: Sequence[Line]) -> tuple[Line, ...]:
    """The lines that want it, each on top of those before it in its group; others as they are.

    Moments are those of all lines of a group; where one has nothing, it adds nothing.
    """
    groups: dict[str, dict[float, float]] = {}
    made = []
    for line in drawn:
        stacking = line.field.custom.get("stacking") or {}
        if stacking.get("mode", "none") == "none":
            made.append(line)
            continue
        # Rounded: two queries of one panel ask at the same moments.
        sums = groups.setdefault(f"{line.field.unit} {stacking.get('group', 'A')}", {})
        base = tuple(sums.get(round(at, 1), 0.0) for at in line.times)
        for at, value in zip(line.times, line.values, strict=True):
            sums[round(at, 1)] = sums.get(round(at, 1), 0.0) + (value or 0.0)
        made.append(replace(line, base=base))
    return _in_percent(made, groups)


def _in_percent(drawn: Sequence[Line], groups: dict[str, dict[float, float]]) -> tuple[Line, ...]:
    made = []
    for line in drawn:
        stacking = line.field.custom.get("stacking") or {}
        if stacking.get("mode") != "percent":
            made.append(line)
            continue
        sums = groups[f"{line.field.unit} {stacking.get('group', 'A')}"]
        wholes = [sums[round(at, 1)] or 1.0 for at in line.times]
        made.append(
            replace(
                line,
                field=replace(line.field, unit="percentunit", minimum=0.0, maximum=1.0),
                values=tuple(
                    None if value is None else value / whole
                    for value, whole in zip(line.values, wholes, strict=True)
                ),
                base=tuple(b / whole for b, whole in zip(line.base, wholes, strict=True)),
            )
        )
    return tuple(made)
