"""Content: what people and models wrote, as opposed to ids, counts and statuses.

Invariant: outside the process content exists only sealed, under the data key of the stream it was written
to. Events carry it as plain Python values when they are made and as `Sealed` when they are read back, so
that loading an aggregate or filling a read model needs no key at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Sealed:
    """One encrypted field, with the coordinates (stream, version, field) that its encryption is bound to."""

    stream_id: UUID
    version: int
    field: str
    box: bytes

    def pack(self) -> bytes:
        """Return coordinates and box as one value that a read model can keep and a query can open again."""
        name = self.field.encode()
        return self.stream_id.bytes + self.version.to_bytes(8, "big") + bytes([len(name)]) + name + self.box

    @classmethod
    def unpack(cls, packed: bytes) -> Sealed:
        """Undo `pack`."""
        end = 25 + packed[24]
        return cls(
            UUID(bytes=bytes(packed[:16])),
            int.from_bytes(packed[16:24], "big"),
            bytes(packed[25:end]).decode(),
            bytes(packed[end:]),
        )


Text: TypeAlias = str | Sealed
OptionalText: TypeAlias = str | Sealed | None
Options: TypeAlias = dict[str, Any] | Sealed


class Vault(Protocol):
    """Opens sealed content, as long as its owner's data key exists."""

    def prepare(self, stream_ids: Iterable[UUID]) -> None:
        """Look for the keys of many streams at once, before their content is opened piece by piece."""
        ...

    def open(self, sealed: Sealed) -> Any:
        """Return the value that was sealed; raises `ContentErasedError` when its key is gone."""
        ...

    def name_hash(self, name: str) -> bytes:
        """Return the keyed hash under which a name is looked for where it must not stand in the clear."""
        ...


def packed(value: str | dict[str, Any] | Sealed | None) -> bytes | None:
    """Return a content field of an event that was read from the log, in the form read models keep it."""
    if value is None:
        return None
    if not isinstance(value, Sealed):
        raise TypeError("only content that was read from the log can be kept in a read model")
    return value.pack()
