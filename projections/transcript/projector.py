"""Fills the transcript tables: a batch is folded to one row a message, then written in a few statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from domain.content import packed
from domain.conversation import events as e
from domain.event import Recorded
from projections.columns import execute_set
from projections.read_model import ReadModel
from projections.transcript import NAME, VERSION

if TYPE_CHECKING:
    import psycopg

_INSERT_PROMPTS = """
insert into messages (id, conversation_id, parent_id, kind, at, log_index, actor, source, text, instructions)
select n.id, n.conversation_id, n.parent_id, 'prompt', n.at, n.log_index, n.actor, n.source, n.text,
       n.instructions
  from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[],
              %s::bytea[], %s::bytea[])
       as n(id, conversation_id, parent_id, at, log_index, actor, source, text, instructions)
"""

# An answer that ended within the batch is written once, with its end; one that goes on has none yet. Arrays
# of arrays must be rectangular, so each list of ids travels as text.
_INSERT_ANSWERS = """
insert into messages (id, conversation_id, parent_id, kind, at, log_index, actor, source, owner_id,
                      model, context_length, sent_message_ids, cut_count, instructions_project_id,
                      instructions_version, think, request_hash, options,
                      status, ended_at, text, thinking, reason, detail, model_digest, prompt_tokens,
                      completion_tokens, total_ms, load_ms, prompt_eval_ms, eval_ms, first_token_ms)
select n.id, n.conversation_id, n.parent_id, 'answer', n.at, n.log_index, n.actor, n.source,
       n.owner_id, n.model, n.context_length, n.sent::uuid[], n.cut_count, n.instructions_project_id,
       n.instructions_version, n.think, n.request_hash, n.options,
       n.status, n.ended_at, n.text, n.thinking, n.reason, n.detail, n.model_digest, n.prompt_tokens,
       n.completion_tokens, n.total_ms, n.load_ms, n.prompt_eval_ms, n.eval_ms, n.first_token_ms
  from unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[],
              %s::uuid[], %s::text[], %s::integer[], %s::text[], %s::integer[], %s::uuid[], %s::bigint[],
              %s::text[], %s::bytea[], %s::bytea[],
              %s::text[], %s::timestamptz[], %s::bytea[], %s::bytea[], %s::text[], %s::bytea[],
              %s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
              %s::float8[])
       as n(id, conversation_id, parent_id, at, log_index, actor, source, owner_id, model, context_length,
            sent, cut_count, instructions_project_id, instructions_version, think, request_hash, options,
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
   set text = null, thinking = null, detail = null, instructions = null, options = null, erased = true,
       status = case m.status when 'streaming' then 'interrupted' else m.status end,
       reason = case m.status when 'streaming' then 'erased' else m.reason end
 where m.conversation_id = any(%s::uuid[])
"""

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

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to messages; others change nothing."""
        prompts: list[tuple[Any, ...]] = []
        answers: list[tuple[Any, ...]] = []
        ends: dict[UUID, tuple[Any, ...]] = {}
        current: dict[UUID, UUID | None] = {}
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
        execute_set(connection, _MOVE, current.items())
        if erased:
            connection.execute(_ERASE, (erased,))


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
    )


def _answer(recorded: Recorded, event: e.AnswerStarted) -> tuple[Any, ...]:
    return (
        event.message_id,
        event.stream_id,
        event.prompt_id,
        recorded.time,
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
    return (
        event.message_id,
        _STATUS[type(event)],
        recorded.time,
        packed(event.text),
        packed(event.thinking),
        event.reason,
        packed(event.detail) if isinstance(event, e.AnswerFailed) else None,
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
