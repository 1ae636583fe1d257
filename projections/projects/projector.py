"""Fills the projects table. Projects are few and change seldom, so each event is a statement of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString

from domain.content import packed
from domain.event import Recorded
from domain.project import events as e
from projections.projects import NAME, VERSION
from projections.read_model import ReadModel

if TYPE_CHECKING:
    import psycopg

_CREATE = """
insert into projects (id, name, created_at, updated_at, first_index)
values (%(id)s, %(name)s, %(at)s, %(at)s, %(log_index)s)
"""


class Projects(ReadModel):
    """The projects read model."""

    name: ClassVar[str] = NAME
    version: ClassVar[int] = VERSION
    folder: ClassVar[Path] = Path(__file__).parent

    def apply(self, connection: psycopg.Connection, batch: Sequence[Recorded]) -> None:
        """Apply events to projects; others change nothing."""
        for recorded in batch:
            values: dict[str, Any] = {
                "id": recorded.event.stream_id,
                "at": recorded.time,
                "log_index": recorded.log_index,
            }
            match recorded.event:
                case e.ProjectCreated() as event:
                    connection.execute(_CREATE, {**values, "name": packed(event.name)})
                case e.ProjectRenamed() as event:
                    _change(connection, "name = %(name)s", {**values, "name": packed(event.name)})
                case e.ProjectDescribed() as event:
                    _change(
                        connection, "description = %(text)s", {**values, "text": packed(event.description)}
                    )
                case e.InstructionsChanged() as event:
                    changed = {**values, "text": packed(event.instructions), "version": event.version}
                    _change(
                        connection, "instructions = %(text)s, instructions_version = %(version)s", changed
                    )
                case e.DefaultModelSet() as event:
                    _change(connection, "default_model = %(model)s", {**values, "model": event.model})
                case e.ProjectArchived():
                    _change(connection, "archived = true", values)
                case e.ProjectRestored():
                    _change(connection, "archived = false", values)
                case _:
                    pass


def _change(connection: psycopg.Connection, what: LiteralString, values: dict[str, Any]) -> None:
    connection.execute(f"update projects set {what}, updated_at = %(at)s where id = %(id)s", values)
