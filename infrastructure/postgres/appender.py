"""Appending one batch, and finding out what became of it when the connection broke.

Invariants: a request is reported as done only when it is committed, and as refused only when it is not; when
the acknowledgement was lost, the event ids decide, on a new connection; no event is ever appended twice; one
request's fault is never another's.
"""

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from application.errors import DatabaseError, DatabaseUnreachableError, IdempotencyMismatchError
from domain.errors import ConflictError, ContentErasedError, InvalidInputError, WrongVersionError
from infrastructure.postgres.append_call import AppendRequest, Outcome, call_append, encoded
from infrastructure.postgres.database import Database
from infrastructure.postgres.failures import translate

if TYPE_CHECKING:
    import psycopg

_SIZE = "select coalesce(max(log_index) + 1, 0) from daybook.events"

_FIND_EVENTS = "select log_index from daybook.events where event_id = any(%s)"

_FIND_BOX = "select wrapped from daybook.data_keys where owner_id = %s"

# Classes of SQLSTATE that one request's data may cause: data exceptions, constraints, limits, raised by a
# function.
_FAULTS_OF_ONE = frozenset({"22", "23", "54", "P0"})


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of an append.

    `first_index` is None when nothing was appended now (a replay, or no events).
    """

    first_index: int | None
    log_size: int
    replayed: bool
    result: bytes | None


class EpochDestroyedError(WrongVersionError):
    """A new data key came wrapped under an epoch key that a rotation has destroyed; nothing was written."""


class Appender:
    """Carries out batches of appends on one database."""

    def __init__(self, database: Database, *, settle_seconds: float) -> None:
        self._database = database
        self._settle_seconds = settle_seconds

    def append_batch(  # noqa: PLR0911 - each return is one of the ways a call can end
        self,
        requests: Sequence[AppendRequest],
        retried: bool = False,  # noqa: FBT001, FBT002 - GroupCommit's contract
    ) -> Sequence[Appended | BaseException]:
        """Append a batch; return what became of each request, or the error that it met.

        `retried` says that some of them may have been appended before, by a thread that was interrupted.
        """
        import psycopg

        if retried:
            return self._settle_all(requests)
        try:
            parameters = encoded(requests)
        except (UnicodeError, struct.error) as error:
            return self._alone(
                requests, InvalidInputError(f"This cannot be stored: {error}. Nothing was written.")
            )
        try:
            with self._database.connection() as connection:
                try:
                    outcomes = call_append(connection, parameters)
                    return [judged_outcome(*pair) for pair in zip(requests, outcomes, strict=True)]
                except psycopg.Error as error:
                    failure, lost = error, acknowledgement_lost(connection, error)
        except DatabaseError as error:  # no connection could be had, so nothing was sent
            return [error] * len(requests)
        if lost:
            return self._settle_all(requests)
        refusal = refusal_of(failure, self._database.name)
        if (failure.sqlstate or "")[:2] in _FAULTS_OF_ONE:
            return self._alone(requests, refusal)
        return [refusal] * len(requests)

    def _alone(
        self, requests: Sequence[AppendRequest], error: Exception
    ) -> Sequence[Appended | BaseException]:
        """Nothing of a batch was written, for a fault that may be one request's: try each by itself."""
        if len(requests) == 1:
            return [error]
        return [self.append_batch([request])[0] for request in requests]

    def _settle_all(self, requests: Sequence[AppendRequest]) -> Sequence[Appended | BaseException]:
        """Find out what became of requests without acknowledgement; append those that are not there."""
        deadline = time.monotonic() + self._settle_seconds
        settled: list[Appended | BaseException] = []
        while len(settled) < len(requests):
            try:
                settled.append(self._settle(requests[len(settled)]))
            except DatabaseError as error:
                if time.monotonic() > deadline:
                    unknown = DatabaseUnreachableError(
                        f"The connection to {self._database.name} was lost while this was saved, and "
                        f"did not come back within {self._settle_seconds:.0f} s: it may or may not be "
                        f"recorded ({error.message})",
                        hint="When the database is back, look whether it is there before doing it again.",
                    )
                    return settled + [unknown] * (len(requests) - len(settled))
                time.sleep(0.1)
        return settled

    def _settle(self, request: AppendRequest) -> Appended | BaseException:
        """Look for one request's events; append it if they are not there.

        The lost call may still be under way on the server and commit after our look. Then our own append
        finds the stream moved on, or the ids taken, and the second look finds the events.
        """
        import psycopg

        with self._database.connection() as connection:
            found = find_appended(connection, request)
            if found is not None:
                return found
            try:
                judged = judged_outcome(request, call_append(connection, encoded([request]))[0])
            except psycopg.Error as error:
                if acknowledgement_lost(connection, error):
                    raise
                judged = refusal_of(error, self._database.name)
            if isinstance(judged, ConflictError):
                return find_appended(connection, request) or judged
            return judged


def acknowledgement_lost(connection: "psycopg.Connection", error: "psycopg.Error") -> bool:
    """Whether nobody knows if it was committed: the connection broke, or the server is ending it."""
    from psycopg.pq import ConnStatus

    state = error.sqlstate or ""
    return (
        connection.closed
        or connection.pgconn.status != ConnStatus.OK
        or not state
        or state.startswith("57P0")
    )


def judged_outcome(request: AppendRequest, outcome: Outcome) -> Appended | BaseException:
    """Return what an outcome means for its request: the result, or the error to raise."""
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


def refusal_of(error: "psycopg.Error", name: str) -> DatabaseError | ConflictError:
    """Return our own error for one by which the server refused a call."""
    from psycopg.errors import ForeignKeyViolation, UniqueViolation

    if isinstance(error, UniqueViolation) and error.diag.constraint_name == "events_event_id":
        return ConflictError("An event of this id is in the log already. Nothing was written.")
    if isinstance(error, ForeignKeyViolation) and error.diag.table_name == "data_keys":
        return EpochDestroyedError(
            "The book's keys were wrapped anew at the same moment. Nothing was written.", hint="Try again."
        )
    return translate(error, name)


def find_appended(connection: "psycopg.Connection", request: AppendRequest) -> Appended | None:
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
