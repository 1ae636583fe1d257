"""Holds and erasures. An erasure that was begun is finished, whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from application.commands import (
    Edit,
    EraseConversation,
    EraseProject,
    EraseRoutine,
    HoldConversation,
    HoldProject,
    ReleaseConversation,
    ReleaseProject,
)
from domain.errors import DaybookError
from interfaces import erasures
from interfaces.erasures import ErasureView, Taken
from interfaces.finishing import finish
from interfaces.http.api.bodies import Erasure, Reason
from interfaces.http.api.conversations import found_conversation
from interfaces.http.api.describing import DONE, TAGGED, long
from interfaces.http.api.giving import give
from interfaces.http.api.projects import found_project
from interfaces.http.api.requests import AtLeast, EditorOf, IfNoneMatch, ServerOf
from interfaces.http.api.routines import found_routine
from interfaces.http.logs import tell
from interfaces.http.long_work import Report, Result, in_thread, respond
from interfaces.http.presenting import must_not_be_erased
from interfaces.http.rendering import JsonResponse, done, versioned
from interfaces.http.server import Server
from interfaces.views import DoneView, ErasedView, HoldListView

router = APIRouter(tags=["holds and erasures"])

WithDerived = Annotated[bool, Query(description="With what was copied from it (forks, replays).")]


@router.get("/holds", operation_id="listHolds", response_model=HoldListView)
def list_holds(server: ServerOf, at_least: AtLeast) -> Response:
    """List what must not be erased, and why; projects first."""
    return JsonResponse(HoldListView(holds=erasures.all_holds(server.book, at_least=at_least)))


@router.post(
    "/conversations/{conversation_id}/hold",
    operation_id="holdConversation",
    response_model=DoneView,
    responses=DONE,
)
def hold_conversation(conversation_id: UUID, body: Reason, server: ServerOf, editor: EditorOf) -> Response:
    """Forbid a conversation's erasure until it is released."""
    command = HoldConversation(conversation_id=conversation_id, reason=body.reason, **editor.fields)
    return done(give(server, command))


@router.post(
    "/conversations/{conversation_id}/release",
    operation_id="releaseConversation",
    response_model=DoneView,
    responses=DONE,
)
def release_conversation(conversation_id: UUID, body: Reason, server: ServerOf, editor: EditorOf) -> Response:
    """Allow a conversation's erasure again."""
    command = ReleaseConversation(conversation_id=conversation_id, reason=body.reason, **editor.fields)
    return done(give(server, command))


@router.post(
    "/projects/{project_id}/hold", operation_id="holdProject", response_model=DoneView, responses=DONE
)
def hold_project(project_id: UUID, body: Reason, server: ServerOf, editor: EditorOf) -> Response:
    """Forbid the erasure of a project and its conversations until it is released."""
    return done(give(server, HoldProject(project_id=project_id, reason=body.reason, **editor.fields)))


@router.post(
    "/projects/{project_id}/release", operation_id="releaseProject", response_model=DoneView, responses=DONE
)
def release_project(project_id: UUID, body: Reason, server: ServerOf, editor: EditorOf) -> Response:
    """Allow a project's erasure again."""
    return done(give(server, ReleaseProject(project_id=project_id, reason=body.reason, **editor.fields)))


@router.get(
    "/conversations/{conversation_id}/erasure",
    operation_id="previewConversationErasure",
    response_model=ErasureView,
    responses=TAGGED,
)
def preview_conversation_erasure(
    conversation_id: UUID,
    server: ServerOf,
    at_least: AtLeast,
    *,
    with_derived: WithDerived = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Say what erasing a conversation would take; nothing is changed."""
    found = found_conversation(server.book, conversation_id, at_least)
    must_not_be_erased("Conversation", found)
    taken = erasures.of_conversation(server.book, found, with_derived=with_derived)
    return versioned(erasures.view(taken), taken.version, if_none_match)


@router.get(
    "/projects/{project_id}/erasure",
    operation_id="previewProjectErasure",
    response_model=ErasureView,
    responses=TAGGED,
)
def preview_project_erasure(
    project_id: UUID,
    server: ServerOf,
    at_least: AtLeast,
    *,
    with_derived: WithDerived = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Say what erasing a project would take with it; nothing is changed."""
    found = found_project(server, project_id, at_least)
    must_not_be_erased("Project", found)
    taken = erasures.of_project(server.book, found, with_derived=with_derived)
    return versioned(erasures.view(taken), taken.version, if_none_match)


@router.post(
    "/conversations/{conversation_id}/erasure",
    operation_id="eraseConversation",
    response_model=ErasedView,
    responses=long("What the erasure did.", "done", ErasedView),
)
async def erase_conversation(
    conversation_id: UUID, request: Request, server: ServerOf, editor: EditorOf, body: Erasure | None = None
) -> Response:
    """Destroy the key of a conversation's content, for ever; goes on to its end without watchers."""
    along = (body or Erasure()).with_derived
    command = EraseConversation(conversation_id=conversation_id, with_derived=along, **editor.fields)

    def taken() -> Taken:
        found = found_conversation(server.book, conversation_id, server.book.events.size())
        return erasures.of_conversation(server.book, found, with_derived=along)

    work = in_thread(server, lambda report: _erase(server, command, taken, report))
    return await respond(server, request, "eraseConversation", work, reads=False)


@router.post(
    "/projects/{project_id}/erasure",
    operation_id="eraseProject",
    response_model=ErasedView,
    responses=long("What the erasure did.", "done", ErasedView),
)
async def erase_project(
    project_id: UUID, request: Request, server: ServerOf, editor: EditorOf, body: Erasure | None = None
) -> Response:
    """Destroy the keys of a project and all its conversations, for ever; goes on without watchers."""
    along = (body or Erasure()).with_derived
    command = EraseProject(project_id=project_id, with_derived=along, **editor.fields)

    def taken() -> Taken:
        found = found_project(server, project_id, server.book.events.size())
        if found.erased_at is not None:  # asked again under the same key: told from what is left
            return erasures.went_with_project(server.book, found)
        return erasures.of_project(server.book, found, with_derived=along)

    work = in_thread(server, lambda report: _erase(server, command, taken, report))
    return await respond(server, request, "eraseProject", work, reads=False)


@router.get(
    "/routines/{routine_id}/erasure",
    operation_id="previewRoutineErasure",
    response_model=ErasureView,
    responses=TAGGED,
)
def preview_routine_erasure(
    routine_id: UUID, server: ServerOf, at_least: AtLeast, if_none_match: IfNoneMatch = None
) -> Response:
    """Say what erasing a routine would take: all its versions. What it was run for stays."""
    found = found_routine(server, routine_id, at_least)
    must_not_be_erased("Routine", found)
    taken = erasures.of_routine(found)
    return versioned(erasures.view(taken), taken.version, if_none_match)


@router.post(
    "/routines/{routine_id}/erasure",
    operation_id="eraseRoutine",
    response_model=ErasedView,
    responses=long("What the erasure did.", "done", ErasedView),
)
async def erase_routine(routine_id: UUID, request: Request, server: ServerOf, editor: EditorOf) -> Response:
    """Destroy the key of all versions of a routine, for ever; goes on to its end without watchers."""
    command = EraseRoutine(routine_id=routine_id, **editor.fields)

    def taken() -> Taken:
        return erasures.of_routine(found_routine(server, routine_id, server.book.events.size()))

    work = in_thread(server, lambda report: _erase(server, command, taken, report))
    return await respond(server, request, "eraseRoutine", work, reads=False)


def _erase(server: Server, command: Edit, look: Callable[[], Taken], report: Report) -> Result:
    taken = look()
    erased = give(server, command)
    tell(
        "erased",
        kind=taken.kind,
        id=taken.id,
        correlation_id=command.correlation_id,
        actor=command.actor,
    )
    try:
        # Whoever may erase need not be let near the keys: the process finishes what they began.
        rotated, scrubbed = finish(server.whole.book, report)
        finished = scrubbed and rotated.rewritten
    except DaybookError:
        finished = False  # erased it is all the same; what is left is done by the next rotation
    view = ErasedView(
        id=erased.id,
        log_size=erased.log_size,
        conversation_count=len(taken.all),
        message_count=taken.messages,
        finished=finished,
        derived_count=len(taken.derived) if taken.with_derived else 0,
        remaining_derived_ids=[] if taken.with_derived else [one.id for one in taken.derived],
    )
    return Result(view, log_size=erased.log_size, version=erased.version)
