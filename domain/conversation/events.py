"""What can happen to a conversation. Fields are content unless listed as plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.content import OptionalText, Options, Text
from domain.event import Created, Event, catalogue


@catalogue.register(
    "conversation.started", plain="project_id origin_conversation_id origin_message_id", version=2
)
class ConversationStarted(Created):
    """A person opened a conversation, in a project or in none.

    The origin is what it was copied from (a fork, a replay): a conversation, and the message in which the
    copied branch ended; None: from nothing. A copy is under its own key and outlives its origin.
    """

    project_id: UUID | None
    title: OptionalText
    origin_conversation_id: UUID | None
    origin_message_id: UUID | None


@catalogue.upcast("conversation.started", 1, plain="project_id")
def _without_origin(stored: dict[str, Any]) -> dict[str, Any]:
    """Nothing was copied then, so there is no origin."""
    return {**stored, "origin_conversation_id": None, "origin_message_id": None}


@catalogue.register("conversation.prompt-added", plain="message_id parent_id")
class PromptAdded(Event):
    """A person asked; `instructions` stand over the project's for the answers to this prompt."""

    message_id: UUID
    parent_id: UUID | None
    text: Text
    instructions: OptionalText


@catalogue.register("conversation.routine-run", plain="message_id routine_id routine_version")
class RoutineRun(Event):
    """This prompt was made by a routine, of this version of it, with these values of its variables."""

    message_id: UUID
    routine_id: UUID
    routine_version: int
    variables: Options


@catalogue.register(
    "conversation.answer-started",
    plain="message_id prompt_id owner_id model context_length sent_message_ids cut_count "
    "instructions_project_id instructions_version think request_hash",
)
class AnswerStarted(Event):
    """A model was about to be asked; everything that makes the answer reproducible and is known beforehand.

    `sent_message_ids` are the prompts and answers sent, oldest first, the prompt included; `cut_count` says
    how many of the branch's oldest messages were left out because they did not fit (their ids would make each
    event as long as its conversation); `instructions_version` the version of the project's stream whose
    instructions were used (None: no project's); `request_hash` the HMAC-SHA-256 of the rendered request;
    `owner_id` the process.
    """

    message_id: UUID
    prompt_id: UUID
    owner_id: UUID
    model: str
    context_length: int
    sent_message_ids: tuple[UUID, ...]
    cut_count: int
    instructions_project_id: UUID | None
    instructions_version: int | None
    think: bool | str | None
    request_hash: bytes
    options: Options


_END = (
    "message_id model_digest prompt_tokens completion_tokens total_ms load_ms prompt_eval_ms eval_ms "
    "first_token_ms "
    "reason"
)


UNTOLD: Mapping[str, None] = dict.fromkeys(
    (
        "model_digest",
        "prompt_tokens",
        "completion_tokens",
        "total_ms",
        "load_ms",
        "prompt_eval_ms",
        "eval_ms",
        "first_token_ms",
    )
)
"""What an end says of the model's work when nothing is known of it."""


class _AnswerEnded(Event):
    """The text so far, and what the model server said of it.

    Durations in milliseconds; None where not told.
    """

    message_id: UUID
    text: Text
    thinking: Text
    reason: str
    model_digest: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_ms: float | None
    load_ms: float | None
    prompt_eval_ms: float | None
    eval_ms: float | None
    first_token_ms: float | None


@catalogue.register("conversation.answer-completed", plain=_END)
class AnswerCompleted(_AnswerEnded):
    """The model finished; `reason` is its own word (`stop`, `length`)."""


@catalogue.register("conversation.answer-cancelled", plain=_END)
class AnswerCancelled(_AnswerEnded):
    """A person stopped the answer."""


@catalogue.register("conversation.answer-failed", plain=_END)
class AnswerFailed(_AnswerEnded):
    """The model server failed; `reason` is a stable word, `detail` the message a person was shown."""

    detail: Text


@catalogue.register("conversation.answer-interrupted", plain=_END, version=2)
class AnswerInterrupted(_AnswerEnded):
    """The process that was answering ended; the text is what it had saved.

    A process that could still say so tells digest and timings too; of one that died nobody knows them.
    """


@catalogue.upcast("conversation.answer-interrupted", 1, plain="message_id reason")
def _interrupted_untold(stored: dict[str, Any]) -> dict[str, Any]:
    """Digest, counts and timings were not told then."""
    return {**stored, **UNTOLD}


@catalogue.register("conversation.current-changed", plain="message_id")
class CurrentBranchChanged(Event):
    """The conversation goes on from this message; None: from before its first."""

    message_id: UUID | None


@catalogue.register("conversation.forked", plain="message_id fork_id")
class ConversationForked(Event):
    """The branch that ends in this message was copied into a new conversation, in this very append.

    It stands here so that nothing can be copied out of a conversation which is being erased.
    """

    message_id: UUID
    fork_id: UUID


@catalogue.register("conversation.prompt-copied", plain="message_id parent_id origin_message_id said_at")
class PromptCopied(Event):
    """A prompt of the conversation that this one was copied from, encrypted anew.

    `said_at`: when it was recorded there, in microseconds since 1970. Only what was taken in from a file may
    have no `origin_message_id`.
    """

    message_id: UUID
    parent_id: UUID | None
    origin_message_id: UUID | None
    said_at: int
    text: Text
    instructions: OptionalText


@catalogue.register(
    "conversation.answer-copied",
    plain="message_id prompt_id origin_message_id status said_at ended_at owner_id model context_length "
    "sent_message_ids cut_count instructions_project_id instructions_version think request_hash reason "
    "model_digest prompt_tokens completion_tokens total_ms load_ms prompt_eval_ms eval_ms first_token_ms",
)
class AnswerCopied(Event):
    """An answer of the conversation that this one was copied from, with how it ended and what made it.

    Moments are microseconds since 1970. `sent_message_ids` are the copies of the messages that were sent;
    `request_hash` is as it was, under the key of the conversation in which the model was asked. What else
    there is means what it does when an answer starts and ends.
    """

    message_id: UUID
    prompt_id: UUID
    origin_message_id: UUID | None
    status: str
    said_at: int
    ended_at: int | None
    owner_id: UUID
    model: str
    context_length: int
    sent_message_ids: tuple[UUID, ...]
    cut_count: int
    instructions_project_id: UUID | None
    instructions_version: int | None
    think: bool | str | None
    request_hash: bytes
    reason: str | None
    model_digest: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_ms: float | None
    load_ms: float | None
    prompt_eval_ms: float | None
    eval_ms: float | None
    first_token_ms: float | None
    text: Text
    thinking: Text
    detail: OptionalText
    options: Options


@catalogue.register("conversation.answer-rated", plain="message_id rating")
class AnswerRated(Event):
    """A person found an answer good (`up`) or bad (`down`), or took that back (None); `words` may say why."""

    message_id: UUID
    rating: str | None
    words: OptionalText


@catalogue.register("conversation.note-written", plain="note_id message_id")
class NoteWritten(Event):
    """A person wrote a note on a message. No model is ever sent it."""

    note_id: UUID
    message_id: UUID
    text: Text


@catalogue.register("conversation.note-changed", plain="note_id")
class NoteChanged(Event):
    """A note says something else now."""

    note_id: UUID
    text: Text


@catalogue.register("conversation.note-removed", plain="note_id")
class NoteRemoved(Event):
    """A note is shown no more."""

    note_id: UUID


@catalogue.register("conversation.renamed")
class ConversationRenamed(Event):
    """The conversation has a new title."""

    title: Text


@catalogue.register("conversation.titled", plain="model")
class ConversationTitled(Event):
    """A model made a title, as nobody had given one; a person's own always stands over it."""

    title: Text
    model: str


@catalogue.register("conversation.moved", plain="project_id")
class ConversationMoved(Event):
    """It is in another project from now on; None: in none. What was answered before stays as it was made."""

    project_id: UUID | None


@catalogue.register("conversation.tagged", plain="tag_id")
class ConversationTagged(Event):
    """A person put a tag on it. Within the conversation, and only there, `tag_id` stands for the name.

    It is a keyed hash of the name under the conversation's own key, so it means nothing once that is gone.
    """

    tag_id: UUID
    name: Text


@catalogue.register("conversation.untagged", plain="tag_id")
class ConversationUntagged(Event):
    """A person took a tag off."""

    tag_id: UUID


@catalogue.register("conversation.pinned")
class ConversationPinned(Event):
    """Lists show it before others."""


@catalogue.register("conversation.unpinned")
class ConversationUnpinned(Event):
    """Lists show it in its turn again."""


@catalogue.register("conversation.held")
class ConversationHeld(Event):
    """It must not be erased until released."""

    reason: Text


@catalogue.register("conversation.released")
class ConversationReleased(Event):
    """It may be erased again."""

    reason: Text


@catalogue.register("conversation.erased", plain="reason_kind")
class ConversationErased(Event):
    """Its key was destroyed in this very transaction; nothing follows in its stream.

    An erased conversation has no key, so the event has no content: `reason_kind` is `request` where a person
    asked for this conversation, `project` where it went with its project, `derived` where it went with the
    conversation that it was copied from, `restore` where a backup from before the erasure was restored.
    """

    reason_kind: str


@catalogue.register("conversation.archived")
class ConversationArchived(Event):
    """Out of the way, not gone."""


@catalogue.register("conversation.restored")
class ConversationRestored(Event):
    """Back among the others."""
