"""What answers cost: tokens, time, speed and ratings."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from interfaces.http.api.requests import AtLeast, Moment, ServerOf
from interfaces.http.rendering import JsonResponse
from interfaces.usage_views import StatsView, stats

router = APIRouter(tags=["usage"])


@router.get("/usage", operation_id="getUsage", response_model=StatsView)
def get_usage(
    server: ServerOf,
    at_least: AtLeast,
    *,
    by: Annotated[Literal["model", "day", "project"], Query(description="What to count by.")] = "model",
    since: Moment = None,
    until: Moment = None,
    zone: Annotated[
        str,
        Query(min_length=1, max_length=64, description="Whose days: Europe/Berlin, say, or +02:00."),
    ] = "UTC",
) -> Response:
    """Count tokens, time and ratings of the answers begun from `since` on and before `until`."""
    return JsonResponse(stats(server.book, by, since=since, until=until, zone=zone, at_least=at_least))
