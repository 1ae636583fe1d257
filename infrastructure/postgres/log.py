"""The log: appending through `daybook.append` with group commit, and reading in log order.

Invariants: an append is reported as done only when it is committed, and as refused only when it is not; when the
connection breaks in between, the event ids decide, on a new connection. Reading needs no care: log indexes are
committed in order and without gaps.
"""

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, LiteralString, NamedTuple
from uuid import UUID

from application.errors import DatabaseError, DatabaseUnreachableError, IdempotencyMismatchError
from domain.errors import ConflictError, ContentErasedError, InvalidInputError, WrongVersionError
from infrastructure.postgres.append_call import (
    AppendRequest,
    EventRow,
    Idempotency,
    NewKey,
    Outcome,
    call_append,
    encoded,
    size_of,
)
from infrastructure.postgres.database import Database
from infrastructure.postgres.failures import translate
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

_COLUMNS = "log_index, stream_id, version, event_id, schema_version, time, type, metadata, payload"

_SIZE = "select coalesce(max(log_index) + 1, 0) from daybook.events"

_READ = f"""
select {_COLUMNS}
  from daybook.events
 where log_index >= %s
 order by log_index
 limit %s
"""

_READ_STREAM = f"""
select {_COLUMNS}
  from daybook.events
 where stream_id = %s and version > %s
 order by version
"""

_FIND_REQUEST = """
select command_hash, event_ids, log_size, result, time
  from daybook.requests
 where actor = %s and key = %s
"""

_FIND_EVENTS = "select log_index from daybook.events where event_id = any(%s)"

_FIND_BOX = "select wrapped from daybook.data_keys where owner_id = %s"


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of an append. `first_index` is None when nothing was appended now (a replay, or no events)."""

    first_index: int | None
    log_size: int
    replayed: bool
    result: bytes | None


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
        """`settle_seconds`: how long a broken-off append may look for its events before it says it does not know."""
        self._database = database
        self._settle_seconds = settle_seconds
        self._group: GroupCommit[AppendRequest, Appended] = GroupCommit(
            self._append_batch, max_items=max_batch, max_cost=_MAX_BATCH_BYTES
        )

    def append(self, request: AppendRequest) -> Appended:
        """Append one request, together with those of other threads that wait at the same time.

        Raises:
            WrongVersionError: a stream does not stand where the request expects; nothing was written.
            IdempotencyMismatchError: the key was used for another command; nothing was written.
            ContentErasedError: an owner of a new key was erased; nothing was written.
            DatabaseUnreachableError: the connection was lost and did not come back: perhaps it is recorded.
        """
        return self._group.submit(request, cost=size_of(request))

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

    def read_stream(self, stream_id: UUID, *, after_version: int = -1) -> list[LogRow]:
        """Return the events of one stream that come after a version, in order."""
        with self._database.connection() as connection:
            return _rows(connection, _READ_STREAM, (stream_id, after_version))

    def find_request(self, actor: str, key: str) -> StoredRequest | None:
        """Return what was stored under an idempotency key."""
        from psycopg.rows import args_row

        with (
            self._database.connection() as connection,
            connection.cursor(row_factory=args_row(StoredRequest), binary=True) as cursor,
        ):
            return cursor.execute(_FIND_REQUEST, (actor, key)).fetchone()

    def _append_batch(
        self,
        requests: Sequence[AppendRequest],
        retried: bool = False,  # noqa: FBT001, FBT002 - GroupCommit's contract
    ) -> Sequence[Appended | BaseException]:
        import psycopg

        if retried:
            return self._settle_all(requests)
        try:
            parameters = encoded(requests)
        except (UnicodeError, struct.error) as error:
            return self._alone(
                requests, InvalidInputError(f"This cannot be stored: {error}. Nothing was written.")
            )
        failure: psycopg.Error | None = None
        lost = False
        try:
            with self._database.connection() as connection:
                try:
                    outcomes = call_append(connection, parameters)
                except psycopg.Error as error:
                    failure, lost = error, _acknowledgement_lost(connection, error)
        except DatabaseError as error:  # no connection could be had, so nothing was sent
            return [error] * len(requests)
        if failure is None:
            return [_judged(request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]
        if lost:
            return self._settle_all(requests)
        refusal = _refused(failure, self._database.name)
        if (failure.sqlstate or "")[:2] in _FAULTS_OF_ONE:
            return self._alone(requests, refusal)
        return [refusal] * len(requests)

    def _alone(
        self, requests: Sequence[AppendRequest], error: Exception
    ) -> Sequence[Appended | BaseException]:
        """Nothing of a batch was written, for a fault that may be one request's: try each by itself."""
        if len(requests) == 1:
            return [error]
        return [self._append_batch([request])[0] for request in requests]

    def _settle_all(self, requests: Sequence[AppendRequest]) -> Sequence[Appended | BaseException]:
        """Find out what became of requests whose acknowledgement was lost, and append those that are not there."""
        deadline = time.monotonic() + self._settle_seconds
        settled: list[Appended | BaseException] = []
        while len(settled) < len(requests):
            try:
                settled.append(self._settle(requests[len(settled)]))
            except DatabaseError as error:
                if time.monotonic() > deadline:
                    unknown = DatabaseUnreachableError(
                        f"The connection to {self._database.name} was lost while this was being saved, and did not "
                        f"come back within {self._settle_seconds:.0f} s: it may or may not be recorded "
                        f"({error.message})",
                        hint="When the database is back, look whether it is there before doing it again.",
                    )
                    return settled + [unknown] * (len(requests) - len(settled))
                time.sleep(0.1)
        return settled

    def _settle(self, request: AppendRequest) -> Appended | BaseException:
        """Look for one request's events; append it if they are not there.

        The lost call may still be under way on the server and commit after our look. Then our own append finds the
        stream moved on, or the ids taken, and the second look finds the events.
        """
        import psycopg

        with self._database.connection() as connection:
            found = _find(connection, request)
            if found is not None:
                return found
            try:
                judged = _judged(request, call_append(connection, encoded([request]))[0])
            except psycopg.Error as error:
                if _acknowledgement_lost(connection, error):
                    raise
                judged = _refused(error, self._database.name)
            if isinstance(judged, ConflictError):
                return _find(connection, request) or judged
            return judged


# Classes of SQLSTATE that one request's data may cause: data exceptions, constraints, limits, raised by a function.
_FAULTS_OF_ONE = frozenset({"22", "23", "54", "P0"})


def _acknowledgement_lost(connection: "psycopg.Connection", error: "psycopg.Error") -> bool:
    """Whether nobody knows if the statement was committed: the connection broke, or the server is ending it."""
    from psycopg.pq import ConnStatus

    state = error.sqlstate or ""
    return (
        connection.closed
        or connection.pgconn.status != ConnStatus.OK
        or not state
        or state.startswith("57P0")
    )


def _judged(request: AppendRequest, outcome: Outcome) -> Appended | BaseException:
    match outcome.word:
        case "appended":
            result = request.idempotency.result if request.idempotency else None
            first = outcome.first_index if request.events else None
            return Appended(first, outcome.log_size, replayed=False, result=result)
        case "replayed":
            return Appended(None, outcome.log_size, replayed=True, result=outcome.result)
        case "mismatch":
            return IdempotencyMismatchError(
                "This idempotency key was used before for another command. Nothing was written.",
                hint="Use a new key for a new command.",
            )
        case "erased":
            return ContentErasedError(
                "The content of this was erased for ever; nothing can be added to it. Nothing was written."
            )
        case "keyed":
            return WrongVersionError(
                "Somebody else made the data key of this at the same moment. Nothing was written.",
                hint="Try again.",
            )
        case _:
            return WrongVersionError(
                "Somebody else changed the same thing at the same moment. Nothing was written.",
                hint="Try again.",
            )


def _refused(error: "psycopg.Error", name: str) -> DatabaseError | ConflictError:
    from psycopg.errors import UniqueViolation

    if isinstance(error, UniqueViolation) and error.diag.constraint_name == "events_event_id":
        return ConflictError("An event of this id is in the log already. Nothing was written.")
    return translate(error, name)


def _find(connection: "psycopg.Connection", request: AppendRequest) -> Appended | None:
    """Look whether this very request was appended, by its event ids; without events, by its keys."""
    result = request.idempotency.result if request.idempotency else None
    if request.events:
        ids = [event.event_id for event in request.events]
        places = [int(row[0]) for row in connection.execute(_FIND_EVENTS, (ids,), binary=True)]
        if len(places) == len(ids):
            return Appended(min(places), max(places) + 1, replayed=False, result=result)
        return None
    if not request.new_keys:
        return None
    for key in request.new_keys:
        box = connection.execute(_FIND_BOX, (key.owner_id,), binary=True).fetchone()
        if box is None or bytes(box[0]) != key.box:
            return None
    size = connection.execute(_SIZE).fetchone()
    return Appended(None, int(size[0]) if size else 0, replayed=False, result=result)


def _rows(
    connection: "psycopg.Connection", query: LiteralString, parameters: Sequence[object]
) -> list[LogRow]:
    with connection.cursor(binary=True) as cursor:
        return [LogRow._make(row) for row in cursor.execute(query, parameters)]
