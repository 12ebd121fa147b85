"""Endpoints about the business: processes, insights, pages, questions to an assistant."""

from __future__ import annotations

import asyncio
import random
from enum import StrEnum

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field
from stackwatch_instrumentation.context import current

from stackwatch_reference.jobs import Job
from stackwatch_reference.state import ServiceState, Visitor

_PROVIDER, _MODEL = "local", "echo"
NO_ENTITY = "none"

router = APIRouter()


class ProcessType(StrEnum):
    """The processes there are; the names go into labels, so that the list has an end."""

    REPORT = "report"
    EXPORT = "export"
    CHARACTER = "character"
    LEVEL_UP = "level_up"


class PageName(StrEnum):
    """The pages there are."""

    HOME = "home"
    PROFILE = "profile"
    REPORTS = "reports"


class NewProcess(BaseModel):
    """A process to be made."""

    type: ProcessType = ProcessType.REPORT
    fail: bool = Field(False, description="let the worker fail at it")


class Question(BaseModel):
    """A question to the assistant."""

    text: str = Field(min_length=1, max_length=1000)
    fail: bool = Field(False, description="let the provider fail at it")


def _entity(service: ServiceState) -> str:
    request = current()
    entity = request.entity_id if request else None
    return service.telemetry.metrics.http.entity_label(entity) or NO_ENTITY


@router.post("/processes", status_code=202)
async def create_process(
    service: ServiceState, visitor: Visitor, new: NewProcess
) -> dict[str, object]:
    """Write a process down and leave the work to the worker."""
    entity = _entity(service)
    process_id = await service.database.insert_process(entity, new.type)
    job = Job.of_request(process_id=process_id, kind=new.type, entity_id=entity, fail=new.fail)
    await service.queue.push(job)
    service.telemetry.metrics.business.processes_created.labels(entity, new.type).inc()
    return {"id": process_id, "status": "waiting"}


@router.get("/processes/{id}")
async def read_process(
    service: ServiceState, visitor: Visitor, process_id: int = Path(alias="id", ge=1, lt=2**63)
) -> dict[str, object]:
    """How far a process is."""
    row = await service.database.process(process_id)
    if row is None:
        raise HTTPException(404, "no such process")
    return row


@router.get("/insights")
async def insights(service: ServiceState, visitor: Visitor) -> dict[str, object]:
    """One insight for each type of process: how much of it failed within a day."""
    entity = _entity(service)
    with service.telemetry.tracing.workflow("generate insights", entity=entity):
        outcomes = await service.database.outcomes(entity)
        found = []
        for kind in sorted({row["type"] for row in outcomes}):
            of_kind = {row["status"]: row["number"] for row in outcomes if row["type"] == kind}
            ended = of_kind.get("completed", 0) + of_kind.get("failed", 0)
            share = of_kind.get("failed", 0) / ended if ended else 0.0
            found.append({"type": kind, "failed_share": share, "severity": _severity(share)})
    generated = service.telemetry.metrics.business.insights_generated
    for insight in found:
        generated.labels(entity, insight["type"], insight["severity"]).inc()
    return {"insights": found}


def _severity(failed_share: float) -> str:
    if failed_share > 0.5:
        return "critical"
    return "warning" if failed_share > 0.1 else "info"


@router.get("/pages/{name}")
async def page(service: ServiceState, visitor: Visitor, name: PageName) -> dict[str, str]:
    """A page of the site."""
    user_type = "guest" if visitor is None else "registered"
    service.telemetry.metrics.business.page_views.labels(name, user_type).inc()
    return {"page": name, "greeting": service.greeting}


@router.post("/ai/answers")
async def answer(service: ServiceState, visitor: Visitor, question: Question) -> dict[str, str]:
    """An answer of the assistant: a stand-in on this machine that says what it was asked."""
    try:
        with (
            service.telemetry.tracing.workflow("ask provider", provider=_PROVIDER, model=_MODEL),
            service.telemetry.metrics.ai.request(_PROVIDER, _MODEL),
        ):
            await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - a delay, no secret
            if question.fail:
                raise ConnectionError("the provider does not answer")
    except ConnectionError as error:
        raise HTTPException(502, str(error)) from error
    return {"answer": question.text}
