"""A log in memory and a vault in memory, for read models: no codec, no keys, no database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.content import Sealed
from domain.errors import ContentDamagedError, ContentErasedError
from domain.event import DamagedEventError, Event, Recorded, UnknownEventTypeError, field_names
from domain.ids import short

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryVault:
    """Seals by writing JSON into the box; erasing an owner makes all of its content unreadable."""

    def __init__(self) -> None:
        self.erased: set[UUID] = set()
        self.damaged: set[UUID] = set()
        self.opened = 0

    def seal(self, value: Any, stream_id: UUID, version: int, field: str) -> Sealed:
        return Sealed(stream_id, version, field, json.dumps(value).encode())

    def prepare(self, stream_ids: Iterable[UUID]) -> None:
        """There are no keys to look for."""

    def open(self, sealed: Sealed) -> Any:
        self.opened += 1
        if sealed.stream_id in self.erased:
            raise ContentErasedError(f"The content of {short(sealed.stream_id)} was erased.")
        if sealed.stream_id in self.damaged:
            raise ContentDamagedError(f"Content of {short(sealed.stream_id)} was altered.")
        return json.loads(sealed.box)

    def name_hash(self, name: str) -> bytes:
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:16]


class MemoryLog:
    """Holds `Recorded` events. `unknown_at` and `broken_at` are places whose event cannot be decoded."""

    def __init__(self, events: Iterable[Recorded] = ()) -> None:
        self.events: list[Recorded] = list(events)
        self.unknown_at: int | None = None
        self.broken_at: int | None = None
        self.reads = 0

    def size(self) -> int:
        return len(self.events)

    def read(self, start: int, limit: int) -> list[Recorded]:
        self.reads += 1
        end = min(start + limit, len(self.events))
        if self.unknown_at is not None and start <= self.unknown_at < end:
            raise UnknownEventTypeError("The log holds an event of type 'later.invented'.")
        if self.broken_at is not None and start <= self.broken_at < end:
            raise DamagedEventError("not MessagePack")
        return self.events[start:end]

    def append(
        self, events: Sequence[Event], vault: MemoryVault, *, actor: str = "ada", source: str = "cli"
    ) -> int:
        """Record events as the log would: content sealed, time set, places counted.

        Returns the size reached.
        """
        time = _BEGINNING + timedelta(seconds=len(self.events))
        for event in events:
            self.events.append(
                Recorded(
                    event=_stored(event, time, vault),
                    log_index=len(self.events),
                    event_id=uuid4(),
                    time=time,
                    actor=actor,
                    source=source,
                    correlation_id=None,
                    causation_id=None,
                )
            )
        return len(self.events)

    def renumbered(self, count: int) -> MemoryLog:
        """Return a log of the first events only."""
        return MemoryLog([replace(recorded) for recorded in self.events[:count]])


def _stored(event: Event, time: datetime, vault: MemoryVault) -> Event:
    stored = object.__new__(type(event))
    values = dict(event.__dict__)
    for name in field_names(type(event)) - event.plain:
        if values[name] is not None:
            values[name] = vault.seal(values[name], event.stream_id, event.version, name)
    values["timestamp"] = time
    stored.__dict__.update(values)
    return stored
