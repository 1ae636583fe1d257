"""The write side's `Log` port on PostgreSQL: events sealed, appended through one function, and loaded again.

Aggregates are of the `eventsourcing` library; its cache and snapshots stay off, `loading.py` has ours.
Content stays sealed while an aggregate is loaded, for invariants need none of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast
from uuid import UUID

from application.ports.log import IdempotencyKey, Origin, Saved
from domain.event import Created, Event, Recorded, Root
from infrastructure.crypto.keyring import Keyring
from infrastructure.postgres.appender import Appended, EpochDestroyedError
from infrastructure.postgres.log import AppendRequest, EventLog, Idempotency, NewKey

if TYPE_CHECKING:
    from infrastructure.postgres.loading import Loader

R = TypeVar("R", bound=Root)

_EPOCH_TRIES = 4
_LOOK_EVERY_SECONDS = 1.0  # where a notification was lost


class PostgresLog:
    """Loads and saves aggregates; also the `LogReader` of the read side."""

    def __init__(self, events: EventLog, keyring: Keyring, erased: Callable[[], None] = lambda: None) -> None:
        self._events = events
        self._keyring = keyring
        self._erased = erased

    @cached_property
    def _loader(self) -> Loader:
        from infrastructure.postgres.loading import Loader

        return Loader(self._events.database, self._keyring.hash_snapshot)

    def watch(self, told: Callable[[int, float], None]) -> None:
        """Tell of every commit: how many requests went together, and how many seconds it took."""
        self._events.watch(told)

    def load(self, kind: type[R], stream_id: UUID) -> R:
        """Return an aggregate as of now, or raise `NotFoundError`."""
        return self._loader.load(kind, stream_id)

    def save(
        self,
        aggregates: Sequence[Root],
        origin: Origin,
        *,
        idempotency: IdempotencyKey | None = None,
        result: bytes = b"",
    ) -> Saved:
        """Append the pending events of all aggregates, together or not at all."""
        from infrastructure.postgres.codec import to_row

        self._keyring.unlock()
        events = [cast("Event", event) for root in aggregates for event in root.collect_events()]
        if not events and idempotency is None:
            return Saved(self.size())
        fresh = [event.stream_id for event in events if isinstance(event, Created)]
        kept = False
        try:
            keys = [self._keyring.new_key(owner) for owner in fresh]
            request = AppendRequest(
                events=[to_row(event, origin, self._keyring) for event in events],
                idempotency=self._idempotency(origin, idempotency, result),
                new_keys=[NewKey(key.owner_id, key.epoch, key.box) for key in keys],
            )
            done = self._append(request)
            kept = not done.replayed
        finally:
            for owner in fresh:
                self._keyring.settle(owner, kept=kept)
        return Saved(done.log_size, done.replayed, done.result)

    def erase(
        self,
        aggregates: Sequence[Root],
        origin: Origin,
        *,
        idempotency: IdempotencyKey | None = None,
        result: bytes = b"",
    ) -> Saved:
        """Append the pending events and destroy the aggregates' keys, in one transaction."""
        from infrastructure.postgres.codec import to_row

        self._keyring.unlock()
        events = [cast("Event", event) for root in aggregates for event in root.collect_events()]
        request = AppendRequest(
            events=[to_row(event, origin, self._keyring) for event in events],
            idempotency=self._idempotency(origin, idempotency, result),
        )
        done = self._events.erase(request, origin.actor)
        for event in events:
            self._keyring.forget(event.stream_id)
        self._erased()
        return Saved(done.log_size, done.replayed, done.result)

    def _append(self, request: AppendRequest) -> Appended:
        """Append; new keys whose epoch a rotation has destroyed meanwhile are wrapped under the newest."""
        for _ in range(_EPOCH_TRIES):
            try:
                return self._events.append(request)
            except EpochDestroyedError:
                keys = [self._keyring.rewrap(key.owner_id) for key in request.new_keys]
                fresh = [NewKey(key.owner_id, key.epoch, key.box) for key in keys]
                request = replace(request, new_keys=fresh)
        return self._events.append(request)

    def answered(self, origin: Origin, idempotency: IdempotencyKey) -> Saved | None:
        """Return what a command answered before under this key, or None where the key is new."""
        from application.errors import IdempotencyMismatchError

        stored = self._events.find_request(origin.actor, idempotency.key)
        if stored is None:
            return None
        if stored.command_hash != self._keyring.hash_command(idempotency.command):
            raise IdempotencyMismatchError(
                f"The idempotency key {idempotency.key!r} was used before, for another command. Nothing "
                "was recorded."
            )
        return Saved(stored.log_size, replayed=True, result=stored.result)

    def size(self) -> int:
        """Return how many events the log holds."""
        return self._events.size()

    def request_hash(self, owner_id: UUID, request: bytes) -> bytes:
        """Return the keyed hash of a rendered request, under a key of the conversation's."""
        return self._keyring.hash_request(owner_id, request)

    def tag_id(self, owner_id: UUID, name: str) -> UUID:
        """Return what stands for a tag's name in one conversation."""
        return UUID(bytes=self._keyring.hash_tag(owner_id, name)[:16])

    def follow(self, size: int, *, stop: threading.Event | None = None) -> Iterator[int]:
        """Yield the log's size whenever it is more than it was, until told to stop.

        Raises:
            DatabaseUnreachableError: the connection was lost.
        """
        with self._events.database.alone() as session:
            session.execute("listen daybook_log")
            while stop is None or not stop.is_set():
                now = self.size()
                if now > size:
                    yield now
                    size = now
                else:
                    for _ in session.notifies(timeout=_LOOK_EVERY_SECONDS, stop_after=1):
                        pass

    def read(self, start: int, limit: int) -> list[Recorded]:
        """Return events from a log index on, ascending, their content sealed."""
        from infrastructure.postgres.codec import to_recorded

        return [to_recorded(row) for row in self._events.read(start, limit)]

    def _idempotency(self, origin: Origin, given: IdempotencyKey | None, result: bytes) -> Idempotency | None:
        if given is None:
            return None
        return Idempotency(origin.actor, given.key, self._keyring.hash_command(given.command), result)
