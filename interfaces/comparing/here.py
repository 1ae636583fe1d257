"""Replays held against what was recorded, of a book that is here; for one behind a server see `remote/`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import NotFoundError
from domain.ids import short
from domain.replay.likeness import verdict
from interfaces.comparing.gathering import NewAnswer, gathered

if TYPE_CHECKING:
    from interfaces.book import WholeBook
    from interfaces.comparison_views import ComparisonView
    from projections.replays.queries import ReplayRun


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
        prompts = self._book.replays.prompts(replay_id)
        return gathered(
            self._book.transcript,
            replay_id=replay_id,
            status=found.status,
            models=[found.model],
            old_answer_ids=[one.answer_id for one in prompts],
            skipped={one.answer_id: one.skipped for one in prompts if one.skipped is not None},
            new_answers=[_new(found.model, one.answer_id, run) for one in prompts for run in one.runs],
        )


def _new(model: str, answer_id: UUID, run: ReplayRun) -> NewAnswer:
    return NewAnswer(
        old_answer_id=answer_id,
        repeat=run.repeat,
        model=model,
        status=run.status,
        text=None if run.erased else run.text,
        verdict=None if run.likeness is None else verdict(run.likeness).value,
        likeness=run.likeness,
        prompt_tokens=run.prompt_tokens,
        completion_tokens=run.completion_tokens,
        first_token_ms=run.first_token_ms,
        total_ms=run.total_ms,
        eval_ms=run.eval_ms,
        detail=run.detail,
    )
