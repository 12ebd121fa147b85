"""The login that registries give to everyone who only reads, or for a user and a password.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re

import httpx
from pydantic import BaseModel, ValidationError

from plugins.artifacts.download import TIMEOUT, UnreachableError, shown

_CHALLENGE = re.compile(r'\bBearer\s+((?:\w+="[^"]*"\s*,?\s*)+)', re.IGNORECASE)
_WORD = re.compile(r'(\w+)="([^"]*)"')
# A token is some hundred bytes; of an answer without end no more is read.
_MOST = 1 << 20


class _Given(BaseModel):
    token: str = ""
    access_token: str = ""


def bearer(url: str, challenge: str) -> tuple[str, dict[str, str]]:
    """What to ask again, and with what, where a registry wants a token.

    Args:
        url: What was asked for; a user and password in it are handed on to whoever gives the token.
        challenge: The registry's ``WWW-Authenticate``.

    Returns:
        The URL without them, and the header.

    Raises:
        UnreachableError: It wants something else, or no token is given.
    """
    asked = httpx.URL(url)
    found = _CHALLENGE.search(challenge)
    words = dict(_WORD.findall(found[1])) if found else {}
    if "realm" not in words:
        raise UnreachableError(f"{shown(url)}: wants a login: put it into the URL of your mirror")
    try:
        realm = httpx.URL(words.pop("realm")).copy_merge_params(words)
    except httpx.InvalidURL as error:
        raise UnreachableError(f"{shown(url)}: names no place that gives logins") from error
    # Docker, too, hands a password to whoever the registry names; not for everybody to read.
    if realm.scheme != "https" and realm.host != asked.host:
        raise UnreachableError(f"{shown(url)}: wants a login from {realm.host}, not over TLS")
    user = (asked.username, asked.password) if asked.username else None
    plain = str(asked.copy_with(username=None, password=None))
    return plain, {"Authorization": f"Bearer {_token(realm, user)}"}


def _token(realm: httpx.URL, user: tuple[str, str] | None) -> str:
    try:
        with httpx.stream("GET", realm, auth=user, timeout=TIMEOUT) as reply:
            reply.raise_for_status()
            body = next(reply.iter_bytes(_MOST), b"")
        given = _Given.model_validate_json(body)
    except httpx.HTTPError as error:
        raise UnreachableError(f"{realm.host} gave no login: {error}") from error
    except ValidationError as error:
        raise UnreachableError(f"{realm.host} gave no login: its answer has none") from error
    if not (given.token or given.access_token):
        raise UnreachableError(f"{realm.host} gave no login: its answer has none")
    return given.token or given.access_token
