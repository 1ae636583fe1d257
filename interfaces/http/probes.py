"""What is outside `/api`: the probes, and the pages that problems lead to."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from interfaces.http import problems, readiness
from interfaces.http.readiness import ReadinessView
from interfaces.http.rendering import JsonResponse

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class AliveView:
    """The process answers."""

    status: str


@router.get("/healthz", operation_id="isAlive", tags=["probes"], response_model=AliveView)
async def is_alive() -> Response:
    """Say that the process answers; looks at nothing else."""
    return JsonResponse(AliveView(status="alive"))


@router.get(
    "/readyz",
    operation_id="isReady",
    tags=["probes"],
    response_model=ReadinessView,
    responses={503: {"description": "A required check failed.", "model": ReadinessView}},
)
async def is_ready(request: Request) -> Response:
    """Say whether database, migrations and read models are well; the model server is not required."""
    found = await readiness.look(request.app.state.server)  # a probe is nobody who was let in
    return JsonResponse(found, 200 if found.ready else 503)


@router.get("/problems/{slug}", include_in_schema=False)
async def explain_problem(slug: str) -> Response:
    """Say what a kind of problem is."""
    title = problems.title_of(slug)
    if title is None:
        raise HTTPException(404)
    return PlainTextResponse(
        f"{title}.\n\nThe problem's own `detail` and `hint` say what happened and what to do.\n"
    )
