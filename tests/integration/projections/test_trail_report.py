"""What the trail counts of a period, beside what a plain look at the log counts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from domain.errors import InvalidInputError
from projections.trail import report
from projections.trail.report import PeriodQueries
from tests.integration.projections.conftest import Book


def test_a_period_is_counted_as_the_log_has_it(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_NAMED", 3)
    book.history.live(120)
    events = book.log.events
    since, until = events[20].time, events[-20].time
    within = [one for one in events if since <= one.time < until]
    kinds = Counter(one.event.type_name for one in within)
    found = PeriodQueries(book.reading).counts(since, until, "UTC", {"asked": {"conversation.prompt-added"}})

    assert (found.event_count, found.first_index) == (len(within), within[0].log_index)
    assert found.last_index == within[-1].log_index
    assert dict(found.kinds) == kinds
    assert dict(found.sources) == Counter(one.source for one in within)
    assert {one.actor: one.event_count for one in found.actors} == Counter(one.actor for one in within)
    for one in found.actors:
        theirs = [event for event in within if event.actor == one.actor]
        assert (one.first_at, one.last_at) == (theirs[0].time, theirs[-1].time)
        assert set(one.sources) == {event.source for event in theirs}
    assert dict(found.spans) == Counter(one.time.date() for one in within)
    asked = [one.log_index for one in within if one.event.type_name == "conversation.prompt-added"]
    assert [one.log_index for one in found.named["asked"]] == asked[-3:]


def test_a_long_period_is_counted_by_month_and_days_are_those_of_the_zone(book: Book) -> None:
    book.history.conversation()
    [event] = book.log.events
    queries = PeriodQueries(book.reading)
    until = event.time + timedelta(days=1)
    whole = queries.counts(until - timedelta(days=200), until, "UTC", {})
    assert (whole.by_month, [count for _, count in whole.spans]) == (True, [1])
    assert whole.spans[0][0] == event.time.date().replace(day=1)
    east = queries.counts(event.time, until, "+14:00", {})
    assert east.spans == (((event.time + timedelta(hours=14)).date(), 1),)
    for wrong in ("nowhere at all", "Mars/Olympus"):
        with pytest.raises(InvalidInputError, match="no time zone"):
            queries.counts(event.time, until, wrong, {})
