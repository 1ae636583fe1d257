"""What is sealed today must open for ever: boxes and hashes that were written down once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.content import Sealed
from infrastructure.crypto import master_key
from infrastructure.crypto.opening import BookRow
from tests.unit.crypto.store import MemoryKeyStore, keyring_on

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "crypto.json").read_text())
MASTER = bytes.fromhex(VECTORS["master"])
BOOK = UUID(VECTORS["book_id"])
OWNER = UUID(VECTORS["owner_id"])


def store() -> MemoryKeyStore:
    found = MemoryKeyStore()
    found.row = BookRow(BOOK, bytes.fromhex(VECTORS["master_check"]))
    found.wrapped_epochs = {1: bytes.fromhex(VECTORS["epoch_box"])}
    found.data_keys = {OWNER: (1, bytes.fromhex(VECTORS["data_key_box"]))}
    return found


def test_the_master_key_is_recognised() -> None:
    assert master_key.check_value(MASTER, BOOK.bytes).hex() == VECTORS["master_check"]
    assert master_key.from_text(VECTORS["master_text"], where="vector") == MASTER


@pytest.mark.parametrize("vector", VECTORS["sealed"], ids=lambda vector: vector["field"])
def test_a_box_opens(vector: dict[str, Any]) -> None:
    sealed = Sealed(OWNER, vector["version"], vector["field"], bytes.fromhex(vector["box"]))

    assert keyring_on(store(), MASTER).open(sealed) == vector["value"]
    assert sealed.pack().hex() == vector["packed"]


def test_hashes_are_the_same() -> None:
    ring = keyring_on(store(), MASTER)

    assert ring.hash_command(VECTORS["command"].encode()).hex() == VECTORS["command_hash"]
    assert ring.hash_request(OWNER, VECTORS["request"].encode()).hex() == VECTORS["request_hash"]
