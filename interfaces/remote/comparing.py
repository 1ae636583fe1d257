"""Replays held against what was recorded, of a book behind a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.comparison_views import ComparisonView

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.remote.connection import Connection


class RemoteComparing:
    """Compares replays."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def compare(self, replay_id: UUID, *, at_least: int | None = None) -> ComparisonView:
        """Return a replay's new answers against the recorded ones."""
        if at_least is not None:
            self._connection.saw(at_least)
        return self._connection.get(f"replays/{replay_id}/comparison", ComparisonView)
