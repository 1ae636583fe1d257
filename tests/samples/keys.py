"""The keyring that stored samples are read with: wrapped keys in a file, as a database would hold them.

The keys in keys.json are for samples alone and were written once; the samples open with them for ever.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from infrastructure.crypto.keyring import Keyring
from infrastructure.crypto.opening import BookRow

KEYS = Path(__file__).with_name("keys.json")


class SampleKeyStore:
    """A book's wrapped keys, as they stand in keys.json."""

    def __init__(self, stored: dict[str, Any]) -> None:
        self._stored = stored

    def book(self) -> BookRow | None:
        return BookRow(UUID(self._stored["book_id"]), bytes.fromhex(self._stored["master_check"]))

    def found_book(self, row: BookRow, epoch_box: bytes) -> BookRow:
        raise AssertionError("the samples' book was founded when keys.json was written")

    def epochs(self) -> dict[int, bytes]:
        return {int(epoch): bytes.fromhex(box) for epoch, box in self._stored["epochs"].items()}

    def data_key(self, owner_id: UUID) -> tuple[int, bytes] | None:
        stored = self._stored["data_keys"].get(str(owner_id))
        return None if stored is None else (stored["epoch"], bytes.fromhex(stored["box"]))

    def find_data_keys(self, owner_ids: Sequence[UUID]) -> dict[UUID, tuple[int, bytes]]:
        found = {one: self.data_key(one) for one in owner_ids}
        return {one: key for one, key in found.items() if key is not None}

    def erased(self, owner_id: UUID) -> bool:
        return False


def sample_keyring() -> Keyring:
    """Return a keyring that opens the samples, from the bytes in keys.json alone."""
    stored = json.loads(KEYS.read_text())
    return Keyring(SampleKeyStore(stored), lambda: bytes.fromhex(stored["master"]), _no_new_master)


def _no_new_master() -> bytes:
    raise AssertionError("the samples' book has its master key")
