"""Finding messages."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from interfaces import viewing
from interfaces.http.api.past import AsOf, seen
from interfaces.http.api.requests import AtLeast, Cursor, Limit, Moment, ServerOf, Tags
from interfaces.http.rendering import JsonResponse
from interfaces.views import SearchView
from projections.search.queries import Within

router = APIRouter(prefix="/search", tags=["search"])


@router.get("", operation_id="searchMessages", response_model=SearchView)
def search_messages(  # noqa: PLR0913 - one filter each
    server: ServerOf,
    at_least: AtLeast,
    *,
    q: Annotated[
        str, Query(min_length=1, description='Words; `"a phrase"`, `or` and `-without` are understood.')
    ],
    limit: Limit = 20,
    cursor: Cursor = None,
    conversation_id: UUID | None = None,
    project_id: UUID | None = None,
    kind: Literal["prompt", "answer"] | None = None,
    model: Annotated[str | None, Query(min_length=1, description="Only answers of this model.")] = None,
    tag: Tags = (),
    since: Moment = None,
    until: Moment = None,
    as_of: AsOf = None,
) -> Response:
    """Find the messages in which all words stand, best first."""
    within = Within(
        conversation_id=conversation_id,
        project_id=project_id,
        kind=kind,
        model=model,
        tags=tag,
        since=since,
        until=until,
    )
    shown, moment = seen(server, as_of)
    page = shown.search.search(q, within, limit=limit, cursor=cursor, at_least=at_least)
    return JsonResponse(viewing.search_page(page, moment))
