"""The replays that a server runs, as tasks on its event loop.

Invariant: a replay belongs to the server and not to a connection; when the server stops, what is being asked
is dropped, and the next server goes on with what servers began.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from uuid import UUID

from application.access import API, WEB
from application.ports.log import Origin
from domain.errors import ConflictError, DaybookError
from domain.ids import new_id
from interfaces.http.logs import tell

if TYPE_CHECKING:
    from interfaces.book import WholeBook

_BEGUN_HERE = frozenset({API, WEB})
_LOOKED_THROUGH = 50


class RunningReplays:
    """Runs replays of one book."""

    def __init__(self, book: WholeBook) -> None:
        self._book = book
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._closing = False

    def begin(self, replay_id: UUID, origin: Origin) -> None:
        """Run what is left of a replay; running already is fine. Called on the event loop."""
        if replay_id not in self._tasks and not self._closing:
            task = asyncio.create_task(self._run(replay_id, origin))
            self._tasks[replay_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(replay_id, None))

    def is_running(self, replay_id: UUID) -> bool:
        """Say whether this server runs it."""
        return replay_id in self._tasks

    async def go_on(self) -> None:
        """Go on with the replays that servers began and nobody runs: those of a server that has ended."""
        try:
            found = await asyncio.to_thread(self._left_behind)
        except DaybookError as problem:
            tell("look-failed", logging.WARNING, detail=problem.message)
            return
        for replay_id, actor in found:
            self.begin(replay_id, Origin(actor, API, new_id()))

    async def stop(self) -> None:
        """Drop what is being asked; all that was answered is recorded."""
        self._closing = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _left_behind(self) -> list[tuple[UUID, str]]:
        found = [
            one
            for one in self._book.replays.newest(limit=_LOOKED_THROUGH)
            if one.status == "open" and one.source in _BEGUN_HERE and one.erased_at is None
        ]
        running = self._book.replay_claims.running([one.id for one in found])
        return [(one.id, one.actor) for one in found if one.id not in running]

    async def _run(self, replay_id: UUID, origin: Origin) -> None:
        try:
            status = await self._book.replaying.run(replay_id, origin)
        except ConflictError:
            return  # another process runs it
        except DaybookError as problem:
            tell("replay-stopped", logging.WARNING, replay_id=replay_id, detail=problem.message)
        except Exception as problem:  # noqa: BLE001 - a fault of ours must not end the server
            tell("replay-stopped", logging.ERROR, replay_id=replay_id, detail=type(problem).__name__)
        else:
            tell("replay-ended", replay_id=replay_id, status=str(status))
