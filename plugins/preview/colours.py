"""Grafana's colours by name, and the colour of a value by its thresholds."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

_SHADES = ("dark", "semi-dark", "", "light", "super-light")
_HUES = {
    "red": ("#C4162A", "#E02F44", "#F2495C", "#FF7383", "#FFA6B0"),
    "orange": ("#FA6400", "#FF780A", "#FF9830", "#FFB357", "#FFCB7D"),
    "yellow": ("#E0B400", "#F2CC0C", "#FADE2A", "#FFEE52", "#FFF899"),
    "green": ("#37872D", "#56A64B", "#73BF69", "#96D98D", "#C8F2C2"),
    "blue": ("#1F60C4", "#3274D9", "#5794F2", "#8AB8FF", "#C0D8FF"),
    "purple": ("#8F3BB8", "#A352CC", "#B877D9", "#CA95E5", "#DEB6F2"),
}
# Greys that can be read on light and on dark ground.
GREY = "#8e959e"
TEXT = "#6e9fff"
NAMED: Mapping[str, str] = MappingProxyType(
    {
        f"{shade}-{hue}".lstrip("-"): value
        for hue, values in _HUES.items()
        for shade, value in zip(_SHADES, values, strict=True)
    }
    | {
        "transparent": "transparent",
        "text": GREY,
        "gray": GREY,
        "grey": GREY,
        "white": "#d8d9da",
        "black": "#24292e",
        "super-light-gray": "#c7d0d9",
    }
)
# The order of Grafana's classic palette.
PALETTE = (
    "#7EB26D",
    "#EAB839",
    "#6ED0E0",
    "#EF843C",
    "#E24D42",
    "#447EBC",
    "#BA43A9",
    "#8F7FC0",
    "#508642",
    "#CCA300",
    "#3F9FB8",
    "#C15C17",
    "#B8433A",
    "#5195CE",
    "#962D82",
    "#614D93",
    "#9AC48A",
    "#F2C96D",
    "#65C5DB",
    "#F9934E",
    "#EA6460",
    "#82B5D8",
    "#D683CE",
    "#AEA2E0",
)
_SAFE = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([0-9., %]{5,40}\)|transparent")


def colour(name: str, otherwise: str = GREY) -> str:
    """A colour for CSS and canvas; what is neither a name nor a plain colour is ``otherwise``."""
    if name in NAMED:
        return NAMED[name]
    return name if _SAFE.fullmatch(name) else otherwise


def of_palette(number: int) -> str:
    """The colour of the n-th series."""
    return PALETTE[number % len(PALETTE)]


def of_name(name: str) -> str:
    """A colour that a name always has."""
    return of_palette(zlib.crc32(name.encode()))


@dataclass(frozen=True)
class Thresholds:
    """From which value on which colour.

    Attributes:
        steps: Ascending; the first begins at minus infinity.
        percentage: Whether they are percents of the range from minimum to maximum.
    """

    steps: tuple[tuple[float, str], ...] = ()
    percentage: bool = False

    def absolute(self, minimum: float, maximum: float) -> tuple[tuple[float, str], ...]:
        """The steps as values of a range."""
        if not self.percentage:
            return self.steps
        span = maximum - minimum
        return tuple((minimum + span * value / 100, name) for value, name in self.steps)

    def spans(self, low: float, high: float) -> tuple[tuple[float, float, str], ...]:
        """From where to where each colour stands in a range."""
        steps = self.absolute(low, high)
        ends = [*(value for value, _ in steps), high][1:]
        spans = [
            (max(start, low), min(end, high), name)
            for (start, name), end in zip(steps, ends, strict=False)
        ]
        return tuple(span for span in spans if span[1] > span[0])

    def at(self, value: float, minimum: float = 0.0, maximum: float = 100.0) -> str:
        """The colour of a value."""
        found = GREY
        for limit, name in self.absolute(minimum, maximum):
            if value >= limit:
                found = name
        return found


def mixed(colours: Sequence[str], share: float) -> str:
    """A colour between others: 0 is the first, 1 the last; all as #rrggbb."""
    place = min(max(share, 0.0), 1.0) * (len(colours) - 1)
    low = min(int(place), len(colours) - 2)
    part = place - low
    first, second = (
        [int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in colours[low : low + 2]
    )
    between = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
    return "#" + "".join(f"{value:02x}" for value in between)


# What is called continuous in Grafana, from low to high.
CONTINUOUS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "continuous-GrYlRd": ("#73BF69", "#FADE2A", "#F2495C"),
        "continuous-RdYlGr": ("#F2495C", "#FADE2A", "#73BF69"),
        "continuous-BlYlRd": ("#1F60C4", "#FADE2A", "#F2495C"),
        "continuous-YlRd": ("#FADE2A", "#F2495C"),
        "continuous-BlPu": ("#1F60C4", "#B877D9"),
        "continuous-YlBl": ("#FADE2A", "#1F60C4"),
        "continuous-blues": ("#C0D8FF", "#1F60C4"),
        "continuous-reds": ("#FFA6B0", "#C4162A"),
        "continuous-greens": ("#C8F2C2", "#37872D"),
        "continuous-purples": ("#DEB6F2", "#8F3BB8"),
    }
)
