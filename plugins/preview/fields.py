"""How one series or column is shown: the panel's defaults, and its overrides for it.

https://grafana.com/docs/grafana/latest/panels-visualizations/configure-overrides/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plugins.dashboards.document import Panel
from plugins.preview import colours, units
from plugins.preview.colours import Thresholds

# The colour mode of panel types that do not colour by thresholds unless told so.
_MODES = {
    "timeseries": "palette-classic",
    "graph": "palette-classic",
    "barchart": "palette-classic",
    "piechart": "palette-classic",
    "state-timeline": "palette-classic",
    "status-history": "palette-classic",
}


@dataclass(frozen=True)
class Field:
    """How values of one series or column are shown.

    Attributes:
        unit: Grafana's id.
        decimals: None means three digits that count.
        minimum: Of the axis or the gauge; None means by what there is.
        maximum: Likewise.
        thresholds: Colours by value.
        mode: Grafana's colour mode, for example ``thresholds`` or ``palette-classic``.
        fixed: The colour of the mode ``fixed``.
        named: The name it is given, if any.
        mappings: Grafana's value mappings.
        nothing: What stands where there is no value.
        custom: What its panel type says of it.
    """

    unit: str
    decimals: int | None
    minimum: float | None
    maximum: float | None
    thresholds: Thresholds
    mode: str
    fixed: str
    named: str
    mappings: Sequence[Mapping[str, Any]]
    nothing: str
    custom: Mapping[str, Any]

    def words(self, value: float | str | None) -> str:
        """A value as it is shown."""
        mapped = mapping(self.mappings, value)
        if mapped.get("text"):
            return str(mapped["text"])
        if isinstance(value, str):
            return value
        if value is None and self.nothing:
            return self.nothing
        return units.written(value, self.unit, self.decimals)

    def colour(self, value: float | None, number: int, name: str = "") -> str:
        """The colour of a value of the n-th series."""
        mapped = mapping(self.mappings, value)
        if mapped.get("color"):
            return colours.colour(str(mapped["color"]))
        if self.mode == "fixed":
            return colours.colour(self.fixed)
        if self.mode == "palette-classic-by-name":
            return colours.of_name(name)
        if self.mode.startswith("palette-") or value is None:
            return colours.of_palette(number)
        low, high = self.minimum or 0.0, 100.0 if self.maximum is None else self.maximum
        if self.mode in colours.CONTINUOUS:
            share = (value - low) / (high - low) if high > low else 0.0
            return colours.mixed(colours.CONTINUOUS[self.mode], share)
        return colours.colour(self.thresholds.at(value, low, high))


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def mapping(mappings: Sequence[Mapping[str, Any]], value: float | str | None) -> Mapping[str, Any]:
    """Text and colour that value mappings give a value; empty if none does."""
    number = _number(value)
    plain = "null" if value is None else f"{number:g}" if number is not None else str(value)
    for each in mappings:
        kind, options = each.get("type"), each.get("options") or {}
        if kind == "value" and plain in options:
            return dict(options[plain])
        if kind == "range" and number is not None:
            low, high = _number(options.get("from")), _number(options.get("to"))
            if (low is None or number >= low) and (high is None or number <= high):
                return dict(options.get("result") or {})
        if kind == "regex" and isinstance(value, str):
            pattern = str(options.get("pattern") or "").strip("/")
            if re.search(pattern, value):
                return dict(options.get("result") or {})
        if kind == "special" and options.get("match") == plain:
            return dict(options.get("result") or {})
    return {}


def _matches(matcher: Mapping[str, Any], name: str, ref: str, numeric: bool) -> bool:
    kind, said = matcher.get("id"), matcher.get("options")
    if kind == "byName":
        return bool(said == name)
    if kind == "byRegexp":
        return re.search(str(said).strip("/"), name) is not None
    if kind == "byFrameRefID":
        return bool(said == ref)
    if kind == "byType":
        return bool(said == ("number" if numeric else "string"))
    if kind == "byNames" and isinstance(said, Mapping):
        return name in (said.get("names") or ())
    return False


def _overrides(panel: Panel, name: str, ref: str, numeric: bool) -> Iterator[tuple[str, Any]]:
    for override in (panel.raw.get("fieldConfig") or {}).get("overrides") or ():
        if _matches(override.get("matcher") or {}, name, ref, numeric):
            for each in override.get("properties") or ():
                yield str(each.get("id")), each.get("value")


def _thresholds(said: Mapping[str, Any]) -> Thresholds:
    steps = [
        (_number(step.get("value")), str(step.get("color"))) for step in said.get("steps") or ()
    ]
    return Thresholds(
        tuple((float("-inf") if value is None else value, name) for value, name in steps),
        said.get("mode") == "percentage",
    )


def options(panel: Panel) -> Mapping[str, Any]:
    """What the panel's type was told."""
    said = panel.raw.get("options")
    return said if isinstance(said, Mapping) else {}


def field(panel: Panel, name: str = "", ref: str = "", numeric: bool = True) -> Field:
    """How one series or column of a panel is shown.

    Args:
        panel: The panel.
        name: Of the series or column, as it is before renaming.
        ref: The letter of its query.
        numeric: Whether it holds numbers.
    """
    said = dict((panel.raw.get("fieldConfig") or {}).get("defaults") or {})
    custom = dict(said.get("custom") or {})
    for key, value in _overrides(panel, name, ref, numeric):
        if key.startswith("custom."):
            custom[key.removeprefix("custom.")] = value
        else:
            said[key] = value
    colour = said.get("color") or {}
    decimals = _number(said.get("decimals"))
    return Field(
        str(said.get("unit") or ""),
        None if decimals is None else int(decimals),
        _number(said.get("min")),
        _number(said.get("max")),
        _thresholds(said.get("thresholds") or {}),
        str(colour.get("mode") or _MODES.get(panel.type, "thresholds")),
        str(colour.get("fixedColor") or ""),
        str(said.get("displayName") or ""),
        said.get("mappings") or (),
        str(said.get("noValue") or ""),
        custom,
    )
