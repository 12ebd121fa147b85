"""Endpoints that are slow, fail, or depend on somebody else."""

from __future__ import annotations

from typing import Annotated

import httpx
from fastapi import APIRouter, HTTPException, Query

from stackwatch_reference.state import ServiceState, Visitor

_LONGEST_SECONDS = 10.0

router = APIRouter()


@router.get("/slow")
async def slow(
    service: ServiceState,
    visitor: Visitor,
    seconds: Annotated[float, Query(ge=0, le=_LONGEST_SECONDS)] = 1.0,
) -> dict[str, float]:
    """A request whose query takes its time."""
    await service.database.sleep(seconds)
    return {"seconds": seconds}


@router.get("/fail")
async def fail(visitor: Visitor) -> None:
    """A request that a programming error ends."""
    raise RuntimeError("this endpoint always fails")


@router.get("/external")
async def external(service: ServiceState, visitor: Visitor) -> dict[str, int]:
    """A request that asks another service."""
    try:
        answer = await service.client.get(service.settings.external)
    except httpx.HTTPError as error:
        raise HTTPException(502, f"no answer: {type(error).__name__}") from error
    return {"status": answer.status_code}
