"""Where the book's database keeps its wrapped keys, its identity and its tombstones."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from application.ports.keys import EpochCount, KeysStatus
from infrastructure.crypto.keyring import BookRow, WrappedKey
from infrastructure.postgres.database import Database

_FOUND_BOOK = """
with founded as (
    insert into daybook.book (book_id, master_check) values (%(book_id)s, %(master_check)s)
    on conflict do nothing
    returning 1
)
insert into daybook.epoch_keys (epoch, wrapped) select 1, %(epoch_box)s from founded
"""


# An erasure that commits meanwhile is not counted here, and so calls for one more epoch.
_ADD_EPOCH = """
insert into daybook.epoch_keys (epoch, wrapped, erasures)
values (%s, %s, (select coalesce(max(t.erasure), 0) from daybook.tombstones t))
on conflict do nothing
"""

_BEFORE = """
select k.owner_id, k.epoch, k.wrapped from daybook.data_keys k
 where k.epoch < %s
 limit %s
"""

_REWRAP = """
update daybook.data_keys k set epoch = n.epoch, wrapped = n.wrapped
  from unnest(%b::uuid[], %b::integer[], %b::bytea[], %b::bytea[]) as n(owner_id, epoch, wrapped, old)
 where k.owner_id = n.owner_id and k.wrapped = n.old
"""

_DESTROY = """
delete from daybook.epoch_keys e
 where e.epoch < %s and not exists (select from daybook.data_keys k where k.epoch = e.epoch)
"""

_STATUS = """
select e.epoch, e.created_at, (select count(*) from daybook.data_keys k where k.epoch = e.epoch)
  from daybook.epoch_keys e order by e.epoch
"""

_OWED = """
select (select count(*) from daybook.tombstones),
       (select coalesce(max(t.erasure), 0) from daybook.tombstones t)
       > (select coalesce(max(e.erasures), 0) from daybook.epoch_keys e)
"""

_LOCK_TIMEOUT = "set lock_timeout = '2s'"
_TRIES = 5


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

    def add_epoch(self, epoch: int, box: bytes) -> None:
        """Store a new epoch key, unless another process was first with this number."""
        with self._database.connection() as connection:
            connection.execute(_ADD_EPOCH, (epoch, box))

    def keys_before(self, epoch: int, limit: int) -> list[WrappedKey]:
        """Return some data keys that are wrapped by an older epoch."""
        with self._database.connection() as connection:
            rows = connection.execute(_BEFORE, (epoch, limit)).fetchall()
        return [WrappedKey(owner_id, number, bytes(box)) for owner_id, number, box in rows]

    def replace(self, pairs: Sequence[tuple[WrappedKey, WrappedKey]]) -> None:
        """Replace stored keys by new ones; those that changed or were destroyed meanwhile are left alone."""
        columns = [
            [new.owner_id for _, new in pairs],
            [new.epoch for _, new in pairs],
            [new.box for _, new in pairs],
            [old.box for old, _ in pairs],
        ]
        with self._database.connection() as connection:
            connection.execute(_REWRAP, columns)

    def destroy_before(self, epoch: int) -> bool:
        """Delete older epoch keys that wrap nothing any more; False where one still wraps a key."""
        from psycopg.errors import ForeignKeyViolation

        with self._database.connection() as connection:
            try:
                connection.execute(_DESTROY, (epoch,))
            except ForeignKeyViolation:  # an append that was under way brought a key of that epoch
                return False
            row = connection.execute(
                "select from daybook.epoch_keys where epoch < %s limit 1", (epoch,)
            ).fetchone()
        return row is None

    def rewrite(self) -> bool:
        """Rewrite the tables of keys without their dead rows; False where others held them too long."""
        import psycopg

        with self._database.alone() as session:
            session.execute(_LOCK_TIMEOUT)
            for table in ("data_keys", "epoch_keys", "live_answers"):
                for attempt in range(_TRIES):
                    try:
                        session.execute("select daybook.rewrite(%s)", (table,))
                        break
                    except psycopg.errors.LockNotAvailable:
                        if attempt == _TRIES - 1:
                            return False
        return True

    def status(self) -> KeysStatus:
        """Say which epochs there are and what is still to be done."""
        with self._database.connection() as connection:
            rows = connection.execute(_STATUS).fetchall()
            row = connection.execute(_OWED).fetchone()
        erased_count, owed = row or (0, False)
        return KeysStatus(tuple(EpochCount(*one) for one in rows), erased_count, bool(owed))
