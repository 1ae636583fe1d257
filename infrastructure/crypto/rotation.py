"""Rotation: every data key wrapped under a new epoch key, then the older epoch keys destroyed.

Invariants: each step leaves a book in which every surviving key opens, so a rotation may be killed anywhere
and be taken up again by whoever comes next; an epoch key is destroyed only when it wraps nothing (the
database refuses otherwise); no event is touched. A key that an append brings under a destroyed epoch is
refused there and wrapped anew by its writer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from application.errors import KeyringError
from application.ports.keys import KeysProgress, KeysStatus, Rotated
from infrastructure.crypto.keyring import Keyring, WrappedKey
from infrastructure.crypto.opening import NextEpoch

BATCH = 500
_PASSES = 20
_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 30.0  # with keys that others hold


class RotatingStore(Protocol):
    """What a rotation needs of the place where wrapped keys are kept."""

    def status(self) -> KeysStatus:
        """Say which epochs there are."""
        ...

    def add_epoch(self, new: NextEpoch) -> bool:
        """Store a new epoch key, unless another process was first with this number.

        False where there is none then: it is wrapped by a master key that is not in force any more.
        """
        ...

    def keys_before(self, epoch: int, limit: int) -> list[WrappedKey]:
        """Return some data keys that are wrapped by an older epoch."""
        ...

    def replace(self, pairs: Sequence[tuple[WrappedKey, WrappedKey]]) -> int:
        """Replace stored keys by new ones, without waiting for any, and return how many were.

        Those that changed or were destroyed meanwhile, or are held by others, are left alone.
        """
        ...

    def destroy_before(self, epoch: int) -> bool:
        """Delete older epoch keys that wrap nothing any more; False where one still wraps a key."""
        ...

    def rewrite(self) -> bool:
        """Rewrite the tables of keys without their dead rows; False where they could not be had."""
        ...


class Rotation:
    """The `Keys` port of the application."""

    def __init__(self, store: RotatingStore, keyring: Keyring, *, batch: int = BATCH) -> None:
        self._store = store
        self._keyring = keyring
        self._batch = batch

    def status(self) -> KeysStatus:
        """Say which epochs there are."""
        self._keyring.unlock()
        return self._store.status()

    def rotate(self, progress: KeysProgress | None = None) -> Rotated:
        """Wrap every data key under a new epoch key and destroy the older ones; see the port."""
        self._keyring.unlock()
        before = self._store.status()
        newest = self._newest_epoch(before)
        count = 0
        for _ in range(_PASSES):
            count += self._rewrap(newest, progress, count, before.key_count)
            if self._store.destroy_before(newest):
                return Rotated(newest, count, self._store.rewrite())
        raise KeyringError(
            "Keys of an older epoch kept coming while they were wrapped anew. Nothing is lost; the "
            "rotation is not finished.",
            hint="daybook keys rotate",
        )

    def _newest_epoch(self, found: KeysStatus) -> int:
        """Begin a new epoch, unless one was begun and is good enough to go on with."""
        newest = found.epochs[-1].epoch
        if found.unfinished and not found.owed:
            return newest
        for _ in range(_PASSES):
            if self._store.add_epoch(self._keyring.next_epoch(newest + 1)):
                return newest + 1
        raise KeyringError(
            "The master key is being replaced over and over. Nothing was changed.", hint="daybook keys status"
        )

    def _rewrap(self, newest: int, progress: KeysProgress | None, done: int, of: int) -> int:
        rewrapped = self._keyring.rewrapper()
        count = 0
        patience = _PATIENCE_SECONDS
        while keys := self._store.keys_before(newest, self._batch):
            replaced = self._store.replace([(key, rewrapped(key)) for key in keys])
            count += replaced
            if replaced:
                patience = _PATIENCE_SECONDS
            elif patience <= 0:
                raise KeyringError(
                    "Somebody else holds the last keys that are to be wrapped anew. Nothing is lost; the "
                    "rotation is not finished.",
                    hint="daybook keys rotate",
                )
            else:
                time.sleep(_PAUSE_SECONDS)
                patience -= _PAUSE_SECONDS
            if progress is not None:
                progress(done + count, max(of, done + count))
        return count
