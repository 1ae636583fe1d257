"""Replays held against what was recorded: the figures and texts, or the page that shows them."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from interfaces.comparison_views import ComparisonView
from interfaces.http.api.describing import Responses
from interfaces.http.api.requests import AtLeast, ServerOf
from interfaces.http.rendering import JsonResponse

router = APIRouter(prefix="/replays", tags=["replays"])

_PAGE: Responses = {
    200: {
        "description": "The page, which needs nothing else.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}


@router.get("/{replay_id}/comparison", operation_id="compareReplay", response_model=ComparisonView)
def compare_replay(replay_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Hold a replay's new answers against the recorded ones: verdicts, likeness, figures and texts."""
    return JsonResponse(server.book.comparing.compare(replay_id, at_least=at_least))


@router.get(
    "/{replay_id}/comparison.html",
    operation_id="getComparisonPage",
    response_class=StreamingResponse,
    responses=_PAGE,
)
def get_comparison_page(replay_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show the comparison as one HTML page with plots, to be kept or printed."""
    # Jinja and the style sheet are loaded when somebody wants a page, and not before.
    from interfaces.comparing.as_html import page_policy, pieces

    found = server.book.comparing.compare(replay_id, at_least=at_least)
    return StreamingResponse(
        (piece.encode() for piece in pieces(found)),
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Disposition": f'inline; filename="replay-{replay_id}.html"',
            "Content-Security-Policy": page_policy(),
        },
    )
