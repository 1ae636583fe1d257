"""What made an answer what it is, of a book behind a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.explanation_views import ExplanationView

if TYPE_CHECKING:
    from uuid import UUID

    from interfaces.remote.connection import Connection


class RemoteExplaining:
    """Explains answers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def explain(self, answer_id: UUID, *, at_least: int | None = None) -> ExplanationView:
        """Return an answer with everything that made it."""
        if at_least is not None:
            self._connection.saw(at_least)
        return self._connection.get(f"answers/{answer_id}/explanation", ExplanationView)
