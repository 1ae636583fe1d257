"""Where the book's database keeps its wrapped keys, its identity and its tombstones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from application.ports.keys import EpochCount, KeysStatus
from infrastructure.crypto.keyring import WrappedKey
from infrastructure.crypto.opening import BookRow, NextEpoch, Rekeyed
from infrastructure.postgres.database import Database

_BOOK = "select book_id, master_check, former_check, command_key from daybook.book"

_FOUND_BOOK = """
with founded as (
    insert into daybook.book (book_id, master_check) values (%(book_id)s, %(master_check)s)
    on conflict do nothing
    returning 1
)
insert into daybook.epoch_keys (epoch, wrapped) select 1, %(epoch_box)s from founded
"""


_DATA_KEYS = "select owner_id, epoch, wrapped from daybook.data_keys where owner_id = any(%b::uuid[])"

# An erasure that commits meanwhile is not counted here, and so calls for one more epoch. The book's row is
# held, so that its master key cannot be replaced before this epoch is there to be wrapped by the new one.
_ADD_EPOCH = """
insert into daybook.epoch_keys (epoch, wrapped, erasures)
select %(epoch)s, %(box)s, (select coalesce(max(t.erasure), 0) from daybook.tombstones t)
  from (select from daybook.book b where b.master_check = %(master_check)s for share) as book
on conflict do nothing
"""

_EPOCHS_TO_REKEY = "select epoch, wrapped, erasures from daybook.epoch_keys order by epoch for update"

_REKEY_EPOCH = "update daybook.epoch_keys set wrapped = %s where epoch = %s"

# What was erased after this epoch began counts as erased under the new key: a backup of the time between may
# hold it.
_REKEY_BOOK = """
update daybook.book
   set master_check = %(check)s, former_check = master_check, command_key = %(command_key)s,
       master_since = clock_timestamp(), master_erasures = %(erasures)s
"""

_BEFORE = """
select k.owner_id, k.epoch, k.wrapped from daybook.data_keys k
 where k.epoch < %s
 limit %s
"""

# Keys that an erasure or another rotation holds are left for later: who waited for one while it holds others
# could make both wait for each other.
_REWRAP = """
with free as materialized (
    select k.owner_id from daybook.data_keys k where k.owner_id = any(%(owners)b::uuid[])
       for no key update skip locked
)
update daybook.data_keys k set epoch = n.epoch, wrapped = n.wrapped
  from unnest(%(owners)b::uuid[], %(epochs)b::integer[], %(new)b::bytea[], %(old)b::bytea[])
       as n(owner_id, epoch, wrapped, old)
  join free on free.owner_id = n.owner_id
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
       > (select coalesce(max(e.erasures), 0) from daybook.epoch_keys e),
       b.master_since,
       (select count(*) from daybook.tombstones t where t.erasure > b.master_erasures)
  from daybook.book b
"""

_REPLACING_LOCK = 0x6461_7962_6D61_7374  # "daybmast"

_LOCK_TIMEOUT = "set lock_timeout = '2s'"
_TRIES = 5


class PostgresKeyStore:
    """The `KeyStore` of a keyring, on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def book(self) -> BookRow | None:
        """Return the book's row, or None in a database that has no book yet."""
        with self._database.connection() as connection:
            row = connection.execute(_BOOK).fetchone()
        return None if row is None else _book_row(row)

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

    def find_data_keys(self, owner_ids: Sequence[UUID]) -> dict[UUID, tuple[int, bytes]]:
        """Return epoch and wrapped data key of each owner that has one."""
        with self._database.connection() as connection:
            rows = connection.execute(_DATA_KEYS, (list(owner_ids),), binary=True).fetchall()
        return {owner_id: (epoch, wrapped) for owner_id, epoch, wrapped in rows}

    def erased(self, owner_id: UUID) -> bool:
        """Say whether the owner has a tombstone."""
        with self._database.connection() as connection:
            row = connection.execute(
                "select from daybook.tombstones where owner_id = %s", [owner_id]
            ).fetchone()
        return row is not None

    def add_epoch(self, new: NextEpoch) -> bool:
        """Store a new epoch key, unless another process was first with this number.

        False where there is none of this number then: the master key was replaced meanwhile.
        """
        with self._database.connection() as connection:
            connection.execute(_ADD_EPOCH, new._asdict())
            row = connection.execute(
                "select from daybook.epoch_keys where epoch >= %s limit 1", (new.epoch,)
            ).fetchone()
        return row is not None

    def replace_master(self, check: bytes, rekeyed: Callable[[BookRow, dict[int, bytes]], Rekeyed]) -> bool:
        """Put another master key in force: book and epoch keys, in one transaction.

        False, and nothing is changed, where `check` is not in force, or where there is not exactly one epoch,
        or something was erased since that began.
        """
        with self._database.transaction() as connection:
            row = connection.execute(_BOOK + " where master_check = %s for update", (check,)).fetchone()
            epochs = connection.execute(_EPOCHS_TO_REKEY).fetchall()
            owed = connection.execute(_OWED).fetchone()
            if row is None or len(epochs) != 1 or (owed is not None and owed[1]):
                return False
            [(epoch, wrapped, erasures)] = epochs
            new = rekeyed(_book_row(row), {epoch: bytes(wrapped)})
            connection.execute(_REKEY_EPOCH, (new.epochs[epoch], epoch))
            values = {"check": new.master_check, "command_key": new.command_key, "erasures": erasures}
            connection.execute(_REKEY_BOOK, values)
        return True

    @contextmanager
    def replacing(self) -> Iterator[bool]:
        """Hold the right to replace the master key; False where another process has it."""
        session = self._database.session()
        try:
            row = session.execute("select pg_try_advisory_lock(%s)", (_REPLACING_LOCK,)).fetchone()
            yield bool(row and row[0])
        finally:
            session.close()

    def keys_before(self, epoch: int, limit: int) -> list[WrappedKey]:
        """Return some data keys that are wrapped by an older epoch."""
        with self._database.connection() as connection:
            rows = connection.execute(_BEFORE, (epoch, limit)).fetchall()
        return [WrappedKey(owner_id, number, bytes(box)) for owner_id, number, box in rows]

    def replace(self, pairs: Sequence[tuple[WrappedKey, WrappedKey]]) -> int:
        """Replace stored keys by new ones and return how many were; see `RotatingStore`."""
        columns = {
            "owners": [new.owner_id for _, new in pairs],
            "epochs": [new.epoch for _, new in pairs],
            "new": [new.box for _, new in pairs],
            "old": [old.box for old, _ in pairs],
        }
        with self._database.connection() as connection:
            return connection.execute(_REWRAP, columns).rowcount

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
        epochs = tuple(EpochCount(*one) for one in rows)
        return KeysStatus(epochs) if row is None else KeysStatus(epochs, *row)


def _book_row(row: tuple[Any, ...]) -> BookRow:
    """Return a row of `_BOOK`."""
    book_id, *rest = row
    return BookRow(book_id, *(None if one is None else bytes(one) for one in rest))  # type: ignore[arg-type]
