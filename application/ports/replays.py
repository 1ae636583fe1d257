"""What running a replay needs from outside: what was wanted of it, and that nobody else runs it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True)
class Manner:
    """How prompts are to be asked again. `instructions` None: as then; `options` stand over those of then."""

    model: str
    instructions: str | None
    options: Mapping[str, Any]


class Replays(Protocol):
    """Replays of one book, shared by its processes."""

    def manner(self, replay_id: UUID) -> Manner:
        """Return how a replay is to be asked.

        Raises:
            NotFoundError: there is none.
            ContentErasedError: it was erased.
            ContentDamagedError: it was altered.
        """
        ...

    def claimed(self, replay_id: UUID) -> AbstractContextManager[bool]:
        """Let this process alone run a replay while the block lasts; False where another one does.

        A process that dies has no claim any more.
        """
        ...

    def moved_on(self, replay_id: UUID, version: int) -> bool:
        """Say whether somebody recorded something of a replay behind a version of it."""
        ...
