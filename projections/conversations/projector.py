"""Fills the conversations tables: a batch becomes one change a conversation, written in two statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from uuid import UUID

from domain.content import packed
from domain.conversation import events as e
from domain.event import Event, Recorded
from projections.columns import execute_set
from projections.conversations import NAME, VERSION
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

# A conversation that is new in the batch has no row yet; the columns a change leaves alone keep what the row
# has. (An `insert … on conflict` would have to know the not-null columns of rows that exist.)
_INSERT = """
insert into conversations (id, project_id, origin_conversation_id, origin_message_id, created_at, updated_at,
                           last_index, last_actor, version)
select * from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[],
                     %s::bigint[], %s::text[], %s::bigint[])
"""

_UPDATE = """
update conversations c
   set title         = coalesce(n.title, c.title),
       first_prompt  = coalesce(c.first_prompt, n.first_prompt),
       message_count = c.message_count + n.messages,
       current_id    = case when n.moved then n.current_id else c.current_id end,
       archived      = coalesce(n.archived, c.archived),
       updated_at    = n.updated_at,
       last_index    = n.last_index,
       last_actor    = n.last_actor,
       version       = n.version
  from unnest(%s::uuid[], %s::bytea[], %s::bytea[], %s::integer[], %s::boolean[], %s::uuid[], %s::boolean[],
              %s::timestamptz[], %s::bigint[], %s::text[], %s::bigint[])
       as n(id, title, first_prompt, messages, moved, current_id, archived, updated_at, last_index,
            last_actor, version)
 where c.id = n.id
"""

_RUN = """
update conversations c set routine_id = n.routine_id, routine_version = n.version
  from unnest(%s::uuid[], %s::uuid[], %s::bigint[]) as n(id, routine_id, version)
 where c.id = n.id
"""

_HOLD = """
update conversations c set hold_reason = n.reason
  from unnest(%s::uuid[], %s::bytea[]) as n(id, reason)
 where c.id = n.id
"""

# `@last` must not lead to what is gone, so its activity goes too.
_ERASE = """
with erased as (
    select * from unnest(%s::uuid[], %s::timestamptz[], %s::text[]) as n(id, at, actor)
), active as (
    delete from activity a using erased where a.conversation_id = erased.id
)
update conversations c
   set title = null, first_prompt = null, hold_reason = null, erased_at = erased.at, erased_by = erased.actor
  from erased
 where c.id = erased.id
"""

_ACTIVITY = """
insert into activity (actor, conversation_id, last_index)
select * from unnest(%s::text[], %s::uuid[], %s::bigint[])
on conflict (actor, conversation_id) do update set last_index = excluded.last_index
"""

_ASKING = (e.ConversationStarted, e.PromptAdded, e.AnswerStarted, e.CurrentBranchChanged)

_EVENTS = (
    *_ASKING,
    e.AnswerCompleted,
    e.AnswerCancelled,
    e.AnswerFailed,
    e.AnswerInterrupted,
    e.ConversationForked,
    e.PromptCopied,
    e.AnswerCopied,
    e.RoutineRun,
    e.AnswerRated,
    e.NoteWritten,
    e.NoteChanged,
    e.NoteRemoved,
    e.ConversationRenamed,
    e.ConversationArchived,
    e.ConversationRestored,
    e.ConversationHeld,
    e.ConversationReleased,
    e.ConversationErased,
)


@dataclass(slots=True)
class _Change:
    """What a batch does to one conversation."""

    title: bytes | None = None
    first_prompt: bytes | None = None
    messages: int = 0
    moved: bool = False
    current_id: UUID | None = None
    archived: bool | None = None
    updated_at: datetime | None = None
    last_index: int = -1
    last_actor: str = ""
    version: int = 0

    def add(self, recorded: Recorded) -> None:
        self.updated_at = recorded.time
        self.last_index = recorded.log_index
        self.last_actor = recorded.actor
        self.version = recorded.event.version
        self._fold(recorded.event)

    def _fold(self, event: Event) -> None:
        match event:
            case e.ConversationStarted() | e.ConversationRenamed():
                self.title = packed(event.title) or self.title
            case e.PromptAdded() | e.PromptCopied():
                self._message(event.message_id)
                if self.first_prompt is None:
                    self.first_prompt = packed(event.text)
            case e.AnswerStarted() | e.AnswerCopied():
                self._message(event.message_id)
            case e.CurrentBranchChanged():
                self._move(event.message_id)
            case e.ConversationArchived():
                self.archived = True
            case e.ConversationRestored():
                self.archived = False
            case _:
                pass

    def _message(self, message_id: UUID) -> None:
        self.messages += 1
        self._move(message_id)

    def _move(self, message_id: UUID | None) -> None:
        self.moved, self.current_id = True, message_id


_New: TypeAlias = tuple[UUID, UUID | None, UUID | None, UUID | None, datetime, datetime, int, str, int]


def _new(recorded: Recorded, event: e.ConversationStarted) -> _New:
    return (
        event.stream_id,
        event.project_id,
        event.origin_conversation_id,
        event.origin_message_id,
        recorded.time,
        recorded.time,
        recorded.log_index,
        recorded.actor,
        event.version,
    )


class Conversations(ReadModel):
    """The conversations read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to conversations; those of other streams change nothing."""
        new: list[_New] = []
        changes: dict[UUID, _Change] = {}
        activity: dict[tuple[str, UUID], int] = {}
        holds: dict[UUID, bytes | None] = {}
        runs: list[tuple[UUID, UUID, int]] = []
        erased: list[tuple[UUID, datetime, str]] = []
        for recorded in batch:
            event = recorded.event
            if not isinstance(event, _EVENTS):
                continue
            if isinstance(event, e.ConversationStarted):
                new.append(_new(recorded, event))
            change = changes.get(event.stream_id)
            if change is None:
                change = changes[event.stream_id] = _Change()
            change.add(recorded)
            if isinstance(event, e.RoutineRun):
                runs.append((event.stream_id, event.routine_id, event.routine_version))
            elif isinstance(event, e.ConversationHeld):
                holds[event.stream_id] = packed(event.reason)
            elif isinstance(event, e.ConversationReleased):
                holds[event.stream_id] = None
            elif isinstance(event, e.ConversationErased):
                erased.append((event.stream_id, recorded.time, recorded.actor))
            if isinstance(event, _ASKING):
                activity[recorded.actor, event.stream_id] = recorded.log_index
        execute_set(connection, _INSERT, new)
        execute_set(
            connection,
            _UPDATE,
            (
                (
                    stream_id,
                    c.title,
                    c.first_prompt,
                    c.messages,
                    c.moved,
                    c.current_id,
                    c.archived,
                    c.updated_at,
                    c.last_index,
                    c.last_actor,
                    c.version,
                )
                for stream_id, c in changes.items()
            ),
        )
        execute_set(connection, _ACTIVITY, ((*key, index) for key, index in activity.items()))
        execute_set(connection, _RUN, runs)
        execute_set(connection, _HOLD, holds.items())
        execute_set(connection, _ERASE, erased)
