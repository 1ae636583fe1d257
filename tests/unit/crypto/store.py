"""Where a keyring under test keeps its keys: a dictionary, shared by those who share a book."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infrastructure.crypto.keyring import Keyring, WrappedKey
from infrastructure.crypto.opening import BookRow


class MemoryKeyStore:
    """Keeps a book's row and wrapped keys as its database would. `looks` counts the look-ups of data keys."""

    def __init__(self) -> None:
        self.row: BookRow | None = None
        self.wrapped_epochs: dict[int, bytes] = {}
        self.data_keys: dict[UUID, tuple[int, bytes]] = {}
        self.tombstones: set[UUID] = set()
        self.looks = 0

    def book(self) -> BookRow | None:
        return self.row

    def found_book(self, row: BookRow, epoch_box: bytes) -> BookRow:
        if self.row is None:
            self.row = row
            self.wrapped_epochs[1] = epoch_box
        return self.row

    def epochs(self) -> dict[int, bytes]:
        return dict(self.wrapped_epochs)

    def data_key(self, owner_id: UUID) -> tuple[int, bytes] | None:
        self.looks += 1
        return self.data_keys.get(owner_id)

    def find_data_keys(self, owner_ids: Sequence[UUID]) -> dict[UUID, tuple[int, bytes]]:
        self.looks += 1
        return {one: self.data_keys[one] for one in owner_ids if one in self.data_keys}

    def erased(self, owner_id: UUID) -> bool:
        return owner_id in self.tombstones

    def keep(self, key: WrappedKey) -> None:
        self.data_keys[key.owner_id] = key.epoch, key.box


def keyring_on(store: MemoryKeyStore, master: bytes | None = b"m" * 32) -> Keyring:
    """Return a keyring whose master key is set; None: it makes one."""
    return Keyring(store, lambda: master, lambda: b"n" * 32)
