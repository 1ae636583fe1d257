"""Fills the projects table. Projects are few and change seldom, so each event is a statement of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString

from domain.content import packed
from domain.event import Event, Recorded
from domain.moments import from_micros
from domain.project import events as e
from projections.projects import NAME, VERSION
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

_CREATE = """
insert into projects (id, name, created_at, updated_at, first_index, version)
values (%(id)s, %(text)s, %(at)s, %(at)s, %(log_index)s, %(version)s)
"""

_SET: LiteralString = "update projects set updated_at = %(at)s, version = %(version)s, "
_RENAME = _SET + "name = %(text)s where id = %(id)s"
_DESCRIBE = _SET + "description = %(text)s where id = %(id)s"
_MODEL = _SET + "default_model = %(model)s where id = %(id)s"
_ARCHIVE = _SET + "archived = %(archived)s where id = %(id)s"
_HOLD = _SET + "hold_reason = %(text)s where id = %(id)s"
_OPTIONS = _SET + "default_options = %(options)s where id = %(id)s"
_ERASE = """
with gone as (
    delete from instructions i where i.project_id = %(id)s
)
update projects
   set name = null, description = null, instructions = null, default_options = null, hold_reason = null,
       erased_at = %(at)s, erased_by = %(actor)s, updated_at = %(at)s, version = %(version)s
 where id = %(id)s
"""
_IMPORT = """
update projects
   set imported_id = %(imported_id)s, created_at = %(began_at)s, updated_at = %(changed_at)s,
       version = %(version)s
 where id = %(id)s
"""
_INSTRUCT = """
with kept as (
    insert into instructions (project_id, version, text, at, actor)
    values (%(id)s, %(version)s, %(text)s, %(at)s, %(actor)s)
)
update projects set instructions = %(text)s, instructions_version = %(version)s, updated_at = %(at)s,
       version = %(version)s
 where id = %(id)s
"""


class Projects(ReadModel):
    """The projects read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to projects; others change nothing."""
        for recorded in batch:
            change = _change(recorded.event)
            if change is not None:
                statement, values = change
                place = {
                    "id": recorded.event.stream_id,
                    "at": recorded.time,
                    "log_index": recorded.log_index,
                    "actor": recorded.actor,
                    "version": recorded.event.version,
                }
                connection.execute(statement, {**place, **values})


def _change(event: Event) -> tuple[LiteralString, dict[str, Any]] | None:  # noqa: C901, PLR0911 - one an event
    match event:
        case e.ProjectCreated() | e.ProjectRenamed():
            statement = _CREATE if isinstance(event, e.ProjectCreated) else _RENAME
            return statement, {"text": packed(event.name)}
        case e.ProjectDescribed():
            return _DESCRIBE, {"text": packed(event.description)}
        case e.InstructionsChanged():
            return _INSTRUCT, {"text": packed(event.instructions)}
        case e.DefaultModelSet():
            return _MODEL, {"model": event.model}
        case e.DefaultOptionsSet():
            return _OPTIONS, {"options": packed(event.options)}
        case e.ProjectArchived() | e.ProjectRestored():
            return _ARCHIVE, {"archived": isinstance(event, e.ProjectArchived)}
        case e.ProjectHeld():
            return _HOLD, {"text": packed(event.reason)}
        case e.ProjectReleased():
            return _HOLD, {"text": None}
        case e.ProjectErased():
            return _ERASE, {}
        case e.ProjectImported():
            return _IMPORT, {
                "imported_id": event.imported_id,
                "began_at": from_micros(event.began_at),
                "changed_at": from_micros(event.changed_at),
            }
        case _:
            return None
