"""Replays of a book behind a server: the server runs them, and this process watches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from application.replay_commands import CancelReplay, EraseReplay
from domain.ids import new_id
from interfaces.remote.decoding import read
from interfaces.replay_views import ReplayListView, ReplayPromptsView, ReplaySelectionView, ReplayView
from interfaces.views import DoneView

if TYPE_CHECKING:
    from interfaces.remote.book import RemoteBook
    from interfaces.remote.connection import Connection
    from interfaces.replaying.choosing import Selection
    from interfaces.replaying.desk import Told, Wish

T = TypeVar("T")

_LOOK_EVERY_SECONDS = 0.5
_FIRST_LOOKS_SECONDS = 0.05
_SEVERAL = 5


class RemoteDesk:
    """Starts, follows and shows replays."""

    def __init__(self, connection: Connection, book: RemoteBook) -> None:
        self._connection = connection
        self._book = book

    def count(self, selection: Selection) -> int:
        """Return how many prompts would be asked again."""
        body = _body(selection)
        return self._posted("replays/count", ReplaySelectionView, body).prompt_count

    def start(self, wish: Wish) -> UUID:
        """Have a replay recorded, which the server begins to run, and return its id."""
        body = {**_body(wish.selection), "model": wish.model, "repeat": wish.repeat}
        if wish.options:
            body["options"] = dict(wish.options)
        if wish.instructions is not None:
            body["instructions"] = wish.instructions
        done = self._posted("replays", DoneView, body, key=str(new_id()))
        self._connection.saw(done.log_size)
        return done.id

    def run(self, replay_id: UUID, told: Told) -> None:
        """Have the server go on with a replay, and return when it has ended or was stopped."""
        found = self.get(replay_id)
        if found.status != "running":
            self._posted(f"replays/{replay_id}/resume", ReplayView, None)
        pause = _FIRST_LOOKS_SECONDS
        while True:
            found = self.get(replay_id)
            told(found.run_count, found.prompt_count * found.repeat)
            if found.status != "running":
                return
            time.sleep(pause)
            pause = min(pause * 1.5, _LOOK_EVERY_SECONDS)

    def get(self, replay_id: UUID) -> ReplayView:
        """Return one replay, or raise `NotFoundError`."""
        return self._connection.get(f"replays/{replay_id}", ReplayView)

    def listed(self, *, limit: int, cursor: str | None = None) -> ReplayListView:
        """Return replays, the newest first."""
        return self._connection.get("replays", ReplayListView, limit=limit, cursor=cursor)

    def find(self, fragment: str) -> list[ReplayView]:
        """Return the replays whose id begins or ends with a `domain.ids.fragment`."""
        return self._connection.get("replays", ReplayListView, id=fragment, limit=_SEVERAL).replays

    def prompts(self, replay_id: UUID, *, limit: int, cursor: str | None = None) -> ReplayPromptsView:
        """Return prompts of a replay with their new answers, in order."""
        path = f"replays/{replay_id}/prompts"
        return self._connection.get(path, ReplayPromptsView, limit=limit, cursor=cursor)

    def cancel(self, replay_id: UUID) -> None:
        """Want no more of it."""
        self._book.commands.handle(CancelReplay(**self._who(), replay_id=replay_id))

    def erase(self, replay_id: UUID) -> None:
        """Destroy what its answers say, for ever."""
        self._book.commands.handle(EraseReplay(**self._who(), replay_id=replay_id))

    def _posted(self, path: str, kind: type[T], body: Any, *, key: str | None = None) -> T:
        headers = {} if key is None else {"Idempotency-Key": key}
        return read(self._connection.asked("POST", path, body=body, headers=headers).content, kind)

    def _who(self) -> dict[str, Any]:
        return {"actor": self._book.actor, "source": "cli"}


def _body(selection: Selection) -> dict[str, Any]:
    said = {
        "conversation_id": selection.conversation_id,
        "project_id": selection.project_id,
        "search": selection.search,
        "last": selection.last,
    }
    return {
        name: str(value) if isinstance(value, UUID) else value
        for name, value in said.items()
        if value is not None
    }
