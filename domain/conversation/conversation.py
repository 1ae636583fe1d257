"""The conversation aggregate: a tree of messages that never loses a leaf.

Invariants: every message but a root has a parent in the tree; a prompt follows an answer or nothing, an
answer follows a prompt; an answer ends once, except that a completion after an interruption is accepted and
wins; the current message is one of the tree; a note is on a message of the tree. What guards its project, its
tags and its erasure is in `filing.py`. Texts are not held here: nothing below depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from uuid import UUID

from domain.conversation import events as e
from domain.conversation import import_events as i
from domain.conversation.filing import Filed, as_bytes, as_uuid, uuids
from domain.conversation.tree import Kind, Message, MessageTree, PackedTree, Status
from domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from domain.event import Event, Facts, catalogue
from domain.ids import short

__all__ = ["Conversation", "Kind", "Message", "Status"]


RATINGS = frozenset({"up", "down"})
_ENDED = frozenset({Status.COMPLETE, Status.CANCELLED, Status.FAILED, Status.INTERRUPTED})


class Conversation(Filed):
    """Guards the tree; `start` makes a new one."""

    picture_format: ClassVar[int] = 4

    messages: MessageTree
    notes: dict[UUID, UUID]
    removed_notes: set[UUID]
    rated: set[UUID]
    current_id: UUID | None
    last_model: str | None

    def __init__(self, project_id: UUID | None) -> None:
        """Called by the library when the first event is applied."""
        super().__init__(project_id)
        self.messages = MessageTree()
        self.notes = {}
        self.removed_notes = set()
        self.rated = set()
        self.current_id = None
        self.last_model = None

    @classmethod
    def start(
        cls,
        conversation_id: UUID,
        *,
        project_id: UUID | None,
        title: str | None,
        origin_conversation_id: UUID | None = None,
        origin_message_id: UUID | None = None,
    ) -> Conversation:
        """Open a conversation; a copy names what it was copied from."""
        return cls._create(
            e.ConversationStarted,
            id=conversation_id,
            project_id=project_id,
            title=title,
            origin_conversation_id=origin_conversation_id,
            origin_message_id=origin_message_id,
        )

    def add_prompt(
        self, message_id: UUID, text: str, *, parent_id: UUID | None, instructions: str | None = None
    ) -> None:
        """Add a prompt after an answer (or as a root) and make it current.

        Raises:
            RefusedError: the conversation is archived.
            ConflictError: the answer to go on from is still streaming.
            InvalidInputError: the text is empty, or the parent is a prompt.
        """
        self.must_be_open()
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
                    "recorded.",
                    hint=f"daybook retry {short(parent_id)}",
                )
            _must_have_ended(parent, "ask again when it ended")
        self.trigger_event(
            e.PromptAdded, message_id=message_id, parent_id=parent_id, text=text, instructions=instructions
        )

    def note_routine(
        self, message_id: UUID, *, routine_id: UUID, routine_version: int, variables: Mapping[str, str]
    ) -> None:
        """Say which version of a routine made a prompt, and with which values."""
        if self.message(message_id).kind is not Kind.PROMPT:
            raise InvalidInputError(f"Message {short(message_id)} is an answer; routines make prompts.")
        self.trigger_event(
            e.RoutineRun,
            message_id=message_id,
            routine_id=routine_id,
            routine_version=routine_version,
            variables=dict(variables),
        )

    def start_answer(self, message_id: UUID, *, prompt_id: UUID, **provenance: Any) -> None:
        """Record that a model is about to be asked to answer a prompt, and make that answer current."""
        self.must_be_open()
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

    def interrupt_answer(self, message_id: UUID, **outcome: Any) -> None:
        """Record that the answering process ended, with the text it had saved and what else is known."""
        self._must_be_unfinished(message_id)
        self.trigger_event(e.AnswerInterrupted, message_id=message_id, **{**e.UNTOLD, **outcome})

    def go_on_from(self, message_id: UUID | None, *, to_end: bool = False) -> None:
        """Make another branch current: the one that ends in this answer (None: a fresh start).

        Args:
            message_id: the answer; `to_end` takes a prompt as well.
            to_end: go on down from it, along what was added last, to where nothing follows.

        Raises:
            InvalidInputError: it is a prompt; the next prompt could not follow it.
        """
        self.must_be_open()
        if message_id is not None:
            message = self.message(message_id)
            if to_end:
                message = self.messages.newest_below(message_id)
            if message.kind is Kind.PROMPT:
                raise InvalidInputError(
                    f"Message {short(message.id)} is a prompt; a conversation goes on from an answer, or "
                    "from its beginning. Nothing was changed.",
                    hint=f"daybook retry {short(message.id)}",
                )
            message_id = message.id
        if message_id != self.current_id:
            self.trigger_event(e.CurrentBranchChanged, message_id=message_id)

    def give_to_fork(self, message_id: UUID, fork_id: UUID) -> None:
        """Say that the branch which ends in a message is copied into another conversation.

        Raises:
            ConflictError: the message is an answer that is still being written.
        """
        self.must_not_be_erased()
        _must_have_ended(self.message(message_id), "fork it when it ended")
        self.trigger_event(e.ConversationForked, message_id=message_id, fork_id=fork_id)

    def copy_prompt(self, message_id: UUID, *, parent_id: UUID | None, **told: Any) -> None:
        """Take in a prompt of the conversation that this one is copied from, and make it current.

        `told` is what `PromptCopied` says.
        """
        self._take_prompt(e.PromptCopied, message_id, parent_id, told)

    def copy_answer(self, message_id: UUID, *, prompt_id: UUID, **told: Any) -> None:
        """Take in an answer of the conversation that this one is copied from, and make it current.

        `told` is what `AnswerCopied` says.
        """
        self._take_answer(e.AnswerCopied, message_id, prompt_id, told)

    def import_prompt(self, message_id: UUID, *, parent_id: UUID | None, **told: Any) -> None:
        """Take in a prompt of a file, and make it current; `told` is what `PromptImported` says."""
        self.must_not_be_erased()
        self._take_prompt(i.PromptImported, message_id, parent_id, told)

    def import_answer(self, message_id: UUID, *, prompt_id: UUID, **told: Any) -> None:
        """Take in an answer of a file, and make it current; `told` is what `AnswerImported` says.

        Raises:
            InvalidInputError: it has not ended; nobody here would ever end it.
        """
        self.must_not_be_erased()
        if told["status"] not in _ENDED:
            raise InvalidInputError(f"Answer {short(message_id)} has not ended ({told['status']}).")
        self._take_answer(i.AnswerImported, message_id, prompt_id, told)

    def import_note(self, note_id: UUID, message_id: UUID, text: str, **told: Any) -> None:
        """Take in a note of a file; `told` is what `NoteImported` says."""
        self._must_take_note(note_id, message_id, text)
        self.trigger_event(i.NoteImported, note_id=note_id, message_id=message_id, text=text, **told)

    def end_import(self, current_id: UUID | None, **told: Any) -> None:
        """Say what was taken in, and choose the branch to go on with; `told` is what the event says."""
        self.must_not_be_erased()
        if current_id is not None:
            self.message(current_id)
        if current_id != self.current_id:
            self.trigger_event(e.CurrentBranchChanged, message_id=current_id)
        self.trigger_event(i.ConversationImported, **told)

    def rate_answer(self, message_id: UUID, rating: str | None, words: str | None) -> None:
        """Say that an answer is good or bad (None: nothing any more), and perhaps why.

        Raises:
            InvalidInputError: it is a prompt, or that is no rating.
            ConflictError: it is still being written.
        """
        self.must_not_be_erased()
        message = self.message(message_id)
        if message.kind is Kind.PROMPT:
            raise InvalidInputError(
                f"Message {short(message_id)} is a prompt; answers are rated. Nothing was recorded.",
                hint=f"daybook note {short(message_id)} TEXT",
            )
        if rating is not None and rating not in RATINGS:
            raise InvalidInputError(
                f"{rating!r} is no rating; an answer is rated up or down. Nothing was recorded."
            )
        _must_have_ended(message, "rate it when it ended")
        self.trigger_event(e.AnswerRated, message_id=message_id, rating=rating, words=words)

    def write_note(self, note_id: UUID, message_id: UUID, text: str) -> None:
        """Put a note on a message."""
        self._must_take_note(note_id, message_id, text)
        self.trigger_event(e.NoteWritten, note_id=note_id, message_id=message_id, text=text)

    def change_note(self, note_id: UUID, text: str) -> None:
        """Let a note say something else."""
        self._must_have_note(note_id)
        _must_say_something(text)
        self.trigger_event(e.NoteChanged, note_id=note_id, text=text)

    def remove_note(self, note_id: UUID) -> None:
        """Show a note no more; the log keeps it until the conversation is erased."""
        self._must_have_note(note_id)
        self.trigger_event(e.NoteRemoved, note_id=note_id)

    def message(self, message_id: UUID) -> Message:
        """Return one message of the tree, or raise `NotFoundError`."""
        try:
            return self.messages[message_id]
        except KeyError:
            raise NotFoundError(
                f"Conversation {short(self.id)} has no message {short(message_id)}."
            ) from None

    def had_note(self, note_id: UUID) -> bool:
        """Return whether there is such a note, or was one that somebody removed."""
        return note_id in self.notes or note_id in self.removed_notes

    def branch(self, message_id: UUID | None) -> Iterator[Message]:
        """Yield the branch that ends in a message, newest first."""
        return self.messages.up(message_id)

    def depth(self, message_id: UUID | None) -> int:
        """Return how many messages are in the branch that ends in a message."""
        return self.messages.depth(message_id)

    def streaming(self) -> list[UUID]:
        """Return the answers that have not ended."""
        return self.messages.streaming()

    def _must_have_note(self, note_id: UUID) -> None:
        self.must_not_be_erased()
        if note_id not in self.notes:
            raise NotFoundError(
                f"Conversation {short(self.id)} has no note {short(note_id)}. Nothing was changed.",
                hint=f"daybook show {short(self.id)}",
            )

    def _must_take_note(self, note_id: UUID, message_id: UUID, text: str) -> None:
        self.must_not_be_erased()
        if note_id in self.notes:
            raise ConflictError(f"There is a note {short(note_id)} already. Nothing was recorded.")
        self.message(message_id)
        _must_say_something(text)

    def _take_prompt(
        self, kind: type[e.PromptCopied], message_id: UUID, parent_id: UUID | None, told: Mapping[str, Any]
    ) -> None:
        self._must_be_new(message_id)
        if parent_id is not None and self.message(parent_id).kind is Kind.PROMPT:
            raise InvalidInputError(f"Message {short(parent_id)} is a prompt; a prompt follows an answer.")
        self.trigger_event(kind, message_id=message_id, parent_id=parent_id, **told)

    def _take_answer(
        self, kind: type[e.AnswerCopied], message_id: UUID, prompt_id: UUID, told: Mapping[str, Any]
    ) -> None:
        self._must_be_new(message_id)
        if self.message(prompt_id).kind is not Kind.PROMPT:
            raise InvalidInputError(f"Message {short(prompt_id)} is an answer; only prompts are answered.")
        self.trigger_event(kind, message_id=message_id, prompt_id=prompt_id, **told)

    def _must_be_new(self, message_id: UUID) -> None:
        if message_id in self.messages:
            raise ConflictError(f"There is a message {short(message_id)} already. Nothing was recorded.")

    def _must_be_unfinished(self, message_id: UUID, *, or_interrupted: bool = False) -> None:
        self.must_not_be_erased()
        status = self.message(message_id).status
        if status is Status.STREAMING or (or_interrupted and status is Status.INTERRUPTED):
            return
        raise ConflictError(f"Answer {short(message_id)} has already ended ({status or 'it is a prompt'}).")

    def fold(self, event: Event) -> None:  # noqa: C901 - one case an event
        """Change the tree as the event says."""
        match event:
            case e.PromptAdded() | e.PromptCopied():
                self._add(event.message_id, event.parent_id, None)
            case e.AnswerStarted():
                self._add(event.message_id, event.prompt_id, Status.STREAMING)
                self.last_model = event.model
            case e.AnswerCompleted():
                self.messages.end(event.message_id, Status.COMPLETE)
            case e.AnswerCancelled():
                self.messages.end(event.message_id, Status.CANCELLED)
            case e.AnswerFailed():
                self.messages.end(event.message_id, Status.FAILED)
            case e.AnswerInterrupted():
                self.messages.end(event.message_id, Status.INTERRUPTED)
            case e.CurrentBranchChanged():
                self.current_id = event.message_id
            case e.AnswerCopied():
                self._add(event.message_id, event.prompt_id, Status(event.status))
                self.last_model = event.model
            case e.NoteWritten():
                self.notes[event.note_id] = event.message_id
            case e.NoteRemoved():
                del self.notes[event.note_id]
                self.removed_notes.add(event.note_id)
            case e.AnswerRated():
                self.rated.add(event.message_id)
            case _:
                self.fold_filing(event)

    def _add(self, message_id: UUID, parent_id: UUID | None, status: Status | None) -> None:
        self.messages.add(message_id, parent_id, status)
        self.current_id = message_id

    def facts(self) -> Facts:
        """Return everything that is guarded; who adds to it raises `picture_format`."""
        return {
            **self.filing_facts(),
            "current_id": as_bytes(self.current_id),
            "last_model": self.last_model,
            "notes": b"".join(one.bytes for pair in self.notes.items() for one in pair),
            "removed_notes": b"".join(one.bytes for one in sorted(self.removed_notes)),
            "rated": b"".join(one.bytes for one in sorted(self.rated)),
            **self.messages.packed()._asdict(),
        }

    def stand_as(self, facts: Facts) -> None:
        """Take over what `facts` returned."""
        self.file_as(facts)
        self.current_id = as_uuid(facts["current_id"])
        self.last_model = facts["last_model"]
        self.messages = MessageTree(PackedTree(facts["ids"], facts["parents"], facts["marks"]))
        ids = uuids(facts["notes"])
        self.notes = dict(zip(ids[::2], ids[1::2], strict=True))
        self.removed_notes = set(uuids(facts["removed_notes"]))
        self.rated = set(uuids(facts["rated"]))


def _must_have_ended(message: Message, then: str) -> None:
    if message.status is Status.STREAMING:
        raise ConflictError(
            f"Answer {short(message.id)} is still being written. Nothing was recorded; {then}."
        )


def _must_say_something(note: str) -> None:
    if not note.strip():
        raise InvalidInputError("The note is empty. Nothing was recorded.")


catalogue.aggregate("conversation", Conversation)
