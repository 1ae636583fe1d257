"""Answers that wait for their turn at the model server, on one event loop.

Invariant: an answer is asked of the model only while it has its turn, and gives the turn up as soon as the
model is done with it. A database that is away keeps an answer waiting and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

from application.errors import DatabaseError, LineFullError
from application.ports.turns import Turns
from application.running import RunningAnswer
from application.threads import in_thread, leave_if_cancelled

LOOK_EVERY_SECONDS = 0.25

# While nobody waits here, a look only says again what is ours.
_PATIENCE = 8


class Line:
    """The part of the line that this process's answers stand in."""

    def __init__(self, turns: Turns, *, look_every: float = LOOK_EVERY_SECONDS) -> None:
        self._turns = turns
        self._look_every = look_every
        self._here: set[UUID] = set()
        self._waiting: dict[UUID, tuple[RunningAnswer, asyncio.Event]] = {}
        self._woken = asyncio.Event()
        self._looker: asyncio.Task[None] | None = None

    async def turn(self, running: RunningAnswer) -> None:
        """Return when it is this answer's turn; its watchers are told where it stands until then."""
        self._here.add(running.answer_id)
        if self._looker is None or self._looker.done():
            self._looker = asyncio.create_task(self._look_now_and_then())
        standing = self._turns.standing(running.answer_id)
        if standing == 0:
            return
        come = asyncio.Event()
        self._waiting[running.answer_id] = (running, come)
        running.stand(standing)
        self._woken.set()
        try:
            await come.wait()
        finally:
            del self._waiting[running.answer_id]
            running.stand(0)

    async def enter(self, answer_id: UUID) -> None:
        """Take a place at the end of the line once more, as soon as it is not full."""
        entered = False
        while not entered:
            try:
                await in_thread(lambda: self._turns.enter(answer_id, background=False))
                entered = True
            except LineFullError:
                await asyncio.sleep(self._look_every)
            except DatabaseError:
                await asyncio.sleep(self._look_every)
                with contextlib.suppress(DatabaseError):  # perhaps the place that was left is there still
                    await in_thread(self._turns.look)
            leave_if_cancelled()

    async def leave(self, answer_id: UUID) -> None:
        """Give a turn, or a place in the line, up. Where the database is away, it goes with the next look."""
        self._here.discard(answer_id)
        with contextlib.suppress(DatabaseError):
            await in_thread(lambda: self._turns.leave(answer_id))

    def wake(self) -> None:
        """Look at once: turns were given somewhere."""
        if self._waiting:
            self._woken.set()

    async def close(self) -> None:
        """Stop looking; everybody has left."""
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.wait([self._looker])

    async def _look_now_and_then(self) -> None:
        while self._here:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_every * (1 if self._waiting else _PATIENCE)):
                    await self._woken.wait()
            self._woken.clear()
            with contextlib.suppress(DatabaseError):
                await in_thread(self._turns.look)
            for answer_id, (running, come) in self._waiting.items():
                standing = self._turns.standing(answer_id)
                if standing == 0:
                    come.set()
                else:
                    running.stand(standing)
