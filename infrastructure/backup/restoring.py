"""Loading a backup into a database that has no book.

Invariants: everything is one transaction of the owner's, so a restore that is killed leaves the database as
it was, and the next one begins anew; nothing is committed that was not read to its end and proved; rows are
stored as they were, byte for byte; the key of an owner that is known to be erased never gets in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, LiteralString, cast
from uuid import UUID

from application.errors import DatabaseError
from application.ports.audit import Progress
from application.ports.backup import CheckedBackup
from application.ports.log import Origin
from domain.conversation.events import ConversationErased
from domain.errors import RefusedError
from domain.event import Event
from domain.project.events import ProjectErased
from domain.replay.events import ReplayErased
from domain.routine.events import RoutineErased
from infrastructure.backup.archive import damaged
from infrastructure.backup.erasures import Erasure
from infrastructure.backup.reading import BackupReader, Known, Write
from infrastructure.backup.tables import LEFT_OUT, TABLES, Table
from infrastructure.postgres import roles
from infrastructure.postgres.append_call import AppendRequest
from infrastructure.postgres.eraser import ERASE, erase_parameters
from infrastructure.postgres.failures import translate
from infrastructure.proofs.offline import Key, parse_checkpoint

if TYPE_CHECKING:
    import psycopg

    from infrastructure.crypto.keyring import Keyring
    from infrastructure.postgres.database import Database

REASON = "restore"

_MADE_ANEW = {"migrations", "roles", "model_cards", "read_models", "read_model_builds", "quarantine"}
_EMPTIED = [*(one.name for one in TABLES), *(name for name in LEFT_OUT if name not in _MADE_ANEW)]

_ALONE: LiteralString = """
set local lock_timeout = '10s';
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
lock table daybook.book, daybook.events, daybook.data_keys in access exclusive mode
"""
_STANDING: LiteralString = """
select (select coalesce(max(log_index) + 1, 0) from daybook.events),
       (select book_id from daybook.book), exists (select from daybook.data_keys)
"""
_NUMBERS: LiteralString = """
select setval(pg_get_serial_sequence('daybook.tombstones', 'erasure'),
              greatest((select max(erasure) from daybook.tombstones), 1),
              exists (select from daybook.tombstones)),
       setval(pg_get_serial_sequence('daybook.checkpoints', 'checkpoint_id'),
              greatest((select max(checkpoint_id) from daybook.checkpoints), 1),
              exists (select from daybook.checkpoints))
"""
_STORE: LiteralString = """
insert into daybook.checkpoints (size, root, note) values (%s, %s, %s) on conflict (note) do nothing
"""
_STREAMS: LiteralString = """
select o.owner_id, last.version, last.type
  from unnest(%s::uuid[]) as o(owner_id)
 cross join lateral (select e.version, e.type from daybook.events e
                      where e.stream_id = o.owner_id order by e.version desc limit 1) as last
 where not exists (select from daybook.tombstones t where t.owner_id = o.owner_id)
 order by o.owner_id
"""
_BURY: LiteralString = """
insert into daybook.tombstones (owner_id, erased_at, erased_by) values (%s, %s, %s) on conflict do nothing
"""

_ERASED: dict[str, type[Event]] = {
    "conversation": ConversationErased,
    "project": ProjectErased,
    "routine": RoutineErased,
    "replay": ReplayErased,
}


def empty_or_refused(connection: psycopg.Connection, name: str) -> UUID | None:
    """Return the id of a book that nobody has written to, None where there is none.

    Raises:
        RefusedError: the book that is there has events.
    """
    row = connection.execute(_STANDING).fetchone()
    assert row is not None  # noqa: S101 - a query without a table has a row
    size, book_id, has_keys = row
    if size or has_keys:
        raise RefusedError(
            f"There is a book in {name} already: {book_id}, {size:,} events. Nothing was changed; a backup "
            "is restored into an empty database only.",
            hint="Another home: daybook --home DIRECTORY restore FILE   (or another database: createdb NAME, "
            "DAYBOOK_DATABASE_URL=…)",
        )
    unused: UUID | None = book_id
    return unused


def load(
    database: Database,
    reader: BackupReader,
    *,
    keys: Sequence[Key],
    known: Sequence[Known],
    erasures: Sequence[Erasure],
    before_commit: Callable[[], None],
    progress: Progress | None = None,
) -> tuple[CheckedBackup, int]:
    """Load a backup and return what it was found to hold, and how many late erasures were applied.

    Args:
        database: migrated; its login owns the book.
        reader: nothing but its head was read.
        keys: the book's public keys, where some are known.
        known: checkpoints that the log must agree with.
        erasures: what was erased, perhaps after the backup was made.
        before_commit: called when all is proved and loaded; what it raises drops everything.
        progress: told how many events are loaded.

    Raises:
        RefusedError: there is a book already, or the login does not own the tables.
        NotProvedError: the backup is damaged.
    """
    import psycopg

    session = database.owner_session()
    try:
        session.execute("set search_path = pg_catalog, pg_temp")
        if not roles.become_owner(session):
            raise RefusedError(
                f"The login of {database.name} does not own the log, so it may not restore one. Nothing was "
                "changed.",
                hint="DAYBOOK_OWNER_DATABASE_URL=postgresql://OWNER:PASSWORD@HOST/DATABASE daybook restore …",
            )
        with session.transaction():
            session.execute(_ALONE)
            empty_or_refused(session, database.name)
            tables = ", ".join(f"daybook.{name}" for name in _EMPTIED)
            session.execute(f"truncate {tables} restart identity".encode())
            gone = {one.owner_id for one in erasures}
            found = reader.run(_Tables(session), keys=keys, known=known, erased=gone, progress=progress)
            session.execute(_NUMBERS)
            note = reader.head.checkpoint
            if note is not None:
                stated = parse_checkpoint(note)
                session.execute(_STORE, (stated.size, stated.root, note))
            count = _erase(session, erasures)
            before_commit()
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProtocolViolation) as problem:
        raise damaged(f"the database does not take its rows ({problem.diag.message_primary})") from problem
    except psycopg.errors.LockNotAvailable:
        raise DatabaseError(
            f"Others use {database.name} just now. Nothing was changed.",
            hint="Stop daybook serve, and whatever else has it open; then try again.",
        ) from None
    except psycopg.Error as error:
        raise translate(error, database.name) from error
    finally:
        session.close()
    return found, count


class _Tables:
    """Takes rows into the database's tables."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def table(self, table: Table) -> AbstractContextManager[Write]:
        """Lend what copies rows into a table, frozen: nobody else has ever seen it."""
        return self._copying(table)

    @contextmanager
    def _copying(self, table: Table) -> Iterator[Write]:
        statement = (
            f"copy daybook.{table.name} ({', '.join(table.columns)}) from stdin (format binary, freeze)"
        )
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            yield copy.write


def _erase(session: psycopg.Connection, erasures: Sequence[Erasure]) -> int:
    """Erase anew what was erased after the backup: its key did not get in, its event and tombstone come now.

    Return how many streams that were.
    """
    from infrastructure.postgres.codec import to_row

    by_owner = {one.owner_id: one for one in erasures}
    streams = session.execute(_STREAMS, (list(by_owner),)).fetchall()
    no_keys = cast("Keyring", None)  # an erased event has no content
    actors: dict[str, list[tuple[UUID, int, type[Event]]]] = {}
    for owner, version, kind in streams:
        cls = _ERASED.get(kind.partition(".")[0])
        if cls is not None:
            actors.setdefault(by_owner[owner].erased_by, []).append((owner, version + 1, cls))
    for actor, owners in actors.items():
        rows = [
            to_row(
                cls(  # type: ignore[call-arg] # each of the four has just this field
                    originator_id=owner,
                    originator_version=version,
                    timestamp=Event.create_timestamp(),
                    reason_kind=REASON,
                ),
                Origin(actor=actor, source="system"),
                no_keys,
            )
            for owner, version, cls in owners
        ]
        parameters = erase_parameters(AppendRequest(rows), actor)
        outcome = session.execute(ERASE, parameters, binary=True).fetchone()
        if outcome is None or outcome[0] != "appended":
            raise DatabaseError(
                "What was erased after the backup could not be erased anew. Nothing was changed."
            )
    for one in erasures:
        session.execute(_BURY, one)
    return sum(map(len, actors.values()))
