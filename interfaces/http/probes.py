"""What is outside `/api` and machines ask for: the probes, and the server in figures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import APIRouter, Request
from starlette.responses import Response

from application import scopes
from interfaces.http import metrics, readiness
from interfaces.http.api.requests import ServerOf, must_have
from interfaces.http.guard import TRUSTED
from interfaces.http.rendering import JsonResponse
from interfaces.upkeep_views import CheckView, ReadModelView

router = APIRouter(tags=["probes"])


@dataclass(frozen=True, kw_only=True)
class AliveView:
    """The process answers."""

    status: str


@dataclass(frozen=True, kw_only=True)
class ReadyView:
    """Whether the server can do its work. The rest is told to whoever may read the book."""

    ready: bool
    version: str | None = None
    checks: list[CheckView] = field(default_factory=list)
    read_models: list[ReadModelView] = field(default_factory=list)


@router.get("/healthz", operation_id="isAlive", response_model=AliveView)
async def is_alive() -> Response:
    """Say that the process answers; looks at nothing else."""
    return JsonResponse(AliveView(status="alive"))


@router.get(
    "/readyz",
    operation_id="isReady",
    response_model=ReadyView,
    responses={503: {"description": "A required check failed.", "model": ReadyView}},
)
async def is_ready(request: Request) -> Response:
    """Say whether database, migrations and read models are well; the model server is not required."""
    found = await readiness.look(request.app.state.server)  # a probe is nobody who was let in
    status = 200 if found.ready else 503
    if not await request.scope[TRUSTED]():
        return JsonResponse(ReadyView(ready=found.ready), status)
    return JsonResponse(ReadyView(**vars(found)), status)


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    responses={
        200: {
            "description": "Figures in Prometheus' text format; docs/operations.md lists them.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def get_metrics(server: ServerOf) -> Response:
    """Show the server in figures, for Prometheus; wants the scope `read` or `audit`."""
    must_have(server, scopes.READ_OR_AUDIT, "metrics")
    return Response(await asyncio.to_thread(server.metrics.text), media_type=metrics.MEDIA_TYPE)
