"""Proving the log to others, and checking it ourselves: what interfaces may ask for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

Progress = Callable[[int, int], None]
"""Is told how many events are done, and how many there are."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it must be. `log_index` and `stream` are None where it is no one event's."""

    log_index: int | None
    stream: UUID | None
    what: str


@dataclass(frozen=True)
class Verified:
    """What a verification found.

    `root` is the recomputed one, in hex; None where events are missing, so that there is none. `checkpoint`
    is the newest checkpoint that this log was proved to agree with. `skipped` events were not read again.
    `pinned` is False where this home knows no key of the book's, and the database's word was taken for it.
    """

    events: int
    root: str | None
    checkpoint: str | None
    problems: Sequence[Problem]
    skipped: int = 0
    pinned: bool = True

    @property
    def ok(self) -> bool:
        """Whether everything is as it must be."""
        return not self.problems


@dataclass(frozen=True)
class MadeCheckpoint:
    """A signed statement about the log. `fresh` is False where the log had not grown since the last one."""

    note: str
    size: int
    root: str
    fresh: bool


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint that was made before, as the database holds it; its signature was not checked."""

    number: int
    note: str
    size: int
    root: str


@dataclass(frozen=True)
class Signed:
    """What was signed in a period: how many checkpoints, the first and the last of them.

    `covered` is how many events the largest checkpoint of all covers, whenever it was made.
    """

    count: int
    covered: int
    first: StoredCheckpoint | None
    last: StoredCheckpoint | None


class Auditor(Protocol):
    """The book's auditor."""

    def key(self) -> str:
        """Return the public key in C2SP's form, NAME+ID+BASE64; it is made on first use."""
        ...

    def checkpoint(self) -> MadeCheckpoint:
        """Sign the log as it stands.

        Raises:
            RefusedError: the log does not extend what was signed before.
        """
        ...

    def checkpoints(self, *, before: int | None = None, limit: int = 50) -> Sequence[StoredCheckpoint]:
        """Return checkpoints made before, the newest first; `before`: only those of lower numbers."""
        ...

    def verify(
        self, *, since: str | None = None, incremental: bool = False, progress: Progress | None = None
    ) -> Verified:
        """Read the log and recompute it.

        Args:
            since: a checkpoint kept elsewhere, which this log must extend.
            incremental: begin where the last verification ended well.
            progress: is told how far it is.
        """
        ...

    def find_event(self, event_id: UUID) -> int | None:
        """Return the log index of an event."""
        ...

    def find_message(self, conversation_id: UUID, message_id: UUID) -> int | None:
        """Return the log index of the last event that made a message what it is."""
        ...

    def receipt(self, log_index: int) -> str:
        """Return the JSON text of a receipt for one event, or raise `NotFoundError`."""
        ...

    def extension(self, old: str) -> str:
        """Return the JSON text that proves today's log to extend an older checkpoint."""
        ...

    def export(self, folder: Path, *, reveal: bool, progress: Progress | None = None) -> MadeCheckpoint:
        """Write checkpoint, tiles and entries into a new folder; with `reveal` what they say, too."""
        ...


class OfflineChecks(Protocol):
    """Checks that need neither the book nor its database."""

    def receipt(self, path: Path, key: str) -> str:
        """Return in words what a receipt proves.

        Raises:
            NotProvedError: it proves nothing.
        """
        ...

    def export(self, folder: Path, key: str | None) -> str:
        """Return in words what an export proves.

        Raises:
            NotProvedError: it proves nothing.
        """
        ...
