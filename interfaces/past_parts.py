"""What views of the book as it was offer, here and against a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from interfaces.parts import Search
    from projections.conversations.queries import ConversationPage, ConversationSummary
    from projections.conversations.wanted import Sort, Wanted
    from projections.past.happenings import Happening
    from projections.past.history import Moment
    from projections.projects.queries import ProjectDetails
    from projections.transcript.messages import Message


class SeenConversations(Protocol):
    """Shows conversations as of a moment."""

    def listed(
        self, wanted: Wanted, *, sort: Sort = "activity", limit: int = 50, cursor: str | None = None
    ) -> ConversationPage:
        """Return the conversations wanted, in an order."""
        ...

    def get(self, conversation_id: UUID) -> ConversationSummary | None:
        """Return one conversation, or None where the book had none of this id."""
        ...

    def latest_of_actor(self, actor: str) -> ConversationSummary | None:
        """Return the conversation in which this actor last asked or moved."""
        ...

    def find(self, fragment: str) -> tuple[ConversationSummary, ...]:
        """Return the conversations whose id begins or ends with a `domain.ids.fragment`."""
        ...


class SeenTranscript(Protocol):
    """Shows messages as of a moment."""

    def branch(
        self, conversation_id: UUID, leaf_id: UUID | None = None, *, limit: int | None = None
    ) -> tuple[Message, ...]:
        """Return the branch ending in a message (None: the current one), root first; or its last `limit`."""
        ...

    def message(self, message_id: UUID) -> Message | None:
        """Return one message, or None where the book had none of this id."""
        ...

    def find(self, fragment: str) -> tuple[Message, ...]:
        """Return the messages whose id begins or ends with a `domain.ids.fragment`."""
        ...

    def last_answer_of_actor(self, actor: str) -> Message | None:
        """Return the answer that this actor last asked for."""
        ...


class SeenProjects(Protocol):
    """Shows projects as of a moment."""

    def all(self, *, include_archived: bool = False) -> tuple[ProjectDetails, ...]:
        """Return the projects, oldest first."""
        ...

    def get(self, project_id: UUID) -> ProjectDetails | None:
        """Return one project, or None where the book had none of this id."""
        ...


class Seen(Protocol):
    """The book as of a moment."""

    @property
    def moment(self) -> Moment:
        """The last event that counts, and its time."""
        ...

    @property
    def conversations(self) -> SeenConversations:
        """Lists conversations."""
        ...

    @property
    def transcript(self) -> SeenTranscript:
        """Shows messages."""
        ...

    @property
    def projects(self) -> SeenProjects:
        """Shows projects."""
        ...

    @property
    def search(self) -> Search:
        """Finds messages."""
        ...


class Past(Protocol):
    """Shows the book as it was, and how conversations came to be."""

    def at(self, wanted: int | datetime) -> Seen:
        """Return the book as of a log index, or of a time."""
        ...

    def happenings(self, conversation_id: UUID, *, after: int = 0, limit: int = 100) -> tuple[Happening, ...]:
        """Return what happened to a conversation behind version `after` of it, in order."""
        ...
