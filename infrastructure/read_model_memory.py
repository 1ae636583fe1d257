"""What the write side looks up before it decides, answered by the read models (which catch up first).

Invariant: what was altered is an error here; nothing is sent to a model with a hole in it that nobody sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from application.ports.memory import (
    Instructions,
    RecordedAnswer,
    RecordedPrompt,
    RecordedRoutine,
    StreamingAnswer,
)
from domain.errors import ContentErasedError
from domain.moments import to_micros
from projections.conversations.queries import ConversationQueries
from projections.projects.queries import ProjectQueries
from projections.routines.queries import RoutineQueries
from projections.transcript.messages import Message
from projections.transcript.queries import TranscriptQueries


class ReadModelMemory:
    """The `Memory` port. The queries it is given must see the whole log as it is when they begin."""

    def __init__(
        self,
        transcript: TranscriptQueries,
        projects: ProjectQueries,
        conversations: ConversationQueries,
        routines: RoutineQueries,
    ) -> None:
        self._transcript = transcript
        self._projects = projects
        self._conversations = conversations
        self._routines = routines

    def texts(self, message_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Return the texts of messages; erased ones are missing."""
        return self._transcript.texts(message_ids)

    def recorded(self, message_ids: Sequence[UUID]) -> Sequence[RecordedPrompt | RecordedAnswer]:
        """Return messages whole, in the order asked for."""
        found = self._transcript.messages(message_ids)
        if len(found) != len(message_ids) or any(message.erased for message in found):
            raise ContentErasedError("The content of this conversation was erased. Nothing was recorded.")
        return [_recorded(message.whole()) for message in found]

    def title(self, conversation_id: UUID) -> str | None:
        """Return the title that somebody gave a conversation."""
        found = self._conversations.get(conversation_id)
        return found.title if found is not None and found.titled and found.title else None

    def untitled(self, since: datetime) -> Sequence[UUID]:
        """Return conversations active since then that have an answer and no title, newest first, a few."""
        return self._conversations.untitled(since)

    def instructions(self, project_id: UUID) -> Instructions | None:
        """Return a project's instructions, or None where it has none."""
        project = self._projects.get(project_id)
        if project is not None and project.damage is not None:
            raise project.damage
        if project is None or not project.instructions or project.instructions_version is None:
            return None
        return Instructions(project.instructions, project.instructions_version)

    def instructions_at(self, project_id: UUID, version: int) -> Instructions | None:
        """Return what a project's instructions were set to by the event of this version, or None."""
        for found in self._projects.instructions(project_id):
            if found.version == version:
                if found.damage is not None:
                    raise found.damage
                return Instructions(found.text, version)
        return None

    def default_options(self, project_id: UUID) -> Mapping[str, Any]:
        """Return a project's default options; empty where it has none."""
        project = self._projects.get(project_id)
        if project is not None and project.damage is not None:
            raise project.damage
        return {} if project is None else project.default_options

    def prompt_instructions(self, prompt_id: UUID) -> str | None:
        """Return the instructions that came with a prompt."""
        message = self._transcript.message(prompt_id)
        return None if message is None else message.whole().instructions

    def asked_in(self, answer_id: UUID) -> UUID | None:
        """Return the conversation in which a model was asked for an answer; None: in another book."""
        found = self._transcript.message(answer_id)
        while found is not None and found.imported_id is None:
            if found.origin_message_id is None:
                return found.conversation_id
            found = self._transcript.message(found.origin_message_id)
        return None

    def conversations_of(self, project_id: UUID) -> Sequence[UUID]:
        """Return the conversations of a project that are not erased."""
        return self._conversations.of_project(project_id)

    def derived_from(self, conversation_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Return the other conversations copied from these, and copies of those, that are not erased."""
        return [found.id for found in self._conversations.derived(conversation_ids)]

    def routine(self, routine_id: UUID, version: int | None = None) -> RecordedRoutine | None:
        """Return a version of a routine (None: the newest), or None where it never had that."""
        found = self._routines.versions(routine_id, number=version)
        if not found:
            return None
        newest = found[-1]
        if newest.damage is not None:
            raise newest.damage
        if newest.erased:
            raise ContentErasedError("The content of this routine was erased. Nothing was recorded.")
        return RecordedRoutine(newest.number, newest.definition)

    def routines_named(self, name: str) -> Sequence[UUID]:
        """Return the routines of exactly this name that were not removed."""
        return [found.id for found in self._routines.named(name)]

    def streaming_answers(self) -> Sequence[StreamingAnswer]:
        """Return all answers that have started and not ended."""
        return [
            StreamingAnswer(answer.answer_id, answer.conversation_id, answer.owner_id)
            for answer in self._transcript.streaming_answers()
        ]


def _recorded(message: Message) -> RecordedPrompt | RecordedAnswer:
    known = message.provenance
    if known is None:
        return RecordedPrompt(
            said_at=to_micros(message.at), text=message.text, instructions=message.instructions
        )
    return RecordedAnswer(
        status=message.status or "",
        said_at=to_micros(message.at),
        ended_at=None if message.ended_at is None else to_micros(message.ended_at),
        owner_id=known.owner_id,
        model=known.model,
        context_length=known.context_length,
        sent_message_ids=known.sent_message_ids,
        cut_count=known.cut_count,
        instructions_project_id=known.instructions_project_id,
        instructions_version=known.instructions_version,
        think=known.think,
        request_hash=known.request_hash,
        reason=message.reason,
        model_digest=known.model_digest,
        prompt_tokens=message.usage.prompt_tokens,
        completion_tokens=message.usage.completion_tokens,
        total_ms=message.timings.total_ms,
        load_ms=message.timings.load_ms,
        prompt_eval_ms=message.timings.prompt_eval_ms,
        eval_ms=message.timings.eval_ms,
        first_token_ms=message.timings.first_token_ms,
        text=message.text,
        thinking=message.thinking,
        detail=message.detail,
        options=known.options,
    )
