"""Replays in memory, for one process or (with a shared `claims`) for several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from application.ports.replays import Manner
from domain.errors import NotFoundError
from domain.replay.events import ReplayStarted
from tests.fakes.write_side import MemoryWriteLog


class MemoryReplays:
    """Reads how a replay is to be asked from a log in memory."""

    def __init__(self, log: MemoryWriteLog, claims: set[UUID] | None = None) -> None:
        self._log = log
        self.claims = set() if claims is None else claims

    def manner(self, replay_id: UUID) -> Manner:
        for event in self._log.events(replay_id):
            if isinstance(event, ReplayStarted):
                return Manner(event.model, event.instructions, dict(event.options))  # type: ignore[arg-type]
        raise NotFoundError("There is no such replay.")

    @contextmanager
    def claimed(self, replay_id: UUID) -> Iterator[bool]:
        if replay_id in self.claims:
            yield False
            return
        self.claims.add(replay_id)
        try:
            yield True
        finally:
            self.claims.discard(replay_id)

    def moved_on(self, replay_id: UUID, version: int) -> bool:
        return len(self._log.events(replay_id)) > version
