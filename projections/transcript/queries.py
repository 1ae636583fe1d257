"""Questions about messages.

A branch is walked from its end towards the root, so its last messages cost the same in a conversation of ten
and of ten thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from domain.content import Vault
from projections.finding import fragment_parameters
from projections.opening import Opener, beginning
from projections.reading import Opens
from projections.transcript import NAME, VERSION
from projections.transcript.messages import (
    HAS_NOTES,
    MESSAGES,
    NOTES,
    Message,
    Node,
    StreamingAnswer,
    to_message,
    to_note,
)

_UP: LiteralString = """
with recursive up (id, parent_id, depth) as (
    select l.id, l.parent_id, 1
      from messages l
     where l.conversation_id = %(conversation_id)s
       and l.id = coalesce(
               %(leaf_id)s, (select c.current_id from conversations c where c.id = %(conversation_id)s)
           )
     union all
    select p.id, p.parent_id, up.depth + 1
      from up join messages p on p.id = up.parent_id
     where %(limit)s::integer is null or up.depth < %(limit)s
)
"""

_BRANCH: LiteralString = _UP + MESSAGES + " join up using (id) order by up.depth desc"

_CURRENT: LiteralString = "select c.current_id from conversations c where c.id = %s"

_BY_ID: LiteralString = MESSAGES + " where m.id = %s"

_BY_FRAGMENT: LiteralString = (
    MESSAGES
    + """
 where m.id between %(low)s and %(high)s
    or (reverse(replace(m.id::text, '-', '')) collate "C" >= %(reversed_low)s
        and reverse(replace(m.id::text, '-', '')) collate "C" < %(reversed_high)s)
 order by m.log_index desc
 limit %(limit)s
"""
)

_TEXTS: LiteralString = """
select m.id, m.text from messages m where m.id = any(%s::uuid[]) and m.text is not null
"""

_STREAMING: LiteralString = """
select m.id, m.conversation_id, m.owner_id, m.at
  from messages m
 where m.status = 'streaming'
 order by m.log_index
"""

_LAST_ANSWER_OF_ACTOR: LiteralString = (
    MESSAGES + " where m.kind = 'answer' and m.actor = %s order by m.log_index desc limit 1"
)

_LAST_ANSWER_OF_CONVERSATION: LiteralString = (
    MESSAGES + " where m.kind = 'answer' and m.conversation_id = %s order by m.log_index desc limit 1"
)

_LAST_ANSWERS: LiteralString = """
select m.id
  from messages m
 where m.kind = 'answer' and m.status = 'complete' and not m.erased and m.imported_id is null
 order by m.log_index desc
 limit %s
"""

_CHILDREN: LiteralString = MESSAGES + " where m.parent_id = %s order by m.log_index"

_TREE: LiteralString = """
select m.id, m.parent_id, m.kind, m.status, m.model, m.at, m.rating,
       (select count(*) from notes n where n.message_id = m.id),
       case when %s then m.text end
  from messages m
 where m.conversation_id = %s
 order by m.log_index
"""

_BY_IDS: LiteralString = MESSAGES + " where m.id = any(%s::uuid[])"

_BEGINNING = 100


class TranscriptQueries:
    """Reads the transcript read model."""

    def __init__(self, reading: Opens, vault: Vault) -> None:
        self._reading = reading
        self._vault = vault

    def branch(
        self,
        conversation_id: UUID,
        leaf_id: UUID | None = None,
        *,
        limit: int | None = None,
        at_least: int | None = None,
    ) -> tuple[Message, ...]:
        """Return the branch ending in a message (None: the current one), root first; or its last `limit`.

        Empty where the conversation has no such message, or none at all.
        """
        values = {"conversation_id": conversation_id, "leaf_id": leaf_id, "limit": limit}
        return self._messages(_BRANCH, values, at_least)

    def current(self, conversation_id: UUID, *, at_least: int | None = None) -> UUID | None:
        """Return the message in which the current branch ends."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            row = connection.execute(_CURRENT, (conversation_id,)).fetchone()
        return row[0] if row else None

    def message(self, message_id: UUID, *, at_least: int | None = None) -> Message | None:
        """Return one message, or None where the book has none of this id."""
        return next(iter(self._messages(_BY_ID, (message_id,), at_least)), None)

    def find(self, fragment: str, *, limit: int = 5, at_least: int | None = None) -> tuple[Message, ...]:
        """Return the messages whose id begins or ends with a `domain.ids.fragment`."""
        return self._messages(_BY_FRAGMENT, {**fragment_parameters(fragment), "limit": limit}, at_least)

    def texts(self, message_ids: Sequence[UUID], *, at_least: int | None = None) -> dict[UUID, str]:
        """Return the texts of messages by id; unknown, unfinished and erased ones are missing.

        Raises:
            ContentDamagedError: one was altered.
        """
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_TEXTS, (list(message_ids),)).fetchall()
        opener = Opener(self._vault)
        texts = {identifier: text for identifier, packed in rows if (text := opener.text(packed))}
        if opener.damage is not None:
            raise opener.damage
        return texts

    def streaming_answers(self, *, at_least: int | None = None) -> tuple[StreamingAnswer, ...]:
        """Return all answers that have not ended, oldest first."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_STREAMING).fetchall()
        return tuple(StreamingAnswer(*row) for row in rows)

    def last_answer_of_actor(self, actor: str, *, at_least: int | None = None) -> Message | None:
        """Return the answer that this actor last asked for."""
        return next(iter(self._messages(_LAST_ANSWER_OF_ACTOR, (actor,), at_least)), None)

    def last_answer_of_conversation(
        self, conversation_id: UUID, *, at_least: int | None = None
    ) -> Message | None:
        """Return the answer that was last begun in a conversation, on whatever branch."""
        return next(iter(self._messages(_LAST_ANSWER_OF_CONVERSATION, (conversation_id,), at_least)), None)

    def last_answers(self, limit: int, *, at_least: int | None = None) -> tuple[UUID, ...]:
        """Return the last complete answers that were given in this book, in the order they were begun."""
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_LAST_ANSWERS, (limit,)).fetchall()
        return tuple(row[0] for row in reversed(rows))

    def children(self, message_id: UUID, *, at_least: int | None = None) -> tuple[Message, ...]:
        """Return the messages that follow a message, oldest first."""
        return self._messages(_CHILDREN, (message_id,), at_least)

    def messages(self, message_ids: Sequence[UUID], *, at_least: int | None = None) -> tuple[Message, ...]:
        """Return messages by their ids, in that order; those that are not there are missing."""
        found = {one.id: one for one in self._messages(_BY_IDS, (list(message_ids),), at_least)}
        return tuple(found[one] for one in message_ids if one in found)

    def tree(
        self, conversation_id: UUID, *, beginnings: bool = False, at_least: int | None = None
    ) -> tuple[Node, ...]:
        """Return every message of a conversation without its text, oldest first.

        `beginnings`: with the first words of each; None where it has none or cannot be read.
        """
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(_TREE, (beginnings, conversation_id)).fetchall()
        opener = Opener(self._vault)
        nodes: list[Node] = []
        for *known, text in rows:
            known.append(beginning(opener.text(text) or "", _BEGINNING) or None)
            nodes.append(Node(*known))
        return tuple(nodes)

    def _messages(self, statement: LiteralString, values: Any, at_least: int | None) -> tuple[Message, ...]:
        with self._reading.open(NAME, VERSION, at_least) as connection:
            rows = connection.execute(statement, values).fetchall()
            noted = [row[0] for row in rows if row[HAS_NOTES]]
            notes = [
                to_note(row, self._vault) for row in (connection.execute(NOTES, (noted,)) if noted else ())
            ]
        return tuple(
            to_message(row, self._vault, tuple(one for one in notes if one.message_id == row[0]))
            for row in rows
        )
