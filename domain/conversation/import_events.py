"""What can happen to a conversation that is taken in from a file. Fields are content unless listed as plain.

What comes from a file is a copy, and readers treat it as one; the events beside say what a copy does not
have. Moments are microseconds since 1970, those of the original; the log's own time says when it was taken
in.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.conversation.events import AnswerCopied, NoteWritten, PromptCopied
from domain.event import Event, catalogue

SOURCE = "import"
"""Through what events of an import come: they say what a file says, not that somebody was active here."""


@catalogue.register("conversation.imported", plain="imported_id imported_from began_at changed_at")
class ConversationImported(Event):
    """It was taken in from a file, whole or what was new there; this comes last in such an append.

    `imported_id` is its id where it was first recorded, `imported_from` what recorded it there (`daybook`,
    `llm`); it began and last changed there at the two moments.
    """

    imported_id: UUID
    imported_from: str
    began_at: int
    changed_at: int


@catalogue.register(
    "conversation.prompt-imported", plain="message_id parent_id origin_message_id said_at imported_id"
)
class PromptImported(PromptCopied):
    """A prompt of a file; `imported_id` is its id where it was first recorded."""

    imported_id: UUID


@catalogue.register(
    "conversation.answer-imported",
    plain="message_id prompt_id origin_message_id status said_at ended_at owner_id model context_length "
    "sent_message_ids cut_count instructions_project_id instructions_version think request_hash reason "
    "model_digest prompt_tokens completion_tokens total_ms load_ms prompt_eval_ms eval_ms first_token_ms "
    "imported_id",
)
class AnswerImported(AnswerCopied):
    """An answer of a file, with how it ended and what made it, as far as the file says so.

    What it does not say is 0, empty or the id of zeros. `request_hash` is as it was, under a key of the book
    in which the model was asked.
    """

    imported_id: UUID


@catalogue.register(
    "conversation.note-imported",
    plain="note_id message_id written_at changed_at imported_id",
    version=2,
)
class NoteImported(NoteWritten):
    """A note of a file; `imported_id` is its id where it was first recorded, if that is known."""

    written_at: int
    changed_at: int | None
    imported_id: UUID | None


@catalogue.upcast("conversation.note-imported", 1, plain="note_id message_id written_at changed_at")
def _of_no_known_note(stored: dict[str, Any]) -> dict[str, Any]:
    """Where a note was first recorded was not kept then."""
    return {**stored, "imported_id": None}
