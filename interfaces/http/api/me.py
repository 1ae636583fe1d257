"""Who asks: what a program looks at first, to know whether it was let in, for what, and by what."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from application.access import Scope
from interfaces.http.api.requests import PrincipalOf, ServerOf
from interfaces.http.rendering import JsonResponse
from interfaces.record_views import MeView

router = APIRouter(prefix="/me", tags=["access"])


@router.get("", operation_id="whoAmI", response_model=MeView)
def who_am_i(server: ServerOf, principal: PrincipalOf) -> Response:
    """Say as whom you were let in, what you may do, and how large the log is."""
    size = server.book.events.size()
    view = MeView(
        actor=principal.actor,
        source=principal.source,
        scopes=[scope for scope in Scope if scope in principal.scopes],
        version=server.options.version,
        model=server.options.model,
        log_size=size,
    )
    return JsonResponse(view, log_size=size)
