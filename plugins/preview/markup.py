"""HTML that cannot be broken by what is shown in it: text is escaped unless it is Markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_EMPTY_TAGS = frozenset({"br", "meta", "col", "img", "input"})


class Markup(str):
    """Text that is HTML already. Only :mod:`plugins.preview` makes it, never what was read."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Any text as HTML. Characters that steer a terminal or a page's direction are shown."""
    shown = "".join(
        character if character.isprintable() or character in "\n\t " else f"\\x{ord(character):02x}"
        for character in value
    )
    return Markup(escape(shown, quote=True))


def joined(parts: Iterable[str]) -> Markup:
    """Several parts behind each other; what is no Markup is escaped."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))


def element(tag: str, *children: str, **attributes: str | None) -> Markup:
    """One element.

    Args:
        tag: Its name.
        children: What is in it; text is escaped.
        attributes: Their values are escaped; None leaves one out, ``class_`` is ``class``, and
            ``_`` within a name is ``-``.
    """
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY_TAGS:
        return Markup(f"<{tag}{said}>")
    return Markup(f"<{tag}{said}>{joined(children)}</{tag}>")
