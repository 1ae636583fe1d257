"""Questions about conversations.

Newest first means: latest activity first; of an imported one, that is what the file says until somebody goes
on in it here. Log indexes, which no two share, tell equal times apart. Titles are ciphertext in the
table, so a list in their order is made by opening all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from domain.content import Vault
from domain.tags import folded
from projections.conversations import NAME, VERSION
from projections.conversations.wanted import ORDERS, Archived, Sort, Wanted, must_be_of
from projections.finding import fragment_parameters, from_cursor, to_cursor
from projections.opening import Opener, beginning
from projections.reading import Opens

_COLUMNS: LiteralString = """
select c.id, c.project_id, c.title, c.first_prompt, c.message_count, c.current_id, c.archived,
       c.created_at, c.updated_at, c.last_actor, c.hold_reason, c.erased_at, c.erased_by,
       c.origin_conversation_id, c.origin_message_id, c.version, c.last_index, c.title_by, c.pinned,
       array(select t.name from tags t where t.conversation_id = c.id),
       c.active_index, c.first_index, c.routine_id, c.routine_version,
       c.imported_id, c.imported_from
  from conversations c
"""

_TITLES: LiteralString = "select c.id, c.title, c.first_prompt from conversations c"

_TAGS: LiteralString = """
select max(t.name), count(*)
  from tags t
 group by t.name_hash
"""

_UNTITLED: LiteralString = """
select c.id from conversations c
 where c.answered and c.title is null and c.erased_at is null and not c.archived and c.updated_at >= %s
 order by c.active_index desc
 limit %s
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
 order by c.updated_at, c.active_index
"""

_HELD: LiteralString = (
    _COLUMNS
    + """
 where c.hold_reason is not null
 order by c.updated_at desc, c.active_index desc
"""
)

_BY_FRAGMENT: LiteralString = (
    _COLUMNS
    + """
 where c.id between %(low)s and %(high)s
    or (reverse(replace(c.id::text, '-', '')) collate "C" >= %(reversed_low)s
        and reverse(replace(c.id::text, '-', '')) collate "C" < %(reversed_high)s)
 order by c.updated_at desc, c.active_index desc
 limit %(limit)s
"""
)

_COPIES: LiteralString = """
with recursive derived (id) as (
    select d.id
      from conversations d
     where d.origin_conversation_id = any(%(ids)s)
        or d.origin_conversation_id in (select o.imported_id from conversations o where o.id = any(%(ids)s))
     union
    select d.id
      from derived
      join conversations o using (id)
      join conversations d on d.origin_conversation_id in (o.id, o.imported_id)
)
"""

_DERIVED: LiteralString = (
    _COPIES
    + _COLUMNS
    + """
  join derived on derived.id = c.id
 where c.erased_at is null and c.id <> all(%(ids)s)
 order by c.updated_at desc, c.active_index desc
"""
)

WALK: LiteralString = """
select c.id from conversations c
 where c.erased_at is null
   and (%(after)s::uuid is null
        or (c.created_at, c.first_index)
           > ((select b.created_at from conversations b where b.id = %(after)s),
              (select b.first_index from conversations b where b.id = %(after)s)))
   and (%(project_id)s::uuid is null or c.project_id = %(project_id)s)
 order by c.created_at, c.first_index
 limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """One line of a list. `title` is the given one if `titled`, else the first prompt's beginning.

    `title_by` says who made the title, `person` or `model`; None where there is none. `project_id` is the one
    it is in now.

    `origin_conversation_id` and `origin_message_id` say what it was copied from, `routine_id` and
    `routine_version` which routine it was opened by. `hold_reason` is None where
    it is not held; `erased_at` and `erased_by` (an actor) where it is not erased. `imported_id` is its id
    where it was first recorded, `imported_from` what recorded it there (`daybook`, `llm`); None: it was here.
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
    imported_id: UUID | None = None
    imported_from: str | None = None
    routine_id: UUID | None = None
    routine_version: int | None = None
    version: int = 0
    last_index: int = 0
    title_by: str | None = None
    pinned: bool = False
    tags: tuple[str, ...] = ()


_ALL = Wanted()
_KEYS_AT_ONCE = 2_000


class TagCount(NamedTuple):
    """A tag, and how many conversations have it."""

    name: str
    conversation_count: int


class ConversationPage(NamedTuple):
    """Some conversations, and the cursor that leads to the next ones (None: there are no more)."""

    conversations: tuple[ConversationSummary, ...]
    next_cursor: str | None


class ConversationQueries:
    """Reads the conversations read model."""

    def __init__(self, reading: Opens, vault: Vault) -> None:
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
        """Return conversations, pinned ones and then newest first."""
        wanted = Wanted(project_id=project_id, routine_id=routine_id, archived=archived)
        return self.listed(wanted, limit=limit, cursor=cursor, at_least=at_least)

    def listed(
        self,
        wanted: Wanted = _ALL,
        *,
        sort: Sort = "activity",
        limit: int = 50,
        cursor: str | None = None,
        at_least: int | None = None,
    ) -> ConversationPage:
        """Return the conversations wanted, in an order.

        A page goes on behind the last one of the page before. One that changes meanwhile may be seen twice
        or, having moved to the front, not any more.

        Raises:
            InvalidInputError: the cursor is not of a list in this order.
        """
        where, values = wanted.condition(self._vault)
        if sort == "title":
            return self._by_title(where, values, limit, cursor, at_least)
        order = ORDERS[sort]
        if cursor is not None:
            where += order.behind
            values |= order.place(sort, cursor)
        values["limit"] = limit + 1
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_COLUMNS + where + order.by + " limit %(limit)s", values).fetchall()
        more = len(rows) > limit
        rows = rows[:limit]
        following = to_cursor(sort, *order.of(rows[-1])) if more and rows else None
        return ConversationPage(self._summaries(rows), following)

    def _by_title(
        self,
        where: LiteralString,
        values: dict[str, Any],
        limit: int,
        cursor: str | None,
        at_least: int | None,
    ) -> ConversationPage:
        after = None
        if cursor is not None:
            of, last = from_cursor(cursor, str, str)
            must_be_of("title", of)
            after = _uuid(last)
        with self._reading.open(NAME, VERSION, at_least) as connection:
            found = connection.execute(_TITLES + where, values).fetchall()
            ids = [key[-1] for key in sorted(self._title_keys(found))]
            start = ids.index(after) + 1 if after in ids else 0
            page = ids[start : start + limit]
            rows = connection.execute(_COLUMNS + " where c.id = any(%s::uuid[])", (page,)).fetchall()
        rows.sort(key=lambda row: page.index(row[0]))
        more = start + limit < len(ids)
        return ConversationPage(
            self._summaries(rows), to_cursor("title", str(page[-1])) if more and page else None
        )

    def _title_keys(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[bool, str, UUID]]:
        """Yield what each is sorted by, with no more keys in hand at once than are kept."""
        for start in range(0, len(rows), _KEYS_AT_ONCE):
            some = rows[start : start + _KEYS_AT_ONCE]
            self._vault.prepare(row[0] for row in some)
            yield from map(self._title_key, some)

    def _title_key(self, row: tuple[Any, ...]) -> tuple[bool, str, UUID]:
        """Return what a conversation is sorted by: its title as it is shown; those without come last."""
        opener = Opener(self._vault)
        title = opener.text(row[1])
        shown = beginning(opener.text(row[2]) or "") if title is None else title
        return not shown, shown.casefold(), row[0]

    def tags(self, *, at_least: int | None = None) -> tuple[TagCount, ...]:
        """Return all tags that conversations have, by name."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_TAGS).fetchall()
        opener = Opener(self._vault)
        found = [TagCount(opener.text(name) or "", count) for name, count in rows]
        return tuple(sorted((one for one in found if one.name), key=lambda one: folded(one.name)))

    def untitled(self, since: datetime, *, limit: int = 5, at_least: int | None = None) -> tuple[UUID, ...]:
        """Return conversations active since then that have an answer and no title, newest first."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_UNTITLED, (since, limit)).fetchall()
        return tuple(row[0] for row in rows)

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

    def walk(
        self,
        after: UUID | None = None,
        *,
        project_id: UUID | None = None,
        limit: int = 200,
        at_least: int | None = None,
    ) -> tuple[UUID, ...]:
        """Return the next ids of conversations that are not erased, oldest first; no change disturbs that."""
        values = {"after": after, "project_id": project_id, "limit": limit}
        with self._reading.open(NAME, VERSION, at_least) as connection:
            return tuple(row[0] for row in connection.execute(WALK, values))

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
            version=row[15],
            last_index=row[16],
            title_by=row[17],
            pinned=row[18],
            tags=tuple(sorted((opener.text(name) or "" for name in row[19]), key=folded)),
            routine_id=row[22],
            routine_version=row[23],
            imported_id=row[24],
            imported_from=row[25],
            erased=opener.erased or row[11] is not None,
            damaged=opener.damage is not None,
        )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
