"""The ports through which the write side looks something up before it decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from application.ports.model_server import ModelCard
from domain.routine.definition import Definition


@dataclass(frozen=True)
class Instructions:
    """A project's instructions, and the version of its stream that set them."""

    text: str
    version: int


@dataclass(frozen=True)
class StreamingAnswer:
    """An answer that has started and not ended, as the read model knows it."""

    answer_id: UUID
    conversation_id: UUID
    owner_id: UUID


@dataclass(frozen=True, kw_only=True)
class RecordedPrompt:
    """A prompt with all that it says, as `PromptCopied` names it."""

    said_at: int
    text: str
    instructions: str | None


@dataclass(frozen=True, kw_only=True)
class RecordedAnswer:
    """An answer with all that is known of it, as `AnswerCopied` names it."""

    status: str
    said_at: int
    ended_at: int | None
    owner_id: UUID
    model: str
    context_length: int
    sent_message_ids: Sequence[UUID]
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
    text: str
    thinking: str
    detail: str | None
    options: Mapping[str, Any]


@dataclass(frozen=True)
class RecordedRoutine:
    """A version of a routine, and what it says."""

    version: int
    definition: Definition


class Memory(Protocol):
    """What earlier events say, opened. Every answer is as fresh as the log was when the question was put."""

    def texts(self, message_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Return the texts of messages; erased ones are missing."""
        ...

    def recorded(self, message_ids: Sequence[UUID]) -> Sequence[RecordedPrompt | RecordedAnswer]:
        """Return messages whole, in the order asked for.

        Raises:
            ContentErasedError, ContentDamagedError: one of them cannot be read any more.
        """
        ...

    def title(self, conversation_id: UUID) -> str | None:
        """Return the title that somebody gave a conversation."""
        ...

    def untitled(self, since: datetime) -> Sequence[UUID]:
        """Return conversations active since then that have an answer and no title, newest first, a few."""
        ...

    def instructions(self, project_id: UUID) -> Instructions | None:
        """Return a project's instructions, or None where it has none."""
        ...

    def instructions_at(self, project_id: UUID, version: int) -> Instructions | None:
        """Return what a project's instructions were set to by the event of this version, or None."""
        ...

    def default_options(self, project_id: UUID) -> Mapping[str, Any]:
        """Return a project's default options; empty where it has none."""
        ...

    def prompt_instructions(self, prompt_id: UUID) -> str | None:
        """Return the instructions that came with a prompt."""
        ...

    def asked_in(self, answer_id: UUID) -> UUID | None:
        """Return the conversation in which a model was asked for an answer; None: in another book.

        For a copy that is the one it was copied from, at first.
        """
        ...

    def conversations_of(self, project_id: UUID) -> Sequence[UUID]:
        """Return the conversations of a project that are not erased."""
        ...

    def derived_from(self, conversation_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Return the other conversations copied from these, and copies of those, that are not erased."""
        ...

    def routine(self, routine_id: UUID, version: int | None = None) -> RecordedRoutine | None:
        """Return a version of a routine (None: the newest), or None where it never had that.

        Raises:
            ContentErasedError, ContentDamagedError: it cannot be read any more.
        """
        ...

    def routines_named(self, name: str) -> Sequence[UUID]:
        """Return the routines of exactly this name that were not removed, oldest first."""
        ...

    def streaming_answers(self) -> Sequence[StreamingAnswer]:
        """Return all answers that have started and not ended."""
        ...


class ModelMemory(Protocol):
    """What model servers said of their models earlier; the first call of a model must not wait for it."""

    def recall(self, name: str) -> ModelCard | None:
        """Return what was known last, or None."""
        ...

    def remember(self, card: ModelCard) -> None:
        """Keep it for next time."""
        ...
