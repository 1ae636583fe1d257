"""Handlers of holds and erasures.

Invariants: the erased event, the end of the key and the tombstone are one append, made by the log; what a
hold covers (a project's covers its conversations) is not erased; a project takes all its conversations along.
"""

from __future__ import annotations

import json

from application.commands import (
    Done,
    EraseConversation,
    EraseProject,
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

REQUEST = "request"
WITH_PROJECT = "project"


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
        RefusedError: it, or its project, is held.
        ContentErasedError: it was erased before.
    """
    if (before := _done_before(services, command)) is not None:
        return Done(command.conversation_id, before)
    attempt = 0
    while True:
        attempt += 1
        conversation = services.log.load(Conversation, command.conversation_id)
        must_stand_at(command.expected_version, conversation)
        if conversation.project_id is not None:
            services.log.load(Project, conversation.project_id).must_not_be_held()
        conversation.erase(REQUEST)
        try:
            saved = services.log.erase(
                [conversation], command.origin, idempotency=command.idempotency, result=_result(conversation)
            )
        except WrongVersionError:
            if attempt == TRIES:
                raise
        else:
            return Done(conversation.id, saved.log_size, conversation.version)


def erase_project(services: Services, command: EraseProject) -> Done:
    """Erase a project and all its conversations, in one append.

    A conversation that somebody opened in it at that very moment is erased in a second one.
    """
    if (before := _done_before(services, command)) is not None:
        return Done(command.project_id, before)
    attempt = 0
    while True:
        attempt += 1
        project = services.log.load(Project, command.project_id)
        must_stand_at(command.expected_version, project)
        project.erase(REQUEST)
        conversations = [
            services.log.load(Conversation, one) for one in services.memory.conversations_of(project.id)
        ]
        for conversation in conversations:
            conversation.erase(WITH_PROJECT)
        try:
            saved = services.log.erase(
                [*conversations, project],
                command.origin,
                idempotency=command.idempotency,
                result=_result(project),
            )
        except WrongVersionError:
            if attempt == TRIES:
                raise
        else:
            size = max(saved.log_size, _erase_latecomers(services, command))
            return Done(project.id, size, project.version)


def _erase_latecomers(services: Services, command: EraseProject) -> int:
    size = 0
    for one in services.memory.conversations_of(command.project_id):
        attempt = 0
        while True:
            attempt += 1
            conversation = services.log.load(Conversation, one)
            try:
                conversation.erase(WITH_PROJECT)
                size = services.log.erase([conversation], command.origin).log_size
            except WrongVersionError:
                if attempt == TRIES:
                    raise
            except ContentErasedError:
                break
            else:
                break
    return size


def _done_before(services: Services, command: EraseConversation | EraseProject) -> int | None:
    if command.idempotency is None:
        return None
    before = services.log.answered(command.origin, command.idempotency)
    return None if before is None else before.log_size


def _result(erased: Conversation | Project) -> bytes:
    return json.dumps({"id": str(erased.id)}).encode()


def _checked_reason(reason: str) -> str:
    text = checked_text(reason, "reason")
    if not text.strip():
        raise InvalidInputError("A hold needs a reason. Nothing was changed.", hint="--reason WHY")
    return text
