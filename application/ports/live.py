"""The port to live state: who is answering, and the text of answers that have not ended.

None of it is history. It exists so that a killed process leaves what it had behind, and so that others can
tell that it was killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
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


class LiveAnswers(Protocol):
    """Ownership of running answers, and their saved text."""

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

    def forget(self, answer_id: UUID) -> None:
        """Drop the saved text of an answer that has ended."""
        ...
