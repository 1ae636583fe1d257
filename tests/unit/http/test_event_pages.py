"""Pages of the log: each event once, in order, and never more read than a stretch."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from domain.conversation.conversation import Conversation
from domain.ids import new_id
from interfaces.book import WholeBook
from interfaces.http import event_pages
from interfaces.http.event_pages import Filter, Order, page_of_events
from tests.fakes.log import MemoryLog, MemoryVault


def log_of(count: int) -> tuple[MemoryLog, UUID]:
    log, vault = MemoryLog(), MemoryVault()
    wanted = Conversation.start(new_id(), project_id=None, title="wanted")
    for number in range(count):
        if number == count // 2:
            log.append(
                [cast("Any", one) for one in wanted.collect_events()], vault, actor="bob", source="api"
            )
        else:
            other = Conversation.start(new_id(), project_id=None, title="t")
            log.append([cast("Any", one) for one in other.collect_events()], vault)
    return log, wanted.id


def all_of(log: MemoryLog, order: Order, limit: int, **wanted: Any) -> tuple[list[int], int]:
    book = cast("WholeBook", SimpleNamespace(events=log, access=SimpleNamespace(names=lambda _: {})))
    seen: list[int] = []
    cursor, pages = None, 0
    bounds = {name: wanted.pop(name, None) for name in ("since", "until")}
    while True:
        page = page_of_events(book, Filter(**wanted), order=order, limit=limit, cursor=cursor, **bounds)
        assert len(page.events) <= limit
        seen += [event.log_index for event in page.events]
        pages += 1
        cursor = page.next_cursor
        if cursor is None:
            return seen, pages


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_every_event_comes_once_and_in_order(limit: int) -> None:
    log, _ = log_of(10)

    assert all_of(log, "oldest", limit)[0] == list(range(10))
    assert all_of(log, "newest", limit)[0] == list(reversed(range(10)))


def test_bounds_and_filters_choose() -> None:
    log, stream = log_of(9)

    assert all_of(log, "oldest", 2, since=3, until=6)[0] == [3, 4, 5]
    assert all_of(log, "newest", 2, since=3, until=6)[0] == [5, 4, 3]
    for one in ({"actor": "bob"}, {"source": "api"}, {"stream_id": stream}):
        assert all_of(log, "newest", 2, **one)[0] == [4]
    assert len(all_of(log, "oldest", 2, type="conversation.")[0]) == 9
    assert len(all_of(log, "oldest", 2, type="conversation.started")[0]) == 9
    assert all_of(log, "oldest", 2, type="conversation")[0] == []
    assert all_of(log, "oldest", 2, correlation_id=stream)[0] == []
    assert all_of(log, "oldest", 2, since=100)[0] == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_rare_event_is_found_over_pages_that_read_a_stretch_each(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    monkeypatch.setattr(event_pages, "STRETCH", 10)
    monkeypatch.setattr(event_pages, "_BATCH", 4)
    log, stream = log_of(50)

    found, pages = all_of(log, order, 5, stream_id=stream)

    assert (found, pages) == ([25], 5)


def test_an_empty_log_is_one_empty_page() -> None:
    assert all_of(MemoryLog(), "newest", 5) == ([], 1)
    assert all_of(MemoryLog(), "oldest", 5) == ([], 1)
