"""Fills the replays tables. Replays are few beside everything else, so events are statements of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString

from domain.content import packed
from domain.event import Recorded
from domain.replay import events as e
from projections.columns import execute_set
from projections.read_model import ReadModel
from projections.replays import NAME, VERSION

if TYPE_CHECKING:
    import psycopg

_START: LiteralString = """
insert into replays (id, model, repeat, chosen_by, instructions, options, status, actor, source, started_at,
                     updated_at, version, first_index)
values (%(id)s, %(model)s, %(repeat)s, %(chosen_by)s, %(instructions)s, %(options)s, 'open', %(actor)s,
        %(source)s, %(at)s, %(at)s, %(version)s, %(log_index)s)
"""

_CHOOSE: LiteralString = """
insert into prompts (replay_id, answer_id, place)
select * from unnest(%s::uuid[], %s::uuid[], %s::bigint[])
"""

_RUN: LiteralString = """
insert into runs (replay_id, answer_id, repeat, at, status, reason, likeness, text, thinking, detail,
                  request_hash, model_digest, prompt_tokens, completion_tokens, total_ms, load_ms,
                  prompt_eval_ms, eval_ms, first_token_ms)
select *
  from unnest(%s::uuid[], %s::uuid[], %s::integer[], %s::timestamptz[], %s::text[], %s::text[], %s::float8[],
              %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[], %s::text[], %s::bigint[], %s::bigint[],
              %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[])
"""

_SKIP: LiteralString = """
update prompts set skipped = %(reason)s where replay_id = %(id)s and answer_id = %(answer_id)s
"""

_END: LiteralString = "update replays set status = %(status)s where id = %(id)s"

_MOVE: LiteralString = """
update replays r set updated_at = n.at, version = n.version
  from unnest(%s::uuid[], %s::timestamptz[], %s::bigint[]) as n(id, at, version)
 where r.id = n.id
"""

_ERASE: LiteralString = """
with emptied as (
    update runs set text = null, thinking = null, detail = null where replay_id = %(id)s
)
update replays
   set instructions = null, options = null, erased_at = %(at)s, erased_by = %(actor)s
 where id = %(id)s
"""

_FIGURES = (
    "model_digest",
    "prompt_tokens",
    "completion_tokens",
    "total_ms",
    "load_ms",
    "prompt_eval_ms",
    "eval_ms",
    "first_token_ms",
)


class Replays(ReadModel):
    """The replays read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to replays; others change nothing."""
        ours = [one for one in batch if one.event.type_name.startswith("replay.")]
        if not ours:
            return
        chosen: list[tuple[Any, ...]] = []
        runs: list[tuple[Any, ...]] = []
        for recorded in ours:
            event = recorded.event
            match event:
                case e.ReplayStarted():
                    connection.execute(_START, _started(recorded, event))
                case e.PromptChosen():
                    chosen.append((event.stream_id, event.answer_id, event.version))
                case e.PromptAnsweredAgain():
                    runs.append(_answered(recorded, event))
                case e.PromptFailedAgain():
                    runs.append(_failed(recorded, event))
                case _:
                    pass
        execute_set(connection, _CHOOSE, chosen)
        execute_set(connection, _RUN, runs)
        for recorded in ours:
            _change(connection, recorded)
        moved = {one.event.stream_id: (one.time, one.event.version) for one in ours}
        execute_set(connection, _MOVE, ((one, *told) for one, told in moved.items()))


def _change(connection: psycopg.Connection, recorded: Recorded) -> None:
    event = recorded.event
    match event:
        case e.PromptSkipped():
            values = {"id": event.stream_id, "answer_id": event.answer_id, "reason": event.reason}
            connection.execute(_SKIP, values)
        case e.ReplayCompleted():
            connection.execute(_END, {"id": event.stream_id, "status": "complete"})
        case e.ReplayCancelled():
            connection.execute(_END, {"id": event.stream_id, "status": "cancelled"})
        case e.ReplayErased():
            values = {"id": event.stream_id, "at": recorded.time, "actor": recorded.actor}
            connection.execute(_ERASE, values)
        case _:
            pass


def _started(recorded: Recorded, event: e.ReplayStarted) -> dict[str, Any]:
    return {
        "id": event.stream_id,
        "model": event.model,
        "repeat": event.repeat,
        "chosen_by": event.chosen_by,
        "instructions": packed(event.instructions),
        "options": packed(event.options),
        "actor": recorded.actor,
        "source": recorded.source,
        "at": recorded.time,
        "version": event.version,
        "log_index": recorded.log_index,
    }


def _answered(recorded: Recorded, event: e.PromptAnsweredAgain) -> tuple[Any, ...]:
    return (
        event.stream_id,
        event.answer_id,
        event.repeat,
        recorded.time,
        "complete",
        event.reason,
        event.likeness,
        packed(event.text),
        packed(event.thinking),
        None,
        event.request_hash,
        *(getattr(event, name) for name in _FIGURES),
    )


def _failed(recorded: Recorded, event: e.PromptFailedAgain) -> tuple[Any, ...]:
    place = (event.stream_id, event.answer_id, event.repeat, recorded.time)
    nothing = (None,) * len(_FIGURES)
    return (*place, "failed", event.reason, None, None, None, packed(event.detail), None, *nothing)
