"""Pages of the log, filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from interfaces.audit_views import EventListView, with_names
from projections.finding import from_cursor, to_cursor
from projections.trail.queries import Filter

if TYPE_CHECKING:
    from interfaces.book import WholeBook

Order = Literal["newest", "oldest"]


def page_of_events(
    book: WholeBook,
    wanted: Filter,
    *,
    order: Order,
    since: int | None,
    until: int | None,
    limit: int,
    cursor: str | None,
) -> EventListView:
    """Return a page of events.

    Raises:
        InvalidInputError: the cursor is none of this list.
    """
    size = book.events.size()
    low, high = since or 0, size if until is None else min(until, size)
    newest = order == "newest"
    if cursor is not None:
        (place,) = from_cursor(cursor, int)
        low, high = (low, min(high, place)) if newest else (max(low, place), high)
    found = book.trail.events(wanted, low=low, high=high, newest_first=newest, limit=limit + 1, at_least=size)
    more = len(found) > limit
    page = found[:limit]
    following = page[-1].log_index + (0 if newest else 1) if more else None
    return EventListView(
        events=with_names(book, page),
        log_size=size,
        next_cursor=None if following is None else to_cursor(following),
    )
