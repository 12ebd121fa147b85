"""The organisation and its teams, which Grafana reads from no file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plugins.calls import Call
from plugins.model import Endpoint
from plugins.wishes import Wish
from roles.grafana.settings import Settings


def wishes(api: Endpoint, settings: Settings) -> Iterator[Wish]:
    """What people say of them, as wishes. Teams are made and never taken away.

    https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/team/

    Args:
        api: Grafana's API, with a login.
        settings: The role's.
    """
    if settings.organisation:
        name = settings.organisation

        def renamed(said: Any) -> tuple[Call, ...]:
            return () if said["name"] == name else (Call("/api/org", "PUT", {"name": name}),)

        yield Wish(f"the organisation is {name!r}", api, Call("/api/org"), renamed)
    if settings.teams:

        def made(said: Any) -> tuple[Call, ...]:
            there = {team["name"] for team in said["teams"]}
            missing = (name for name in settings.teams if name not in there)
            return tuple(Call("/api/teams", "POST", {"name": name}) for name in missing)

        yield Wish("teams are there", api, Call("/api/teams/search?perpage=1000"), made)
