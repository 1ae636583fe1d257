"""Questions about conversations. Newest first means: latest event first, by log index, which no two share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString, NamedTuple, TypeAlias
from uuid import UUID

from domain.content import Vault
from projections.conversations import NAME, VERSION
from projections.finding import fragment_parameters, from_cursor, to_cursor
from projections.opening import Opener, beginning
from projections.reading import Reading

_COLUMNS: LiteralString = """
select c.id, c.project_id, c.title, c.first_prompt, c.message_count, c.current_id, c.archived,
       c.created_at, c.updated_at, c.last_actor, c.hold_reason, c.erased_at, c.erased_by,
       c.origin_conversation_id, c.origin_message_id, c.routine_id, c.routine_version, c.version, c.last_index
  from conversations c
"""

_NEWEST: LiteralString = """
 order by c.last_index desc
 limit %(limit)s
"""

_LATEST_OF_ACTOR: LiteralString = (
    _COLUMNS
    + """
  join activity a on a.conversation_id = c.id
 where a.actor = %(actor)s
 order by a.last_index desc
 limit 1
"""
)

_OF_PROJECT: LiteralString = """
select c.id from conversations c
 where c.project_id = %s and c.erased_at is null
 order by c.last_index
"""

_HELD: LiteralString = (
    _COLUMNS
    + """
 where c.hold_reason is not null
 order by c.last_index desc
"""
)

_BY_FRAGMENT: LiteralString = (
    _COLUMNS
    + """
 where c.id between %(low)s and %(high)s
    or (reverse(replace(c.id::text, '-', '')) collate "C" >= %(reversed_low)s
        and reverse(replace(c.id::text, '-', '')) collate "C" < %(reversed_high)s)
 order by c.last_index desc
 limit %(limit)s
"""
)

_COPIES: LiteralString = """
with recursive derived (id) as (
    select d.id from conversations d where d.origin_conversation_id = any(%(ids)s)
     union
    select d.id from conversations d join derived on d.origin_conversation_id = derived.id
)
"""

_DERIVED: LiteralString = (
    _COPIES
    + _COLUMNS
    + """
  join derived on derived.id = c.id
 where c.erased_at is null and c.id <> all(%(ids)s)
 order by c.last_index desc
"""
)

Archived: TypeAlias = Literal["exclude", "include", "only"]


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """One line of a list. `title` is the given one if `titled`, else the first prompt's beginning.

    `origin_conversation_id` and `origin_message_id` say what it was copied from, `routine_id` and
    `routine_version` which routine it was opened by. `hold_reason` is None where
    it is not held; `erased_at` and `erased_by` (an actor) where it is not erased.
    `version` is where its stream stands, `last_index` the log index of the event that led there.
    """

    id: UUID
    project_id: UUID | None
    title: str
    titled: bool
    message_count: int
    current_id: UUID | None
    archived: bool
    created_at: datetime
    updated_at: datetime
    last_actor: str
    erased: bool
    damaged: bool = False
    hold_reason: str | None = None
    erased_at: datetime | None = None
    erased_by: str | None = None
    origin_conversation_id: UUID | None = None
    origin_message_id: UUID | None = None
    routine_id: UUID | None = None
    routine_version: int | None = None
    version: int = 0
    last_index: int = 0


class ConversationPage(NamedTuple):
    """Some conversations, and the cursor that leads to the next ones (None: there are no more)."""

    conversations: tuple[ConversationSummary, ...]
    next_cursor: str | None


class ConversationQueries:
    """Reads the conversations read model."""

    def __init__(self, reading: Reading, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    def newest(
        self,
        *,
        project_id: UUID | None = None,
        routine_id: UUID | None = None,
        archived: Archived = "exclude",
        limit: int = 50,
        cursor: str | None = None,
        at_least: int | None = None,
    ) -> ConversationPage:
        """Return conversations, newest first. One that changes meanwhile moves to the front."""
        conditions: list[LiteralString] = []
        values: dict[str, Any] = {"limit": limit + 1}
        if archived != "include":
            conditions.append("c.archived" if archived == "only" else "not c.archived")
        if project_id is not None:
            conditions.append("c.project_id = %(project_id)s")
            values["project_id"] = project_id
        if routine_id is not None:
            conditions.append("c.routine_id = %(routine_id)s")
            values["routine_id"] = routine_id
        if cursor is not None:
            conditions.append("c.last_index < %(before)s")
            (values["before"],) = from_cursor(cursor, int)
        where: LiteralString = " where " + " and ".join(conditions) if conditions else ""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_COLUMNS + where + _NEWEST, values).fetchall()
        more = len(rows) > limit
        rows = rows[:limit]
        return ConversationPage(self._summaries(rows), to_cursor(rows[-1][-1]) if more and rows else None)

    def get(self, conversation_id: UUID, *, at_least: int | None = None) -> ConversationSummary | None:
        """Return one conversation, or None where the book has none of this id."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            row = connection.execute(_COLUMNS + " where c.id = %s", (conversation_id,)).fetchone()
        return self._summary(row) if row else None

    def latest_of_actor(self, actor: str, *, at_least: int | None = None) -> ConversationSummary | None:
        """Return the conversation in which this actor last asked or moved, archived or not."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            row = connection.execute(_LATEST_OF_ACTOR, {"actor": actor}).fetchone()
        return self._summary(row) if row else None

    def find(
        self, fragment: str, *, limit: int = 5, at_least: int | None = None
    ) -> tuple[ConversationSummary, ...]:
        """Return the conversations whose id begins or ends with a `domain.ids.fragment`."""
        values = {**fragment_parameters(fragment), "limit": limit}
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_BY_FRAGMENT, values).fetchall()
        return self._summaries(rows)

    def of_project(self, project_id: UUID, *, at_least: int | None = None) -> tuple[UUID, ...]:
        """Return the ids of a project's conversations that are not erased."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_OF_PROJECT, (project_id,)).fetchall()
        return tuple(row[0] for row in rows)

    def derived(
        self, conversation_ids: Sequence[UUID], *, at_least: int | None = None
    ) -> tuple[ConversationSummary, ...]:
        """Return the other conversations that were copied from these, and copies of those, newest first.

        Erased ones are left out; what was copied from them is not.
        """
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_DERIVED, {"ids": list(conversation_ids)}).fetchall()
        return tuple(self._summary(row) for row in rows)

    def held(self, *, at_least: int | None = None) -> tuple[ConversationSummary, ...]:
        """Return the conversations that must not be erased, newest first."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_HELD).fetchall()
        return self._summaries(rows)

    def _summaries(self, rows: Sequence[tuple[Any, ...]]) -> tuple[ConversationSummary, ...]:
        self._vault.prepare(row[0] for row in rows)
        return tuple(self._summary(row) for row in rows)

    def _summary(self, row: tuple[Any, ...]) -> ConversationSummary:
        opener = Opener(self._vault)
        title = opener.text(row[2])
        titled = title is not None
        if title is None:
            title = beginning(opener.text(row[3]) or "")
        return ConversationSummary(
            id=row[0],
            project_id=row[1],
            title=title,
            titled=titled,
            message_count=row[4],
            current_id=row[5],
            archived=row[6],
            created_at=row[7],
            updated_at=row[8],
            last_actor=row[9],
            hold_reason=opener.text(row[10]),
            erased_at=row[11],
            erased_by=row[12],
            origin_conversation_id=row[13],
            origin_message_id=row[14],
            routine_id=row[15],
            routine_version=row[16],
            version=row[17],
            last_index=row[18],
            erased=opener.erased or row[11] is not None,
            damaged=opener.damage is not None,
        )
