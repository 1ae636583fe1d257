"""The log read back from a moment; implements `projections.past.history.History`.

Invariant: an event's time never runs backwards, so the moment of a time is found by halving, some twenty
looks in a million.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from domain.conversation.events import ConversationErased
from domain.errors import NotFoundError
from domain.project.events import ProjectErased
from infrastructure.postgres.codec import to_recorded
from infrastructure.postgres.log import LogRow
from projections.past.history import Moment

if TYPE_CHECKING:
    import psycopg

    from domain.event import Recorded
    from infrastructure.postgres.database import Database

_SIZE: LiteralString = "select coalesce(max(log_index) + 1, 0) from daybook.events"
_TIME: LiteralString = "select time from daybook.events where log_index = %s"

_OF_STREAMS: LiteralString = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where stream_id = any(%(streams)s::uuid[])
   and (log_index <= %(up_to)s or type = any(%(erasures)s))
 order by log_index
"""

_LAST_OF: LiteralString = """
select s.id, l.log_index, l.time, convert_from(l.metadata, 'UTF8')::json ->> 'source'
  from unnest(%(streams)s::uuid[]) as s(id)
  join lateral (select e.log_index, e.time, e.metadata
                  from daybook.events e
                 where e.stream_id = s.id and e.log_index <= %(up_to)s and e.type <> all(%(but)s)
                 order by e.version desc
                 limit 1) l on true
"""

_HAVING: LiteralString = """
select s.id
  from unnest(%(streams)s::uuid[]) as s(id)
 where exists (select from daybook.events e
                where e.stream_id = s.id and e.log_index <= %(up_to)s and e.type = %(type)s)
"""

_PAGE: LiteralString = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where stream_id = %(stream)s and version > %(after)s
 order by version
 limit %(limit)s
"""

_LATEST: LiteralString = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where stream_id = %(stream)s and version <= %(up_to)s and type = any(%(types)s)
 order by version desc
 limit 1
"""

_ALL_OF: LiteralString = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where stream_id = %(stream)s and type = any(%(types)s)
 order by version
"""

_ERASURES = [ConversationErased.type_name, ProjectErased.type_name]


class PostgresHistory:
    """Reads the log of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def moment(self, wanted: int | datetime) -> Moment:
        """Return the moment of a log index, or of the last event that is not after a time."""
        with self._database.connection() as connection:
            size = _one(connection, _SIZE)
            if size == 0:
                raise NotFoundError("Nothing has happened in this book yet.", hint="daybook ask …")
            if isinstance(wanted, datetime):
                return _at(connection, wanted, size)
            if not 0 <= wanted < size:
                raise NotFoundError(
                    f"The log has no event {wanted:,}: it holds {size:,}, the last of index {size - 1:,}.",
                    hint="daybook audit log",
                )
            return Moment(wanted, _one(connection, _TIME, wanted))

    def of_streams(
        self, connection: psycopg.Connection, stream_ids: Collection[UUID], up_to: int
    ) -> list[Recorded]:
        """Return the events of streams up to and including a log index, in log order."""
        values = {"streams": list(stream_ids), "up_to": up_to, "erasures": _ERASURES}
        with connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_OF_STREAMS, values).fetchall()
        started = {row[1] for row in rows if row[0] <= up_to}
        return [to_recorded(LogRow._make(row)) for row in rows if row[1] in started]

    def last_of(
        self,
        connection: psycopg.Connection,
        stream_ids: Collection[UUID],
        up_to: int,
        *,
        but: Sequence[str],
    ) -> dict[UUID, tuple[int, datetime, str]]:
        """Return log index, time and source of each stream's last event up to a log index.

        Events of the types `but` are left out.
        """
        values = {"streams": list(stream_ids), "up_to": up_to, "but": list(but)}
        rows = connection.execute(_LAST_OF, values).fetchall() if stream_ids else []
        return {stream_id: (last, at, source) for stream_id, last, at, source in rows}

    def having(
        self, connection: psycopg.Connection, stream_ids: Collection[UUID], up_to: int, type_name: str
    ) -> set[UUID]:
        """Return those streams in which an event of a type had happened."""
        values = {"streams": list(stream_ids), "up_to": up_to, "type": type_name}
        return {row[0] for row in connection.execute(_HAVING, values)} if stream_ids else set()

    def page(self, stream_id: UUID, after: int, limit: int) -> list[Recorded]:
        """Return up to `limit` events of one stream behind a version, in order."""
        return self._read(_PAGE, {"stream": stream_id, "after": after, "limit": limit})

    def latest(self, stream_id: UUID, up_to: int, type_names: Sequence[str]) -> Recorded | None:
        """Return the last event of these types in one stream, up to and including a version."""
        found = self._read(_LATEST, {"stream": stream_id, "up_to": up_to, "types": list(type_names)})
        return found[0] if found else None

    def all_of(self, stream_id: UUID, type_names: Sequence[str]) -> list[Recorded]:
        """Return all events of these types in one stream, in order."""
        return self._read(_ALL_OF, {"stream": stream_id, "types": list(type_names)})

    def _read(self, statement: LiteralString, values: dict[str, object]) -> list[Recorded]:
        with self._database.connection() as connection, connection.cursor(binary=True) as cursor:
            return [to_recorded(LogRow._make(row)) for row in cursor.execute(statement, values)]


def _at(connection: psycopg.Connection, wanted: datetime, size: int) -> Moment:
    low, high = 0, size  # the first event after the time lies at `high` or before
    while low < high:
        middle = (low + high) // 2
        if _one(connection, _TIME, middle) > wanted:
            high = middle
        else:
            low = middle + 1
    if low == 0:
        raise NotFoundError(
            f"Nothing had happened by then: the log begins on {_one(connection, _TIME, 0):%Y-%m-%d %H:%M:%S} "
            "(UTC).",
            hint="daybook audit log --since 0",
        )
    return Moment(low - 1, _one(connection, _TIME, low - 1))


def _one(connection: psycopg.Connection, statement: LiteralString, *values: object) -> Any:
    row = connection.execute(statement, values).fetchone()
    if row is None:
        raise AssertionError("the log has no gaps")
    return row[0]
