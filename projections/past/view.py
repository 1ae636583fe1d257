"""The book as of a moment, and who opens such views."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from projections.past.conversations import PastConversations
from projections.past.happenings import Happening, Happenings
from projections.past.projects import PastProjects
from projections.past.search import PastSearch
from projections.past.transcript import PastTranscript

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from domain.content import Vault
    from projections.past.history import History, Moment
    from projections.reading import Opens


@dataclass(frozen=True)
class View:
    """What the book showed at a moment."""

    moment: Moment
    _reading: Opens
    _history: History
    _vault: Vault

    @cached_property
    def conversations(self) -> PastConversations:
        """Lists conversations."""
        return PastConversations(self._reading, self._history, self._vault, self.moment)

    @cached_property
    def transcript(self) -> PastTranscript:
        """Shows messages."""
        return PastTranscript(self._reading, self._history, self._vault, self.moment)

    @cached_property
    def projects(self) -> PastProjects:
        """Shows projects."""
        return PastProjects(self._reading, self._history, self._vault, self.moment)

    @cached_property
    def search(self) -> PastSearch:
        """Finds messages."""
        return PastSearch(self._reading, self._history, self._vault, self.moment)


class Past:
    """Opens views of the past."""

    def __init__(self, reading: Opens, history: History, vault: Vault) -> None:
        self._reading = reading
        self._history = history
        self._vault = vault

    def at(self, wanted: int | datetime) -> View:
        """Return the book as of a log index (events up to and including it) or of a time.

        Raises:
            NotFoundError: the log has no such event, or none that early.
        """
        return View(self._history.moment(wanted), self._reading, self._history, self._vault)

    def happenings(self, conversation_id: UUID, *, after: int = 0, limit: int = 100) -> tuple[Happening, ...]:
        """Return what happened to a conversation behind version `after` of it, in order."""
        return Happenings(self._history, self._vault).of(conversation_id, after=after, limit=limit)
