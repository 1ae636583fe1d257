"""The conversation aggregate: a tree of messages that never loses a leaf.

Invariants: every message but a root has a parent in the tree; a prompt follows an answer or nothing, an
answer follows a prompt; an answer ends once, except that a completion after an interruption is accepted and
wins; the current message is one of the tree; what is held is not erased, and once erased it refuses every
command. Texts are not held here: nothing below depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.conversation import events as e
from domain.errors import (
    ConflictError,
    ContentErasedError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from domain.event import Event, Root, catalogue
from domain.ids import short


class Kind(StrEnum):
    """What a message is."""

    PROMPT = "prompt"
    ANSWER = "answer"


class Status(StrEnum):
    """Where an answer is in its life (`queued` is live state and never folded from events)."""

    QUEUED = "queued"
    STREAMING = "streaming"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Message:
    """One node of the tree. `status` is None for prompts."""

    id: UUID
    kind: Kind
    parent_id: UUID | None
    status: Status | None


class Conversation(Root):
    """Guards the tree; `start` makes a new one."""

    messages: dict[UUID, Message]
    current_id: UUID | None
    project_id: UUID | None
    archived: bool
    last_model: str | None
    held: bool
    erased: bool

    def __init__(self, project_id: UUID | None) -> None:
        """Called by the library when the first event is applied."""
        self.messages = {}
        self.current_id = None
        self.project_id = project_id
        self.archived = False
        self.last_model = None
        self.held = False
        self.erased = False

    @classmethod
    def start(cls, conversation_id: UUID, *, project_id: UUID | None, title: str | None) -> Conversation:
        """Open a conversation."""
        return cls._create(e.ConversationStarted, id=conversation_id, project_id=project_id, title=title)

    def add_prompt(
        self, message_id: UUID, text: str, *, parent_id: UUID | None, instructions: str | None = None
    ) -> None:
        """Add a prompt after an answer (or as a root) and make it current.

        Raises:
            RefusedError: the conversation is archived.
            ConflictError: the answer to go on from is still streaming.
            InvalidInputError: the text is empty, or the parent is a prompt.
        """
        self._must_be_open()
        self._must_be_new(message_id)
        if not text.strip():
            raise InvalidInputError(
                "The prompt is empty. Nothing was recorded.", hint='daybook ask "your question"'
            )
        if parent_id is not None:
            parent = self.message(parent_id)
            if parent.kind is Kind.PROMPT:
                raise InvalidInputError(
                    f"Message {short(parent_id)} is a prompt; a prompt follows an answer. Nothing was "
                    "recorded."
                )
            if parent.status is Status.STREAMING:
                raise ConflictError(
                    f"Answer {short(parent_id)} is still being written. Nothing was recorded; ask again "
                    "when it ended."
                )
        self.trigger_event(
            e.PromptAdded, message_id=message_id, parent_id=parent_id, text=text, instructions=instructions
        )

    def start_answer(self, message_id: UUID, *, prompt_id: UUID, **provenance: Any) -> None:
        """Record that a model is about to be asked to answer a prompt, and make that answer current."""
        self._must_be_open()
        self._must_be_new(message_id)
        if self.message(prompt_id).kind is not Kind.PROMPT:
            raise InvalidInputError(f"Message {short(prompt_id)} is an answer; only prompts are answered.")
        self.trigger_event(e.AnswerStarted, message_id=message_id, prompt_id=prompt_id, **provenance)

    def complete_answer(self, message_id: UUID, **outcome: Any) -> None:
        """Record the model's whole answer.

        Accepted after an interruption too: the process was only suspended.
        """
        self._must_be_unfinished(message_id, or_interrupted=True)
        self.trigger_event(e.AnswerCompleted, message_id=message_id, **outcome)

    def cancel_answer(self, message_id: UUID, **outcome: Any) -> None:
        """Record that a person stopped the answer, with the text so far."""
        self._must_be_unfinished(message_id)
        self.trigger_event(e.AnswerCancelled, message_id=message_id, **outcome)

    def fail_answer(self, message_id: UUID, **outcome: Any) -> None:
        """Record that the model server failed, with the text so far."""
        self._must_be_unfinished(message_id)
        self.trigger_event(e.AnswerFailed, message_id=message_id, **outcome)

    def interrupt_answer(self, message_id: UUID, *, text: str, thinking: str, reason: str) -> None:
        """Record that the answering process is gone, with the text it had saved."""
        self._must_be_unfinished(message_id)
        self.trigger_event(
            e.AnswerInterrupted, message_id=message_id, text=text, thinking=thinking, reason=reason
        )

    def go_on_from(self, message_id: UUID | None) -> None:
        """Make another branch current: the one that ends in this answer (None: a fresh start).

        Raises:
            InvalidInputError: it is a prompt; the next prompt could not follow it.
        """
        self._must_be_open()
        if message_id is not None and self.message(message_id).kind is Kind.PROMPT:
            raise InvalidInputError(
                f"Message {short(message_id)} is a prompt; a conversation goes on from an answer, or from "
                "its "
                "beginning. Nothing was changed."
            )
        if message_id != self.current_id:
            self.trigger_event(e.CurrentBranchChanged, message_id=message_id)

    def rename(self, title: str) -> None:
        """Give it a title."""
        self._must_not_be_erased()
        if not title.strip():
            raise InvalidInputError("A title cannot be empty. The old one stays.")
        self.trigger_event(e.ConversationRenamed, title=title)

    def archive(self) -> None:
        """Put it out of the way; already there is fine."""
        self._must_not_be_erased()
        if not self.archived:
            self.trigger_event(e.ConversationArchived)

    def restore(self) -> None:
        """Bring it back; already there is fine."""
        self._must_not_be_erased()
        if self.archived:
            self.trigger_event(e.ConversationRestored)

    def hold(self, reason: str) -> None:
        """Forbid its erasure until it is released."""
        self._must_not_be_erased()
        if self.held:
            raise RefusedError(f"Conversation {short(self.id)} is held already. Nothing was changed.")
        self.trigger_event(e.ConversationHeld, reason=reason)

    def release(self, reason: str) -> None:
        """Allow its erasure again."""
        self._must_not_be_erased()
        if not self.held:
            raise RefusedError(f"Conversation {short(self.id)} is not held. Nothing was changed.")
        self.trigger_event(e.ConversationReleased, reason=reason)

    def erase(self, reason_kind: str) -> None:
        """Say that its content goes for ever; whoever appends this destroys the key with it.

        Raises:
            RefusedError: it is held.
        """
        self._must_not_be_erased()
        if self.held:
            raise RefusedError(
                f"Conversation {short(self.id)} is held. Nothing was erased.",
                hint=f"daybook hold release {short(self.id)} --reason WHY",
            )
        self.trigger_event(e.ConversationErased, reason_kind=reason_kind)

    def message(self, message_id: UUID) -> Message:
        """Return one message of the tree, or raise `NotFoundError`."""
        try:
            return self.messages[message_id]
        except KeyError:
            raise NotFoundError(
                f"Conversation {short(self.id)} has no message {short(message_id)}."
            ) from None

    def branch(self, message_id: UUID | None) -> list[Message]:
        """Return the path from the root to a message, root first."""
        path: list[Message] = []
        while message_id is not None:
            message = self.messages[message_id]
            path.append(message)
            message_id = message.parent_id
        return path[::-1]

    def streaming(self) -> list[UUID]:
        """Return the answers that have not ended."""
        return [message.id for message in self.messages.values() if message.status is Status.STREAMING]

    def _must_not_be_erased(self) -> None:
        if self.erased:
            raise ContentErasedError(
                f"Conversation {short(self.id)} was erased; nothing can be recorded in it any more."
            )

    def _must_be_open(self) -> None:
        self._must_not_be_erased()
        if self.archived:
            raise RefusedError(
                f"Conversation {short(self.id)} is archived. Nothing was recorded.",
                hint=f"daybook restore {short(self.id)}",
            )

    def _must_be_new(self, message_id: UUID) -> None:
        if message_id in self.messages:
            raise ConflictError(f"There is a message {short(message_id)} already. Nothing was recorded.")

    def _must_be_unfinished(self, message_id: UUID, *, or_interrupted: bool = False) -> None:
        self._must_not_be_erased()
        status = self.message(message_id).status
        if status is Status.STREAMING or (or_interrupted and status is Status.INTERRUPTED):
            return
        raise ConflictError(f"Answer {short(message_id)} has already ended ({status or 'it is a prompt'}).")

    def fold(self, event: Event) -> None:  # noqa: C901 - one case an event
        """Change the tree as the event says."""
        match event:
            case e.PromptAdded():
                self._add(Message(event.message_id, Kind.PROMPT, event.parent_id, None))
            case e.AnswerStarted():
                self._add(Message(event.message_id, Kind.ANSWER, event.prompt_id, Status.STREAMING))
                self.last_model = event.model
            case e.AnswerCompleted():
                self._end(event.message_id, Status.COMPLETE)
            case e.AnswerCancelled():
                self._end(event.message_id, Status.CANCELLED)
            case e.AnswerFailed():
                self._end(event.message_id, Status.FAILED)
            case e.AnswerInterrupted():
                self._end(event.message_id, Status.INTERRUPTED)
            case e.CurrentBranchChanged():
                self.current_id = event.message_id
            case e.ConversationArchived():
                self.archived = True
            case e.ConversationRestored():
                self.archived = False
            case e.ConversationHeld() | e.ConversationReleased():
                self.held = isinstance(event, e.ConversationHeld)
            case e.ConversationErased():
                self.erased = True
            case _:
                pass

    def _add(self, message: Message) -> None:
        self.messages[message.id] = message
        self.current_id = message.id

    def _end(self, message_id: UUID, status: Status) -> None:
        self.messages[message_id] = replace(self.messages[message_id], status=status)


catalogue.aggregate("conversation", Conversation)
