"""Write the samples that are missing: one stored event of each type and schema version, for ever.

    python -m tests.samples.make

A sample is what the log would hold, with what must be read from it. It is written when a type or a new
version of it is first registered, and its stored bytes are never touched again: they stand for the books
people have. When a later version gains an upcaster, only `fields`, what the present code must make of the old
bytes, may be edited by hand.
"""

import json
import os
import pkgutil
import zlib
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import domain
from application.ports.log import Origin
from domain.content import Sealed
from domain.event import Created, Event, catalogue, field_names
from infrastructure.crypto import keyring, master_key, opening
from infrastructure.postgres.codec import to_row
from tests.samples.keys import KEYS, sample_keyring

EVENTS = Path(__file__).with_name("events")

STREAM_ID = UUID("019a0000-0000-7000-8000-00000000da1b")
TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ORIGIN = Origin(
    actor="5a17b1e5a17b1e5a17b1e5a17b1e5a17",
    source="cli",
    correlation_id=UUID("019a0000-0000-7000-8000-0000000000c0"),
    causation_id=UUID("019a0000-0000-7000-8000-0000000000ca"),
)

_PLAIN_BY_ANNOTATION: dict[str, Any] = {
    "str": "a-plain-word",
    "str | None": "sha256:0123456789abcdef",
    "int": 8192,
    "int | None": 4_294_967_296,
    "float": 0.75,
    "float | None": 1234.5,
    "bool | str | None": "high",
    "bytes": bytes(range(32)),
}


def all_types() -> dict[str, type[Event]]:
    """Return every event type of every module of the domain."""
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        import_module(module.name)
    return catalogue.types()


def sample_path(type_name: str, version: int) -> Path:
    """Return where the sample of a type's version is kept."""
    return EVENTS / f"{type_name}@{version}.json"


def told(value: Any) -> Any:
    """Return a field's value as the sample's file writes it down."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [told(one) for one in value]
    return value


def sealed_names(event: Event) -> list[str]:
    """Return which fields of an event are held sealed."""
    return sorted(name for name in field_names(type(event)) if isinstance(getattr(event, name), Sealed))


def write_missing() -> list[Path]:
    """Write the samples that do not exist, and the keys where there are none."""
    if not KEYS.exists():
        KEYS.write_text(json.dumps(_fresh_keys(), indent=2) + "\n")
    EVENTS.mkdir(exist_ok=True)
    written = []
    for name, cls in sorted(all_types().items()):
        path = sample_path(name, cls.schema_version)
        if not path.exists():
            path.write_text(json.dumps(_sample(cls), indent=2) + "\n")
            written.append(path)
    return written


def _sample(cls: type[Event]) -> dict[str, Any]:
    values = {field.name: _value(cls, field.name, str(field.type)) for field in fields(cls)}
    values = {name: value for name, value in values.items() if name in field_names(cls)}
    envelope: dict[str, Any] = {"originator_id": STREAM_ID, "originator_version": 7, "timestamp": TIME}
    if issubclass(cls, Created):
        envelope |= {"originator_version": 1, "originator_topic": ""}
    row = to_row(cls(**envelope, **values), ORIGIN, sample_keyring())
    return {
        "stream_id": str(row.stream_id),
        "version": row.version,
        "event_id": str(row.event_id),
        "type": row.type,
        "schema_version": row.schema_version,
        "time": TIME.isoformat(),
        "metadata": row.metadata.hex(),
        "payload": row.payload.hex(),
        "fields": {name: told(value) for name, value in sorted(values.items())},
        "sealed": sorted(set(values) - cls.plain),
    }


def _value(cls: type[Event], name: str, annotation: str) -> Any:
    if name in cls.plain:
        if annotation.startswith("tuple[UUID"):
            return (_id(f"{name} 1"), _id(f"{name} 2"))
        return _id(name) if annotation.startswith("UUID") else _PLAIN_BY_ANNOTATION[annotation]
    if annotation == "Options":
        return {"temperature": 0.6, "stop": ["\n\n"], "seed": 7}
    # A lone surrogate: models send such, and the log keeps what came.
    return f"{name}: Grüße, 世界 \N{SLIGHTLY SMILING FACE} \ud83d"


def _id(name: str) -> UUID:
    """Return an id that only this field has, so that fields which swap places are noticed."""
    return UUID(int=(STREAM_ID.int >> 32 << 32) | zlib.crc32(name.encode()))


def _fresh_keys() -> dict[str, Any]:
    master = master_key.generate()
    store = _FoundingStore()
    ring = keyring.Keyring(store, lambda: master, lambda: master)
    ring.unlock()
    key = ring.new_key(STREAM_ID)
    if store.row is None:
        raise AssertionError("unlocking an empty store founds a book")
    return {
        "about": "Keys of the samples in events/. They open nothing else.",
        "master": master.hex(),
        "book_id": str(store.row.book_id),
        "master_check": store.row.master_check.hex(),
        "epochs": {"1": store.epoch_box.hex()},
        "data_keys": {str(STREAM_ID): {"epoch": key.epoch, "box": key.box.hex()}},
    }


class _FoundingStore:
    """An empty database, for the one time that the samples' keys are made."""

    row: opening.BookRow | None = None
    epoch_box = b""

    def book(self) -> opening.BookRow | None:
        return self.row

    def found_book(self, row: opening.BookRow, epoch_box: bytes) -> opening.BookRow:
        self.row, self.epoch_box = row, epoch_box
        return row

    def epochs(self) -> dict[int, bytes]:
        return {1: self.epoch_box}

    def data_key(self, owner_id: UUID) -> tuple[int, bytes] | None:
        return None

    def find_data_keys(self, owner_ids: Sequence[UUID]) -> dict[UUID, tuple[int, bytes]]:
        return {}

    def erased(self, owner_id: UUID) -> bool:
        return False


if __name__ == "__main__":
    for one in write_missing():
        print(os.path.relpath(one))
