"""The port to the line before a model server, shared by every process of a book.

Invariant: no more answers have their turn at once than the server may write at once, whichever processes own
them; who came first goes first, and background work behind all that people wait for. A process that dies
frees its places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol
from uuid import UUID


class LineLength(NamedTuple):
    """How many answers of all processes have their turn, and how many wait for theirs."""

    running: int
    waiting: int


class Turns(Protocol):
    """Standings are 0 for an answer that has its turn, else its place in the line: 1 is next."""

    def enter(self, answer_id: UUID, *, background: bool) -> None:
        """Take a place for an answer that this process will write.

        Raises:
            LineFullError: as many answers wait already as may; nothing was changed.
        """
        ...

    def leave(self, answer_id: UUID) -> None:
        """Give the place up; the next in the line has its turn. Twice is harmless."""
        ...

    def standing(self, answer_id: UUID) -> int:
        """Return where an answer of this process stood when last looked; 0 for one that never entered."""
        ...

    def look(self) -> Mapping[UUID, int]:
        """Return the standings of this process's answers, claiming again what was lost."""
        ...

    def standing_anywhere(self, answer_id: UUID) -> int | None:
        """Return where an answer of any process stands; None where it is in no line."""
        ...

    def length(self) -> LineLength:
        """Return how long the line is, all living processes together."""
        ...

    def people_wait(self) -> bool:
        """Say whether an answer stands in the line that somebody waits for."""
        ...
