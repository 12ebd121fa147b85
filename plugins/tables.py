"""Keep the tables of settings in the READMEs as the code is: ``python -m plugins.tables``.

A table stands between ``<!-- settings:NAME -->`` and ``<!-- /settings -->``; nothing else of a
file is touched.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from rich.console import Console

import roles.exporters
from plugins import settings
from plugins.experiment import by_itself
from plugins.options import Options
from plugins.role import Role, RoleError, all_roles
from plugins.site_settings import SiteSettings

ROOT = Path(__file__).resolve().parents[1]
EXPORTERS = Path("roles", "exporters", "README.md")
_BLOCK = re.compile(
    r"(?P<start>^<!-- settings:(?P<name>[\w-]+) -->\n)(?P<body>.*?)(?P<end>^<!-- /settings -->$)",
    re.DOTALL | re.MULTILINE,
)
# Compared by equality: an alias is what its plain type is, with something beside it.
_WORDS: tuple[tuple[Any, str], ...] = (
    (settings.Duration, "duration"),
    (settings.Span, "duration"),
    (settings.Size, "size"),
    (settings.Labels, "labels"),
    (settings.Port, "port"),
    (settings.Native, "native"),
    (str, "text"),
    (int, "whole number"),
    (float, "number"),
    (bool, "yes or no"),
    (SecretStr, "secret"),
    (type(None), "`None`"),
)


class StaleError(Exception):
    """A README cannot hold the tables; names the file and the remedy."""


def _type(hint: Any) -> str:
    """A type in words.

    Raises:
        TypeError: There are none for it.
    """
    word = next((word for known, word in _WORDS if hint == known), None)
    if word is not None:
        return word
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return f"`{hint.__name__}`"
    composed = _COMPOSED.get(get_origin(hint))
    if composed is None:
        raise TypeError(f"plugins/tables.py has no words for the type {hint!r}: add them there")
    return composed(get_args(hint))


def _any_of(types: tuple[Any, ...]) -> str:
    return " or ".join(map(_type, types))


_COMPOSED: Mapping[Any, Callable[[tuple[Any, ...]], str]] = {
    Literal: lambda choices: " or ".join(f"`{choice}`" for choice in choices),
    list: lambda types: f"list of {_type(types[0])}",
    tuple: lambda types: f"list of {_type(types[0])}",
    dict: lambda types: f"{_type(types[1])} by name",
    Annotated: lambda types: _type(types[0]),
    Union: _any_of,
    UnionType: _any_of,
}


def _limits(field: FieldInfo) -> str:
    """What a number must at least or at most be."""
    told = [f"at least {m.ge}" for m in field.metadata if isinstance(m, annotated_types.Ge)]
    told += [f"at most {m.le}" for m in field.metadata if isinstance(m, annotated_types.Le)]
    return ", ".join(told)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, bool):
        return f"`{value}`"
    return f"`{json.dumps(value)}`"


def table(model: type[BaseModel]) -> str:
    """The settings of a class as a Markdown table.

    Raises:
        TypeError: A setting has no description, or a type this has no words for.
    """
    hints = get_type_hints(model, include_extras=True)
    lines = ["| setting | type | default | description |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if not field.description:
            raise TypeError(f"{model.__module__}.{model.__qualname__}.{name} has no description")
        extra = field.json_schema_extra
        kind = _type(hints[name])
        if kind != "port" and (limits := _limits(field)):
            kind += f", {limits}"
        if isinstance(extra, Mapping) and extra.get("merge") == "extend":
            kind += ", extended"
        cells = (f"`{field.alias or name}`", kind, _default(field), field.description)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _exporters(found: Sequence[Role]) -> str:
    """One section an exporter: a new one needs no edit of the README by hand."""
    sections = (
        f"### {role.name}\n\n{role.summary[:1].upper()}{role.summary[1:]}."
        f"{f' On {by_itself(role)}.' if role.everywhere else ''}\n\n{table(role.settings)}"
        for role in found
    )
    return "\n" + "\n".join(sections) + "\n"


Blocks = Mapping[str, Callable[[], str]]


def wanted() -> Mapping[Path, Blocks]:
    """File, below the project's folder, to the blocks it must have, in order."""
    models: dict[str, type[BaseModel]] = {
        "site": SiteSettings,
        "host": settings.HostSettings,
        "logs": settings.LogSource,
        "service": settings.AppService,
        "run": Options,
    }
    files: dict[Path, Blocks] = {
        Path("README.md"): {n: partial(table, m) for n, m in models.items()}
    }
    exporters = []
    for role in all_roles().values():
        if role.settings.__module__.startswith(f"{roles.exporters.__name__}."):
            exporters.append(role)
        else:
            # The class may stand in a module of its own within the role's folder.
            folder = Path(*role.settings.__module__.split(".")[:2])
            files[folder / "README.md"] = {role.name: partial(table, role.settings)}
    files[EXPORTERS] = {"exporters": partial(_exporters, exporters)}
    return files


def filled(path: Path, text: str, blocks: Blocks) -> str:
    """A README with its blocks as they must be.

    Args:
        path: Its name, for messages.
        text: Its content.
        blocks: The blocks it must have.

    Raises:
        StaleError: A block is missing, unknown or there twice.
    """
    names = [match["name"] for match in _BLOCK.finditer(text)]
    for name in blocks:
        if names.count(name) != 1:
            what = "stands twice" if name in names else "is missing"
            lines = f"`<!-- settings:{name} -->` and `<!-- /settings -->`"
            raise StaleError(f"{path}: the table {name!r} {what}. Put it once, between {lines}")
    for name in names:
        if name not in blocks:
            known = ", ".join(blocks)
            raise StaleError(f"{path}: unknown table {name!r}. Remove it; known here: {known}")

    def made(match: re.Match[str]) -> str:
        return f"{match['start']}{blocks[match['name']]()}{match['end']}"

    return _BLOCK.sub(made, text)


def stale(root: Path) -> Iterator[tuple[Path, str]]:
    """Every README that is not as it must be, and what it must be.

    Raises:
        StaleError: A README is missing, or has no place for a table.
    """
    for relative, blocks in wanted().items():
        path = root / relative
        if not path.is_file():
            markers = ", ".join(f"`<!-- settings:{name} -->`" for name in blocks)
            raise StaleError(f"{relative}: no such file. Write it, with {markers}")
        text = path.read_text()
        new = filled(relative, text, blocks)
        if new != text:
            yield relative, new


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plugins.tables",
        description="Write the tables of settings into README.md and the roles' READMEs.",
        epilog="Exit codes: 0 they are current; 1 --check found stale ones, or a README has no "
        "place for its table; 2 wrong usage.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing, name stale files")
    return parser


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write or check the tables.

    Args:
        argv: Command line; default: the process's.
        root: The project's folder.

    Returns:
        0 if all are current now, 1 if not.
    """
    check: bool = _parser().parse_args(argv).check
    notes = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        found = list(stale(root))
    except (StaleError, RoleError, TypeError) as error:
        notes.print(str(error))
        return 1
    for relative, text in found:
        if check:
            notes.print(f"{relative}: its settings tables are stale. Run `make format`")
        else:
            (root / relative).write_text(text)
            notes.print(f"{relative}: written")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
