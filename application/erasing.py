"""Handlers of holds and erasures.

Invariants: the erased event, the end of the key and the tombstone are one append, made by the log; what a
hold covers (a project's covers its conversations) is not erased; a project takes all its conversations along;
copies and what a routine was run for have keys of their own; copies go when that is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TypeAlias
from uuid import UUID

from application.commands import (
    Done,
    EraseConversation,
    EraseProject,
    EraseRoutine,
    HoldConversation,
    HoldProject,
    ReleaseConversation,
    ReleaseProject,
)
from application.deciding import TRIES, change, must_stand_at
from application.services import Services
from application.text_rules import checked_text
from domain.conversation.conversation import Conversation
from domain.errors import ContentErasedError, InvalidInputError, WrongVersionError
from domain.project.project import Project
from domain.routine.routine import Routine

Erasable: TypeAlias = Conversation | Project | Routine
Erasing: TypeAlias = EraseConversation | EraseProject | EraseRoutine

REQUEST = "request"
WITH_PROJECT = "project"
DERIVED = "derived"


def hold_conversation(services: Services, command: HoldConversation) -> Done:
    """Forbid a conversation's erasure."""
    reason = _checked_reason(command.reason)
    return change(services.log, Conversation, command.conversation_id, lambda one: one.hold(reason), command)


def release_conversation(services: Services, command: ReleaseConversation) -> Done:
    """Allow a conversation's erasure again."""
    reason = _checked_reason(command.reason)
    return change(
        services.log, Conversation, command.conversation_id, lambda one: one.release(reason), command
    )


def hold_project(services: Services, command: HoldProject) -> Done:
    """Forbid the erasure of a project and its conversations."""
    reason = _checked_reason(command.reason)
    return change(services.log, Project, command.project_id, lambda one: one.hold(reason), command)


def release_project(services: Services, command: ReleaseProject) -> Done:
    """Allow a project's erasure again."""
    reason = _checked_reason(command.reason)
    return change(services.log, Project, command.project_id, lambda one: one.release(reason), command)


def erase_conversation(services: Services, command: EraseConversation) -> Done:
    """Erase one conversation, trying again where somebody wrote to it at the same moment.

    Raises:
        RefusedError: it, its project, or a copy that shall go with it, is held.
        ContentErasedError: it was erased before.
    """

    def taken() -> list[Erasable]:
        conversation = services.log.load(Conversation, command.conversation_id)
        must_stand_at(command.expected_version, conversation)
        conversation.erase(REQUEST)
        _projects_must_not_be_held(services, [conversation])
        return [conversation, *_derived(services, command, [conversation.id])]

    def late() -> Sequence[tuple[UUID, str]]:
        return _derived_latecomers(services, command, [command.conversation_id])

    return _erase(services, command, command.conversation_id, taken, late)


def erase_project(services: Services, command: EraseProject) -> Done:
    """Erase a project and all conversations that are in it now, in one append.

    What somebody opened in it, or moved into it, at that very moment is erased in a second one.

    Raises:
        RefusedError: it, one of its conversations, or a copy that shall go with them, is held.
        ContentErasedError: it was erased before.
    """
    inside: list[UUID] = []

    def taken() -> list[Erasable]:
        project = services.log.load(Project, command.project_id)
        must_stand_at(command.expected_version, project)
        project.erase(REQUEST)
        inside[:] = services.memory.conversations_of(project.id)
        conversations = [one for one in _loaded(services, inside) if one.project_id == project.id]
        for conversation in conversations:
            conversation.erase(WITH_PROJECT)
        return [*conversations, *_derived(services, command, inside), project]

    def late() -> Sequence[tuple[UUID, str]]:
        found = services.memory.conversations_of(command.project_id)
        derived = _derived_latecomers(services, command, [*inside, *found])
        return [*((one, WITH_PROJECT) for one in found), *derived]

    return _erase(services, command, command.project_id, taken, late)


def erase_routine(services: Services, command: EraseRoutine) -> Done:
    """Erase all versions of a routine; the conversations it was run for stay.

    Raises:
        ContentErasedError: it was erased before.
    """

    def taken() -> list[Erasable]:
        routine = services.log.load(Routine, command.routine_id)
        must_stand_at(command.expected_version, routine)
        routine.erase(REQUEST)
        return [routine]

    return _erase(services, command, command.routine_id, taken, list)


def _erase(
    services: Services,
    command: Erasing,
    target: UUID,
    taken: Callable[[], list[Erasable]],
    late: Callable[[], Sequence[tuple[UUID, str]]],
) -> Done:
    """Erase what `taken` returns in one append, then what `late` finds to have come meanwhile."""
    if (before := _done_before(services, command)) is not None:
        return Done(target, before)
    result = json.dumps({"id": str(target)}).encode()
    attempt = 0
    while True:
        attempt += 1
        aggregates = taken()
        try:
            saved = services.log.erase(
                aggregates, command.origin, idempotency=command.idempotency, result=result
            )
        except WrongVersionError:
            if attempt == TRIES:
                raise
        else:
            size = max(saved.log_size, _erase_latecomers(services, command, late()))
            version = next(one.version for one in aggregates if one.id == target)
            return Done(target, size, None if saved.replayed else version)


def _loaded(services: Services, conversation_ids: Sequence[UUID]) -> list[Conversation]:
    return [services.log.load(Conversation, one) for one in conversation_ids]


def _derived(
    services: Services, command: EraseConversation | EraseProject, origins: Sequence[UUID]
) -> list[Conversation]:
    """Return what was copied from these, to be erased with them; nothing where that was not asked for."""
    if not command.with_derived:
        return []
    copies = [services.log.load(Conversation, one) for one in services.memory.derived_from(origins)]
    _projects_must_not_be_held(services, copies)
    for copy in copies:
        copy.erase(DERIVED)
    return copies


def _derived_latecomers(
    services: Services, command: EraseConversation | EraseProject, origins: Sequence[UUID]
) -> list[tuple[UUID, str]]:
    return [(one, DERIVED) for one in services.memory.derived_from(origins)] if command.with_derived else []


def _projects_must_not_be_held(services: Services, conversations: Sequence[Conversation]) -> None:
    for project_id in {one.project_id for one in conversations if one.project_id is not None}:
        services.log.load(Project, project_id).must_not_be_held()


def _erase_latecomers(
    services: Services,
    command: Erasing,
    latecomers: Sequence[tuple[UUID, str]],
) -> int:
    size = 0
    for one, reason_kind in latecomers:
        attempt = 0
        while True:
            attempt += 1
            conversation = services.log.load(Conversation, one)
            if reason_kind == WITH_PROJECT and conversation.project_id != _project_of(command):
                break  # moved away meanwhile
            try:
                conversation.erase(reason_kind)
                size = services.log.erase([conversation], command.origin).log_size
            except WrongVersionError:
                if attempt == TRIES:
                    raise
            except ContentErasedError:
                break
            else:
                break
    return size


def _project_of(command: Erasing) -> UUID | None:
    return command.project_id if isinstance(command, EraseProject) else None


def _done_before(services: Services, command: Erasing) -> int | None:
    if command.idempotency is None:
        return None
    before = services.log.answered(command.origin, command.idempotency)
    return None if before is None else before.log_size


def _checked_reason(reason: str) -> str:
    text = checked_text(reason, "reason")
    if not text.strip():
        raise InvalidInputError("A hold needs a reason. Nothing was changed.", hint="--reason WHY")
    return text
