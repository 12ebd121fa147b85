"""What people make by hand in a role's program, as the role declares it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Handmade:
    """Things that are in no file of ours, and that a backup keeps.

    Attributes:
        what: Words for each kind of them.
        module: Module that binds ``KIND``, a :class:`plugins.backup.kept.Kind`. It is loaded only
            by those who need it: every run loads every role.
        clustered: Whether all of a site know everything; else each knows its own, or shares it with
            those whose ``API`` endpoint has the same label ``shared``.
        dashboards: Whether dashboards are among them, which can be pulled into files.
    """

    what: tuple[str, ...]
    module: str
    clustered: bool = False
    dashboards: bool = False
