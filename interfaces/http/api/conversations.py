"""Conversations: opening, listing, showing and changing them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from application.commands import (
    ArchiveConversation,
    ChangeConversation,
    ForkConversation,
    GoOnFrom,
    RestoreConversation,
    StartConversation,
)
from domain.errors import InvalidInputError, NotFoundError
from domain.ids import short
from interfaces import message_views, viewing
from interfaces.http.api.bodies import ConversationChanges, CurrentMessage, NewConversation, NewFork
from interfaces.http.api.describing import CREATED, DONE, TAGGED
from interfaces.http.api.giving import give
from interfaces.http.api.past import AsOf, Shown, seen
from interfaces.http.api.requests import (
    LAST,
    AtLeast,
    CallerOf,
    Cursor,
    EditorOf,
    IfNoneMatch,
    Limit,
    Moment,
    Named,
    ServerOf,
    Tags,
    fragment_of,
)
from interfaces.http.presenting import TranscriptPageView, must_not_be_erased, transcript_page
from interfaces.http.rendering import JsonResponse, done, versioned
from interfaces.message_views import TreeView
from interfaces.outline import Outline
from interfaces.views import ConversationListView, DoneView
from projections.conversations.queries import ConversationPage, ConversationSummary
from projections.conversations.wanted import Sort, Wanted

router = APIRouter(prefix="/conversations", tags=["conversations"])

Archived = Annotated[
    Literal["exclude", "include", "only"], Query(description="Whether archived ones are listed.")
]


@router.post(
    "", operation_id="startConversation", status_code=201, response_model=DoneView, responses=CREATED
)
def start_conversation(server: ServerOf, caller: CallerOf, body: NewConversation | None = None) -> Response:
    """Open a conversation."""
    wanted = body or NewConversation(title=None)
    command = StartConversation(title=wanted.title, project_id=wanted.project_id, **caller.fields)
    result = give(server, command)
    return done(result, 201, location=f"/api/v1/conversations/{result.id}")


@router.get("", operation_id="listConversations", response_model=ConversationListView)
def list_conversations(  # noqa: PLR0913 - one filter each
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 50,
    cursor: Cursor = None,
    project_id: UUID | None = None,
    routine_id: Annotated[UUID | None, Query(description="Only the runs of this routine.")] = None,
    archived: Archived = "exclude",
    pinned: Annotated[bool | None, Query(description="Only pinned ones, or only others.")] = None,
    tag: Tags = (),
    model: Annotated[str | None, Query(min_length=1, description="It has answered in them.")] = None,
    since: Moment = None,
    until: Moment = None,
    sort: Annotated[
        Sort,
        Query(description="`activity`: pinned ones, then the latest first; `title` opens every title."),
    ] = "activity",
    id: Named = None,  # noqa: A002 - the word of the interface
    as_of: AsOf = None,
) -> Response:
    """List conversations; in any order but by title the newest or longest come first."""
    shown, moment = seen(server, as_of)
    if id is not None:
        named = _named(shown, server.book.actor, id, limit, at_least)
        return JsonResponse(viewing.conversation_list(named, moment))
    wanted = Wanted(
        project_id=project_id,
        routine_id=routine_id,
        archived=archived,
        pinned=pinned,
        tags=tag,
        model=model,
        since=since,
        until=until,
    )
    page = shown.conversations.listed(wanted, sort=sort, limit=limit, cursor=cursor, at_least=at_least)
    return JsonResponse(viewing.conversation_list(page, moment))


@router.get(
    "/{conversation_id}",
    operation_id="getConversation",
    response_model=TranscriptPageView,
    responses=TAGGED,
)
def get_conversation(
    conversation_id: UUID,
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 100,
    cursor: Annotated[UUID | None, Query(description="`next_cursor`: show the messages before.")] = None,
    leaf_id: Annotated[
        UUID | None, Query(description="Show the branch that ends in this message, not the current one.")
    ] = None,
    if_none_match: IfNoneMatch = None,
    as_of: AsOf = None,
) -> Response:
    """Show a conversation with the last messages of its current branch."""
    shown, moment = seen(server, as_of)
    found = found_conversation(shown, conversation_id, at_least)
    must_not_be_erased("Conversation", found)
    # Its messages are shown at least as new as its tag says, so whoever decides on them is not deceived.
    messages = shown.transcript.branch(
        conversation_id, cursor or leaf_id, limit=limit + 1, at_least=found.last_index + 1
    )
    page = transcript_page(found, messages, limit, moment)
    return versioned(page, found.version, if_none_match)


@router.patch(
    "/{conversation_id}", operation_id="changeConversation", response_model=DoneView, responses=DONE
)
def change_conversation(
    conversation_id: UUID, body: ConversationChanges, server: ServerOf, editor: EditorOf
) -> Response:
    """Change title, project, tags, pin and archive of a conversation, together or not at all."""
    if not body.model_fields_set:
        raise InvalidInputError("There is nothing to change: name at least one field.")
    command = ChangeConversation(
        conversation_id=conversation_id,
        title=body.title,
        move="project_id" in body.model_fields_set,
        project_id=body.project_id,
        tags=None if body.tags is None else tuple(body.tags),
        add_tags=tuple(body.add_tags),
        remove_tags=tuple(body.remove_tags),
        pinned=body.pinned,
        archived=body.archived,
        **editor.fields,
    )
    return done(give(server, command))


@router.post(
    "/{conversation_id}/archive",
    operation_id="archiveConversation",
    response_model=DoneView,
    responses=DONE,
)
def archive_conversation(conversation_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Put a conversation out of the way."""
    return done(give(server, ArchiveConversation(conversation_id=conversation_id, **editor.fields)))


@router.post(
    "/{conversation_id}/restore",
    operation_id="restoreConversation",
    response_model=DoneView,
    responses=DONE,
)
def restore_conversation(conversation_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Bring an archived conversation back."""
    return done(give(server, RestoreConversation(conversation_id=conversation_id, **editor.fields)))


@router.get("/{conversation_id}/tree", operation_id="getTree", response_model=TreeView)
def get_tree(
    conversation_id: UUID,
    server: ServerOf,
    at_least: AtLeast,
    *,
    beginnings: Annotated[bool, Query(description="Show the first words of each message.")] = False,
    as_of: AsOf = None,
) -> Response:
    """Show where every message of a conversation is, without their texts."""
    shown, _ = seen(server, as_of)
    found = found_conversation(shown, conversation_id, at_least)
    nodes = shown.transcript.tree(conversation_id, beginnings=beginnings, at_least=found.last_index + 1)
    return JsonResponse(message_views.tree(found.id, Outline(nodes, found.current_id)))


@router.put("/{conversation_id}/current", operation_id="goOnFrom", response_model=DoneView, responses=DONE)
def go_on_from(conversation_id: UUID, body: CurrentMessage, server: ServerOf, editor: EditorOf) -> Response:
    """Make the branch that ends in a message the current one, or begin anew."""
    command = GoOnFrom(
        conversation_id=conversation_id, message_id=body.message_id, to_end=body.to_end, **editor.fields
    )
    return done(give(server, command))


def _named(shown: Shown, actor: str, named: str, limit: int, at_least: int | None) -> ConversationPage:
    conversations = shown.conversations
    if named == LAST:
        latest = conversations.latest_of_actor(actor, at_least=at_least)
        return ConversationPage(() if latest is None else (latest,), None)
    return ConversationPage(conversations.find(fragment_of(named), limit=limit, at_least=at_least), None)


@router.post(
    "/{conversation_id}/forks",
    operation_id="forkConversation",
    status_code=201,
    response_model=DoneView,
    responses=CREATED,
)
def fork_conversation(conversation_id: UUID, body: NewFork, server: ServerOf, caller: CallerOf) -> Response:
    """Copy the branch that ends in a message into a conversation of its own, which knows its origin."""
    command = ForkConversation(
        conversation_id=conversation_id,
        message_id=body.message_id,
        title=body.title,
        project_id=body.project_id,
        **caller.fields,
    )
    result = give(server, command)
    return done(result, 201, location=f"/api/v1/conversations/{result.id}")


def found_conversation(
    shown: Shown, conversation_id: UUID, at_least: int | None = None
) -> ConversationSummary:
    """Return a conversation, or raise `NotFoundError`."""
    found = shown.conversations.get(conversation_id, at_least=at_least)
    if found is None:
        raise NotFoundError(
            f"There is no conversation {short(conversation_id)} in this book.", hint="daybook list"
        )
    return found
