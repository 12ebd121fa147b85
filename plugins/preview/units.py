"""Numbers in Grafana's units, as Grafana writes them.

The ids and what they say are Grafana's:
https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
An id that is not in the table is written behind the number, as Grafana does it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

_NO_VALUE = "\N{EN DASH}"
_SI = ((1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"))
_SI_LARGE = ((1e12, "T"), (1e15, "P"))
_BINARY = tuple((1024.0**n, prefix) for n, prefix in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi")))
_COUNT = ((1.0, ""), (1e3, "K"), (1e6, "M"), (1e9, "B"), (1e12, "T"))
_SHORT = ((1.0, ""), (1e3, " K"), (1e6, " Mil"), (1e9, " Bil"), (1e12, " Tri"))
_TIME = (
    (1e-9, 1e-9, " ns"),
    (1e-6, 1e-6, " µs"),
    (1e-3, 1e-3, " ms"),
    (1.0, 1.0, " s"),
    (60.0, 60.0, " mins"),
    (3600.0, 3600.0, " hours"),
    (86400.0, 86400.0, " days"),
    (604800.0, 604800.0, " weeks"),
    (31536000.0, 31536000.0, " years"),
)
_PARTS = (
    ("year", 31536000),
    ("month", 2628000),
    ("week", 604800),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)


@dataclass(frozen=True)
class Step:
    """From ``limit`` on (of the absolute value), divide by ``divisor`` and append ``suffix``."""

    limit: float
    divisor: float
    suffix: str


@dataclass(frozen=True)
class Unit:
    """How numbers of one unit are written.

    Attributes:
        steps: Ascending; the last one whose limit a number reaches is its.
        words: Writes the number in words instead, from it and the decimals.
    """

    steps: tuple[Step, ...]
    words: Callable[[float, int | None], str] | None = None

    def step(self, value: float) -> Step:
        """The step for a number; zero has the plain unit."""
        if value == 0:
            return min(self.steps, key=lambda step: abs(math.log(step.divisor)))
        reached = [step for step in self.steps if abs(value) >= step.limit]
        return reached[-1] if reached else self.steps[0]


def _plain(suffix: str, divisor: float = 1.0) -> Unit:
    return Unit((Step(0, divisor, suffix),))


def _scaled(suffix: str, prefixes: tuple[tuple[float, str], ...], one: float = 1.0) -> Unit:
    """Prefixes before a unit; ``one`` is how many of the plain unit a value of 1 stands for."""
    return Unit(
        tuple(
            Step(factor / one, factor / one, f" {prefix}{suffix}".rstrip())
            for factor, prefix in prefixes
        )
    )


def _counted(suffix: str) -> Unit:
    return Unit(tuple(Step(limit, limit, f"{prefix} {suffix}") for limit, prefix in _COUNT))


def _time(one: float, largest: int = len(_TIME)) -> Unit:
    """Durations; ``one`` is how many seconds a value of 1 stands for."""
    steps = tuple(Step(limit / one, divisor / one, suffix) for limit, divisor, suffix in _TIME)
    return Unit(steps[:largest])


def fixed(value: float, decimals: int) -> str:
    """A number with decimals; no minus before a zero."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if text.startswith("-") and not text.strip("-0.") else text


def automatic(value: float) -> int:
    """Decimals for three digits that count; none for whole numbers."""
    if value == 0 or value == int(value):
        return 0
    return max(0, 2 - math.floor(math.log10(abs(value))))


def _duration(one: float) -> Callable[[float, int | None], str]:
    def words(value: float, decimals: int | None) -> str:
        left = abs(value) * one
        parts: list[str] = []
        for name, seconds in _PARTS:
            count = int(left // seconds)
            left -= count * seconds
            if (count or parts) and len(parts) <= (decimals or 0):
                parts.append(f"{count} {name}{'' if count == 1 else 's'}")
        sign = "-" if value < 0 and parts else ""
        return sign + (", ".join(parts) or "0 seconds")

    return words


def _clock(one: float, days: bool) -> Callable[[float, int | None], str]:
    def words(value: float, decimals: int | None) -> str:
        minutes, seconds = divmod(int(abs(value) * one), 60)
        hours, minutes = divmod(minutes, 60)
        count, hours = divmod(hours, 24) if days else (0, hours)
        sign, before = "-" if value < 0 else "", f"{count} d " if days else ""
        return f"{sign}{before}{hours:02d}:{minutes:02d}:{seconds:02d}"

    return words


def _moment(form: str) -> Callable[[float, int | None], str]:
    def words(value: float, decimals: int | None) -> str:
        try:
            return datetime.fromtimestamp(value / 1000, UTC).strftime(form)
        except (OverflowError, ValueError, OSError):
            return fixed(value, 0)

    return words


def _either(true: str, false: str) -> Unit:
    return Unit(_NONE.steps, lambda value, decimals: true if value else false)


def _grouped(value: float, decimals: int | None) -> str:
    return f"{value:,.{automatic(value) if decimals is None else decimals}f}"


_NONE = _plain("")
_SI_ALL = _SI + _SI_LARGE
_SI_UP = _SI_ALL[3:]
_ISO = Unit(_NONE.steps, _moment("%Y-%m-%d %H:%M:%S"))

UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "none": _NONE,
        "": _NONE,
        "string": _NONE,
        "number": _NONE,
        "short": Unit(tuple(Step(limit, limit, suffix) for limit, suffix in _SHORT)),
        "sishort": _scaled("", _SI_ALL),
        "locale": Unit(_NONE.steps, _grouped),
        "sci": Unit(_NONE.steps, lambda value, decimals: f"{value:.{decimals or 2}e}"),
        "hex": Unit(_NONE.steps, lambda value, decimals: f"{int(value):X}"),
        "hex0x": Unit(_NONE.steps, lambda value, decimals: f"0x{int(value):X}"),
        "percent": _plain("%"),
        "percentunit": _plain("%", 0.01),
        "bool": _either("True", "False"),
        "bool_yes_no": _either("Yes", "No"),
        "bool_on_off": _either("On", "Off"),
        # Durations.
        "ns": _time(1e-9),
        "µs": _time(1e-6),
        "ms": _time(1e-3),
        "s": _time(1.0),
        "m": _time(60.0),
        "h": _time(3600.0),
        "d": _time(86400.0),
        "dtdurations": Unit(_NONE.steps, _duration(1.0)),
        "dtdurationms": Unit(_NONE.steps, _duration(1e-3)),
        "dthms": Unit(_NONE.steps, _clock(1.0, days=False)),
        "dtdhms": Unit(_NONE.steps, _clock(1.0, days=True)),
        "clocks": Unit(_NONE.steps, _clock(1.0, days=False)),
        "clockms": Unit(_NONE.steps, _clock(1e-3, days=False)),
        "timeticks": _time(0.01),
        # Moments, in milliseconds; the ones relative to now are absolute here, since a report
        # is read later.
        "dateTimeAsIso": _ISO,
        "dateTimeAsIsoNoDateIfToday": _ISO,
        "dateTimeAsSystem": _ISO,
        "dateTimeAsLocal": _ISO,
        "dateTimeFromNow": _ISO,
        # Sizes.
        "bytes": _scaled("B", _BINARY),
        "decbytes": _scaled("B", _SI_UP),
        "bits": _scaled("b", _BINARY),
        "decbits": _scaled("b", _SI_UP),
        "kbytes": _scaled("B", _BINARY, 1024.0),
        "mbytes": _scaled("B", _BINARY, 1024.0**2),
        "gbytes": _scaled("B", _BINARY, 1024.0**3),
        "tbytes": _scaled("B", _BINARY, 1024.0**4),
        "deckbytes": _scaled("B", _SI_UP, 1e3),
        "decmbytes": _scaled("B", _SI_UP, 1e6),
        "decgbytes": _scaled("B", _SI_UP, 1e9),
        # Rates of data.
        "pps": _scaled("p/s", _SI_UP),
        "Bps": _scaled("B/s", _SI_UP),
        "binBps": _scaled("B/s", _BINARY),
        "bps": _scaled("b/s", _SI_UP),
        "binbps": _scaled("b/s", _BINARY),
        "KBs": _scaled("B/s", _SI_UP, 1e3),
        "MBs": _scaled("B/s", _SI_UP, 1e6),
        "KiBs": _scaled("B/s", _BINARY, 1024.0),
        "MiBs": _scaled("B/s", _BINARY, 1024.0**2),
        # Throughput.
        "cps": _counted("c/s"),
        "ops": _counted("ops/s"),
        "reqps": _counted("req/s"),
        "rps": _counted("rd/s"),
        "wps": _counted("wr/s"),
        "iops": _counted("io/s"),
        "eps": _counted("evt/s"),
        "mps": _counted("msg/s"),
        "recps": _counted("rec/s"),
        "rowsps": _counted("rows/s"),
        "cpm": _counted("c/m"),
        "opm": _counted("ops/m"),
        "reqpm": _counted("req/m"),
        "rpm": _counted("rd/m"),
        "wpm": _counted("wr/m"),
        # Physics and money.
        "hertz": _scaled("Hz", _SI_ALL),
        "rothz": _scaled("Hz", _SI_ALL),
        "celsius": _plain(" °C"),
        "fahrenheit": _plain(" °F"),
        "watt": _scaled("W", _SI_ALL),
        "volt": _scaled("V", _SI_ALL),
        "amp": _scaled("A", _SI_ALL),
        "currencyUSD": Unit(_NONE.steps, lambda value, decimals: "$" + _grouped(value, decimals)),
        "currencyEUR": Unit(_NONE.steps, lambda value, decimals: "€" + _grouped(value, decimals)),
    }
)


def unit(name: str) -> Unit:
    """The unit of an id; ``suffix:x`` and unknown ids are written behind the number."""
    kind, _, rest = name.partition(":")
    if name in UNITS:
        return UNITS[name]
    if kind == "prefix":
        return Unit(_NONE.steps, lambda value, decimals: rest + _grouped(value, decimals))
    if kind in ("si", "suffix"):
        return _scaled(rest, _SI_ALL) if kind == "si" else _plain(f" {rest}")
    return _plain(f" {name}")


def written(value: float | None, name: str = "none", decimals: int | None = None) -> str:
    """A number in words, for example ``1.5 KiB``.

    Args:
        value: None and what is no number are written as a dash.
        name: Grafana's id of the unit.
        decimals: How many; None means three digits that count.
    """
    if value is None or math.isnan(value):
        return _NO_VALUE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    found = unit(name)
    if found.words is not None:
        return found.words(value, decimals)
    step = found.step(value)
    scaled = value / step.divisor
    return fixed(scaled, automatic(scaled) if decimals is None else decimals) + step.suffix
