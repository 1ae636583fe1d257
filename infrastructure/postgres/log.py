"""The log: appending through `daybook.append` with group commit, and reading in log order.

Invariant: readers see a prefix of the log. Indexes are committed in order and without gaps, so reading needs
no care, no waiting and no second look.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, LiteralString, NamedTuple
from uuid import UUID

from infrastructure.postgres.append_call import (
    AppendRequest,
    EventRow,
    Idempotency,
    NewKey,
    size_of,
)
from infrastructure.postgres.appender import Appended, Appender
from infrastructure.postgres.database import Database
from infrastructure.postgres.eraser import Eraser
from infrastructure.postgres.group_commit import GroupCommit

if TYPE_CHECKING:
    import psycopg

__all__ = [
    "AppendRequest",
    "Appended",
    "EventLog",
    "EventRow",
    "Idempotency",
    "LogRow",
    "NewKey",
    "StoredRequest",
]

MAX_BATCH = 256
_MAX_BATCH_BYTES = 8 * 1024 * 1024

_SIZE = "select coalesce(max(log_index) + 1, 0) from daybook.events"

_READ = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where log_index >= %s
 order by log_index
 limit %s
"""

_READ_STREAM = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where stream_id = %s and version > %s and version <= %s
 order by version
 limit %s
"""

_READ_STREAM_BACK = """
select log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload
  from daybook.events
 where stream_id = %s and version > %s and version <= %s
 order by version desc
 limit %s
"""

_MAX_BIGINT = 2**63 - 1

_FIND_REQUEST = """
select command_hash, event_ids, log_size, result, time
  from daybook.requests
 where actor = %s and key = %s
"""


class LogRow(NamedTuple):
    """One event as the log holds it."""

    log_index: int
    stream_id: UUID
    version: int
    event_id: UUID
    schema_version: int
    time: datetime
    type: str
    metadata: bytes
    payload: bytes


class StoredRequest(NamedTuple):
    """What a command with an idempotency key did and answered."""

    command_hash: bytes
    event_ids: list[UUID]
    log_size: int
    result: bytes
    time: datetime


class EventLog:
    """The log of one database. Safe to share between threads; async callers use `asyncio.to_thread`."""

    def __init__(
        self, database: Database, *, max_batch: int = MAX_BATCH, settle_seconds: float = 15.0
    ) -> None:
        """`settle_seconds`: how long a broken-off append may look for its events before it gives up."""
        self._database = database
        self._eraser = Eraser(database, settle_seconds=settle_seconds)
        self._group: GroupCommit[AppendRequest, Appended] = GroupCommit(
            Appender(database, settle_seconds=settle_seconds).append_batch,
            max_items=max_batch,
            max_cost=_MAX_BATCH_BYTES,
        )

    @property
    def database(self) -> Database:
        """Where it is."""
        return self._database

    def watch(self, told: Callable[[int, float], None]) -> None:
        """Tell of every commit: how many requests went together, and how many seconds it took."""
        self._group.watch(told)

    def append(self, request: AppendRequest) -> Appended:
        """Append one request, together with those of other threads that wait at the same time.

        Raises:
            WrongVersionError: a stream does not stand where the request expects; nothing was written.
            IdempotencyMismatchError: the key was used for another command; nothing was written.
            ContentErasedError: an owner of a new key was erased; nothing was written.
            DatabaseUnreachableError: the connection was lost and did not come back: perhaps it is recorded.
        """
        return self._group.submit(request, cost=size_of(request))

    def erase(self, request: AppendRequest, erased_by: str) -> Appended:
        """Append erased events and, in the same transaction, destroy the keys of their streams.

        The errors are those of `append`.
        """
        return self._eraser.erase(request, erased_by)

    def size(self) -> int:
        """Return how many events the log holds."""
        with self._database.connection() as connection:
            row = connection.execute(_SIZE).fetchone()
        return int(row[0]) if row else 0

    def read(self, start: int, limit: int, *, connection: "psycopg.Connection | None" = None) -> list[LogRow]:
        """Return up to `limit` events from log index `start` on, in order."""
        if connection is not None:
            return _rows(connection, _READ, (start, limit))
        with self._database.connection() as own:
            return _rows(own, _READ, (start, limit))

    def read_stream(
        self,
        stream_id: UUID,
        *,
        after_version: int = -1,
        up_to: int | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[LogRow]:
        """Return the events of one stream that come after a version, in order."""
        query = _READ_STREAM_BACK if newest_first else _READ_STREAM
        last = _MAX_BIGINT if up_to is None else up_to
        with self._database.connection() as connection:
            return _rows(connection, query, (stream_id, after_version, last, limit))

    def find_request(self, actor: str, key: str) -> StoredRequest | None:
        """Return what was stored under an idempotency key."""
        from psycopg.rows import args_row

        with (
            self._database.connection() as connection,
            connection.cursor(row_factory=args_row(StoredRequest), binary=True) as cursor,
        ):
            return cursor.execute(_FIND_REQUEST, (actor, key)).fetchone()


def _rows(
    connection: "psycopg.Connection", query: LiteralString, parameters: Sequence[object]
) -> list[LogRow]:
    with connection.cursor(binary=True) as cursor:
        return [LogRow._make(row) for row in cursor.execute(query, parameters).fetchall()]
