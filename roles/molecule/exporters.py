"""What every exporter is asked: one series, and the values that are plausible for it."""

from __future__ import annotations

from dataclasses import dataclass

from plugins.role import all_roles
from roles.molecule import scenario


@dataclass(frozen=True)
class Row:
    """One exporter.

    Attributes:
        name: Its name.
        port: Where it answers.
        series: A series by its full name.
        least: The smallest plausible value.
        most: The largest one.
    """

    name: str
    port: int
    series: str
    least: float
    most: float


# What only this exporter can tell; one without an entry is asked for its own memory.
SAYS: dict[str, tuple[str, float, float]] = {
    "node_exporter": ("node_memory_MemTotal_bytes", 2**28, 2**46),
}
_MEMORY = ("process_resident_memory_bytes", 2**20, 2**31)


def table() -> list[Row]:
    """A row for every file in ``roles/exporters/``."""
    return [
        Row(name, all_roles()[name].settings.model_fields["port"].default, *SAYS.get(name, _MEMORY))
        for name in scenario.exporters()
    ]
