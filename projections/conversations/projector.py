"""Fills the conversations tables: a batch becomes one change a conversation, written in two statements.

Of content only names of tags are opened, for the keyed hashes by which they are looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from uuid import UUID

from domain.content import Vault, packed
from domain.conversation import events as e
from domain.conversation import import_events as i
from domain.event import Event, Recorded
from domain.moments import from_micros
from projections.columns import execute_set
from projections.conversations import NAME, VERSION
from projections.opening import name_hash
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

# A conversation that is new in the batch has no row yet; the columns a change leaves alone keep what the row
# has. (An `insert … on conflict` would have to know the not-null columns of rows that exist.)
_INSERT = """
insert into conversations (id, project_id, origin_conversation_id, origin_message_id, created_at, updated_at,
                           first_index, active_index, last_index, last_actor, version)
select n.id, n.project_id, n.origin_conversation_id, n.origin_message_id, n.at, n.at,
       n.log_index, n.log_index, n.log_index, n.actor, n.version
  from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::bigint[], %s::text[],
              %s::bigint[])
       as n(id, project_id, origin_conversation_id, origin_message_id, at, log_index, actor, version)
"""

_UPDATE = """
update conversations c
   set title         = coalesce(n.title, c.title),
       title_by      = coalesce(n.title_by, c.title_by),
       first_prompt  = coalesce(c.first_prompt, n.first_prompt),
       message_count = c.message_count + n.messages,
       current_id    = case when n.switched then n.current_id else c.current_id end,
       project_id    = case when n.moved then n.project_id else c.project_id end,
       answered      = c.answered or n.answered,
       archived      = coalesce(n.archived, c.archived),
       pinned        = coalesce(n.pinned, c.pinned),
       pinned_index  = coalesce(c.pinned_index, n.pinned_index),
       updated_at    = greatest(coalesce(n.updated_at, c.updated_at), n.taken_in_at),
       active_index  = coalesce(n.active_index, c.active_index),
       last_index    = n.last_index,
       last_actor    = coalesce(n.last_actor, c.last_actor),
       version       = n.version
  from unnest(%s::uuid[], %s::bytea[], %s::text[], %s::bytea[], %s::integer[], %s::boolean[], %s::uuid[],
              %s::boolean[], %s::uuid[], %s::boolean[], %s::boolean[], %s::boolean[], %s::bigint[],
              %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[])
       as n(id, title, title_by, first_prompt, messages, switched, current_id, moved, project_id, answered,
            archived, pinned, pinned_index, updated_at, taken_in_at, active_index, last_index, last_actor,
            version)
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

# When it began is told by whoever recorded it first; what is taken in later says nothing new of that.
_IMPORT = """
update conversations c
   set imported_id = n.imported_id, imported_from = n.imported_from, created_at = n.began_at
  from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[])
       as n(id, imported_id, imported_from, began_at)
 where c.id = n.id and c.id <> n.imported_id and c.imported_id is null
"""

# `@last` must not lead to what is gone, so its activity goes too.
_ERASE = """
with erased as (
    select * from unnest(%s::uuid[], %s::timestamptz[], %s::text[]) as n(id, at, actor)
), active as (
    delete from activity a using erased where a.conversation_id = erased.id
), tagged as (
    delete from tags t using erased where t.conversation_id = erased.id
)
update conversations c
   set title = null, title_by = null, first_prompt = null, hold_reason = null, erased_at = erased.at,
       erased_by = erased.actor
  from erased
 where c.id = erased.id
"""

_ACTIVITY = """
insert into activity (actor, conversation_id, last_index)
select * from unnest(%s::text[], %s::uuid[], %s::bigint[])
on conflict (actor, conversation_id) do update set last_index = excluded.last_index
"""

_MODELS = """
insert into models (model, conversation_id)
select * from unnest(%s::text[], %s::uuid[])
on conflict do nothing
"""

_TAG = """
insert into tags (conversation_id, tag_id, name_hash, name)
select * from unnest(%s::uuid[], %s::uuid[], %s::bytea[], %s::bytea[])
on conflict (conversation_id, tag_id) do update set name_hash = excluded.name_hash, name = excluded.name
"""

_UNTAG = """
delete from tags t using unnest(%s::uuid[], %s::uuid[]) as n(conversation_id, tag_id)
 where t.conversation_id = n.conversation_id and t.tag_id = n.tag_id
"""

_ASKING = (e.ConversationStarted, e.PromptAdded, e.AnswerStarted, e.CurrentBranchChanged)

# Filing something is no activity in it: who tidies up does not turn the list upside down.
FILING = (
    e.ConversationTitled,
    e.ConversationMoved,
    e.ConversationTagged,
    e.ConversationUntagged,
    e.ConversationPinned,
    e.ConversationUnpinned,
)

_EVENTS = (
    *_ASKING,
    *FILING,
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
    i.ConversationImported,
)


@dataclass(slots=True)
class _Change:
    """What a batch does to one conversation."""

    title: bytes | None = None
    title_by: str | None = None
    first_prompt: bytes | None = None
    messages: int = 0
    switched: bool = False
    current_id: UUID | None = None
    moved: bool = False
    project_id: UUID | None = None
    answered: bool = False
    archived: bool | None = None
    pinned: bool | None = None
    pinned_index: int | None = None
    updated_at: datetime | None = None
    taken_in_at: datetime | None = None
    active_index: int | None = None
    last_index: int = -1
    last_actor: str | None = None
    version: int = 0

    def add(self, recorded: Recorded) -> None:
        self.last_index = recorded.log_index
        self.version = recorded.event.version
        if not isinstance(recorded.event, FILING):
            if recorded.source != i.SOURCE:
                self.updated_at, self.taken_in_at = recorded.time, None
            self.active_index = recorded.log_index
            self.last_actor = recorded.actor
        self._fold(recorded.event)
        if self.pinned and self.pinned_index is None:
            self.pinned_index = recorded.log_index

    def row(self, conversation_id: UUID) -> tuple[Any, ...]:
        """Return it in the order of `_UPDATE`."""
        return (conversation_id, *(getattr(self, name) for name in self.__slots__))

    def _fold(self, event: Event) -> None:  # noqa: C901, PLR0912 - one case an event
        match event:
            case e.ConversationStarted() | e.ConversationRenamed():
                self._entitle(packed(event.title), "person")
            case e.ConversationTitled():
                self._entitle(packed(event.title), "model")
            case e.PromptAdded() | e.PromptCopied():
                self._message(event.message_id)
                if self.first_prompt is None:
                    self.first_prompt = packed(event.text)
            case e.AnswerStarted():
                self._message(event.message_id)
            case e.AnswerCopied():
                self._message(event.message_id)
                self.answered = self.answered or event.status == "complete"
            case e.AnswerCompleted():
                self.answered = True
            case e.CurrentBranchChanged():
                self._switch(event.message_id)
            case e.ConversationMoved():
                self.moved, self.project_id = True, event.project_id
            case e.ConversationPinned() | e.ConversationUnpinned():
                self.pinned = isinstance(event, e.ConversationPinned)
            case e.ConversationArchived() | e.ConversationRestored():
                self.archived = isinstance(event, e.ConversationArchived)
            case i.ConversationImported():
                changed_at = from_micros(event.changed_at)
                self.taken_in_at = max(changed_at, self.taken_in_at or changed_at)
            case _:
                pass

    def _entitle(self, title: bytes | None, by: str) -> None:
        if title is not None:
            self.title, self.title_by = title, by

    def _message(self, message_id: UUID) -> None:
        self.messages += 1
        self._switch(message_id)

    def _switch(self, message_id: UUID | None) -> None:
        self.switched, self.current_id = True, message_id


_UNTOLD = from_micros(0)
"""When an imported conversation began and changed, until the last event of its append says so."""

_New: TypeAlias = tuple[UUID, UUID | None, UUID | None, UUID | None, datetime, int, str, int]
_Tag: TypeAlias = tuple[UUID, UUID, bytes, bytes]


def _new(recorded: Recorded, event: e.ConversationStarted) -> _New:
    return (
        event.stream_id,
        event.project_id,
        event.origin_conversation_id,
        event.origin_message_id,
        _UNTOLD if recorded.source == i.SOURCE else recorded.time,
        recorded.log_index,
        recorded.actor,
        event.version,
    )


class Conversations(ReadModel):
    """The conversations read model.

    Args:
        vault: opens the names of tags, and hashes them.
    """

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to conversations; those of other streams change nothing."""
        new: list[_New] = []
        changes: dict[UUID, _Change] = {}
        activity: dict[tuple[str, UUID], int] = {}
        models: set[tuple[str, UUID]] = set()
        runs: list[tuple[UUID, UUID, int]] = []
        imported: dict[UUID, tuple[UUID, UUID, str, datetime]] = {}
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
            elif isinstance(event, i.ConversationImported):
                began_at = from_micros(event.began_at)
                told = (event.stream_id, event.imported_id, event.imported_from, began_at)
                imported.setdefault(event.stream_id, told)
            if isinstance(event, _ASKING):
                activity[recorded.actor, event.stream_id] = recorded.log_index
            if isinstance(event, e.AnswerStarted | e.AnswerCopied):
                models.add((event.model, event.stream_id))
        execute_set(connection, _INSERT, new)
        execute_set(connection, _UPDATE, (change.row(one) for one, change in changes.items()))
        execute_set(connection, _ACTIVITY, ((*key, index) for key, index in activity.items()))
        execute_set(connection, _MODELS, models)
        execute_set(connection, _RUN, runs)
        execute_set(connection, _IMPORT, imported.values())
        self._tag(connection, batch)
        _hold_and_erase(connection, batch)

    def _tag(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        tags: dict[tuple[UUID, UUID], _Tag | None] = {}
        for recorded in batch:
            event = recorded.event
            if isinstance(event, e.ConversationTagged):
                name, named = name_hash(self._vault, event.name), packed(event.name)
                key = (event.stream_id, event.tag_id)
                tags[key] = None if name is None or named is None else (*key, name, named)
            elif isinstance(event, e.ConversationUntagged):
                tags[event.stream_id, event.tag_id] = None
        execute_set(connection, _UNTAG, (key for key, tag in tags.items() if tag is None))
        execute_set(connection, _TAG, (tag for tag in tags.values() if tag is not None))


def _hold_and_erase(connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
    holds: dict[UUID, bytes | None] = {}
    erased: list[tuple[UUID, datetime, str]] = []
    for recorded in batch:
        match recorded.event:
            case e.ConversationHeld() as event:
                holds[event.stream_id] = packed(event.reason)
            case e.ConversationReleased() as event:
                holds[event.stream_id] = None
            case e.ConversationErased() as event:
                erased.append((event.stream_id, recorded.time, recorded.actor))
            case _:
                pass
    execute_set(connection, _HOLD, holds.items())
    execute_set(connection, _ERASE, erased)
