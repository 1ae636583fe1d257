"""Tags: which there are. They are put on and taken off with the conversation (`changeConversation`)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from interfaces import filing_views
from interfaces.filing_views import TagListView
from interfaces.http.api.requests import AtLeast, ServerOf
from interfaces.http.rendering import JsonResponse

router = APIRouter(prefix="/tags", tags=["conversations"])


@router.get("", operation_id="listTags", response_model=TagListView)
def list_tags(server: ServerOf, at_least: AtLeast) -> Response:
    """List all tags, and how many conversations have each."""
    return JsonResponse(filing_views.tags(server.book.conversations.tags(at_least=at_least)))
