"""Replays held against what was recorded, of a book that is here; for one behind a server see `remote/`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import NotFoundError
from domain.ids import short
from interfaces.comparing.gathering import gathered

if TYPE_CHECKING:
    from interfaces.book import WholeBook
    from interfaces.comparison_views import ComparisonView


class ComparingHere:
    """The part `comparing` of a book that this process has open."""

    def __init__(self, book: WholeBook) -> None:
        self._book = book

    def compare(self, replay_id: UUID, *, at_least: int | None = None) -> ComparisonView:
        """Return a replay's new answers against the recorded ones.

        Raises:
            NotFoundError: the book has no such replay.
        """
        found = self._book.replays.get(replay_id, at_least=at_least)
        if found is None:
            raise NotFoundError(
                f"There is no replay {short(replay_id)} in this book.", hint="daybook replay list"
            )
        answers = self._book.replays.answers(replay_id)
        return gathered(
            self._book.transcript,
            replay_id=replay_id,
            status=found.status,
            models=[found.model],
            old_answer_ids=found.answer_ids,
            new_answers=answers,
        )
