"""The port to the book's keys: which epochs there are, and moving them all under a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

KeysProgress: TypeAlias = Callable[[int, int], None]
"""Called with the number of keys wrapped anew and the number there were to do."""


@dataclass(frozen=True)
class EpochCount:
    """One epoch key, and how many data keys it wraps."""

    epoch: int
    created_at: datetime
    key_count: int


@dataclass(frozen=True)
class KeysStatus:
    """The epochs, oldest first. `owed`: something was erased since the newest epoch began.

    `master_since` is when the master key was put in force (None: there is no book), `erased_since_count` how
    many owners were erased since: with this key, older backups still show them.
    """

    epochs: tuple[EpochCount, ...]
    erased_count: int = 0
    owed: bool = False
    master_since: datetime | None = None
    erased_since_count: int = 0

    @property
    def unfinished(self) -> bool:
        """Whether a rotation was begun and not finished."""
        return len(self.epochs) > 1

    @property
    def key_count(self) -> int:
        """How many data keys there are."""
        return sum(epoch.key_count for epoch in self.epochs)


@dataclass(frozen=True)
class Rotated:
    """What a rotation did. `rewritten`: no dead row of the tables of keys is left either."""

    epoch: int
    rewrapped_count: int
    rewritten: bool


class Keys(Protocol):
    """Looks after the epochs."""

    def status(self) -> KeysStatus:
        """Say which epochs there are."""
        ...

    def rotate(self, progress: KeysProgress | None = None) -> Rotated:
        """Wrap every data key under a new epoch key and destroy the older ones.

        One that was begun and not finished is finished, with another epoch if something was erased since.
        """
        ...
