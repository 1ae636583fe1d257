"""Looking after the book: its keys, its read models, and the checks of `daybook doctor`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from application import scopes
from interfaces import viewing
from interfaces.finishing import finish
from interfaces.http.api.bodies import Rebuild
from interfaces.http.api.describing import long
from interfaces.http.api.requests import ServerOf, must_have, must_run
from interfaces.http.long_work import Report, Result, in_thread, respond
from interfaces.http.rendering import JsonResponse
from interfaces.upkeep_views import (
    DoctorView,
    KeysStatusView,
    ProjectionsView,
    RotatedView,
    VerifiedProjectionsView,
)

router = APIRouter(tags=["upkeep"])


@router.get("/keys", operation_id="getKeys", response_model=KeysStatusView)
def get_keys(server: ServerOf) -> Response:
    """Show the epochs of the keys, and whether a rotation is to be finished; never a key."""
    return JsonResponse(viewing.keys_status(server.book.keys.status()))


@router.post(
    "/keys/rotation",
    operation_id="rotateKeys",
    response_model=RotatedView,
    responses=long("What the rotation did.", "done", RotatedView),
)
async def rotate_keys(request: Request, server: ServerOf) -> Response:
    """Wrap all keys under a new epoch key and destroy the old; goes on to its end without watchers."""
    must_run(server)
    must_have(server, scopes.ADMIN, "keys.rotate")

    def rotate(report: Report) -> Result:
        rotated, scrubbed = finish(server.whole.book, report)
        return Result(
            RotatedView(
                epoch=rotated.epoch,
                rewrapped_count=rotated.rewrapped_count,
                finished=rotated.rewritten and scrubbed,
            )
        )

    return await respond(server, request, "rotateKeys", in_thread(server, rotate), reads=False)


@router.get("/projections", operation_id="getProjections", response_model=ProjectionsView)
def get_projections(server: ServerOf) -> Response:
    """Show how far each read model is."""
    return JsonResponse(viewing.projections(server.book.read_models.status()))


@router.post(
    "/projections/rebuild",
    operation_id="rebuildProjections",
    response_model=ProjectionsView,
    responses=long("How far the read models are then.", "done", ProjectionsView),
)
async def rebuild_projections(request: Request, server: ServerOf, body: Rebuild | None = None) -> Response:
    """Build read models again from the log, beside the live ones, and switch; goes on without watchers."""
    must_run(server)
    must_have(server, scopes.ADMIN, "read_models.rebuild")
    names = (body or Rebuild()).read_models
    server.whole.book.read_models.named(names)  # an unknown one is told at once

    def rebuild(report: Report) -> Result:
        server.book.read_models.rebuild(names, report)
        return Result(viewing.projections(server.book.read_models.status()))

    return await respond(server, request, "rebuildProjections", in_thread(server, rebuild), reads=False)


@router.post(
    "/projections/verification",
    operation_id="verifyProjections",
    response_model=VerifiedProjectionsView,
    responses=long("What the comparison found.", "done", VerifiedProjectionsView),
)
async def verify_projections(request: Request, server: ServerOf, body: Rebuild | None = None) -> Response:
    """Compare the live read models with a fresh fold of the log; nothing is switched."""
    must_run(server)
    must_have(server, scopes.ADMIN, "read_models.verify")
    names = (body or Rebuild()).read_models
    server.whole.book.read_models.named(names)  # an unknown one is told at once

    def verify(report: Report) -> Result:
        return Result(viewing.verified_projections(server.book.read_models.verify(names, report)))

    return await respond(server, request, "verifyProjections", in_thread(server, verify), reads=True)


@router.get("/doctor", operation_id="runDoctor", response_model=DoctorView)
async def run_doctor(server: ServerOf) -> Response:
    """Check everything a working book needs; `ok` says whether it is well, each `fix` what to do."""
    must_have(server, scopes.ADMIN, "doctor")
    checks = await asyncio.to_thread(server.options.doctor)
    return JsonResponse(viewing.doctor(checks))
