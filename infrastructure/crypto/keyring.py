"""The keys of one book: its data keys, what is sealed under them, and hashes under keys derived.

A data key (random, one an owner: conversation, project or user) is wrapped by an epoch key, that by the
master key (`opening.py`). Invariants: data keys never leave the process unwrapped; an owner with a tombstone
never gets a key.

Caches and erasures. Erasures are numbered; every query learns the newest number in the round trip that opens
it, and tells `noticed`. A newer number empties the cache, so a key that was destroyed before a query began is
not used for it. What is read from the store is cached only if no erasure was noticed meanwhile.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from application.errors import KeyringError
from domain.content import Sealed
from domain.errors import ContentDamagedError, ContentErasedError
from domain.ids import short
from infrastructure.crypto.opening import BookRow, BookStore, NextEpoch, OpenBook, Opener, Rekeyed, rekeyed
from infrastructure.crypto.sealing import seal, unseal
from infrastructure.crypto.wrapping import data_key_binding, derive, epoch_binding, unwrap, wrap

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MOST_CACHED = 4096
_NAME_HASH = 16


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


class KeyStore(BookStore, Protocol):
    """Where wrapped keys are kept: the book's database."""

    def data_key(self, owner_id: UUID) -> tuple[int, bytes] | None:
        """Return epoch and wrapped data key of an owner, None where it has none."""
        ...

    def find_data_keys(self, owner_ids: Sequence[UUID]) -> Mapping[UUID, tuple[int, bytes]]:
        """Return epoch and wrapped data key of each owner that has one, in one look."""
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
        next_master: returns the key that a replacement, perhaps killed half-way, has made to be the next.
        opened: told the book's id once its master key was found.
    """

    def __init__(
        self,
        store: KeyStore,
        find_master: Callable[[], bytes | None],
        make_master: Callable[[], bytes],
        *,
        next_master: Callable[[], bytes | None] = lambda: None,
        opened: Callable[[UUID], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._opener = Opener(store, find_master, make_master, next_master, opened)
        self._lock = threading.RLock()
        self._known: dict[UUID, _DataKey] = {}
        self._fresh: dict[UUID, _Fresh] = {}
        self._erasures = 0

    @property
    def book_id(self) -> UUID:
        """The book's id."""
        return self._opener.opened().book_id

    @property
    def master(self) -> bytes:
        """The master key in force, for its export or its replacement."""
        return self._opener.refreshed().master

    def unlock(self) -> None:
        """Find the master key (or make the first) and check that it is this book's.

        Raises:
            KeyringError: the key is missing, unreadable or another book's.
        """
        self._opener.opened()

    def prepare(self, stream_ids: Iterable[UUID]) -> None:
        """Read the data keys of many streams in one look; what that leaves out, `open` looks for itself."""
        wanted = {one for one in stream_ids if one not in self._known and one not in self._fresh}
        if len(wanted) < 2:  # noqa: PLR2004 - `open` fetches a single one as well
            return
        self._opener.opened()
        erasures = self._erasures
        stored = self._store.find_data_keys(list(wanted)[:_MOST_CACHED])
        with self._lock:
            opened = self._opener.opened()
            if any(epoch not in opened.epochs for epoch, _ in stored.values()):
                opened = self._opener.refreshed()
            for owner_id, (epoch, box) in stored.items():
                if epoch in opened.epochs:
                    with suppress(KeyringError):  # altered: whoever opens this one's content is told
                        self._remember(owner_id, _unwrapped(opened, owner_id, epoch, box), erasures)

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

        opened = self._opener.opened()
        with self._lock:
            if owner_id not in self._fresh:
                raw = os.urandom(32)
                epoch = opened.newest
                box = wrap(opened.epochs[epoch], raw, data_key_binding(owner_id, epoch))
                if (
                    len(self._fresh) >= _MOST_CACHED
                ):  # left behind by commands that failed before their append
                    del self._fresh[next(iter(self._fresh))]
                key = _DataKey(raw, AESGCM(raw))
                self._fresh[owner_id] = _Fresh(key, WrappedKey(owner_id, epoch, box), self._erasures)
            return self._fresh[owner_id].wrapped

    def rewrap(self, owner_id: UUID) -> WrappedKey:
        """Return the same new key wrapped under the newest epoch: the one it was made under is destroyed."""
        with self._lock:
            opened = self._opener.refreshed()
            fresh = self._fresh[owner_id]
            epoch = opened.newest
            box = wrap(opened.epochs[epoch], fresh.key.raw, data_key_binding(owner_id, epoch))
            self._fresh[owner_id] = fresh._replace(wrapped=WrappedKey(owner_id, epoch, box))
            return self._fresh[owner_id].wrapped

    def noticed(self, erasures: int) -> None:
        """Take note of how many erasures there have been; a number that is new empties the cache."""
        if erasures > self._erasures:
            with self._lock:
                if erasures > self._erasures:
                    self._erasures = erasures
                    self._known.clear()

    def next_epoch(self, number: int) -> NextEpoch:
        """Return a new epoch key of this number, wrapped by the master key in force."""
        opened = self._opener.refreshed()
        box = wrap(opened.master, os.urandom(32), epoch_binding(opened.book_id, number))
        return NextEpoch(number, box, opened.master_check)

    def rewrapper(self) -> Callable[[WrappedKey], WrappedKey]:
        """Return a function that wraps stored data keys under the newest epoch."""
        opened = self._opener.refreshed()
        epochs, newest = opened.epochs, opened.newest

        def rewrapped(key: WrappedKey) -> WrappedKey:
            raw = unwrap(epochs[key.epoch], key.box, data_key_binding(key.owner_id, key.epoch))
            box = wrap(epochs[newest], raw, data_key_binding(key.owner_id, newest))
            return WrappedKey(key.owner_id, newest, box)

        return rewrapped

    def rekeyed(self, book: BookRow, epochs: dict[int, bytes], new_master: bytes) -> Rekeyed:
        """Return what a book that stands so will hold under a new master key; nothing is stored here.

        Raises:
            KeyringError: the master key we know does not open what is given.
        """
        return rekeyed(self._opener.opened().master, book, epochs, new_master)

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
        """Return the keyed hash (HMAC-SHA-256) of a command, under a key that outlives master keys."""
        return hmac.new(self._opener.opened().command_key, command, hashlib.sha256).digest()

    def hash_snapshot(self, snapshot: bytes) -> bytes:
        """Return the keyed hash (HMAC-SHA-256) that tells our snapshots from forged ones.

        Under a key derived from the master key: those made under a former one are made again.
        """
        key = derive(self._opener.opened().master, b"daybook/snapshots/1")
        return hmac.new(key, snapshot, hashlib.sha256).digest()

    def hash_request(self, owner_id: UUID, request: bytes) -> bytes:
        """Return the keyed hash of a rendered request, under a key derived from the conversation's data key.

        A conversation that is only being made has none yet: then it gets the one that its append will carry.
        """
        return self._hash_of(owner_id, b"daybook/requests/1", request)

    def hash_tag(self, owner_id: UUID, name: str) -> bytes:
        """Return the keyed hash of a tag's name, under a key derived from the conversation's data key."""
        return self._hash_of(owner_id, b"daybook/tags/1", name.encode())

    def name_hash(self, name: str) -> bytes:
        """Return the keyed hash under which a name is looked for; the `Vault` of the domain.

        Under a key derived from that of the commands, which outlives master keys.
        """
        key = derive(self._opener.opened().command_key, b"daybook/names/1")
        return hmac.new(key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()[:_NAME_HASH]

    def _hash_of(self, owner_id: UUID, purpose: bytes, value: bytes) -> bytes:
        key = self._data_key(owner_id)
        if key is None:
            if self._store.erased(owner_id):
                raise _erased(owner_id)
            self.new_key(owner_id)
            key = self._fresh[owner_id].key
        return hmac.new(derive(key.raw, purpose), value, hashlib.sha256).digest()

    def _data_key(self, owner_id: UUID) -> _DataKey | None:
        cached = self._known.get(owner_id)
        if cached is not None:
            return cached
        fresh = self._fresh.get(owner_id)
        if fresh is not None:
            return fresh.key
        self._opener.opened()
        erasures = self._erasures
        stored = self._store.data_key(owner_id)
        if stored is None:
            return None
        with self._lock:
            opened = self._opener.opened()
            if stored[0] not in opened.epochs:
                opened = self._opener.refreshed()
            if stored[0] not in opened.epochs:  # a rotation ended between our two looks
                stored = self._store.data_key(owner_id)
                if stored is None:
                    return None
                opened = self._opener.refreshed()
            epoch, box = stored
            if epoch not in opened.epochs:
                raise KeyringError(
                    f"The key of {short(owner_id)} is wrapped by an epoch key that is not there. Nothing "
                    "was written.",
                    hint="daybook doctor",
                )
            return self._remember(owner_id, _unwrapped(opened, owner_id, epoch, box), erasures)

    def _remember(self, owner_id: UUID, key: _DataKey, erasures: int) -> _DataKey:
        """Cache a key, unless an erasure was noticed since it was looked for: it might be the erased one."""
        if erasures != self._erasures:
            return key
        if len(self._known) >= _MOST_CACHED:
            del self._known[next(iter(self._known))]
        self._known[owner_id] = key
        return key


def _erased(owner_id: UUID) -> ContentErasedError:
    return ContentErasedError(f"{short(owner_id)} was erased; nothing can be written to it any more.")


def _unwrapped(opened: OpenBook, owner_id: UUID, epoch: int, box: bytes) -> _DataKey:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = unwrap(opened.epochs[epoch], box, data_key_binding(owner_id, epoch))
    return _DataKey(raw, AESGCM(raw))
