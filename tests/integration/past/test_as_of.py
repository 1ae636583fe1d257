"""A view of the past is what the live view showed then: a book lives at random, and is asked afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from application.ports.log import Origin
from domain.errors import InvalidInputError, NotFoundError
from domain.event import Root
from infrastructure.postgres.database import Database
from infrastructure.postgres.history import PostgresHistory
from projections.conversations.queries import ConversationQueries
from projections.conversations.wanted import Sort, Wanted
from projections.past import conversations
from projections.past.folding import Fold
from projections.past.view import Past, View
from projections.projects.queries import ProjectQueries
from projections.reading import Reading
from projections.search.queries import SearchQueries, Within
from projections.transcript.queries import TranscriptQueries
from tests.fakes.histories import Historian
from tests.integration.test_erasure import Process

SORTS: tuple[Sort, ...] = ("activity", "created", "title", "messages")


class LoggedHistorian(Historian):
    """Lets things happen at random, in the log of a database."""

    def __init__(self, process: Process, seed: int) -> None:
        super().__init__(seed)
        self._process = process

    def text(self, length: int) -> str:
        return super().text(length).replace("\0", "").replace("\ud800", "")

    def record(self, root: Root, *, actor: str | None = None, source: str = "cli") -> int:
        origin = Origin(actor or self.random.choice(["ada", "bob"]), source)
        return self._process.log.save([root], origin).log_size


class Asked:
    """A book and its views."""

    def __init__(self, database: Database) -> None:
        self.process = Process(database)
        keyring = self.process.keyring
        reading = Reading(database, lambda: self.process.pump, erasures=keyring.noticed)
        self.history = PostgresHistory(database)
        self.past = Past(reading, self.history, keyring)
        self.now = Now(
            ConversationQueries(reading, keyring),
            TranscriptQueries(reading, keyring),
            ProjectQueries(reading, keyring),
            SearchQueries(reading, keyring),
        )


@dataclass(frozen=True)
class Now:
    conversations: ConversationQueries
    transcript: TranscriptQueries
    projects: ProjectQueries
    search: SearchQueries


@pytest.fixture
def asked(database: Database) -> Iterator[Asked]:
    made = Asked(database)
    with contextlib.closing(made.process.live):
        yield made


def everything(
    view: Now | View, wishes: list[Wanted], ids: list[UUID], within: list[Within]
) -> dict[str, Any]:
    """Return all that a view has to tell of some questions."""
    told: dict[str, Any] = {}
    for number, wanted in enumerate(wishes):
        for sort in SORTS:
            told[f"list {number} {sort}"] = list(pages(view, wanted, sort))
    for one in ids:
        told[f"conversation {one}"] = view.conversations.get(one)
        told[f"branch {one}"] = branch = view.transcript.branch(one)
        told[f"tree {one}"] = view.transcript.tree(one, beginnings=True)
        told[f"current {one}"] = view.transcript.current(one)
        if branch:
            told[f"message {one}"] = view.transcript.message(branch[0].id)
            told[f"children {one}"] = view.transcript.children(branch[0].id)
            told[f"find {one}"] = view.transcript.find(branch[0].id.hex[-12:])
        told[f"found {one}"] = view.conversations.find(one.hex[-12:])
    told["projects"] = view.projects.all(include_archived=True)
    for number, narrow in enumerate(within):
        # The rank counts a message's marks as words, and those are of now.
        hits = (replace(hit, rank=0.0) for hit in view.search.search("sun", narrow, limit=200).hits)
        told[f"search {number}"] = sorted(hits, key=lambda hit: hit.message_id)
    return told


def pages(view: Now | View, wanted: Wanted, sort: Sort) -> Iterator[UUID]:
    cursor = None
    while True:
        page = view.conversations.listed(wanted, sort=sort, limit=3, cursor=cursor)
        yield from (one.id for one in page.conversations)
        cursor = page.next_cursor
        if cursor is None:
            return


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_every_moment_is_shown_as_it_was(asked: Asked, seed: int) -> None:
    historian = LoggedHistorian(asked.process, seed)
    historian.open()
    seen: list[tuple[int, list[Wanted], list[UUID], list[Within], dict[str, Any]]] = []
    for _ in range(6):
        historian.live(14)
        project = historian.random.choice(historian.projects).id if historian.projects else None
        wishes = [
            Wanted(),
            Wanted(archived="only"),
            Wanted(archived="include", tags=("TAG 1",)),
            Wanted(pinned=True),
            Wanted(project_id=project, archived="include"),
            Wanted(model="large"),
        ]
        ids = [historian.random.choice(historian.conversations).id for _ in range(3)]
        within = [Within(), Within(project_id=project), Within(tags=("tag 2",)), Within(kind="answer")]
        size = asked.process.log.size()
        seen.append((size - 1, wishes, ids, within, everything(asked.now, wishes, ids, within)))
    for log_index, wishes, ids, within, told in seen:
        view = asked.past.at(log_index)
        assert view.moment.log_index == log_index
        assert everything(view, wishes, ids, within) == told
        assert asked.past.at(view.moment.time).moment.time == view.moment.time
    gone = historian.conversations[0]
    asked.process.erase(gone)
    for log_index, *_ in seen[1:]:
        view = asked.past.at(log_index)
        summary = view.conversations.get(gone.id)
        assert summary is not None
        assert summary.erased
        assert summary.title == ""
        assert all(one.erased and not one.text for one in view.transcript.branch(gone.id))
        assert gone.id not in {hit.conversation_id for hit in view.search.search("sun", limit=200).hits}


@pytest.mark.slow
@pytest.mark.parametrize("some", [10, 90, 2_000])
def test_a_list_folds_no_more_than_its_page_needs_and_misses_nobody(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, some: int
) -> None:
    monkeypatch.setattr(conversations, "_SOME", some)
    historian = LoggedHistorian(asked.process, 7)
    for number in range(150):
        historian.open()
        if number % 2 == 1:
            historian.conversations[-1].pin()
            historian.record(historian.conversations[-1])
        if number % 50 != 3 and number % 2 == 1:
            historian.conversations[-1].unpin()
            historian.record(historian.conversations[-1])
    for _ in range(80):
        historian.take_in()
    then = asked.process.log.size() - 1
    told = list(pages(asked.now, Wanted(), "activity"))
    made = list(pages(asked.now, Wanted(), "created"))
    for one in historian.conversations[::2]:
        one.rename("another") if one.id.int % 3 else one.archive()
        historian.record(one)
    view = asked.past.at(then)
    assert list(pages(view, Wanted(), "activity")) == told
    assert list(pages(view, Wanted(), "created")) == made
    folded: list[UUID] = []
    add = Fold.add

    def counted(self: Fold, ids: Collection[UUID]) -> None:
        folded.extend(ids)
        add(self, ids)

    monkeypatch.setattr(Fold, "add", counted)
    first = view.conversations.listed(Wanted(), sort="created", limit=3)
    assert [one.id for one in first.conversations] == made[:3]
    assert len(folded) < len(historian.conversations) / 2


def test_a_moment_is_the_last_event_that_is_not_after_it(asked: Asked) -> None:
    with pytest.raises(NotFoundError, match="Nothing has happened"):
        asked.past.at(0)
    historian = LoggedHistorian(asked.process, 1)
    historian.live(30)
    events = asked.process.log.read(0, 1000)
    for event in events:
        assert asked.past.at(event.log_index).moment == (event.log_index, event.time)
        last = max(one.log_index for one in events if one.time <= event.time)
        assert asked.past.at(event.time).moment.log_index == last
    assert asked.past.at(events[-1].time + timedelta(days=1)).moment.log_index == len(events) - 1
    with pytest.raises(NotFoundError, match="had happened by then"):
        asked.past.at(events[0].time - timedelta(microseconds=1))
    for beyond in (len(events), -1):
        with pytest.raises(NotFoundError, match="holds"):
            asked.past.at(beyond)


def test_what_was_not_there_yet_is_not_shown(asked: Asked) -> None:
    historian = LoggedHistorian(asked.process, 1)
    historian.open()
    then = asked.process.log.size() - 1
    historian.open()
    late = historian.conversations[-1]
    prompt, _ = historian.exchange(late, "moon", "tide")
    view = asked.past.at(then)
    assert view.conversations.get(late.id) is None
    assert view.conversations.find(late.id.hex) == ()
    assert view.transcript.branch(late.id) == ()
    assert view.transcript.message(prompt) is None
    assert view.transcript.message(late.id) is None
    assert view.transcript.children(late.id) == ()
    assert view.projects.get(late.id) is None
    assert view.conversations.latest_of_actor("nobody") is None
    assert view.transcript.last_answer_of_actor("nobody") is None
    with pytest.raises(InvalidInputError):
        view.conversations.listed(Wanted(), cursor="none of ours")
    # A cursor of a later search does not lead beyond the moment.
    for _ in range(3):
        historian.exchange(late, "moon", "tide")
    cursor = asked.now.search.search("moon", limit=1).next_cursor
    assert cursor is not None
    assert view.search.search("moon", limit=5, cursor=cursor).hits == ()


def test_a_view_leaves_nothing_behind(asked: Asked) -> None:
    historian = LoggedHistorian(asked.process, 2)
    historian.live(20)
    view = asked.past.at(asked.process.log.size() - 1)
    for _ in range(3):
        view.conversations.listed(Wanted())
        view.transcript.branch(historian.conversations[0].id)
    with asked.process.database.connection() as connection:
        row = connection.execute("select count(*) from pg_class where relnamespace = pg_my_temp_schema()")
        assert row.fetchone() == (0,)
