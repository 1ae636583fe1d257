"""Opening a book: the master key in force is found, and with it the keys that it wraps.

Invariants: a master key that is not this book's is refused before anything is written; one is made only for a
database that has no book.

Which master key is in force is what the database says, and it may be another at any moment. So whatever is
read under it is read again when it does not open and the database has moved on.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol
from uuid import UUID

from application.errors import KeyringError
from domain.ids import new_id
from infrastructure.crypto import master_key
from infrastructure.crypto.wrapping import command_key_binding, derive, epoch_binding, unwrap, wrap

_LOOKS = 3


class BookRow(NamedTuple):
    """Who the book is, as its database says.

    `former_check` recognises the master key before this one. `command_key` is wrapped by the master key;
    None: it is derived from it.
    """

    book_id: UUID
    master_check: bytes
    former_check: bytes | None = None
    command_key: bytes | None = None


class NextEpoch(NamedTuple):
    """A new epoch key, wrapped; only for a book whose master key `master_check` still recognises."""

    epoch: int
    box: bytes
    master_check: bytes


class Rekeyed(NamedTuple):
    """What a book holds under a new master key: its check, the wrapped command key and epoch keys."""

    master_check: bytes
    command_key: bytes
    epochs: dict[int, bytes]


class OpenBook(NamedTuple):
    """A book whose master key was found. Replaced as a whole, so that it can be read without the lock."""

    book_id: UUID
    master: bytes
    master_check: bytes
    command_key: bytes
    epochs: dict[int, bytes]

    @property
    def newest(self) -> int:
        """The number of the epoch under which keys are wrapped now."""
        return max(self.epochs)


class BookStore(Protocol):
    """Where the book's row and its wrapped epoch keys are kept: its database."""

    def book(self) -> BookRow | None:
        """Return the book's row, or None in a database that has no book yet."""
        ...

    def found_book(self, row: BookRow, epoch_box: bytes) -> BookRow:
        """Store book and first epoch key where there is none; return the row that is there then."""
        ...

    def epochs(self) -> dict[int, bytes]:
        """Return the wrapped epoch keys by number."""
        ...


class Opener:
    """Opens one book, once and again when its keys have changed. Thread-safe.

    Args:
        store: where the book is.
        find_master: returns the configured master key, or None.
        make_master: makes and stores one, for a database that has no book; returns the one stored.
        next_master: returns the key that a replacement, perhaps killed half-way, has made to be the next.
        opened: told the book's id once its master key was found.
    """

    def __init__(
        self,
        store: BookStore,
        find_master: Callable[[], bytes | None],
        make_master: Callable[[], bytes],
        next_master: Callable[[], bytes | None],
        opened: Callable[[UUID], None],
    ) -> None:
        self._store = store
        self._find_master = find_master
        self._make_master = make_master
        self._next_master = next_master
        self._tell_opened = opened
        self._lock = threading.RLock()
        self._made: bytes | None = None
        self._opened: OpenBook | None = None

    def opened(self) -> OpenBook:
        """Return the book as it was last opened, finding or making its keys first.

        Raises:
            KeyringError: the key is missing, unreadable or another book's.
        """
        opened = self._opened
        if opened is not None:
            return opened
        with self._lock:
            return self._opened or self.refreshed()

    def refreshed(self) -> OpenBook:
        """Return the book opened as it stands now.

        Where something does not open because the master key was replaced between our looks, look again.
        """
        with self._lock:
            for _ in range(_LOOKS):
                row = self._book()
                try:
                    return self._open_book(row)
                except KeyringError:
                    if self._book().master_check == row.master_check:
                        raise
            return self._open_book(self._book())

    def _found(self) -> BookRow:
        """Make the book, unless another process is first; return the one that is there then."""
        master = self._made = self._find_master() or self._make_master()
        book_id = new_id()
        row = BookRow(book_id, master_key.check_value(master, book_id.bytes))
        return self._store.found_book(row, wrap(master, os.urandom(32), epoch_binding(book_id, 1)))

    def _book(self) -> BookRow:
        row = self._store.book()
        if row is None and self._opened is None:
            return self._found()
        if row is None:
            raise KeyringError(
                "The database lost its book: somebody emptied it. Nothing was written.",
                hint="daybook doctor",
            )
        return row

    def _open_book(self, row: BookRow) -> OpenBook:
        master = self._master_of(row)
        epochs = _opened_epochs(master, row.book_id, self._store.epochs())
        if not epochs:
            raise KeyringError(
                "The book has no epoch key; its database was changed from outside. Nothing was written.",
                hint="daybook doctor",
            )
        first = self._opened is None
        self._opened = OpenBook(row.book_id, master, row.master_check, _command_key(master, row), epochs)
        if first:
            self._tell_opened(row.book_id)
        return self._opened

    def _master_of(self, row: BookRow) -> bytes:
        """Return the master key that the row recognises."""
        if self._opened is not None and self._opened.master_check == row.master_check:
            return self._opened.master
        # The next key takes the place of the last one by a rename: whoever misses it at both places looks at
        # the first again.
        found = None
        for look in (self._find_master, self._next_master, self._find_master):
            master = look() or self._made
            if master is not None and _fits(master, row.master_check, row.book_id):
                return master
            found = found or master
        if found is None:
            raise KeyringError(
                "This book's master key is missing. Nothing was written; the content cannot be read "
                "without it.",
                hint="daybook keys import FILE",
            )
        if row.former_check is not None and _fits(found, row.former_check, row.book_id):
            raise KeyringError(
                "The book's master key was replaced, and this is the former one. Nothing was written; "
                "nothing is lost.",
                hint="Give Daybook the new one: DAYBOOK_MASTER_KEY_FILE=FILE, or daybook keys import FILE",
            )
        raise KeyringError(
            "The master key is not this book's (another home, or another database?). Nothing was written.",
            hint="daybook paths",
        )


def rekeyed(master: bytes, book: BookRow, epochs: dict[int, bytes], new_master: bytes) -> Rekeyed:
    """Return what a book that stands so will hold under a new master key; nothing is stored here.

    Raises:
        KeyringError: `master` does not open what is given.
    """
    raw = _opened_epochs(master, book.book_id, epochs)
    return Rekeyed(
        master_key.check_value(new_master, book.book_id.bytes),
        wrap(new_master, _command_key(master, book), command_key_binding(book.book_id)),
        {one: wrap(new_master, key, epoch_binding(book.book_id, one)) for one, key in raw.items()},
    )


def _opened_epochs(master: bytes, book_id: UUID, wrapped: dict[int, bytes]) -> dict[int, bytes]:
    return {epoch: unwrap(master, box, epoch_binding(book_id, epoch)) for epoch, box in wrapped.items()}


def _command_key(master: bytes, row: BookRow) -> bytes:
    """Return the key of command hashes. The first master key's own derivative stays it for ever."""
    if row.command_key is None:
        return derive(master, b"daybook/commands/1")
    return unwrap(master, row.command_key, command_key_binding(row.book_id))


def _fits(master: bytes, check: bytes, book_id: UUID) -> bool:
    return hmac.compare_digest(check, master_key.check_value(master, book_id.bytes))
