"""Erasing, holds and wrapping keys anew, of a book that is here; for one behind a server see `remote/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces import erasures
from interfaces.finishing import finish
from interfaces.upkeep_views import RotatedView
from interfaces.views import ErasedView

if TYPE_CHECKING:
    from application.erasing import Erasing
    from interfaces.book import WholeBook
    from interfaces.erasures import ErasureView
    from interfaces.parts import Told
    from interfaces.views import HoldView
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails
    from projections.routines.queries import RoutineDetails


class ErasingHere:
    """The part `erasing` of a book that this process has open."""

    def __init__(self, book: WholeBook) -> None:
        self._book = book

    def of_conversation(self, found: ConversationSummary, *, with_derived: bool) -> ErasureView:
        """Say what the erasure of a conversation takes; nothing is changed."""
        return erasures.view(erasures.of_conversation(self._book, found, with_derived=with_derived))

    def of_project(self, found: ProjectDetails, *, with_derived: bool) -> ErasureView:
        """Say what the erasure of a project takes; nothing is changed."""
        return erasures.view(erasures.of_project(self._book, found, with_derived=with_derived))

    def of_routine(self, found: RoutineDetails) -> ErasureView:
        """Say what the erasure of a routine takes; nothing is changed."""
        return erasures.view(erasures.of_routine(found))

    def erase(self, command: Erasing, seen: ErasureView, told: Told) -> ErasedView:
        """Erase what was seen, and clear up behind it. The errors are those of the command's handler."""
        done = self._book.commands.handle(command)
        along = getattr(command, "with_derived", False)
        rotated, scrubbed = finish(self._book, told.progress, rewriting=told.rewriting)
        return ErasedView(
            id=done.id,
            log_size=done.log_size,
            conversation_count=seen.conversation_count,
            message_count=seen.message_count,
            finished=scrubbed and rotated.rewritten,
            derived_count=len(seen.derived) if along else 0,
            remaining_derived_ids=[] if along else [one.id for one in seen.derived],
        )

    def rotate(self, told: Told) -> RotatedView:
        """Rewrite the read models' tables where something was erased, and wrap all keys anew."""
        rotated, scrubbed = finish(self._book, told.progress, rewriting=told.rewriting)
        return RotatedView(
            epoch=rotated.epoch,
            rewrapped_count=rotated.rewrapped_count,
            finished=rotated.rewritten and scrubbed,
        )

    def holds(self) -> list[HoldView]:
        """Return everything that is held, projects first."""
        return erasures.all_holds(self._book)
