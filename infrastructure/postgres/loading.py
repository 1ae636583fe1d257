"""Loading an aggregate: its newest snapshot, and what happened after it, in one round trip.

Invariants: with snapshots and without, the same aggregate comes out; a snapshot counts only if this book's
keys made it and the event it was taken after is in the log under the same id; nothing that goes wrong with
one is an error, the stream is folded from its first event then.
"""

from __future__ import annotations

import contextlib
import hmac
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from application.errors import DatabaseError
from domain.errors import NotFoundError
from domain.event import Created, DamagedEventError, Event, Facts, Picture, Root
from domain.ids import short
from infrastructure.postgres.codec import to_bare_event
from infrastructure.postgres.database import Database
from infrastructure.postgres.log import LogRow

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R", bound=Root)

MOST_EVENTS = 100
MOST_BYTES = 1024 * 1024

# The snapshot's row comes first: it has no log index. Rows are put in order again where they are received,
# for a union promises none.
_LOAD = """
with snapshot as materialized (
    select s.version, s.state, e.event_id
      from daybook.snapshots s
      join daybook.events e on e.stream_id = s.stream_id and e.version = s.version
     where s.stream_id = %(stream_id)s and s.format = %(format)s
)
select null::bigint, s.version, s.event_id, null::integer, null::timestamptz, null::text, s.state
  from snapshot s
 union all (
select e.log_index, e.version, e.event_id, e.schema_version, e.time, e.type, e.payload
  from daybook.events e
 where e.stream_id = %(stream_id)s and e.version > coalesce((select s.version from snapshot s), -1)
 order by e.version
)
"""

# One may be lost with the power, so no disk is waited for.
_KEEP = """
with quick as materialized (select set_config('synchronous_commit', 'off', true))
insert into daybook.snapshots as s (stream_id, version, format, state)
select %(stream_id)s, %(version)s, %(format)s, %(state)s
  from quick
 where exists (select from daybook.data_keys k where k.owner_id = %(stream_id)s)
on conflict (stream_id) do update
   set version = excluded.version, format = excluded.format, state = excluded.state
 where s.format <= excluded.format
"""

_NO_FORMAT = 0
_HASH = 32
_Row: TypeAlias = tuple[Any, ...]


class _Stored(msgspec.Struct, array_like=True):
    """A picture as it is stored; the version stands beside it."""

    began: datetime
    changed: datetime
    facts: Facts


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


class Loader:
    """Loads aggregates from one database.

    `hash_snapshot` returns the keyed hash of some bytes (`Keyring.hash_snapshot`); who folds more than
    `most_events`, or `most_bytes` of them, leaves a snapshot behind.
    """

    def __init__(
        self,
        database: Database,
        hash_snapshot: Callable[[bytes], bytes],
        *,
        most_events: int = MOST_EVENTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._database = database
        self._hash = hash_snapshot
        self._most_events = most_events
        self._most_bytes = most_bytes

    def load(self, kind: type[R], stream_id: UUID) -> R:
        """Return an aggregate as of now.

        Raises:
            NotFoundError: there is none of this kind and id.
            UnknownEventTypeError, DamagedEventError: its events cannot be read.
        """
        rows = self._rows(stream_id, kind.picture_format)
        root: R | None = None
        if rows and rows[0][0] is None:
            root = self._restored(kind, stream_id, rows[0])
            rows = rows[1:] if root is not None else self._rows(stream_id, _NO_FORMAT)
        events = (to_bare_event(_log_row(stream_id, row)) for row in rows)
        if root is None:
            root = _begun(kind, stream_id, next(events, None))
        root.follow(events)
        if kind.picture_format and self._were_many(rows):
            self._keep(root, rows[-1][2])
        return root

    def _rows(self, stream_id: UUID, picture_format: int) -> list[_Row]:
        values = {"stream_id": stream_id, "format": picture_format}
        with self._database.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_LOAD, values).fetchall()
        rows.sort(key=itemgetter(1))
        return rows

    def _restored(self, kind: type[R], stream_id: UUID, row: _Row) -> R | None:
        """Return the aggregate of a snapshot, or None where it is damaged, forged or of another history."""
        _, version, event_id, *_, state = row
        given, body = state[:_HASH], state[_HASH:]
        if not hmac.compare_digest(given, self._hash(_bound(kind, stream_id, version, event_id, body))):
            return None
        try:
            stored = _decode(body)
            picture = Picture(version, stored.began, stored.changed, stored.facts)
            return kind.from_picture(stream_id, picture)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            return None

    def _were_many(self, rows: list[_Row]) -> bool:
        return len(rows) > self._most_events or sum(len(row[-1]) for row in rows) > self._most_bytes

    def _keep(self, root: Root, event_id: UUID) -> None:
        picture = root.picture()
        body = _encode(_Stored(picture.began, picture.changed, picture.facts))
        kept = self._hash(_bound(type(root), root.id, picture.version, event_id, body))
        values = {
            "stream_id": root.id,
            "version": picture.version,
            "format": root.picture_format,
            "state": kept + body,
        }
        with contextlib.suppress(DatabaseError), self._database.connection() as connection:
            connection.execute(_KEEP, values)


def _bound(kind: type[Root], stream_id: UUID, version: int, event_id: UUID, body: bytes) -> bytes:
    """Return what the keyed hash is taken of: a state, and where alone it is valid."""
    place = stream_id.bytes + version.to_bytes(8, "big") + event_id.bytes
    return place + kind.picture_format.to_bytes(4, "big") + body


def _log_row(stream_id: UUID, row: _Row) -> LogRow:
    log_index, version, event_id, schema_version, time, type_name, payload = row
    return LogRow(log_index, stream_id, version, event_id, schema_version, time, type_name, b"", payload)


def _begun(kind: type[R], stream_id: UUID, first: Event | None) -> R:
    """Return the aggregate that a stream's first event makes."""
    if first is not None and not isinstance(first, Created):
        raise DamagedEventError(
            f"Stream {stream_id} does not begin with its first event: the log was altered. Nothing was "
            "changed.",
            hint="daybook audit verify",
        )
    root: Any = None if first is None else first.mutate(None)
    if isinstance(root, kind):
        return root
    raise NotFoundError(f"There is no {kind.__name__.lower()} {short(stream_id)} in this book.")
