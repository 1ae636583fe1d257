"""What goes into an export, gathered page by page: one conversation's tree and a few texts at a time.

Invariant: each conversation is shown as it was at one moment; one that changes while others are written is
there once, and none is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.errors import ContentErasedError, NotFoundError
from domain.ids import short

if TYPE_CHECKING:
    from interfaces.book import WholeBook
    from projections.conversations.queries import ConversationSummary
    from projections.projects.queries import ProjectDetails
    from projections.transcript.messages import Message, Node

_PAGE = 50
_WALK = 200


@dataclass(frozen=True)
class Chosen:
    """What to export: one conversation, one project with its conversations, or everything (both None)."""

    conversation_id: UUID | None = None
    project_id: UUID | None = None

    @property
    def scope(self) -> str:
        """The word for it in the file."""
        if self.conversation_id is not None:
            return "conversation"
        return "all" if self.project_id is None else "project"


@dataclass(frozen=True)
class Gathered:
    """One conversation, and every message's place in it, oldest first."""

    summary: ConversationSummary
    nodes: Sequence[Node]
    texts: Callable[[Sequence[UUID]], Iterator[Message]]
    origin_id: UUID | None

    def messages(self, ids: Sequence[UUID] | None = None) -> Iterator[Message]:
        """Yield messages in this order (None: as they were recorded)."""
        return self.texts([node.id for node in self.nodes] if ids is None else ids)


class Gathering:
    """One export of a book that is here. `told` hears how many conversations are done, of how many."""

    def __init__(
        self,
        book: WholeBook,
        wanted: Chosen,
        now: datetime,
        told: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> None:
        self.wanted = wanted
        self.now = now
        self.log_size = book.events.size()
        self._book = book
        self._told = told
        self.alone = self._single()

    def _single(self) -> ConversationSummary | None:
        """Look for what was named before anything is written.

        Raises:
            NotFoundError, ContentErasedError: it is not there any more.
        """
        wanted = self.wanted
        if wanted.conversation_id is not None:
            found = self._book.conversations.get(wanted.conversation_id, at_least=self.log_size)
            if found is None:
                raise NotFoundError(
                    f"There is no conversation {short(wanted.conversation_id)} in this book.",
                    hint="daybook list",
                )
            if found.erased:
                raise ContentErasedError(
                    f"Conversation {short(found.id)} was erased; there is nothing to export."
                )
            return found
        if wanted.project_id is not None:
            project = self._project(wanted.project_id)
            if project.erased:
                raise ContentErasedError(
                    f"Project {short(project.id)} was erased; there is nothing to export."
                )
        return None

    def _project(self, project_id: UUID) -> ProjectDetails:
        found = self._book.projects.get(project_id, at_least=self.log_size)
        if found is None:
            raise NotFoundError(
                f"There is no project {short(project_id)} in this book.", hint="daybook project list"
            )
        return found

    def projects(self) -> Iterator[ProjectDetails]:
        """Yield the projects of it. A conversation alone goes without its project's instructions."""
        if self.wanted.project_id is not None:
            yield self._project(self.wanted.project_id)
        elif self.wanted.conversation_id is None:
            for project in self._book.projects.all(include_archived=True, at_least=self.log_size):
                if not project.erased:
                    yield project

    def conversations(self) -> Iterator[Gathered]:
        """Yield the conversations of it, those that are erased meanwhile left out."""
        if self.alone is not None:
            yield self._gathered(self.alone)
            return
        ids = [*self._ids()]
        for done, one in enumerate(ids):
            self._told(done, len(ids))
            found = self._book.conversations.get(one)
            if found is not None and not found.erased:
                yield self._gathered(found)
        self._told(len(ids), len(ids))

    def titles(self) -> Iterator[tuple[UUID, str]]:
        """Yield the ids and titles of its conversations, in their order."""
        for one in self._ids():
            found = self._book.conversations.get(one)
            if found is not None and not found.erased:
                yield found.id, found.title

    def _ids(self) -> Iterator[UUID]:
        after: UUID | None = None
        while True:
            page = self._book.conversations.walk(
                after, project_id=self.wanted.project_id, limit=_WALK, at_least=self.log_size
            )
            yield from page
            if len(page) < _WALK:
                return
            after = page[-1]

    def _gathered(self, found: ConversationSummary) -> Gathered:
        nodes = self._book.transcript.tree(found.id, at_least=found.last_index + 1)
        return Gathered(found, nodes, self._messages, self._origin(found))

    def _origin(self, found: ConversationSummary) -> UUID | None:
        """Return what it was copied from, under the id of where that was first recorded."""
        if found.origin_conversation_id is None:
            return None
        origin = self._book.conversations.get(found.origin_conversation_id)
        return found.origin_conversation_id if origin is None else origin.imported_id or origin.id

    def _messages(self, ids: Sequence[UUID]) -> Iterator[Message]:
        for start in range(0, len(ids), _PAGE):
            yield from self._book.transcript.messages(ids[start : start + _PAGE])
