"""Where settings come from: all, groups, host, command line; merged in that order.

pyinfra's own ``host.data`` lets the last layer win key by key. Here dictionaries merge and
lists marked as extending grow, so that a host can add one receiver without repeating the
group's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from plugins.model import Problem
from plugins.settings import Settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Layer:
    """One level of an inventory's settings.

    Attributes:
        origin: The file a person would open to change it.
        values: Key to value, as written there.
    """

    origin: str
    values: Mapping[str, Any]


def merge_native(base: Any, over: Any) -> Any:
    """Merge two native configurations: dictionaries by key, lists by appending, else ``over``."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        merged = dict(base)
        for key, value in over.items():
            merged[key] = merge_native(base[key], value) if key in base else value
        return merged
    if isinstance(base, list) and isinstance(over, list):
        return [*base, *over]
    return over


def _extends(model: type[Settings], key: str) -> bool:
    field = model.model_fields.get(key)
    extra = field.json_schema_extra if field else None
    return isinstance(extra, Mapping) and extra.get("merge") == "extend"


def merge_settings(model: type[Settings], layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge layers of one role's settings.

    Args:
        model: The settings class; it says which lists extend.
        layers: From the most general to the most specific.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both_dicts = isinstance(merged.get(key), Mapping) and isinstance(value, Mapping)
            if key in merged and (both_dicts or _extends(model, key)):
                merged[key] = merge_native(merged[key], value)
            else:
                merged[key] = value
    return merged


def _origin(layers: Iterable[Layer], prefix: str, key: str) -> str:
    """The last layer that set ``key`` (below ``prefix``, if one): the place to correct it."""
    found = ""
    for layer in layers:
        values = layer.values.get(prefix, {}) if prefix else layer.values
        if not found or (isinstance(values, Mapping) and key in values):
            found = layer.origin
    return found


def validate(
    model: type[S], merged: Mapping[str, Any], layers: tuple[Layer, ...], prefix: str
) -> tuple[S | None, list[Problem]]:
    """Validate merged settings and blame the file that holds each mistake.

    Args:
        model: The settings class.
        merged: The merged values.
        layers: Where they came from.
        prefix: The key they stand under in each layer; empty for top-level settings.

    Returns:
        The settings and no problems, or None and every problem.
    """
    try:
        return model.model_validate(dict(merged)), []
    except ValidationError as error:
        problems = []
        for detail in error.errors():
            path = [str(part) for part in detail["loc"]]
            origin = _origin(layers, prefix, path[0] if path else "")
            key = ".".join([prefix, *path] if prefix else path)
            problems.append(Problem(f"{origin}: {key}", *_explain(model, detail, path)))
        return None, problems


def _explain(model: type[BaseModel], detail: Any, path: list[str]) -> tuple[str, str]:
    """What is wrong and what to do, for one pydantic error."""
    if detail["type"] == "extra_forbidden":
        return "unknown setting", suggestion(path[-1], model.model_fields, "settings")
    if detail["type"] == "missing":
        return "required setting is missing", "Add it"
    message = str(detail["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"{message}, got {detail['input']!r}", "Correct the value"


def suggestion(word: str, known: Iterable[str], what: str) -> str:
    """A remedy for a misspelt name: the nearest known one, and all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    listed = f"Known {what}: {', '.join(names)}"
    return f"Did you mean {near[0]!r}? {listed}" if near else listed
