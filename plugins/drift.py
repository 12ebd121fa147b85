"""Tell drift: what differs, and the differing lines, without a secret among them."""

from __future__ import annotations

import base64
import difflib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping

from pyinfra.api import FactBase

from plugins.compare import Difference


class FileContents(FactBase[Mapping[str, str]]):
    """
    Returns the content of files by path, read in one command.

    + paths: absolute paths
    """

    default: Callable[[], Mapping[str, str]] = staticmethod(dict)

    def command(self, paths: tuple[str, ...]) -> str:
        """One line a file: its path and its content in base64."""
        words = " ".join(shlex.quote(path) for path in paths)
        return f'for path in {words}; do echo "$path $(base64 -w0 <"$path")"; done'

    def process(self, output: list[str]) -> Mapping[str, str]:
        """Decode what was read; bytes that are no text are shown as such."""
        contents = {}
        for line in output:
            path, _, encoded = line.rpartition(" ")
            contents[path] = base64.b64decode(encoded).decode(errors="backslashreplace")
        return contents


def unified(difference: Difference, found: str) -> Iterator[str]:
    """The differing lines of one file: ``-`` is what the host has, ``+`` what it should have."""
    wanted = difference.file.content if difference.file else ""
    yield from difflib.unified_diff(
        found.splitlines(),
        wanted.splitlines(),
        f"{difference.subject} (host)",
        f"{difference.subject} (inventory)",
        lineterm="",
    )


def lines(differences: Iterable[Difference], contents: Mapping[str, str]) -> Iterator[str]:
    """Everything to print for one host."""
    for difference in differences:
        yield f"  {difference}"
        secret = difference.file is not None and difference.file.secret
        if secret and "content" in difference.what:
            yield "    (a secret: its content is not shown)"
        elif difference.diffable and difference.subject in contents:
            found = contents[difference.subject]
            yield from (f"    {line}" for line in unified(difference, found))
