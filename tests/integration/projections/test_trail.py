"""Who did what when: every event once and in order, whatever narrows the list."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from domain.conversation.conversation import Conversation
from domain.errors import InvalidInputError
from domain.ids import new_id
from interfaces.book import WholeBook
from interfaces.http.event_pages import Order, page_of_events
from projections.trail.queries import Filter, TrailQueries
from tests.integration.projections.conftest import Book


def filled(book: Book, count: int) -> UUID:
    """Record so many conversations, the middle one by somebody else and through something else."""
    wanted = Conversation.start(new_id(), project_id=None, title="wanted")
    for number in range(count):
        one = wanted if number == count // 2 else Conversation.start(new_id(), project_id=None, title="t")
        told = {"actor": "c0ffee-bob", "source": "api"} if one is wanted else {}
        book.log.append([cast("Any", event) for event in one.collect_events()], book.vault, **told)
    return wanted.id


def all_of(book: Book, order: Order, limit: int, **wanted: Any) -> list[int]:
    whole = cast(
        "WholeBook",
        SimpleNamespace(
            events=book.log,
            trail=TrailQueries(book.reading),
            access=SimpleNamespace(names=lambda _: {}),
        ),
    )
    seen: list[int] = []
    cursor = None
    bounds = {name: wanted.pop(name, None) for name in ("since", "until")}
    while True:
        page = page_of_events(whole, Filter(**wanted), order=order, limit=limit, cursor=cursor, **bounds)
        assert len(page.events) <= limit
        seen += [event.log_index for event in page.events]
        cursor = page.next_cursor
        if cursor is None:
            return seen


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_every_event_comes_once_and_in_order(book: Book, limit: int) -> None:
    filled(book, 10)
    assert all_of(book, "oldest", limit) == list(range(10))
    assert all_of(book, "newest", limit) == list(reversed(range(10)))


def test_bounds_and_filters_choose(book: Book) -> None:
    stream = filled(book, 9)
    assert all_of(book, "oldest", 2, since=3, until=6) == [3, 4, 5]
    assert all_of(book, "newest", 2, since=3, until=6) == [5, 4, 3]
    for one in ({"actor": "c0ffee-bob"}, {"actor_end": "-bob"}, {"source": "api"}, {"stream_id": stream}):
        assert all_of(book, "newest", 2, **one) == [4]
    for several in ("conversation.", "conversation.*", "conversation.started"):
        assert all_of(book, "oldest", 2, type=several) == list(range(9))
    for none in ({"type": "conversation"}, {"type": "project.*"}, {"correlation_id": stream}, {"since": 100}):
        assert all_of(book, "oldest", 2, **none) == []
    with pytest.raises(InvalidInputError):
        page_of_events(
            cast("WholeBook", SimpleNamespace(events=book.log)),
            Filter(),
            order="newest",
            since=None,
            until=None,
            limit=1,
            cursor="none of ours",
        )


def test_all_that_the_envelope_says_is_there(book: Book) -> None:
    book.history.live(60)
    told = TrailQueries(book.reading).events(limit=1_000)
    for one, recorded in zip(told, book.log.events, strict=True):
        assert (one.event.type_name, one.event.stream_id, one.event.version) == (
            recorded.event.type_name,
            recorded.event.stream_id,
            recorded.event.version,
        )
        for name in ("log_index", "event_id", "time", "actor", "source", "correlation_id", "causation_id"):
            assert getattr(one, name) == getattr(recorded, name)
