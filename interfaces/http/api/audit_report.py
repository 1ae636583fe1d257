"""What happened in a period: the figures, or the page that shows them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from interfaces.http.api.describing import Responses
from interfaces.http.api.requests import Moment, ServerOf
from interfaces.http.rendering import JsonResponse
from interfaces.report_views import AuditReportView

router = APIRouter(prefix="/audit", tags=["audit"])

_PAGE: Responses = {
    200: {
        "description": "The page, which needs nothing else.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}
Zone = Annotated[
    str, Query(min_length=1, max_length=64, description="Whose days: Europe/Berlin, say, or +02:00.")
]


@router.get("/report", operation_id="getAuditReport", response_model=AuditReportView)
def get_audit_report(
    server: ServerOf, since: Moment = None, until: Moment = None, zone: Zone = "UTC"
) -> Response:
    """Count what happened in a period, by default the last thirty days; name erasures, holds and exports."""
    return JsonResponse(server.book.reporting.report(since, until, zone))


@router.get(
    "/report.html",
    operation_id="getAuditReportPage",
    response_class=StreamingResponse,
    responses=_PAGE,
)
def get_audit_report_page(
    server: ServerOf, since: Moment = None, until: Moment = None, zone: Zone = "UTC"
) -> Response:
    """Show what happened in a period as one HTML page, to be kept or printed."""
    from interfaces.reporting.as_html import page_policy, pieces

    found = server.book.reporting.report(since, until, zone)
    return StreamingResponse(
        (piece.encode() for piece in pieces(found)),
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Disposition": 'inline; filename="daybook-audit.html"',
            "Content-Security-Policy": page_policy(),
        },
    )
