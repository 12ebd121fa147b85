"""What the endpoints of one process share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Header, Request
from stackwatch_instrumentation import Telemetry, bind
from stackwatch_instrumentation.context import current

from stackwatch_reference.activity import Activity, LoginLimit, Sessions
from stackwatch_reference.database import User

if TYPE_CHECKING:
    import httpx

    from stackwatch_reference.cache import UserCache
    from stackwatch_reference.database import Database
    from stackwatch_reference.jobs import JobQueue
    from stackwatch_reference.settings import Settings

_BEARER = "Bearer "


@dataclass(kw_only=True)
class Service:
    """The parts of the service."""

    settings: Settings
    telemetry: Telemetry
    database: Database
    cache: UserCache
    queue: JobQueue
    client: httpx.AsyncClient
    activity: Activity
    sessions: Sessions
    limit: LoginLimit = field(default_factory=LoginLimit)
    greeting: str = "welcome"


def _service(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service)  # noqa: S101 - set before the first request
    return service


ServiceState = Annotated[Service, Depends(_service)]


def session_token(authorization: Annotated[str | None, Header()] = None) -> str | None:
    """The session's token that came with the request."""
    if authorization is None or not authorization.startswith(_BEARER):
        return None
    return authorization.removeprefix(_BEARER)


Token = Annotated[str | None, Depends(session_token)]


async def _visitor(service: ServiceState, token: Token) -> User | None:
    user = service.sessions.user(token) if token else None
    if user is not None:
        bind(user_id=str(user.id))
    request = current()
    if request is not None:
        service.activity.seen(request.entity_id, request.user_id)
    return user


Visitor = Annotated[User | None, Depends(_visitor)]
