"""The port to live state: who is answering, and the text of answers that have not ended.

None of it is history. It exists so that a killed process leaves what it had behind, and so that others can
tell that it was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol
from uuid import UUID


@dataclass(frozen=True)
class Piece:
    """Text of a running answer since the last piece; offsets in code points say where it belongs."""

    answer_id: UUID
    conversation_id: UUID
    seq: int
    thinking_from: int
    text_from: int
    thinking: str
    text: str


@dataclass(frozen=True)
class LiveText:
    """What was saved of a running answer, put together."""

    thinking: str = ""
    text: str = ""


class Signal(NamedTuple):
    """What another process (or this one) has just done to some answers.

    `saved` text, `ended` them, wants them to `stop`; `turns` were given to somebody; signals were `missed`:
    whoever waits for one looks for itself. Signals only wake: what they tell is in the database.
    """

    kind: Literal["saved", "ended", "stop", "turns", "missed"]
    answer_ids: tuple[UUID, ...] = ()


class LiveAnswers(Protocol):
    """Ownership of running answers, their saved text, and wishes to stop them."""

    def own(self) -> UUID:
        """Return this process's owner id, holding a lock that dies with the process."""
        ...

    def dead(self, owner_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of the owners whose process is gone."""
        ...

    def save(self, pieces: Sequence[Piece]) -> None:
        """Keep pieces of running answers, sealed, all in one transaction."""
        ...

    def read(self, answer_id: UUID, conversation_id: UUID) -> LiveText:
        """Return the text saved of a running answer; empty where there is none."""
        ...

    def read_on(self, answer_id: UUID, conversation_id: UUID, after: int) -> Sequence[Piece]:
        """Return the saved pieces of a running answer behind a `seq`, in order; -1 is before the first."""
        ...

    def forget(self, answer_id: UUID) -> None:
        """Drop the saved text of an answer that has ended, and wishes to stop it."""
        ...

    def want_stopped(self, answer_id: UUID) -> None:
        """Ask the process that writes an answer, whichever it is, to stop it."""
        ...

    def stops_wanted(self, answer_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the answers that somebody wants to stop."""
        ...

    def listen(self, told: Callable[[Signal], None]) -> Callable[[], None]:
        """Call `told`, in a thread of our own, with every signal from now on; return how to end it."""
        ...
