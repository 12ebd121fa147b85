"""The shape of a dashboard's JSON, as far as it is looked at: what is a list, an object, a text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

# Ten times what people make; what is much deeper ends programs that read it, and not only ours.
_DEEPEST = 100
_NAMED: Mapping[int | str, str] = {"panels": "panel", "list": "variable or annotation"}


def _source(value: Any) -> Any:
    parts = value.values() if isinstance(value, Mapping) else [value]
    if isinstance(value, list) or not all(isinstance(part, str | None) for part in parts):
        raise ValueError("is no datasource")
    return value


Source = Annotated[Any, AfterValidator(_source)]


class _Shape(BaseModel):
    """An object of which only some keys are looked at."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Own(_Shape):
    folder: str | None = None
    needs: list[str] | None = None
    empty: str | None = None


class _Grid(_Shape):
    x: float = 0
    y: float = 0
    w: float = 0
    h: float = 0


class _Thresholds(_Shape):
    steps: list[dict[str, Any]] | None = None


class _Defaults(_Shape):
    unit: str | None = None
    thresholds: _Thresholds | None = None
    links: list[Any] | None = None


class _Override(_Shape):
    properties: list[dict[str, Any]] | None = None


class _FieldConfig(_Shape):
    defaults: _Defaults | None = None
    overrides: list[_Override] | None = None


class _Target(_Shape):
    datasource: Source = None
    refId: str | None = None  # noqa: N815  # Grafana's name
    expr: str | None = None


class _Panel(_Shape):
    type: str
    id: int | None = None
    title: str | None = None
    datasource: Source = None
    gridPos: _Grid | None = None  # noqa: N815
    fieldConfig: _FieldConfig | None = None  # noqa: N815
    targets: list[_Target] | None = None
    links: list[Any] | None = None
    panels: list[_Panel] | None = None
    stackwatch: _Own | None = None


class _Variable(_Shape):
    name: str
    type: str
    datasource: Source = None
    regex: str | None = None
    sort: int | None = None
    current: dict[str, Any] | None = None


class _Variables(_Shape):
    listed: list[_Variable] | None = Field(None, alias="list")


class _Annotation(_Shape):
    name: str | None = None
    datasource: Source = None


class _Annotations(_Shape):
    listed: list[_Annotation] | None = Field(None, alias="list")


class _Dashboard(_Shape):
    panels: list[_Panel]
    tags: list[str] | None = None
    links: list[Any] | None = None
    templating: _Variables | None = None
    annotations: _Annotations | None = None
    stackwatch: _Own | None = None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON's")


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [one for some in inner for one in some if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def loaded(text: str) -> Any:
    """What JSON says, where Grafana reads the same in it.

    Raises:
        ValueError: It is none; or Python alone would read it, or nobody.
    """
    try:
        # Python takes NaN and Infinity for numbers.
        raw = json.loads(text, parse_constant=_no_number)
        deep = isinstance(raw, dict | list) and _too_deep(raw)
    except RecursionError:
        deep = True
    if deep:
        raise ValueError(f"more than {_DEEPEST} lists and objects stand in each other")
    # Half a character, as a lone escape, is no text that could be sent.
    json.dumps(raw, ensure_ascii=False).encode()
    return raw


def misshapen(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a dashboard is not what it should be, and how.

    Args:
        raw: Its JSON object.
    """
    try:
        _Dashboard.model_validate(raw)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            place, path = _place(raw, each["loc"])
            told = each["msg"].removeprefix("Value error, ")
            yield place, f"{path}: {told[:1].lower()}{told[1:]}" if path else told


def _place(raw: Any, path: tuple[int | str, ...]) -> tuple[str, str]:
    """The innermost panel or variable that a path leads through, and what is left of the path."""
    place, rest, found = "", path, raw
    for depth, key in enumerate(path):
        try:
            found = found[key]
        except (IndexError, KeyError, TypeError):
            break
        if isinstance(key, int) and path[depth - 1] in _NAMED:
            name = found.get("title") or found.get("name") if isinstance(found, Mapping) else None
            place = f"{_NAMED[path[depth - 1]]} {repr(name) if name else key + 1}"
            rest = path[depth + 1 :]
    return place, ".".join(map(str, rest))
