"""Handlers of what people say about messages: ratings of answers, and notes. No model is ever told."""

from __future__ import annotations

from application.commands import ChangeNote, Done, RateAnswer, RemoveNote, WriteNote
from application.deciding import change
from application.services import Services
from application.text_rules import checked_text
from domain.conversation.conversation import Conversation
from domain.errors import InvalidInputError
from domain.ids import new_id

MAX_REMARK_BYTES = 64 * 1024


def rate_answer(services: Services, command: RateAnswer) -> Done:
    """Rate an answer, or take its rating back.

    Raises:
        InvalidInputError: it is a prompt, or that is no rating, or words come without one.
        ConflictError: it is still being written.
    """
    words = None
    if command.words is not None and command.words.strip():
        if command.rating is None:
            raise InvalidInputError("Words belong to a rating, up or down. Nothing was recorded.")
        words = checked_text(command.words, "words", limit=MAX_REMARK_BYTES)
    return change(
        services.log,
        Conversation,
        command.conversation_id,
        lambda one: one.rate_answer(command.answer_id, command.rating, words),
        command,
    )


def write_note(services: Services, command: WriteNote) -> Done:
    """Put a note on a message, and return the note."""
    text = checked_text(command.text, "note", limit=MAX_REMARK_BYTES)
    note_id = new_id()
    return change(
        services.log,
        Conversation,
        command.conversation_id,
        lambda one: one.write_note(note_id, command.message_id, text),
        command,
        note_id,
    )


def change_note(services: Services, command: ChangeNote) -> Done:
    """Let a note say something else."""
    text = checked_text(command.text, "note", limit=MAX_REMARK_BYTES)
    return change(
        services.log,
        Conversation,
        command.conversation_id,
        lambda one: one.change_note(command.note_id, text),
        command,
        command.note_id,
    )


def remove_note(services: Services, command: RemoveNote) -> Done:
    """Show a note no more."""
    return change(
        services.log,
        Conversation,
        command.conversation_id,
        lambda one: one.remove_note(command.note_id),
        command,
        command.note_id,
    )
