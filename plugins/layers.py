"""Where settings come from: all, groups, host, command line; merged in that order.

pyinfra's own ``host.data`` lets the last layer win key by key. Here dictionaries merge and
lists marked as extending grow, so that a host can add one receiver without repeating the
group's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from plugins.model import Problem
from plugins.problem import suggestion
from plugins.settings import Settings
from plugins.values import PLAIN_PASSWORD

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


def _mistakes(model: type[Settings], merged: Mapping[str, Any]) -> list[Any]:
    try:
        model.model_validate(dict(merged))
    except ValidationError as error:
        return list(error.errors())
    return []


def _key(detail: Any) -> tuple[object, ...]:
    """What makes two mistakes the same one, while dictionaries and lists around it grow."""
    value = detail["input"]
    shown = "" if isinstance(value, Mapping | list) else repr(value)
    return detail["loc"], detail["type"], detail["msg"], shown


def _origins(
    model: type[Settings], layers: Iterable[Layer], prefix: str
) -> dict[tuple[object, ...], str]:
    """For each mistake the layer that brought it in: the place to correct it."""
    origins: dict[tuple[object, ...], str] = {}
    said: list[Mapping[str, Any]] = []
    for layer in layers:
        values = layer.values.get(prefix) if prefix else layer.values
        if isinstance(values, Mapping) and values:
            said.append(values)
            found = _mistakes(model, merge_settings(model, said))
            origins = {key: origins.get(key, layer.origin) for key in map(_key, found)}
    return origins


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
        found = error.errors()
    origins = _origins(model, layers, prefix)
    problems = []
    for detail in found:
        path = [str(part) for part in detail["loc"]]
        key = ".".join([prefix, *path] if prefix else path)
        origin = origins.get(_key(detail), layers[0].origin if layers else "")
        problems.append(Problem(f"{origin}: {key}", *_explain(model, detail, path)))
    return None, problems


def _inside(annotation: Any) -> Iterator[Any]:
    """A type and every type it is made of."""
    yield annotation
    for argument in get_args(annotation):
        yield from _inside(argument)


def _descend(model: type[BaseModel], path: list[str]) -> tuple[type[BaseModel], bool]:
    """The model that holds the last word of a path, and whether secrets stand on the way."""
    secret = False
    for part in path:
        field = model.model_fields.get(part)
        kinds = list(_inside(field.annotation)) if field else []
        secret = secret or SecretStr in kinds
        nested = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        model = nested[0] if nested else model
    return model, secret


def _explain(model: type[BaseModel], detail: Any, path: list[str]) -> tuple[str, str]:
    """What is wrong and what to do, for one pydantic error."""
    holder, secret = _descend(model, path)
    if detail["type"] == "extra_forbidden":
        names = (field.alias or name for name, field in holder.model_fields.items())
        return "unknown setting", suggestion(path[-1], names, "settings")
    if detail["type"] == "missing":
        return "required setting is missing", "Add it"
    message = str(detail["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if detail["type"] == PLAIN_PASSWORD:
        return message, "Put the password into the vault, and take it out here"
    # A check of a whole dictionary names the wrong key itself.
    named = detail["type"] == "value_error" and isinstance(detail["input"], Mapping)
    got = "" if secret or named else f", got {detail['input']!r}"
    return f"{message}{got}", "Correct the value"
