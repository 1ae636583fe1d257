"""Conversations as they were.

A list folds no more conversations than its page needs: in the order of what was active last before the
moment, until the page is full of what stands before all others. Those come first of which only folding tells
where they stand: had they ever been pinned, or was their last activity one that a file told of. What only
then tells whether it fits (a project, a tag) is first narrowed by what can have fitted at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple
from uuid import UUID

from domain.conversation.import_events import SOURCE
from projections.conversations import NAME, VERSION
from projections.conversations.projector import FILING, Conversations
from projections.conversations.queries import ConversationPage, ConversationQueries, ConversationSummary
from projections.past.folding import Fold, folded

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from domain.content import Vault
    from projections.conversations.wanted import Sort, Wanted
    from projections.past.history import History, Moment
    from projections.reading import Opens

_FILING = tuple(kind.type_name for kind in FILING)
_FIRST_SHARE, _LARGEST_SHARE = 64, 1024
_MOVED = "conversation.moved"
_ARCHIVED, _TAGGED = "conversation.archived", "conversation.tagged"

_THERE: LiteralString = """
select c.id, c.created_at, c.updated_at, c.project_id, c.routine_id, c.first_index, c.active_index,
       coalesce(c.pinned_index <= %(up_to)s, false) as first
  from conversations c
 where c.first_index <= %(up_to)s
   and (%(model)s::text is null
        or c.id in (select m.conversation_id from models m where m.model = %(model)s))
"""
_BY_ACTIVITY: LiteralString = """
 order by first desc, c.active_index > %(up_to)s desc, c.updated_at desc, c.active_index desc
 limit %(most)s
"""
_BY_CREATION: LiteralString = " order by c.created_at desc, c.first_index desc limit %(most)s"
_SOME = 2_000
"""So many conversations are looked at before all are."""


class _Candidate(NamedTuple):
    """A conversation that a list may hold, and where it stands there: at the latest."""

    id: UUID
    at: datetime
    log_index: int


def _place(candidate: _Candidate) -> tuple[datetime, int]:
    return candidate.at, candidate.log_index


def _before(last: ConversationSummary, sort: Sort, candidate: _Candidate) -> bool:
    """Return whether the last of a page stands before this one, and so before all that follow it."""
    if sort == "created":
        return last.created_at > candidate.at
    return last.pinned or last.updated_at > candidate.at


class PastConversations:
    """Lists conversations as they were at a moment."""

    def __init__(self, reading: Opens, history: History, vault: Vault, moment: Moment) -> None:
        self._reading = reading
        self._history = history
        self._vault = vault
        self._up_to = moment.log_index
        self._now = ConversationQueries(reading, vault)
        self._model = Conversations(vault)

    def get(self, conversation_id: UUID, *, at_least: int | None = None) -> ConversationSummary | None:
        """Return one conversation, or None where the book had none of this id."""
        return self.several([conversation_id], at_least=at_least).get(conversation_id)

    def several(
        self, conversation_ids: list[UUID], *, at_least: int | None = None
    ) -> dict[UUID, ConversationSummary]:
        """Return those of these conversations that there were, by their ids."""
        with self._folded(at_least) as (fold, queries):
            fold.add(conversation_ids)
            found = {one: queries.get(one) for one in conversation_ids}
        return {one: summary for one, summary in found.items() if summary is not None}

    def find(
        self, fragment: str, *, limit: int = 5, at_least: int | None = None
    ) -> tuple[ConversationSummary, ...]:
        """Return the conversations whose id begins or ends with a `domain.ids.fragment`."""
        now = self._now.find(fragment, limit=limit, at_least=at_least)
        return tuple(self.several([one.id for one in now]).values()) if now else ()

    def latest_of_actor(self, actor: str, *, at_least: int | None = None) -> ConversationSummary | None:
        """Return, as it was then, the conversation in which this actor last asked or moved until now."""
        now = self._now.latest_of_actor(actor, at_least=at_least)
        return None if now is None else self.get(now.id)

    def listed(
        self,
        wanted: Wanted,
        *,
        sort: Sort = "activity",
        limit: int = 50,
        cursor: str | None = None,
        at_least: int | None = None,
    ) -> ConversationPage:
        """Return the conversations wanted, in an order, as the list showed them then.

        Raises:
            InvalidInputError: the cursor is not of a list in this order.
        """
        if sort in {"activity", "created"}:
            for most in (_SOME, None):
                page = self._piecemeal(wanted, sort, most, limit, cursor, at_least)
                if page is not None:
                    return page
        candidates, _, _ = self._candidates(wanted, sort, None, at_least)
        with self._folded(at_least) as (fold, queries):
            fold.add([one.id for one in candidates])
            return queries.listed(wanted, sort=sort, limit=limit, cursor=cursor)

    def _piecemeal(
        self,
        wanted: Wanted,
        sort: Sort,
        most: int | None,
        limit: int,
        cursor: str | None,
        at_least: int | None,
    ) -> ConversationPage | None:
        """Return the page from no more conversations than it needs; None: `most` are not enough."""
        candidates, first, complete = self._candidates(wanted, sort, most, at_least)
        share = max(_FIRST_SHARE, first, limit)
        with self._folded(at_least) as (fold, queries):
            while candidates:
                fold.add([one.id for one in candidates[:share]])
                del candidates[:share]
                share = min(share * 2, _LARGEST_SHARE)
                if candidates:
                    page = queries.listed(wanted, sort=sort, limit=limit, cursor=cursor)
                    if page.next_cursor is not None and _before(page.conversations[-1], sort, candidates[0]):
                        return page
            return queries.listed(wanted, sort=sort, limit=limit, cursor=cursor) if complete else None

    @contextmanager
    def _folded(self, at_least: int | None) -> Iterator[tuple[Fold, ConversationQueries]]:
        with folded(
            self._reading, self._history, self._vault, self._model, self._up_to, at_least=at_least
        ) as fold:
            yield fold, ConversationQueries(fold, self._vault)

    def _candidates(
        self, wanted: Wanted, sort: Sort, most: int | None, at_least: int | None
    ) -> tuple[list[_Candidate], int, bool]:
        """Return conversations that can have fitted, how many are folded in any case, and if that is all.

        They are in the order in which they are to be folded; `most` of those that there are are looked at.
        """
        values = {"up_to": self._up_to, "model": wanted.model, "most": most}
        order = _BY_CREATION if sort == "created" else _BY_ACTIVITY
        with self._reading.open(NAME, VERSION, at_least) as connection:
            found = connection.execute(_THERE + order, values).fetchall()
            complete = len(found) != most
            rows = self._possible(connection, found, wanted)
            if sort == "created":
                return [_Candidate(row[0], row[1], row[5]) for row in rows], 0, complete
            if not complete and (found[-1][7] or found[-1][6] > self._up_to):
                return [], 0, False  # some of those are missing that stand who knows where
            active = {row[0]: _Candidate(row[0], row[2], row[6]) for row in rows}
            first = {row[0] for row in rows if row[7]}
            later = [one.id for one in active.values() if one.log_index > self._up_to]
            last = self._history.last_of(connection, later, self._up_to, but=_FILING)
        for one, (log_index, at, source) in last.items():
            active[one] = _Candidate(one, at, log_index)
            if source == SOURCE:
                first.add(one)
        ordered = sorted(active.values(), key=lambda one: (one.id in first, *_place(one)), reverse=True)
        return ordered, len(first), complete

    def _possible(
        self, connection: psycopg.Connection, rows: list[tuple[Any, ...]], wanted: Wanted
    ) -> list[tuple[Any, ...]]:
        if wanted.pinned is True:
            rows = [row for row in rows if row[7]]
        if wanted.routine_id is not None:
            rows = [row for row in rows if row[4] == wanted.routine_id]
        if wanted.project_id is not None:
            elsewhere = [row[0] for row in rows if row[3] != wanted.project_id]
            moved = self._had(connection, elsewhere, _MOVED, ever=True)
            rows = [row for row in rows if row[3] == wanted.project_id or row[0] in moved]
        for type_name, needed in (
            (_TAGGED, bool(wanted.tags)),
            (_ARCHIVED, wanted.archived == "only"),
        ):
            if needed:
                had = self._had(connection, [row[0] for row in rows], type_name)
                rows = [row for row in rows if row[0] in had]
        return rows

    def _had(
        self, connection: psycopg.Connection, ids: list[UUID], type_name: str, *, ever: bool = False
    ) -> set[UUID]:
        return self._history.having(connection, ids, 2**63 - 1 if ever else self._up_to, type_name)
