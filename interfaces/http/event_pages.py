"""Pages of the log, filtered.

Invariant: a request reads a bounded stretch of the log, whatever it looks for. A filter that finds little
gets short pages, with a cursor that goes on where the stretch ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from interfaces import viewing
from interfaces.audit_views import EventListView
from projections.finding import from_cursor, to_cursor

if TYPE_CHECKING:
    from domain.event import Recorded
    from interfaces.book import WholeBook

Order = Literal["newest", "oldest"]

STRETCH = 10_000
_BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which events are wanted; None: any."""

    type: str | None = None
    actor: str | None = None
    source: str | None = None
    stream_id: UUID | None = None
    correlation_id: UUID | None = None

    def fits(self, found: Recorded) -> bool:
        """Tell whether an event is wanted."""
        name = found.event.type_name
        return (
            (self.type is None or name == self.type or (self.type[-1] == "." and name.startswith(self.type)))
            and self.actor in {None, found.actor}
            and self.source in {None, found.source}
            and self.stream_id in {None, found.event.stream_id}
            and self.correlation_id in {None, found.correlation_id}
        )


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
    if cursor is not None:
        (place,) = from_cursor(cursor, int)
        low, high = (low, min(high, place)) if order == "newest" else (max(low, place), high)
    found, place = (_backwards if order == "newest" else _forwards)(book, wanted, low, high, limit)
    names = book.access.names(frozenset(one.actor for one in found))
    return EventListView(
        events=[viewing.event(one, names.get(one.actor)) for one in found],
        log_size=size,
        next_cursor=None if place is None else to_cursor(place),
    )


def _forwards(
    book: WholeBook, wanted: Filter, low: int, high: int, limit: int
) -> tuple[list[Recorded], int | None]:
    """Return events from `low` on, and where to go on."""
    found: list[Recorded] = []
    end = min(high, low + STRETCH)
    while low < end:
        for one in book.events.read(low, min(_BATCH, end - low)):
            low = one.log_index + 1
            if wanted.fits(one):
                found.append(one)
                if len(found) == limit:
                    return found, low if low < high else None
    return found, low if low < high else None


def _backwards(
    book: WholeBook, wanted: Filter, low: int, high: int, limit: int
) -> tuple[list[Recorded], int | None]:
    """Return events before `high`, the newest first, and where to go on."""
    found: list[Recorded] = []
    end = max(low, high - STRETCH)
    while high > end:
        start = max(end, high - _BATCH)
        for one in reversed(book.events.read(start, high - start)):
            if wanted.fits(one):
                found.append(one)
                if len(found) == limit:
                    return found, one.log_index if one.log_index > low else None
        high = start
    return found, high if high > low else None
