"""Fills the usage tables: a batch becomes one row an answer, written in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from domain.conversation import events as e
from domain.event import Recorded
from projections.columns import execute_set
from projections.read_model import ReadModel
from projections.usage import NAME, VERSION

if TYPE_CHECKING:
    import psycopg

_START = "insert into conversations (id, project_id) select * from unnest(%s::uuid[], %s::uuid[])"

_INSERT = """
insert into answers (id, conversation_id, project_id, model, at, status)
select n.id, n.conversation_id, case when n.known then n.project_id else c.project_id end, n.model, n.at,
       'streaming'
  from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::boolean[], %s::uuid[])
       as n(id, conversation_id, model, at, known, project_id)
  left join conversations c on c.id = n.conversation_id
"""

_MOVE = """
update conversations c set project_id = n.project_id
  from unnest(%s::uuid[], %s::uuid[]) as n(id, project_id)
 where c.id = n.id
"""

_END = """
update answers a
   set status = n.status, prompt_tokens = n.prompt_tokens, completion_tokens = n.completion_tokens,
       total_ms = n.total_ms, load_ms = n.load_ms, prompt_eval_ms = n.prompt_eval_ms, eval_ms = n.eval_ms,
       first_token_ms = n.first_token_ms
  from unnest(%s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[],
              %s::float8[], %s::float8[])
       as n(id, status, prompt_tokens, completion_tokens, total_ms, load_ms, prompt_eval_ms, eval_ms,
            first_token_ms)
 where a.id = n.id
"""

_RATE = """
update answers a set rating = n.rating from unnest(%s::uuid[], %s::text[]) as n(id, rating) where a.id = n.id
"""

_STATUS: dict[type, str] = {
    e.AnswerCompleted: "complete",
    e.AnswerCancelled: "cancelled",
    e.AnswerFailed: "failed",
    e.AnswerInterrupted: "interrupted",
}


class Usage(ReadModel):
    """The usage read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to answers; others change nothing."""
        started: list[tuple[UUID, UUID | None]] = []
        asked: list[tuple[Any, ...]] = []
        where: dict[UUID, UUID | None] = {}
        moved: dict[UUID, UUID | None] = {}
        ended: dict[UUID, tuple[Any, ...]] = {}
        rated: dict[UUID, tuple[UUID, str | None]] = {}
        for recorded in batch:
            event = recorded.event
            match event:
                case e.ConversationStarted():
                    started.append((event.stream_id, event.project_id))
                    where[event.stream_id] = event.project_id
                case e.ConversationMoved():
                    where[event.stream_id] = moved[event.stream_id] = event.project_id
                case e.AnswerStarted():
                    known = event.stream_id in where
                    project_id = where.get(event.stream_id)
                    asked.append(
                        (event.message_id, event.stream_id, event.model, recorded.time, known, project_id)
                    )
                case e.AnswerCompleted() | e.AnswerCancelled() | e.AnswerFailed() | e.AnswerInterrupted():
                    ended[event.message_id] = (  # the last one wins
                        event.message_id,
                        _STATUS[type(event)],
                        event.prompt_tokens,
                        event.completion_tokens,
                        event.total_ms,
                        event.load_ms,
                        event.prompt_eval_ms,
                        event.eval_ms,
                        event.first_token_ms,
                    )
                case e.AnswerRated():
                    rated[event.message_id] = (event.message_id, event.rating)
                case _:
                    pass
        execute_set(connection, _START, started)
        execute_set(connection, _INSERT, asked)
        execute_set(connection, _MOVE, moved.items())
        execute_set(connection, _END, ended.values())
        execute_set(connection, _RATE, rated.values())
