"""Fills the transcript tables: a batch is folded to one row a message, then written in a few statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from domain.content import packed
from domain.conversation import events as e
from domain.conversation import import_events as i
from domain.event import Event, Recorded
from domain.moments import from_micros
from projections.columns import execute_set
from projections.read_model import ReadModel
from projections.transcript import NAME, VERSION

if TYPE_CHECKING:
    import psycopg

_INSERT_PROMPTS = """
insert into messages (id, conversation_id, parent_id, kind, at, log_index, actor, source, text, instructions,
                      origin_message_id, imported_id)
select n.id, n.conversation_id, n.parent_id, 'prompt', n.at, n.log_index, n.actor, n.source, n.text,
       n.instructions, n.origin_message_id, n.imported_id
  from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[],
              %s::bytea[], %s::bytea[], %s::uuid[], %s::uuid[])
       as n(id, conversation_id, parent_id, at, log_index, actor, source, text, instructions,
            origin_message_id, imported_id)
"""

# An answer that ended within the batch is written once, with its end; one that goes on has none yet. Arrays
# of arrays must be rectangular, so each list of ids travels as text.
_INSERT_ANSWERS = """
insert into messages (id, conversation_id, parent_id, kind, at, log_index, actor, source, owner_id,
                      model, context_length, sent_message_ids, cut_count, instructions_project_id,
                      instructions_version, think, request_hash, options, origin_message_id, imported_id,
                      status, ended_at, text, thinking, reason, detail, model_digest, prompt_tokens,
                      completion_tokens, total_ms, load_ms, prompt_eval_ms, eval_ms, first_token_ms)
select n.id, n.conversation_id, n.parent_id, 'answer', n.at, n.log_index, n.actor, n.source,
       n.owner_id, n.model, n.context_length, n.sent::uuid[], n.cut_count, n.instructions_project_id,
       n.instructions_version, n.think, n.request_hash, n.options, n.origin_message_id, n.imported_id,
       n.status, n.ended_at, n.text, n.thinking, n.reason, n.detail, n.model_digest, n.prompt_tokens,
       n.completion_tokens, n.total_ms, n.load_ms, n.prompt_eval_ms, n.eval_ms, n.first_token_ms
  from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[],
              %s::uuid[], %s::text[], %s::integer[], %s::text[], %s::integer[], %s::uuid[], %s::bigint[],
              %s::text[], %s::bytea[], %s::bytea[], %s::uuid[], %s::uuid[],
              %s::text[], %s::timestamptz[], %s::bytea[], %s::bytea[], %s::text[], %s::bytea[],
              %s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
              %s::float8[])
       as n(id, conversation_id, parent_id, at, log_index, actor, source, owner_id, model, context_length,
            sent, cut_count, instructions_project_id, instructions_version, think, request_hash, options,
            origin_message_id, imported_id,
            status, ended_at, text, thinking, reason, detail, model_digest, prompt_tokens,
            completion_tokens, total_ms, load_ms, prompt_eval_ms, eval_ms, first_token_ms)
"""

_NOT_ENDED = (None, "streaming", *(None,) * 13)

_END_ANSWERS = """
update messages m
   set status = n.status, ended_at = n.ended_at, text = n.text, thinking = n.thinking, reason = n.reason,
       detail = n.detail, model_digest = n.model_digest, prompt_tokens = n.prompt_tokens,
       completion_tokens = n.completion_tokens, total_ms = n.total_ms, load_ms = n.load_ms,
       prompt_eval_ms = n.prompt_eval_ms, eval_ms = n.eval_ms, first_token_ms = n.first_token_ms
  from unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::bytea[], %s::bytea[], %s::text[], %s::bytea[],
              %s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
              %s::float8[])
       as n(id, status, ended_at, text, thinking, reason, detail, model_digest, prompt_tokens,
            completion_tokens, total_ms, load_ms, prompt_eval_ms, eval_ms, first_token_ms)
 where m.id = n.id
"""

# An answer that was being written has no end any more, and is nobody's orphan.
_ERASE = """
update messages m
   set text = null, thinking = null, detail = null, instructions = null, options = null,
       rating_words = null, routine_variables = null, erased = true,
       status = case m.status when 'streaming' then 'interrupted' else m.status end,
       reason = case m.status when 'streaming' then 'erased' else m.reason end
 where m.conversation_id = any(%s::uuid[])
"""

_ERASE_NOTES = "update notes n set text = null where n.conversation_id = any(%s::uuid[])"

_RUN = """
update messages m set routine_id = n.routine_id, routine_version = n.version, routine_variables = n.variables
  from unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::bytea[]) as n(id, routine_id, version, variables)
 where m.id = n.id
"""

_RATE = """
update messages m set rating = n.rating, rating_words = n.words
  from unnest(%s::uuid[], %s::text[], %s::bytea[]) as n(id, rating, words)
 where m.id = n.id
"""

_WRITE_NOTES = """
insert into notes (id, conversation_id, message_id, text, written_at, changed_at, actor, log_index,
                   imported_id)
select * from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::bytea[], %s::timestamptz[], %s::timestamptz[],
                     %s::text[], %s::bigint[], %s::uuid[])
"""

_CHANGE_NOTES = """
update notes o set text = n.text, changed_at = n.at
  from unnest(%s::uuid[], %s::bytea[], %s::timestamptz[]) as n(id, text, at)
 where o.id = n.id
"""

_REMOVE_NOTES = "delete from notes where id = any(%s::uuid[])"

_MOVE = """
insert into conversations (id, current_id)
select * from unnest(%s::uuid[], %s::uuid[])
on conflict (id) do update set current_id = excluded.current_id
"""

_STATUS: dict[type, str] = {
    e.AnswerCompleted: "complete",
    e.AnswerCancelled: "cancelled",
    e.AnswerFailed: "failed",
    e.AnswerInterrupted: "interrupted",
}


class Transcript(ReadModel):
    """The transcript read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(  # noqa: C901, PLR0912, PLR0915 - one case an event
        self, connection: psycopg.Connection, batch: Sequence[Recorded]
    ) -> None:
        """Apply events to messages and their notes; others change nothing."""
        prompts: list[tuple[Any, ...]] = []
        answers: list[tuple[Any, ...]] = []
        ends: dict[UUID, tuple[Any, ...]] = {}
        current: dict[UUID, UUID | None] = {}
        runs: list[tuple[Any, ...]] = []
        ratings: dict[UUID, tuple[Any, ...]] = {}
        notes = _Notes()
        erased: list[UUID] = []
        for recorded in batch:
            event = recorded.event
            match event:
                case e.PromptAdded():
                    prompts.append(_prompt(recorded, event))
                    current[event.stream_id] = event.message_id
                case e.AnswerStarted():
                    answers.append(_answer(recorded, event))
                    current[event.stream_id] = event.message_id
                case e.PromptCopied():
                    prompts.append(_copied_prompt(recorded, event))
                    current[event.stream_id] = event.message_id
                case e.AnswerCopied():
                    answers.append(_copied_answer(recorded, event))
                    ends[event.message_id] = _copied_end(event)
                    current[event.stream_id] = event.message_id
                case e.RoutineRun():
                    runs.append(_run(event))
                case e.AnswerRated():
                    rating = (event.message_id, event.rating, packed(event.words))
                    ratings[event.message_id] = rating
                case e.NoteWritten() | e.NoteChanged() | e.NoteRemoved():
                    notes.add(recorded, event)
                case e.AnswerCompleted() | e.AnswerCancelled() | e.AnswerFailed() | e.AnswerInterrupted():
                    ends[event.message_id] = _end(recorded, event)  # the last one wins
                case e.ConversationStarted():
                    current.setdefault(event.stream_id, None)
                case e.CurrentBranchChanged():
                    current[event.stream_id] = event.message_id
                case e.ConversationErased():
                    erased.append(event.stream_id)
                case _:
                    pass
        execute_set(connection, _INSERT_PROMPTS, prompts)
        execute_set(connection, _INSERT_ANSWERS, [row + ends.pop(row[0], _NOT_ENDED)[1:] for row in answers])
        execute_set(connection, _END_ANSWERS, ends.values())
        execute_set(connection, _RUN, runs)
        execute_set(connection, _RATE, ratings.values())
        execute_set(connection, _MOVE, current.items())
        notes.write(connection)
        if erased:
            connection.execute(_ERASE, (erased,))
            connection.execute(_ERASE_NOTES, (erased,))


class _Notes:
    """What a batch does to notes: each is written, changed and removed once at most."""

    def __init__(self) -> None:
        self._written: dict[UUID, list[Any]] = {}
        self._changed: dict[UUID, tuple[Any, ...]] = {}
        self._removed: list[UUID] = []

    def add(self, recorded: Recorded, event: e.NoteWritten | e.NoteChanged | e.NoteRemoved) -> None:
        key = event.note_id
        match event:
            case e.NoteWritten():
                text = packed(event.text)
                self._written[key] = [
                    key,
                    event.stream_id,
                    event.message_id,
                    text,
                    *_note_moments(recorded, event),
                    recorded.actor,
                    recorded.log_index,
                    _imported_id(event),
                ]
            case e.NoteChanged():
                self._changed[key] = (key, packed(event.text), recorded.time)
            case e.NoteRemoved():
                self._removed.append(key)

    def write(self, connection: psycopg.Connection) -> None:
        execute_set(connection, _WRITE_NOTES, self._written.values())
        execute_set(connection, _CHANGE_NOTES, self._changed.values())
        if self._removed:
            connection.execute(_REMOVE_NOTES, (self._removed,))


def _note_moments(recorded: Recorded, event: e.NoteWritten) -> tuple[datetime, datetime | None]:
    if isinstance(event, i.NoteImported):
        return from_micros(event.written_at), _moment(event.changed_at)
    return recorded.time, None


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _imported_id(event: Event) -> UUID | None:
    if isinstance(event, i.PromptImported | i.AnswerImported | i.NoteImported):
        return event.imported_id
    return None


def _prompt(recorded: Recorded, event: e.PromptAdded) -> tuple[Any, ...]:
    return (
        event.message_id,
        event.stream_id,
        event.parent_id,
        recorded.time,
        recorded.log_index,
        recorded.actor,
        recorded.source,
        packed(event.text),
        packed(event.instructions),
        None,
        None,
    )


def _copied_prompt(recorded: Recorded, event: e.PromptCopied) -> tuple[Any, ...]:
    """What was said keeps its time; who copied it is who brought it here."""
    return (
        event.message_id,
        event.stream_id,
        event.parent_id,
        from_micros(event.said_at),
        recorded.log_index,
        recorded.actor,
        recorded.source,
        packed(event.text),
        packed(event.instructions),
        event.origin_message_id,
        _imported_id(event),
    )


def _run(event: e.RoutineRun) -> tuple[Any, ...]:
    return (event.message_id, event.routine_id, event.routine_version, packed(event.variables))


def _answer(recorded: Recorded, event: e.AnswerStarted) -> tuple[Any, ...]:
    return (*_asked(recorded, event, recorded.time), None, None)


def _copied_answer(recorded: Recorded, event: e.AnswerCopied) -> tuple[Any, ...]:
    asked = _asked(recorded, event, from_micros(event.said_at))
    return (*asked, event.origin_message_id, _imported_id(event))


def _asked(recorded: Recorded, event: e.AnswerStarted | e.AnswerCopied, at: datetime) -> tuple[Any, ...]:
    return (
        event.message_id,
        event.stream_id,
        event.prompt_id,
        at,
        recorded.log_index,
        recorded.actor,
        recorded.source,
        event.owner_id,
        event.model,
        event.context_length,
        _ids(event.sent_message_ids),
        event.cut_count,
        event.instructions_project_id,
        event.instructions_version,
        json.dumps(event.think),
        event.request_hash,
        packed(event.options),
    )


def _end(
    recorded: Recorded, event: e.AnswerCompleted | e.AnswerCancelled | e.AnswerFailed | e.AnswerInterrupted
) -> tuple[Any, ...]:
    detail = packed(event.detail) if isinstance(event, e.AnswerFailed) else None
    return (event.message_id, _STATUS[type(event)], recorded.time, *_told(event, detail))


def _copied_end(event: e.AnswerCopied) -> tuple[Any, ...]:
    return (event.message_id, event.status, _moment(event.ended_at), *_told(event, packed(event.detail)))


def _told(event: Any, detail: bytes | None) -> tuple[Any, ...]:
    return (
        packed(event.text),
        packed(event.thinking),
        event.reason,
        detail,
        event.model_digest,
        event.prompt_tokens,
        event.completion_tokens,
        event.total_ms,
        event.load_ms,
        event.prompt_eval_ms,
        event.eval_ms,
        event.first_token_ms,
    )


def _ids(ids: Sequence[UUID]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"
