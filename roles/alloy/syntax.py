"""Alloy's configuration language, printed.

https://grafana.com/docs/alloy/latest/get-started/configuration-syntax/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from plugins.model import EMPTY

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = "// Managed by stackwatch: a run of deploy.py replaces what is edited here.\n"
_INDENT = "\t"


@dataclass(frozen=True)
class Reference:
    """What another component exports, for example ``loki.write.default.receiver``."""

    path: str


Value: TypeAlias = (
    str | bool | int | float | Reference | Sequence["Value"] | Mapping[str, "Value"] | None
)


@dataclass(frozen=True)
class Block:
    """A component, or a block inside one.

    Attributes:
        name: For example ``loki.process`` or ``stage.json``.
        label: What tells a component from others of its name.
        attributes: Name to value, in the order they are written.
        blocks: Blocks inside it, in order; they come after the attributes.
    """

    name: str
    label: str = ""
    attributes: Mapping[str, Value] = field(default_factory=lambda: EMPTY)
    blocks: Sequence[Block] = ()

    def exports(self, name: str) -> Reference:
        """A reference to something it exports."""
        return Reference(f"{self.name}.{self.label}.{name}")


def identifier(text: str) -> str:
    """A text as a label: what a label must not have becomes ``_``."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return plain if _IDENTIFIER.fullmatch(plain) else f"_{plain}"


def value(given: Value, depth: int = 0) -> str:
    """A value as it is written.

    Args:
        given: The value.
        depth: How deep the line is indented that it begins on.
    """
    if isinstance(given, Reference):
        return given.path
    if isinstance(given, Mapping):
        return _several("{}", [_entry(k, v, depth + 1) for k, v in given.items()], depth)
    if isinstance(given, Sequence) and not isinstance(given, str):
        return _several("[]", [value(each, depth + 1) for each in given], depth)
    # JSON's escapes are a part of the language's own; its numbers, true, false and null as well.
    return json.dumps(given, ensure_ascii=False)


def _entry(key: str, given: Value, depth: int) -> str:
    name = key if _IDENTIFIER.fullmatch(key) else json.dumps(key, ensure_ascii=False)
    return f"{name} = {value(given, depth)}"


def _several(brackets: str, items: Sequence[str], depth: int) -> str:
    """One a line; a single one stays where it is."""
    if len(items) < 2:
        return f"{brackets[0]}{''.join(items)}{brackets[1]}"
    inside = "".join(f"{_INDENT * (depth + 1)}{item},\n" for item in items)
    return f"{brackets[0]}\n{inside}{_INDENT * depth}{brackets[1]}"


def _lines(block: Block, depth: int) -> Iterator[str]:
    indent = _INDENT * depth
    label = f' "{block.label}"' if block.label else ""
    if not block.attributes and not block.blocks:
        yield f"{indent}{block.name}{label} {{ }}\n"
        return
    yield f"{indent}{block.name}{label} {{\n"
    for name, given in block.attributes.items():
        yield f"{indent}{_INDENT}{name} = {value(given, depth + 1)}\n"
    for inner in block.blocks:
        yield from _lines(inner, depth + 1)
    yield f"{indent}}}\n"


def document(blocks: Iterable[Block], more: str = "") -> str:
    """A whole configuration file.

    Args:
        blocks: Its components.
        more: Text in the same language, after them.
    """
    printed = ["".join(_lines(block, 0)) for block in blocks]
    return "\n".join([_HEADER, *printed, *([more.rstrip("\n") + "\n"] if more else [])])
