"""Where the book's database keeps its wrapped keys, its identity and its tombstones."""

from __future__ import annotations

from uuid import UUID

from infrastructure.crypto.keyring import BookRow
from infrastructure.postgres.database import Database

_FOUND_BOOK = """
with founded as (
    insert into daybook.book (book_id, master_check) values (%(book_id)s, %(master_check)s)
    on conflict do nothing
    returning 1
)
insert into daybook.epoch_keys (epoch, wrapped) select 1, %(epoch_box)s from founded
"""


class PostgresKeyStore:
    """The `KeyStore` of a keyring, on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def book(self) -> BookRow | None:
        """Return the book's row, or None in a database that has no book yet."""
        with self._database.connection() as connection:
            row = connection.execute("select book_id, master_check from daybook.book").fetchone()
        return None if row is None else BookRow(row[0], bytes(row[1]))

    def found_book(self, row: BookRow, epoch_box: bytes) -> BookRow:
        """Store book and first epoch key where there is none; return the row that is there then."""
        values = {"book_id": row.book_id, "master_check": row.master_check, "epoch_box": epoch_box}
        with self._database.connection() as connection:
            connection.execute(_FOUND_BOOK, values)
        return self.book() or row

    def epochs(self) -> dict[int, bytes]:
        """Return the wrapped epoch keys by number."""
        with self._database.connection() as connection:
            rows = connection.execute("select epoch, wrapped from daybook.epoch_keys").fetchall()
        return {epoch: bytes(wrapped) for epoch, wrapped in rows}

    def data_key(self, owner_id: UUID) -> tuple[int, bytes] | None:
        """Return epoch and wrapped data key of an owner, None where it has none."""
        with self._database.connection() as connection:
            row = connection.execute(
                "select epoch, wrapped from daybook.data_keys where owner_id = %s", [owner_id]
            ).fetchone()
        return None if row is None else (row[0], bytes(row[1]))

    def erased(self, owner_id: UUID) -> bool:
        """Say whether the owner has a tombstone."""
        with self._database.connection() as connection:
            row = connection.execute(
                "select from daybook.tombstones where owner_id = %s", [owner_id]
            ).fetchone()
        return row is not None
