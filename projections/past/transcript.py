"""Messages as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from projections.past.folding import folded
from projections.transcript.projector import Transcript
from projections.transcript.queries import TranscriptQueries

if TYPE_CHECKING:
    from domain.content import Vault
    from projections.past.history import History, Moment
    from projections.reading import Opens
    from projections.transcript.messages import Message, Node


class PastTranscript:
    """Shows messages as they were at a moment."""

    def __init__(self, reading: Opens, history: History, vault: Vault, moment: Moment) -> None:
        self._reading = reading
        self._history = history
        self._vault = vault
        self._up_to = moment.log_index
        self._now = TranscriptQueries(reading, vault)

    def branch(
        self,
        conversation_id: UUID,
        leaf_id: UUID | None = None,
        *,
        limit: int | None = None,
        at_least: int | None = None,
    ) -> tuple[Message, ...]:
        """Return the branch ending in a message (None: the one current then), root first."""
        with self._of(conversation_id, at_least) as queries:
            return queries.branch(conversation_id, leaf_id, limit=limit)

    def current(self, conversation_id: UUID, *, at_least: int | None = None) -> UUID | None:
        """Return the message in which the current branch ended."""
        with self._of(conversation_id, at_least) as queries:
            return queries.current(conversation_id)

    def message(self, message_id: UUID, *, at_least: int | None = None) -> Message | None:
        """Return one message, or None where the book had none of this id."""
        now = self._now.message(message_id, at_least=at_least)
        if now is None:
            return None
        with self._of(now.conversation_id, None) as queries:
            return queries.message(message_id)

    def find(self, fragment: str, *, limit: int = 5, at_least: int | None = None) -> tuple[Message, ...]:
        """Return the messages whose id begins or ends with a `domain.ids.fragment`."""
        now = self._now.find(fragment, limit=limit, at_least=at_least)
        then = (self.message(one.id) for one in now)
        return tuple(one for one in then if one is not None)

    def children(self, message_id: UUID, *, at_least: int | None = None) -> tuple[Message, ...]:
        """Return the messages that followed a message, oldest first."""
        now = self._now.message(message_id, at_least=at_least)
        if now is None:
            return ()
        with self._of(now.conversation_id, None) as queries:
            return queries.children(message_id)

    def tree(
        self, conversation_id: UUID, *, beginnings: bool = False, at_least: int | None = None
    ) -> tuple[Node, ...]:
        """Return every message of a conversation without its text, oldest first."""
        with self._of(conversation_id, at_least) as queries:
            return queries.tree(conversation_id, beginnings=beginnings)

    def last_answer_of_actor(self, actor: str, *, at_least: int | None = None) -> Message | None:
        """Return, as it was then, the answer that this actor last asked for until now."""
        now = self._now.last_answer_of_actor(actor, at_least=at_least)
        return None if now is None else self.message(now.id)

    @contextmanager
    def _of(self, conversation_id: UUID, at_least: int | None) -> Iterator[TranscriptQueries]:
        with folded(
            self._reading, self._history, self._vault, Transcript(), self._up_to, at_least=at_least
        ) as fold:
            fold.add([conversation_id])
            yield TranscriptQueries(fold, self._vault)
