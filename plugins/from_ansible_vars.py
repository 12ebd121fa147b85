"""Settings of ours from variables of well-known Ansible collections.

    python -m plugins.from_ansible_vars group_vars/monitoring.yml --output inventories/group_data

Prints `group_data/` files, or writes them; what has no counterpart is listed with the reason.
Nothing secret is printed: a secret moves into a vault file by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from plugins.ansible_converting import Found, NoCounterpartError, Sealed, Settings, secrets_in
from plugins.ansible_mapping import PREFIXES, row, tables
from plugins.layers import Layer, validate
from plugins.role import all_roles
from plugins.settings import HostSettings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = Path("docs", "ansible.md")
_BLOCK = re.compile(
    r"(?<=<!-- ansible-variables -->\n).*?(?=<!-- /ansible-variables -->)", re.DOTALL
)
_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw\s*-?%\}", re.DOTALL)
_WIDTH = 96


class UnreadableError(Exception):
    """A file holds no variables; says which and why."""


class Literal(str):
    """A text that Ansible does not take for a template."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's own tags; a vault is not opened."""


def _sealed(loader: _Loader, node: yaml.Node) -> Sealed:
    return Sealed()


def _literal(loader: _Loader, node: yaml.Node) -> Any:
    return Literal(node.value) if isinstance(node, yaml.ScalarNode) else None


_Loader.add_constructor("!vault", _sealed)
_Loader.add_constructor("!vault-encrypted", _sealed)
_Loader.add_constructor("!unsafe", _literal)


def read(path: Path) -> dict[str, Any]:
    """The variables of one file.

    Raises:
        UnreadableError: It is missing, encrypted, no YAML, or no dictionary.
    """
    try:
        text = path.read_text()
        if text.startswith("$ANSIBLE_VAULT"):
            raise UnreadableError(f"{path}: is encrypted; its secrets go into a vault file as is")
        # A subclass of the safe loader.
        found = yaml.load(text, _Loader)  # noqa: S506
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}. Check the path") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise UnreadableError(f"{path}: is no valid YAML{line}. Correct it") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UnreadableError(f"{path}: holds no dictionary of variables. Give a vars file")
    return {str(key): value for key, value in found.items()}


def _filled(value: Any) -> Any:
    """A value as Ansible would hand it over.

    Raises:
        NoCounterpartError: That needs a variable or a vault's password.
    """
    if isinstance(value, Sealed):
        raise NoCounterpartError("is encrypted; what it is for takes no secret here")
    if isinstance(value, Mapping):
        return {str(key): _filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner) for inner in value]
    if isinstance(value, str) and not isinstance(value, Literal):
        outside = _RAW.sub("", value)
        if "{{" in outside or "{%" in outside:
            raise NoCounterpartError("holds a template; write its value")
        return _RAW.sub(r"\1", value)
    return str(value) if isinstance(value, Literal) else value


@dataclass
class Converted:
    """What became of all variables.

    Attributes:
        settings: Role, or key of all hosts, to its settings.
        left: Variable and why it has no counterpart, or what is left to do.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=list)


def _found(variable: str, value: Any) -> Found:
    """What one variable becomes.

    Raises:
        NoCounterpartError: It has none.
    """
    mapped = row(variable)
    if mapped is None:
        raise NoCounterpartError("is not known; the table is in docs/ansible.md")
    if mapped.convert is None:
        raise NoCounterpartError(mapped.note)
    try:
        found = mapped.convert(value if mapped.sealed else _filled(value))
    except (AttributeError, TypeError, ValueError) as error:
        raise NoCounterpartError("has not the form that the collection wants") from error
    settings = _filled(dict(found.settings))
    for key in secrets_in(settings):
        raise NoCounterpartError(f"holds a secret ({key}) that would lie in plain text here")
    return Found(settings, found.remarks)


def convert(variables: Mapping[str, Any]) -> Converted:
    """Convert variables; others than the collections' are somebody else's and left alone."""
    settings, converted = Settings(), Converted()
    for variable, value in variables.items():
        if not variable.startswith(PREFIXES):
            continue
        try:
            found = _found(variable, value)
        except NoCounterpartError as reason:
            converted.left.append((variable, str(reason)))
            continue
        settings.add(found)
        converted.left += [(variable, remark) for remark in found.remarks]
    converted.settings = settings.by_key
    converted.left += _misfits(settings.by_key)
    return converted


def _misfits(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What our own validation would refuse."""
    roles = all_roles()
    for key, said in settings.items():
        model = roles[key].settings if key in roles else HostSettings
        values = said if key in roles else {key: said}
        prefix = key if key in roles else ""
        _, problems = validate(model, values, (Layer("", {key: said}),), prefix)
        for problem in problems:
            yield problem.where.removeprefix(": "), f"{problem.what}. {problem.remedy}"


def python(value: Any, indent: int = 0, start: str = "") -> str:
    """A value as Python after ``start``, folded where the line would be too long."""
    flat = start + _flat(value)
    if not isinstance(value, dict | list) or len(flat) + indent < _WIDTH or not value:
        return flat
    items = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    pad = " " * indent
    lines = [
        f"{pad}    {python(inner, indent + 4, '' if key is None else f'{_flat(key)}: ')},"
        for key, inner in items
    ]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([start + opened, *lines, pad + closed])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(k)}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    if isinstance(value, str) and "'" not in value and '"' not in value:
        return '"' + repr(value)[1:-1] + '"'
    return repr(value)


def files(settings: Mapping[str, Any]) -> dict[str, str]:
    """File name in ``group_data/`` to its content."""
    made: dict[str, str] = {}
    for key, said in settings.items():
        name = key if key in all_roles() else "all"
        start = made.get(f"{name}.py", '"""From variables of Ansible collections."""\n')
        made[f"{name}.py"] = f"{start}\n{python(said, start=f'{key} = ')}\n"
    return made


def documented(text: str) -> str:
    """The document with its table as the code has it.

    Raises:
        ValueError: It has no place for the table.
    """
    if not _BLOCK.search(text):
        raise ValueError(
            "`<!-- ansible-variables -->` and `<!-- /ansible-variables -->` are missing"
        )
    return _BLOCK.sub(lambda _: tables(), text, count=1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plugins.from_ansible_vars",
        description="Variables of prometheus.prometheus and grafana.grafana to group_data/ files.",
        epilog="Later files win, as with Ansible. What has no counterpart is told on standard "
        "error. Exit codes: 0 converted; 1 a file cannot be read or is there already; 2 wrong "
        "usage.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="YAML of variables")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write files there, no old one")
    parser.add_argument("--document", action="store_true", help=f"write the table of {DOCUMENT}")
    return parser


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Convert, or write the table of the document.

    Returns:
        0, or 1 if a file cannot be read or would be overwritten.
    """
    parser = _parser()
    asked = parser.parse_args(argv)
    if asked.document:
        path = root / DOCUMENT
        path.write_text(documented(path.read_text()))
        return 0
    if not asked.files:
        parser.error("give at least one FILE")
    variables: dict[str, Any] = {}
    try:
        for path in asked.files:
            variables |= read(path)
    except UnreadableError as error:
        print(error, file=sys.stderr)
        return 1
    converted = convert(variables)
    made = files(converted.settings)
    there = [
        str(asked.output / name) for name in made if asked.output and (asked.output / name).exists()
    ]
    if there:
        print(f"{', '.join(there)}: there already. Write to an empty folder", file=sys.stderr)
        return 1
    for name, text in made.items():
        if asked.output:
            asked.output.mkdir(parents=True, exist_ok=True)
            (asked.output / name).write_text(text)
        else:
            print(f"# group_data/{name}\n{text}")
    for variable, reason in converted.left:
        print(f"{variable}: {reason}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
