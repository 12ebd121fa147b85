"""Where a component's things are, as its process sees them, on every runtime alike."""

from __future__ import annotations

from dataclasses import dataclass

ETC = "/etc/stackwatch"
OPT = "/opt/stackwatch"
STATE = "/var/lib/stackwatch"


@dataclass(frozen=True)
class Paths:
    """Folders of one component.

    Attributes:
        name: The component's name.
    """

    name: str

    @property
    def etc(self) -> str:
        """Everything configured: releases and hot files."""
        return f"{ETC}/{self.name}"

    @property
    def config(self) -> str:
        """The release in force; a link, swapped in one step."""
        return f"{self.etc}/live"

    @property
    def hot(self) -> str:
        """Files the program watches itself; replaced one by one, no reload."""
        return f"{self.etc}/hot"

    @property
    def versions(self) -> str:
        """One folder a version, and the link ``current``."""
        return f"{OPT}/{self.name}"

    @property
    def programs(self) -> str:
        """The programs in force."""
        return f"{self.versions}/current"

    @property
    def storage(self) -> str:
        """What the component itself writes; never removed unless asked by name."""
        return f"{STATE}/{self.name}"
