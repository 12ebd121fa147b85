"""Endpoints about users: reading them, logging in, changing what only administrators may."""

from __future__ import annotations

import hmac
import logging

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field, SecretStr
from stackwatch_instrumentation import audit, bind

from stackwatch_reference.database import User
from stackwatch_reference.state import Service, ServiceState, Token, Visitor

_LOG = logging.getLogger(__name__)
_METHOD = "password"

router = APIRouter()


class Credentials(BaseModel):
    """What somebody logs in with."""

    user_id: int = Field(ge=1, le=2_147_483_647)
    password: SecretStr = Field(max_length=200)


class Greeting(BaseModel):
    """The one thing that can be configured while the service runs."""

    text: str = Field(min_length=1, max_length=100)


def demo_password(user_id: int) -> str:
    """The password of a made-up user: known to everybody, and opening nothing of value."""
    return f"reference-{user_id}"


@router.get("/users/{id}")
async def read_user(
    service: ServiceState, visitor: Visitor, user_id: int = Path(alias="id", ge=1, le=2_147_483_647)
) -> dict[str, object]:
    """A user, from the cache or else the database."""
    user = await _find(service, user_id)
    if user is None:
        raise HTTPException(404, "no such user")
    audit.data_access(f"users/{user_id}")
    return {"id": user.id, "name": user.name, "greeting": service.greeting}


async def _find(service: Service, user_id: int) -> User | None:
    user = await service.cache.get(user_id)
    if user is None:
        user = await service.database.user(user_id)
        if user is not None:
            await service.cache.put(user)
    return user


@router.post("/login")
async def login(service: ServiceState, credentials: Credentials) -> dict[str, str]:
    """Begin a session."""
    auth = service.telemetry.metrics.auth
    name = str(credentials.user_id)
    auth.attempts.labels(_METHOD).inc()
    if service.limit.refuses(credentials.user_id):
        auth.rate_limit_hits.labels(_METHOD).inc()
        auth.failures.labels(_METHOD, "rate_limit").inc()
        audit.authentication(name, outcome="failure", method=_METHOD, reason="rate_limit")
        raise HTTPException(429, "too many failed logins; wait a minute")
    given = credentials.password.get_secret_value()
    user = await _find(service, credentials.user_id)
    if user is None or not _matches(given, user):
        service.limit.failed(credentials.user_id)
        reason = "unknown_user" if user is None else "wrong_password"
        auth.failures.labels(_METHOD, reason).inc()
        # On purpose with the password, as a careless programmer would log it: this entry is what
        # shows that redaction works, in a structure and in a text.
        _LOG.warning(
            "refused login with user=%s password=%r",
            name,
            given,
            extra={"form": {"password": given}},
        )
        audit.authentication(name, outcome="failure", method=_METHOD, reason=reason)
        raise HTTPException(401, "wrong user or password", {"WWW-Authenticate": "Bearer"})
    bind(user_id=name)
    audit.authentication(name, outcome="success", method=_METHOD)
    return {"token": service.sessions.begin(user)}


def _matches(given: str, user: User) -> bool:
    return hmac.compare_digest(given.encode(), demo_password(user.id).encode())


@router.post("/logout")
async def logout(service: ServiceState, visitor: Visitor, token: Token) -> dict[str, str]:
    """End the session."""
    if visitor is None or token is None:
        raise HTTPException(401, "not logged in", {"WWW-Authenticate": "Bearer"})
    service.sessions.end(token)
    return {"status": "logged out"}


@router.put("/configuration/greeting")
async def configure(service: ServiceState, visitor: Visitor, greeting: Greeting) -> dict[str, str]:
    """Change how users are greeted; only the administrator, user 1, may."""
    if visitor is None:
        raise HTTPException(401, "not logged in", {"WWW-Authenticate": "Bearer"})
    if not visitor.administrator:
        audit.authorisation_failure(
            str(visitor.id), action="change", resource="configuration/greeting"
        )
        raise HTTPException(403, "only administrators may")
    audit.configuration_change("greeting", before=service.greeting, after=greeting.text)
    service.greeting = greeting.text
    return {"greeting": service.greeting}
