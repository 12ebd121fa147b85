"""Put values where a query names variables, as Grafana does.

https://grafana.com/docs/grafana/latest/visualizations/dashboards/variables/variable-syntax/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

# One value stands as it is written; several are those that were chosen, or all there are.
Value = str | tuple[str, ...]
Values = Mapping[str, Value]
_PLACE = re.compile(
    r"\$\{(?P<braced>\w+)(?:\.\w+)*(?::(?P<format>\w+)[^}]*)?\}"
    r"|\[\[(?P<square>\w+)(?::(?P<form>\w+))?\]\]"
    r"|\$(?P<plain>\w+)"
)
# What the datasources escape: https://github.com/grafana/grafana/blob/v12.3.0/packages/grafana-prometheus/src/escaping.ts
_SPECIAL = re.compile(r"[$^*{}\[\]'+?.()|]")


@dataclass(frozen=True)
class Window:
    """The span of time that is looked at.

    Attributes:
        start: Unix seconds.
        end: Unix seconds.
        step: Seconds between two points.
        scrape: Seconds between two scrapes, as the datasource has it.
    """

    start: int
    end: int
    step: int
    scrape: int = 15

    @property
    def own(self) -> Mapping[str, str]:
        """The variables that Grafana makes of it."""
        whole = max(self.end - self.start, 1)
        # Of less than four scrapes no rate can be told when one of them fails.
        rate = max(self.step + self.scrape, 4 * self.scrape)
        return {
            "__interval": f"{self.step}s",
            "__interval_ms": str(self.step * 1000),
            "__auto": f"{max(self.step, self.scrape)}s",
            "__rate_interval": f"{rate}s",
            "__rate_interval_ms": str(rate * 1000),
            "__range": f"{whole}s",
            "__range_s": str(whole),
            "__range_ms": str(whole * 1000),
            "__from": str(self.start * 1000),
            "__to": str(self.end * 1000),
        }


def _escaped(value: str) -> str:
    """A value inside a regular expression inside a string in double quotes."""
    return _SPECIAL.sub(r"\\\\\g<0>", value.replace("\\", r"\\\\"))


def _alternatives(values: tuple[str, ...]) -> str:
    joined = "|".join(map(_escaped, values))
    return f"({joined})" if len(values) > 1 else joined


def _quoted(mark: str) -> Callable[[tuple[str, ...]], str]:
    def join(values: tuple[str, ...]) -> str:
        return ",".join(mark + value.replace(mark, f"\\{mark}") + mark for value in values)

    return join


def _listed(values: tuple[str, ...]) -> str:
    return "{" + ",".join(values) + "}" if len(values) > 1 else "".join(values)


def _pattern(values: tuple[str, ...]) -> str:
    joined = "|".join(re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value) for value in values)
    return f"({joined})" if len(values) > 1 else joined


_FORMATS: Mapping[str, Callable[[tuple[str, ...]], str]] = {
    "regex": _pattern,
    "pipe": "|".join,
    "csv": ",".join,
    "raw": ",".join,
    "text": " + ".join,
    "glob": _listed,
    "json": lambda values: json.dumps(values[0] if len(values) == 1 else values),
    "singlequote": _quoted("'"),
    "doublequote": _quoted('"'),
    "percentencode": lambda values: quote(_listed(values), safe=""),
}


def substitute(text: str, values: Values, window: Window) -> str:
    """A query with values for its variables.

    One value stands as it is; of several a regular expression is made, unless the query names
    another format. Names that have no value stay as they are written.

    Args:
        text: As written.
        values: Variable to its value.
        window: The span of time, for Grafana's own variables.
    """
    known: dict[str, Value] = {**values, **window.own}

    def put(found: re.Match[str]) -> str:
        name = found["braced"] or found["square"] or found["plain"]
        if name not in known:
            return found[0]
        value, form = known[name], found["format"] or found["form"]
        if form:
            several = (value,) if isinstance(value, str) else value
            return _FORMATS.get(form, _listed)(several)
        return value if isinstance(value, str) else _alternatives(value)

    return _PLACE.sub(put, text)
