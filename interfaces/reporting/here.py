"""The audit report of a book that is here; for one behind a server see `remote/reporting.py`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.errors import InvalidInputError
from domain.every_event import catalogue
from interfaces import viewing
from interfaces.audit_views import stored
from interfaces.report_views import (
    ActorView,
    AuditReportView,
    CountView,
    NamedEventsView,
    SignedView,
    SpanView,
)
from interfaces.usage_views import stats

if TYPE_CHECKING:
    from application.ports.audit import Signed
    from interfaces.book import WholeBook
    from projections.trail.report import PeriodCounts, PeriodQueries

_GROUPS = {
    "erasures": (".erased",),
    "holds": (".held", ".released"),
    "letting_in": ("token.created", "token.revoked", "session.offered", "session.ended"),
    "exports": ("disclosure.exported",),
}
_USUAL = timedelta(days=30)
_SHOWN = "disclosure.shown"


class ReportingHere:
    """The part `reporting` of an open book.

    Args:
        book: the book.
        periods: counts what the trail has.
        signed: says what was signed in a period.
    """

    def __init__(
        self, book: WholeBook, periods: PeriodQueries, signed: Callable[[datetime, datetime], Signed]
    ) -> None:
        self._book = book
        self._periods = periods
        self._signed = signed

    def report(self, since: datetime | None, until: datetime | None, zone: str) -> AuditReportView:
        """Return what happened from `since` on and before `until`: by default in the last thirty days.

        Raises:
            InvalidInputError: the period ends before it begins, or there is no such time zone.
        """
        now = self._book.clock.now()
        until = until or now
        since = since or until - _USUAL
        if until <= since:
            raise InvalidInputError(
                "The period ends before it begins. Nothing was changed.",
                hint="daybook audit report --from '30 days ago' --to today",
            )
        usage = stats(self._book, "model", since=since, until=until, zone=zone)
        size = self._book.events.size()
        types = catalogue.types()
        named = {
            group: [name for name in types if name.endswith(endings)] for group, endings in _GROUPS.items()
        }
        found = self._periods.counts(since, until, zone, named, at_least=size)
        actors = {one.actor for one in found.actors}
        actors |= {one.actor for events in found.named.values() for one in events}
        names = self._book.access.names(frozenset(actors))
        counts = dict(found.kinds)
        groups = {
            group: NamedEventsView(
                event_count=sum(counts.get(name, 0) for name in named[group]),
                events=[viewing.event(one, names.get(one.actor)) for one in events],
            )
            for group, events in found.named.items()
        }
        return AuditReportView(
            since=since,
            until=until,
            zone=zone,
            made_at=now,
            log_size=size,
            event_count=found.event_count,
            first_index=found.first_index,
            last_index=found.last_index,
            spans=_spans(found),
            kinds=[CountView(name=name, event_count=count) for name, count in found.kinds],
            sources=[CountView(name=name, event_count=count) for name, count in found.sources],
            actor_count=found.actor_count,
            actors=[
                ActorView(
                    actor=one.actor,
                    actor_name=names.get(one.actor),
                    event_count=one.event_count,
                    first_at=one.first_at,
                    last_at=one.last_at,
                    sources=list(one.sources),
                )
                for one in found.actors
            ],
            models=usage.groups,
            shown_count=counts.get(_SHOWN, 0),
            signed=_signed_view(self._signed(since, until), found),
            **groups,
        )


def _spans(found: PeriodCounts) -> list[SpanView]:
    form = "%Y-%m" if found.by_month else "%Y-%m-%d"
    return [SpanView(span=day.strftime(form), event_count=count) for day, count in found.spans]


def _signed_view(found: Signed, counts: PeriodCounts) -> SignedView:
    unsigned = 0
    if counts.last_index is not None and counts.first_index is not None:
        unsigned = max(0, counts.last_index + 1 - max(found.covered, counts.first_index))
    return SignedView(
        checkpoint_count=found.count,
        unsigned_count=unsigned,
        first=next(iter(stored([found.first])), None) if found.first else None,
        last=next(iter(stored([found.last])), None) if found.last else None,
    )
