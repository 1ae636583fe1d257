"""Replays as a person's commands use them, wherever the book is; and on a book of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from application.ports.log import Origin
from application.replay_commands import CancelReplay, EraseReplay, StartReplay
from domain.errors import NotFoundError
from domain.ids import new_id, short
from interfaces import replay_views as views
from interfaces.replaying.choosing import Selection, chosen

if TYPE_CHECKING:
    from interfaces.book import WholeBook

Told = Callable[[int, int], None]
"""Is told how many runs are done, and of how many."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be asked again, and how."""

    selection: Selection
    model: str
    instructions: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 1


class Desk(Protocol):
    """Starts, runs and shows replays."""

    def count(self, selection: Selection) -> int:
        """Return how many prompts would be asked again."""
        ...

    def start(self, wish: Wish) -> UUID:
        """Record a replay and return its id."""
        ...

    def run(self, replay_id: UUID, told: Told) -> None:
        """Have what is left of a replay asked, and return when that has ended."""
        ...

    def get(self, replay_id: UUID) -> views.ReplayView:
        """Return one replay, or raise `NotFoundError`."""
        ...

    def listed(self, *, limit: int, cursor: str | None = None) -> views.ReplayListView:
        """Return replays, the newest first."""
        ...

    def find(self, fragment: str) -> list[views.ReplayView]:
        """Return the replays whose id begins or ends with a `domain.ids.fragment`."""
        ...

    def prompts(self, replay_id: UUID, *, limit: int, cursor: str | None = None) -> views.ReplayPromptsView:
        """Return prompts of a replay with their new answers, in order."""
        ...

    def cancel(self, replay_id: UUID) -> None:
        """Want no more of it."""
        ...

    def erase(self, replay_id: UUID) -> None:
        """Destroy what its answers say, for ever."""
        ...


class DeskHere:
    """Replays of a book of this machine; they run in this process."""

    def __init__(self, book: WholeBook, source: str) -> None:
        self._book = book
        self._source = source

    def count(self, selection: Selection) -> int:
        """Return how many prompts would be asked again."""
        return len(chosen(self._book, selection))

    def start(self, wish: Wish) -> UUID:
        """Record a replay and return its id."""
        command = StartReplay(
            **self._who(),
            answer_ids=chosen(self._book, wish.selection),
            model=wish.model,
            instructions=wish.instructions,
            options=wish.options,
            repeat=wish.repeat,
            chosen_by=wish.selection.chosen_by,
        )
        return self._book.commands.handle(command).id

    def run(self, replay_id: UUID, told: Told) -> None:
        """Ask what is left of a replay, and return when that has ended."""
        origin = Origin(self._book.actor, self._source, new_id())

        async def running() -> None:
            try:
                await self._book.replaying.run(replay_id, origin, lambda step: told(step.done, step.of))
            finally:
                await self._book.model_server.close()

        asyncio.run(running())

    def get(self, replay_id: UUID) -> views.ReplayView:
        """Return one replay, or raise `NotFoundError`."""
        found = self._book.replays.get(replay_id)
        if found is None:
            raise NotFoundError(
                f"There is no replay {short(replay_id)} in this book.", hint="daybook replay list"
            )
        return self._shown([found])[0]

    def listed(self, *, limit: int, cursor: str | None = None) -> views.ReplayListView:
        """Return replays, the newest first."""
        found = self._book.replays.newest(limit=limit + 1, cursor=UUID(cursor) if cursor else None)
        following = str(found[limit - 1].id) if len(found) > limit else None
        return views.ReplayListView(replays=self._shown(found[:limit]), next_cursor=following)

    def find(self, fragment: str) -> list[views.ReplayView]:
        """Return the replays whose id begins or ends with a `domain.ids.fragment`."""
        return self._shown(self._book.replays.find(fragment))

    def prompts(self, replay_id: UUID, *, limit: int, cursor: str | None = None) -> views.ReplayPromptsView:
        """Return prompts of a replay with their new answers, in order."""
        found = self._book.replays.prompts(
            replay_id, limit=limit + 1, cursor=UUID(cursor) if cursor else None
        )
        return views.prompts(found, limit=limit)

    def cancel(self, replay_id: UUID) -> None:
        """Want no more of it."""
        self._book.commands.handle(CancelReplay(**self._who(), replay_id=replay_id))

    def erase(self, replay_id: UUID) -> None:
        """Destroy what its answers say, for ever."""
        self._book.commands.handle(EraseReplay(**self._who(), replay_id=replay_id))

    def _who(self) -> dict[str, Any]:
        return {"actor": self._book.actor, "source": self._source}

    def _shown(self, found: Any) -> list[views.ReplayView]:
        running = self._book.replay_claims.running([one.id for one in found])
        return [views.replay(one, running=one.id in running) for one in found]
