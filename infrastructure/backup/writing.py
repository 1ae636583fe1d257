"""Writing a backup: one snapshot of the database, its log recomputed on the way out.

Invariants: all tables are of one moment; what is written has the root of the checkpoint that is signed for
it; nothing that was erased, and no master key that was replaced, before the backup is whole can be opened
with it: what happens to keys meanwhile breaks the backup off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple
from uuid import UUID

from application.errors import KeyringError, NotProvedError
from application.ports.audit import Progress
from application.ports.backup import BackupContents, Signed
from domain.errors import ConflictError, NotFoundError
from infrastructure.backup.archive import MOST_PIECE, ArchiveWriter, Output
from infrastructure.backup.head import FORMAT
from infrastructure.backup.tables import EVENTS, TABLES, Rows, Table
from infrastructure.proofs import tree
from infrastructure.proofs.checkpoints import Checkpoints
from infrastructure.proofs.offline import parse_checkpoint
from infrastructure.proofs.scan import COPY, HEADER_BYTES, Scan

if TYPE_CHECKING:
    import psycopg

    from infrastructure.postgres.database import Database

_PIECE = 2**20
_KEYS_STAND: LiteralString = """
select b.book_id, b.master_check, b.former_check,
       (select coalesce(max(t.erasure), 0) from daybook.tombstones t)
  from daybook.book b
"""
# Whoever reads the pipe may be slow, and the log long.
_SNAPSHOT: LiteralString = """
set transaction isolation level repeatable read, read only;
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0
"""
_NOW: LiteralString = """
select clock_timestamp(), current_setting('server_version'), (select max(number) from daybook.migrations),
       (select coalesce(max(log_index) + 1, 0) from daybook.events)
"""
_ROOTS: LiteralString = "select size, root from daybook.checkpoints order by size"
_COPY_TABLE = "copy (select {columns} from daybook.{name} order by {order}) to stdout (format binary)"

SealKeys = Callable[[UUID], dict[str, Any]]
"""Returns the book's keys under a passphrase."""


class KeysChangedError(ConflictError):
    """Something was erased, or the master key replaced, while a backup was written."""


class _KeysStand(NamedTuple):
    """What must be the same at the end of a backup as at its beginning."""

    book_id: UUID
    master_check: bytes
    former_check: bytes | None
    erasure: int


class BackupWriter:
    """Writes one book.

    Args:
        database: where it is.
        checkpoints: sign its log.
        version: Daybook's.
        seal: where the keys are to be in the backup, under a passphrase.
    """

    def __init__(
        self, database: Database, checkpoints: Checkpoints, version: str, seal: SealKeys | None = None
    ) -> None:
        self._database = database
        self._checkpoints = checkpoints
        self._version = version
        self._seal = seal

    def write(self, file: Output, progress: Progress | None = None) -> BackupContents:
        """Write everything, and say what was written.

        Raises:
            NotFoundError: there is no book.
            NotProvedError: the log is not the one that was signed.
            KeysChangedError: something was erased meanwhile; what was written so far must not be kept.
        """
        self._register_signing_key()
        archive = ArchiveWriter(file)
        counts: dict[str, int] = {}
        described: dict[str, dict[str, Any]] = {}
        with self._database.transaction() as connection:
            connection.execute(_SNAPSHOT)
            keys = self._keys_stand(connection)
            note, size, root = self._checkpoint(connection)
            made_at, server, migration, _ = _row(connection, _NOW)
            archive.document(
                "backup",
                {
                    "format": FORMAT,
                    "book_id": str(keys.book_id),
                    "made_at": made_at.isoformat(),
                    "daybook": self._version,
                    "postgresql": server,
                    "migration": migration,
                    "events": size,
                    "root": root.hex(),
                    "checkpoint": note,
                    "verifiers": self._checkpoints.registered(connection),
                    "master_check": keys.master_check.hex(),
                    "former_check": keys.former_check.hex() if keys.former_check else None,
                    "keys": self._seal(keys.book_id) if self._seal else None,
                    "tables": {table.name: list(table.columns) for table in TABLES},
                },
            )
            for table in TABLES:
                pieces = _Pieces(archive, table)
                if table.name == EVENTS:
                    counts[EVENTS] = self._copy_log(connection, pieces, size, root, progress)
                else:
                    counts[table.name] = _copy_table(connection, pieces, table)
                described[table.name] = {"rows": counts[table.name], **pieces.finish()}
        self._must_stand(keys)
        archive.document("manifest", {"tables": described})
        digest = archive.finish()
        signed: Signed = "no" if note is None else "known"
        return BackupContents(
            book_id=keys.book_id,
            made_at=made_at,
            version=self._version,
            event_count=size,
            root=root.hex(),
            checkpoint=note,
            signed=signed,
            has_keys=self._seal is not None,
            row_counts=counts,
            size=archive.size,
            sha256=digest,
        )

    def _register_signing_key(self) -> None:
        """Let the key that will sign be in the database before it is copied."""
        with self._database.connection() as connection:
            self._keys_stand(connection)
        with suppress(KeyringError):
            self._checkpoints.signing_key()

    def _checkpoint(self, connection: psycopg.Connection) -> tuple[str | None, int, bytes]:
        """Return a checkpoint of the snapshot, its size and root; no note where the key is elsewhere."""
        try:
            made = self._checkpoints.make_of(connection)
        except KeyringError:
            size = _row(connection, _NOW)[3]
            try:
                return None, size, tree.root(connection, size)
            except tree.MissingNodesError:
                raise _altered("events are missing") from None
        stated = parse_checkpoint(made.note)
        return made.note, stated.size, stated.root

    def _copy_log(
        self,
        connection: psycopg.Connection,
        pieces: _Pieces,
        size: int,
        root: bytes,
        progress: Progress | None,
    ) -> int:
        """Copy the events while their tree is recomputed, and hold it against what was signed."""
        signed = [(int(at), bytes(stated)) for at, stated in connection.execute(_ROOTS).fetchall()]
        scan = Scan(0, [], sorted({at for at, _ in signed if at <= size}))
        connection.execute("set local enable_sort = off")  # read in the index's order, not sorted on disk
        with (
            connection.cursor() as cursor,
            cursor.copy(COPY.format(where="true").encode()) as copy,
        ):
            get = connection.pgconn.get_copy_data

            def take(_: int) -> tuple[int, bytes]:
                length, data = get(0)
                row = bytes(data)
                pieces.add(row)
                return length, row

            scan.read(take, size, progress, skip=HEADER_BYTES)
            for _ in copy:  # lets psycopg see the end of the stream
                pass
        if scan.problems:
            first = scan.problems[0]
            where = "" if first.log_index is None else f"event {first.log_index}: "
            raise _altered(f"{where}{first.what}")
        if scan.size != size or scan.root != root:
            raise _altered("its root is not the one that was signed")
        if any(scan.roots.get(at) != stated for at, stated in signed):
            raise _altered("an earlier checkpoint does not have the root of this log")
        return size

    def _keys_stand(self, connection: psycopg.Connection) -> _KeysStand:
        row = connection.execute(_KEYS_STAND).fetchone()
        if row is None:
            raise NotFoundError(
                f"There is no book in {self._database.name} yet, so there is nothing to back up.",
                hint="daybook db status",
            )
        book_id, check, former, erasure = row
        return _KeysStand(book_id, bytes(check), None if former is None else bytes(former), erasure)

    def _must_stand(self, keys: _KeysStand) -> None:
        with self._database.connection() as connection:
            if self._keys_stand(connection) == keys:
                return
        raise KeysChangedError(
            "Something was erased, or the master key replaced, while the backup was written. It was broken "
            "off, so that it does not hold what is erased now; the book is as it was.",
            hint="Do it again.",
        )


class _Pieces:
    """Collects a table's rows into pieces of the archive."""

    def __init__(self, archive: ArchiveWriter, table: Table) -> None:
        self._archive = archive
        self._table = table
        self._held = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0

    def add(self, data: bytes) -> None:
        """Take some bytes of the table's COPY."""
        self._held += data
        if len(self._held) >= _PIECE:
            self._flush()

    def finish(self) -> dict[str, Any]:
        """Write what is left; return size and hash of the whole."""
        self._flush()
        return {"bytes": self._size, "sha256": self._hash.hexdigest()}

    def _flush(self) -> None:
        held = bytes(self._held)
        self._held.clear()
        self._hash.update(held)
        self._size += len(held)
        for at in range(0, len(held), MOST_PIECE):
            self._archive.piece(self._table.name, held[at : at + MOST_PIECE])


def _copy_table(connection: psycopg.Connection, pieces: _Pieces, table: Table) -> int:
    rows = Rows(table)
    query = _COPY_TABLE.format(columns=", ".join(table.columns), name=table.name, order=table.order)
    with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
        for data in copy:
            piece = bytes(data)
            pieces.add(piece)
            for _ in rows.feed(piece):
                pass
    rows.finish()
    return rows.count


def _row(connection: psycopg.Connection, query: LiteralString) -> tuple[datetime, str, int, int]:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - a query without a table has a row
    return row[0], row[1], row[2], row[3]


def _altered(why: str) -> NotProvedError:
    return NotProvedError(
        f"The log is not the one that was recorded: {why}. No backup was written, so that none of this takes "
        "the place of a good one.",
        hint="daybook audit verify   (names what was altered; pg_dump copies the database as it is)",
    )
