"""The book as it was: which moment is meant, and how a conversation came to be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import viewing
from interfaces.history_views import HistoryView, history
from interfaces.http.api.requests import MOST, Limit, ServerOf
from interfaces.http.rendering import JsonResponse
from interfaces.http.server import Server
from interfaces.views import AsOfView

if TYPE_CHECKING:
    from interfaces.book import WholeBook
    from projections.past.history import Moment
    from projections.past.view import View

router = APIRouter(tags=["as of"])

_LONGEST = 40
_MEANT = (
    "Digits: a log index N, as of which events 0 to N had happened. Else a time in RFC 3339 (without an "
    "offset, in UTC): events up to and including it."
)


def _meant(typed: str) -> int | datetime:
    if typed.isascii() and typed.isdecimal():
        return min(int(typed), MOST)
    try:
        moment = datetime.fromisoformat(typed)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            "That is no moment: it is a log index in digits, or a time such as 2026-03-01T00:00:00Z."
        ) from None


def as_of_of(
    as_of: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=_LONGEST,
            description=f"Show it as it was. {_MEANT}",
            examples=["1234", "2026-03-01T00:00:00Z"],
        ),
    ] = None,
) -> int | datetime | None:
    """Return the moment as of which something is to be shown; None: now."""
    return None if as_of is None else _meant(as_of)


AsOf = Annotated[int | datetime | None, Depends(as_of_of)]
Shown: TypeAlias = "WholeBook | View"


def seen(server: Server, as_of: int | datetime | None) -> tuple[Shown, Moment | None]:
    """Return what queries are asked of, and the moment it is of (None: now)."""
    if as_of is None:
        return server.book, None
    view = server.book.past.at(as_of)
    return view, view.moment


@router.get("/moments/{moment}", operation_id="getMoment", response_model=AsOfView)
def get_moment(
    moment: Annotated[str, Path(min_length=1, max_length=_LONGEST, description=_MEANT)], server: ServerOf
) -> Response:
    """Say which event was the last at a moment, and when that was."""
    return JsonResponse(viewing.as_of(server.book.past.at(_meant(moment)).moment))


@router.get("/conversations/{conversation_id}/history", operation_id="getHistory", response_model=HistoryView)
def get_history(
    conversation_id: UUID,
    server: ServerOf,
    limit: Limit = 100,
    cursor: Annotated[int, Query(ge=0, le=MOST, description="`next_cursor` of the page before.")] = 0,
) -> Response:
    """Tell how a conversation came to be: every event, and what it changed, the oldest first."""
    found = server.book.past.happenings(conversation_id, after=cursor, limit=limit + 1)
    if not found and (cursor == 0 or not server.book.past.happenings(conversation_id, limit=1)):
        raise NotFoundError(
            f"There is no conversation {short(conversation_id)} in this book.", hint="daybook list"
        )
    return JsonResponse(history(found, limit=limit))
