"""Fills the routines tables.

Routines are few and change seldom, so each of their events is a statement of its own; runs are many, so those
of a batch are counted first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString
from uuid import UUID

from domain.content import packed
from domain.conversation.events import RoutineRun
from domain.event import Recorded
from domain.routine import events as e
from projections.columns import execute_set
from projections.read_model import ReadModel
from projections.routines import NAME, VERSION

if TYPE_CHECKING:
    import psycopg

_SAVE: LiteralString = """
with saved as (
    insert into versions (routine_id, version, name, description, prompt, instructions, options, model, think,
                          at, actor)
    values (%(id)s, %(version)s, %(name)s, %(description)s, %(prompt)s, %(instructions)s, %(options)s,
            %(model)s, %(think)s, %(at)s, %(actor)s)
)
insert into routines (id, newest, created_at, updated_at, version, first_index)
values (%(id)s, %(version)s, %(at)s, %(at)s, %(version)s, %(log_index)s)
on conflict (id) do update
   set newest = excluded.newest, updated_at = excluded.updated_at, version = excluded.version
"""

_REMOVE: LiteralString = """
update routines set removed_at = %(at)s, updated_at = %(at)s, version = %(version)s where id = %(id)s
"""

_ERASE: LiteralString = """
with erased as (
    update versions
       set name = null, description = null, prompt = null, instructions = null, options = null
     where routine_id = %(id)s
)
update routines
   set erased_at = %(at)s, erased_by = %(actor)s, updated_at = %(at)s, version = %(version)s
 where id = %(id)s
"""

_COUNT: LiteralString = """
update routines r set run_count = r.run_count + n.runs, last_run_at = n.at
  from unnest(%s::uuid[], %s::bigint[], %s::timestamptz[]) as n(id, runs, at)
 where r.id = n.id
"""


class Routines(ReadModel):
    """The routines read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to routines, and count runs; others change nothing."""
        runs: dict[UUID, tuple[int, datetime]] = {}
        for recorded in batch:
            event = recorded.event
            match event:
                case e.RoutineSaved() | e.RoutineChanged():
                    connection.execute(_SAVE, _place(recorded) | _said(event))
                case e.RoutineRemoved():
                    connection.execute(_REMOVE, _place(recorded))
                case e.RoutineErased():
                    connection.execute(_ERASE, _place(recorded))
                case RoutineRun():
                    count, _ = runs.get(event.routine_id, (0, None))
                    runs[event.routine_id] = (count + 1, recorded.time)
                case _:
                    pass
        execute_set(connection, _COUNT, ((one, *told) for one, told in runs.items()))


def _place(recorded: Recorded) -> dict[str, Any]:
    return {
        "id": recorded.event.stream_id,
        "at": recorded.time,
        "log_index": recorded.log_index,
        "actor": recorded.actor,
        "version": recorded.event.version,
    }


def _said(event: e.RoutineSaved | e.RoutineChanged) -> dict[str, Any]:
    return {
        "name": packed(event.name),
        "description": packed(event.description),
        "prompt": packed(event.prompt),
        "instructions": packed(event.instructions),
        "options": packed(event.options),
        "model": event.model,
        "think": json.dumps(event.think),
    }
