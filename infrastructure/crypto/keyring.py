"""The keys of one book: master, epoch and data keys, and what is derived from them.

A data key (random, one an owner: conversation, project or user) is wrapped by an epoch key, that by the
master key. Invariants: data keys never leave the process unwrapped; an owner with a tombstone never gets a
key; a master key that is not this book's is refused before anything is written.

Caches and erasures. Erasures are numbered; every query learns the newest number in the round trip that opens
it, and tells `noticed`. A newer number empties the cache, so a key that was destroyed before a query began is
not used for it. What is read from the store is cached only if no erasure was noticed meanwhile.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from application.errors import KeyringError
from domain.content import Sealed
from domain.errors import ContentDamagedError, ContentErasedError
from domain.ids import new_id, short
from infrastructure.crypto import master_key
from infrastructure.crypto.sealing import seal, unseal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
_MOST_CACHED = 4096


class BookRow(NamedTuple):
    """Who the book is, as its database says."""

    book_id: UUID
    master_check: bytes


class WrappedKey(NamedTuple):
    """A new data key, ready to be stored in the append that first uses it."""

    owner_id: UUID
    epoch: int
    box: bytes


class _DataKey(NamedTuple):
    raw: bytes
    cipher: AESGCM


class _Fresh(NamedTuple):
    """A key that no append has carried yet, and the number of erasures known when it was made."""

    key: _DataKey
    wrapped: WrappedKey
    erasures: int


class KeyStore(Protocol):
    """Where wrapped keys are kept: the book's database."""

    def book(self) -> BookRow | None:
        """Return the book's row, or None in a database that has no book yet."""
        ...

    def found_book(self, row: BookRow, epoch_box: bytes) -> BookRow:
        """Store book and first epoch key where there is none; return the row that is there then."""
        ...

    def epochs(self) -> dict[int, bytes]:
        """Return the wrapped epoch keys by number."""
        ...

    def data_key(self, owner_id: UUID) -> tuple[int, bytes] | None:
        """Return epoch and wrapped data key of an owner, None where it has none."""
        ...

    def erased(self, owner_id: UUID) -> bool:
        """Say whether the owner has a tombstone."""
        ...


class Keyring:
    """Seals and opens content. Thread-safe; what it caches is immutable.

    Args:
        store: where the wrapped keys are.
        find_master: returns the configured master key, or None.
        make_master: makes and stores one, for a database that has no book; returns the one stored.
    """

    def __init__(
        self,
        store: KeyStore,
        find_master: Callable[[], bytes | None],
        make_master: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._find_master = find_master
        self._make_master = make_master
        self._lock = threading.RLock()
        self._master: bytes | None = None
        self._book_id: UUID | None = None
        self._epochs: dict[int, bytes] = {}
        self._known: dict[UUID, _DataKey] = {}
        self._fresh: dict[UUID, _Fresh] = {}
        self._erasures = 0

    @property
    def book_id(self) -> UUID:
        """The book's id."""
        return self._unlocked()[1]

    @property
    def master(self) -> bytes:
        """The master key, for its export."""
        return self._unlocked()[0]

    def unlock(self) -> None:
        """Find the master key (or make the first) and check that it is this book's.

        Raises:
            KeyringError: the key is missing, unreadable or another book's.
        """
        self._unlocked()

    def open(self, sealed: Sealed) -> Any:
        """Return sealed content; the `Vault` of the domain."""
        from cryptography.exceptions import InvalidTag

        key = self._data_key(sealed.stream_id)
        if key is None:
            raise ContentErasedError(
                f"The content of {short(sealed.stream_id)} was erased; its key is destroyed."
            )
        try:
            return unseal(
                key.cipher, sealed.box, stream_id=sealed.stream_id, version=sealed.version, field=sealed.field
            )
        except (InvalidTag, ValueError):
            raise ContentDamagedError(
                f"Content of {short(sealed.stream_id)} (version {sealed.version}, {sealed.field}) does not "
                "open with its key: it was altered after it was written. Nothing else is affected.",
                hint="daybook doctor",
            ) from None

    def seal(self, value: Any, *, stream_id: UUID, version: int, field: str) -> Sealed:
        """Seal a value under its stream's data key, which must exist or have been made by `new_key`."""
        key = self._data_key(stream_id)
        if key is None:
            raise _erased(stream_id)
        box = seal(key.cipher, value, stream_id=stream_id, version=version, field=field)
        return Sealed(stream_id, version, field, box)

    def new_key(self, owner_id: UUID) -> WrappedKey:
        """Return the data key of a new owner, made now or by `hash_request` before.

        It becomes real with the append that carries it; `settle` then says what became of that.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._unlocked()
        with self._lock:
            if owner_id not in self._fresh:
                raw = os.urandom(32)
                epoch = max(self._epochs)
                box = _wrap(self._epochs[epoch], raw, _data_key_binding(owner_id, epoch))
                if (
                    len(self._fresh) >= _MOST_CACHED
                ):  # left behind by commands that failed before their append
                    del self._fresh[next(iter(self._fresh))]
                key = _DataKey(raw, AESGCM(raw))
                self._fresh[owner_id] = _Fresh(key, WrappedKey(owner_id, epoch, box), self._erasures)
            return self._fresh[owner_id].wrapped

    def rewrap(self, owner_id: UUID) -> WrappedKey:
        """Return the same new key wrapped under the newest epoch: the one it was made under is destroyed."""
        master, book_id = self._unlocked()
        with self._lock:
            self._epochs = self._read_epochs(master, book_id)
            fresh = self._fresh[owner_id]
            epoch = max(self._epochs)
            box = _wrap(self._epochs[epoch], fresh.key.raw, _data_key_binding(owner_id, epoch))
            self._fresh[owner_id] = fresh._replace(wrapped=WrappedKey(owner_id, epoch, box))
            return self._fresh[owner_id].wrapped

    def noticed(self, erasures: int) -> None:
        """Take note of how many erasures there have been; a number that is new empties the cache."""
        if erasures > self._erasures:
            with self._lock:
                if erasures > self._erasures:
                    self._erasures = erasures
                    self._known.clear()

    def next_epoch(self, number: int) -> bytes:
        """Return a new epoch key of this number, wrapped by the master key."""
        master, book_id = self._unlocked()
        return _wrap(master, os.urandom(32), _epoch_binding(book_id, number))

    def rewrapper(self) -> Callable[[WrappedKey], WrappedKey]:
        """Return a function that wraps stored data keys under the newest epoch."""
        master, book_id = self._unlocked()
        with self._lock:
            epochs = self._epochs = self._read_epochs(master, book_id)
        newest = max(epochs)

        def rewrapped(key: WrappedKey) -> WrappedKey:
            raw = _unwrap(epochs[key.epoch], key.box, _data_key_binding(key.owner_id, key.epoch))
            box = _wrap(epochs[newest], raw, _data_key_binding(key.owner_id, newest))
            return WrappedKey(key.owner_id, newest, box)

        return rewrapped

    def settle(self, owner_id: UUID, *, kept: bool) -> None:
        """Say what became of a new key: `kept` when its append was committed. Otherwise it is forgotten."""
        with self._lock:
            fresh = self._fresh.pop(owner_id, None)
            if kept and fresh is not None:
                self._remember(owner_id, fresh.key, fresh.erasures)

    def forget(self, owner_id: UUID) -> None:
        """Drop a key from the cache: its owner was erased."""
        with self._lock:
            self._fresh.pop(owner_id, None)
            self._known.pop(owner_id, None)

    def hash_command(self, command: bytes) -> bytes:
        """Return the keyed hash (HMAC-SHA-256) of a command, under a key derived from the master key."""
        key = derive(self._unlocked()[0], b"daybook/commands/1")
        return hmac.new(key, command, hashlib.sha256).digest()

    def hash_snapshot(self, snapshot: bytes) -> bytes:
        """Return the keyed hash (HMAC-SHA-256) that tells our snapshots from forged ones."""
        key = derive(self._unlocked()[0], b"daybook/snapshots/1")
        return hmac.new(key, snapshot, hashlib.sha256).digest()

    def hash_request(self, owner_id: UUID, request: bytes) -> bytes:
        """Return the keyed hash of a rendered request, under a key derived from the conversation's data key.

        A conversation that is only being made has none yet: then it gets the one that its append will carry.
        """
        key = self._data_key(owner_id)
        if key is None:
            if self._store.erased(owner_id):
                raise _erased(owner_id)
            self.new_key(owner_id)
            key = self._fresh[owner_id].key
        return hmac.new(derive(key.raw, b"daybook/requests/1"), request, hashlib.sha256).digest()

    def _data_key(self, owner_id: UUID) -> _DataKey | None:
        cached = self._known.get(owner_id)
        if cached is not None:
            return cached
        fresh = self._fresh.get(owner_id)
        if fresh is not None:
            return fresh.key
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        master, book_id = self._unlocked()
        erasures = self._erasures
        stored = self._store.data_key(owner_id)
        if stored is None:
            return None
        with self._lock:
            if stored[0] not in self._epochs:
                self._epochs = self._read_epochs(master, book_id)
            if stored[0] not in self._epochs:  # a rotation ended between our two looks
                stored = self._store.data_key(owner_id)
                if stored is None:
                    return None
                self._epochs = self._read_epochs(master, book_id)
            epoch, box = stored
            if epoch not in self._epochs:
                raise KeyringError(
                    f"The key of {short(owner_id)} is wrapped by an epoch key that is not there. Nothing "
                    "was written.",
                    hint="daybook doctor",
                )
            raw = _unwrap(self._epochs[epoch], box, _data_key_binding(owner_id, epoch))
            return self._remember(owner_id, _DataKey(raw, AESGCM(raw)), erasures)

    def _remember(self, owner_id: UUID, key: _DataKey, erasures: int) -> _DataKey:
        """Cache a key, unless an erasure was noticed since it was looked for: it might be the erased one."""
        if erasures != self._erasures:
            return key
        if len(self._known) >= _MOST_CACHED:
            del self._known[next(iter(self._known))]
        self._known[owner_id] = key
        return key

    def _unlocked(self) -> tuple[bytes, UUID]:
        """Return master key and book id, finding or making them first."""
        if self._epochs and self._master is not None and self._book_id is not None:
            return self._master, self._book_id
        with self._lock:
            row = self._store.book()
            master = self._find_master()
            if row is None:
                master = master or self._make_master()
                book_id = new_id()
                fresh = BookRow(book_id, master_key.check_value(master, book_id.bytes))
                row = self._store.found_book(fresh, _wrap(master, os.urandom(32), _epoch_binding(book_id, 1)))
            if master is None:
                raise KeyringError(
                    "This book's master key is missing. Nothing was written; the content cannot be read "
                    "without it.",
                    hint="daybook keys import FILE",
                )
            if not hmac.compare_digest(row.master_check, master_key.check_value(master, row.book_id.bytes)):
                raise KeyringError(
                    "The master key is not this book's (another home, or another database?). Nothing was "
                    "written.",
                    hint="daybook paths",
                )
            epochs = self._read_epochs(master, row.book_id)
            if not epochs:
                raise KeyringError(
                    "The book has no epoch key; its database was changed from outside. Nothing was written.",
                    hint="daybook doctor",
                )
            # The epochs come last: whoever sees them without the lock sees the rest.
            self._master, self._book_id = master, row.book_id
            self._epochs = epochs
            return master, row.book_id

    def _read_epochs(self, master: bytes, book_id: UUID) -> dict[int, bytes]:
        wrapped = self._store.epochs()
        return {epoch: _unwrap(master, box, _epoch_binding(book_id, epoch)) for epoch, box in wrapped.items()}


def _erased(owner_id: UUID) -> ContentErasedError:
    return ContentErasedError(f"{short(owner_id)} was erased; nothing can be written to it any more.")


def _wrap(key: bytes, secret: bytes, binding: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, secret, binding)


def _unwrap(key: bytes, box: bytes, binding: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], binding)
    except (InvalidTag, ValueError):
        raise KeyringError(
            "A stored key does not open with the key above it: it was altered. Nothing was written.",
            hint="daybook doctor",
        ) from None


def derive(key: bytes, purpose: bytes) -> bytes:
    """Return a key for one purpose: HKDF-SHA-256 (RFC 5869) with an empty salt, one block."""
    pseudo_random = hmac.new(b"\0" * 32, key, hashlib.sha256).digest()
    return hmac.new(pseudo_random, purpose + b"\x01", hashlib.sha256).digest()


def _epoch_binding(book_id: UUID, epoch: int) -> bytes:
    return b"daybook/epoch-key/1\0" + book_id.bytes + epoch.to_bytes(4, "big")


def _data_key_binding(owner_id: UUID, epoch: int) -> bytes:
    return b"daybook/data-key/1\0" + owner_id.bytes + epoch.to_bytes(4, "big")
