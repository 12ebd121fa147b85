"""Requests to an application in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import httpx
from starlette.types import ASGIApp


def ask(app: ASGIApp, *requests: tuple[str, str] | httpx.Request) -> list[httpx.Response]:
    """The answers to these requests, one after the other."""

    async def run() -> list[httpx.Response]:
        # The error pages of the application, not its exceptions.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return [
                await client.send(
                    r if isinstance(r, httpx.Request) else client.build_request(r[0], r[1])
                )
                for r in requests
            ]

    return asyncio.run(run())


def post(path: str, body: object, **headers: str) -> httpx.Request:
    """A request with a JSON body."""
    return httpx.Request("POST", f"http://app{path}", json=body, headers=headers)


def entries(text: str) -> list[dict[str, Any]]:
    """The log entries in what was written; each line must be one."""
    return [json.loads(line) for line in text.splitlines()]


def one(found: Iterable[dict[str, Any]], **fields: object) -> dict[str, Any]:
    """The only entry with these fields."""
    matching = [e for e in found if all(e.get(k) == v for k, v in fields.items())]
    assert len(matching) == 1, matching
    return matching[0]
