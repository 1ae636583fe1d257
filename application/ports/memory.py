"""The ports through which the write side looks something up before it decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports.model_server import ModelCard


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


class Memory(Protocol):
    """What earlier events say, opened. Every answer is as fresh as the log was when the question was put."""

    def texts(self, message_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Return the texts of messages; erased ones are missing."""
        ...

    def instructions(self, project_id: UUID) -> Instructions | None:
        """Return a project's instructions, or None where it has none."""
        ...

    def prompt_instructions(self, prompt_id: UUID) -> str | None:
        """Return the instructions that came with a prompt."""
        ...

    def conversations_of(self, project_id: UUID) -> Sequence[UUID]:
        """Return the conversations of a project that are not erased."""
        ...

    def derived_from(self, conversation_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Return the other conversations copied from these, and copies of those, that are not erased."""
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
