"""The port to the log: loading aggregates and saving what they decided, in one append."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from domain.event import Root

R = TypeVar("R", bound=Root)


@dataclass(frozen=True)
class Origin:
    """Who did it and through what, for every event of one append.

    `correlation_id` is one a user action; `causation_id` the event or command that led to this one.
    """

    actor: str
    source: str
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


@dataclass(frozen=True)
class IdempotencyKey:
    """The caller's promise that the same key means the same command. `command` is its canonical form."""

    key: str
    command: bytes


@dataclass(frozen=True)
class Saved:
    """What became of an append.

    `replayed`: nothing was written now, `result` is what the first one answered.
    """

    log_size: int
    replayed: bool = False
    result: bytes | None = None


class Log(Protocol):
    """The write side's view of the log."""

    def load(self, kind: type[R], stream_id: UUID) -> R:
        """Return an aggregate as of now, or raise `NotFoundError`."""
        ...

    def save(
        self,
        aggregates: Sequence[Root],
        origin: Origin,
        *,
        idempotency: IdempotencyKey | None = None,
        result: bytes = b"",
    ) -> Saved:
        """Append the pending events of all aggregates, together or not at all.

        Raises:
            WrongVersionError: a stream has moved on since it was loaded.
            IdempotencyMismatchError: the key was used for another command.
            ContentErasedError: the stream's content was erased meanwhile.
        """
        ...

    def erase(
        self,
        aggregates: Sequence[Root],
        origin: Origin,
        *,
        idempotency: IdempotencyKey | None = None,
        result: bytes = b"",
    ) -> Saved:
        """Append as `save` does; in the same transaction destroy the aggregates' keys and leave tombstones.

        Raises:
            WrongVersionError: a stream has moved on since it was loaded; nothing was erased.
        """
        ...

    def answered(self, origin: Origin, idempotency: IdempotencyKey) -> Saved | None:
        """Return what a command answered before under this key, or None where the key is new."""
        ...

    def size(self) -> int:
        """Return how many events the log holds."""
        ...

    def request_hash(self, owner_id: UUID, request: bytes) -> bytes:
        """Return the keyed hash of a rendered request, under a key of the conversation's.

        Raises:
            ContentErasedError: the conversation was erased.
        """
        ...

    def tag_id(self, owner_id: UUID, name: str) -> UUID:
        """Return what stands for a tag's name in one conversation: a keyed hash under a key of its own."""
        ...
