"""The call of `daybook.erase`, and finding out what became of it when the connection broke.

Invariant: as for an append, it is reported as done only when it is committed, and as refused only when it is
not; without acknowledgement the event ids decide. Erasing is rare, so it stands beside the group commit.
"""

import time
from dataclasses import astuple

from application.errors import DatabaseError, DatabaseUnreachableError
from domain.errors import ConflictError
from infrastructure.postgres.append_call import AppendRequest, Outcome
from infrastructure.postgres.appender import (
    Appended,
    acknowledgement_lost,
    find_appended,
    judged_outcome,
    refusal_of,
)
from infrastructure.postgres.database import Database

ERASE = """
select outcome, first_index, log_size, result
  from daybook.erase(%b::uuid[], %b::bigint[], %b::uuid[], %b::text[], %b::integer[], %b::bytea[],
                     %b::bytea[], %s::text, %s::text, %b::bytea, %b::bytea, %s::text)
"""


class Eraser:
    """Erases owners in one database. A request's events are the erased events, one an owner."""

    def __init__(self, database: Database, *, settle_seconds: float) -> None:
        self._database = database
        self._settle_seconds = settle_seconds

    def erase(self, request: AppendRequest, erased_by: str) -> Appended:
        """Append the request's events and destroy the keys of their streams, in one transaction.

        The errors are those of an append. It takes many keys at once, in no order that others would keep to,
        so it may be the one that a deadlock ends: then it begins again.
        """
        deadline = time.monotonic() + self._settle_seconds
        sent = False
        while True:
            try:
                outcome = self._tried(request, erased_by, look_first=sent)
            except DatabaseError as error:
                if isinstance(error, _DeadlockError) and time.monotonic() <= deadline:
                    time.sleep(0.1)  # who waited for us goes first
                    continue
                if not sent and not isinstance(error, _LostError):
                    raise
                if time.monotonic() > deadline:
                    raise DatabaseUnreachableError(
                        f"The connection to {self._database.name} was lost during the erasure and did "
                        f"not come back within {self._settle_seconds:.0f} s: it may or may not be done "
                        f"({error.message})",
                        hint="When the database is back, look whether it is erased before doing it again.",
                    ) from error
                sent = True
                time.sleep(0.1)
                continue
            if isinstance(outcome, Appended):
                return outcome
            raise outcome

    def _tried(self, request: AppendRequest, erased_by: str, *, look_first: bool) -> Appended | BaseException:
        """Erase; after a lost acknowledgement look before, and after a conflict, whether it is done."""
        import psycopg

        with self._database.connection() as connection:
            if look_first and (found := find_appended(connection, request)) is not None:
                return found
            try:
                cursor = connection.execute(ERASE, erase_parameters(request, erased_by), binary=True)
                row = cursor.fetchone()
            except psycopg.Error as error:
                if acknowledgement_lost(connection, error):
                    raise _LostError("the connection broke") from error
                if isinstance(error, psycopg.errors.DeadlockDetected):
                    refusal = refusal_of(error, self._database.name)
                    raise _DeadlockError(refusal.message, hint=refusal.hint) from error
                judged: Appended | BaseException = refusal_of(error, self._database.name)
            else:
                assert row is not None  # noqa: S101 - the function returns one row
                word, first, size, result = row
                answer = None if result is None else bytes(result)
                judged = judged_outcome(request, Outcome(word, first, size, answer))
            if look_first and isinstance(judged, ConflictError):
                return find_appended(connection, request) or judged
            return judged


class _LostError(DatabaseUnreachableError):
    """Nobody knows yet whether the erasure was committed."""


class _DeadlockError(DatabaseError):
    """Others held some of the keys and waited for us; nothing was written."""


def erase_parameters(request: AppendRequest, erased_by: str) -> tuple[object, ...]:
    """Return what `ERASE` is called with."""
    events = request.events
    key = request.idempotency
    return (
        [event.stream_id for event in events],
        [event.version for event in events],
        [event.event_id for event in events],
        [event.type for event in events],
        [event.schema_version for event in events],
        [event.metadata for event in events],
        [event.payload for event in events],
        *(astuple(key) if key is not None else (None,) * 4),
        erased_by,
    )
