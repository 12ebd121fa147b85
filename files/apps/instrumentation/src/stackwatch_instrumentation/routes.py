"""From the path of a request to the template of its route: /users/7 is /users/:id.

The table is made from the application's routes, so that its templates are all the values that the
label can take, whatever is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from starlette.routing import Mount

UNMATCHED = "unmatched"
_PARAMETER = re.compile(r"\{([^}:]+)(?::[^}]*)?\}")
_REST = "/{path}"


@dataclass(frozen=True)
class _Entry:
    pattern: re.Pattern[str]
    template: str
    methods: frozenset[str] | None = None
    mounted: RouteTable | None = None


class RouteTable:
    """The templates of an application, its mounted applications included."""

    def __init__(self, routes: Iterable[object]) -> None:
        self._entries = tuple(_entries(routes))

    def template(self, method: str, path: str) -> str:
        """The template of this path, `/mount/*` inside a mount, or `unmatched`."""
        other_method: str | None = None
        for entry in self._entries:
            match = entry.pattern.match(path)
            if match is None:
                continue
            if entry.mounted is not None:
                inner = entry.mounted.template(method, "/" + match["path"])
                return entry.template + ("/*" if inner == UNMATCHED else inner)
            if entry.methods is None or method in entry.methods:
                return entry.template
            # The router answers 405 for it, unless a later route takes the method.
            other_method = other_method or entry.template
        return other_method or UNMATCHED


def _entries(routes: Iterable[object]) -> Iterator[_Entry]:
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is not None:
            # An included router of newer FastAPI: its routes know their full path only here.
            inner = (getattr(c, "starlette_route", None) or c for c in contexts())
            yield from _entries(inner)
            continue
        pattern = getattr(route, "path_regex", None)
        template = getattr(route, "path_format", None)
        if not isinstance(pattern, re.Pattern) or not isinstance(template, str):
            continue
        if isinstance(route, Mount):
            prefix = _colons(template.removesuffix(_REST))
            yield _Entry(pattern, prefix, mounted=RouteTable(route.routes or ()))
            continue
        methods = getattr(route, "methods", None)
        yield _Entry(pattern, _colons(template), frozenset(methods) if methods else None)


def _colons(template: str) -> str:
    return _PARAMETER.sub(r":\1", template)
