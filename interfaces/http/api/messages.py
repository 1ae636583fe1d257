"""Single messages: what they say, what made and follows them, notes on them; and finding things by ids."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from application.commands import ChangeNote, RemoveNote, WriteNote
from domain.errors import ContentErasedError, InvalidInputError, NotFoundError
from domain.ids import fragment as read_fragment
from domain.ids import short
from interfaces import message_views, viewing
from interfaces.http.api.bodies import NoteText
from interfaces.http.api.describing import CREATED, DONE
from interfaces.http.api.giving import give
from interfaces.http.api.requests import AtLeast, EditorOf, ServerOf
from interfaces.http.rendering import JsonResponse, done
from interfaces.http.server import Server
from interfaces.message_views import (
    FoundIdsView,
    LatestView,
    MessageListView,
    NamedView,
    OneMessageView,
    ProvenanceView,
)
from interfaces.views import DoneView, NoteView
from projections.transcript.messages import Message

router = APIRouter(tags=["messages"])

_BEGINNING = 60


@router.get("/messages/{message_id}", operation_id="getMessage", response_model=OneMessageView)
def get_message(message_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show one message as it was recorded."""
    return JsonResponse(message_views.one_message(_found(server, message_id, at_least)))


@router.get("/messages/{message_id}/following", operation_id="listFollowing", response_model=MessageListView)
def list_following(message_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """List the messages that follow a message directly: its branches."""
    found = _found(server, message_id, at_least)
    following = server.book.transcript.children(found.id, at_least=at_least)
    return JsonResponse(MessageListView(messages=[viewing.message(one) for one in following]))


@router.get("/messages/{message_id}/provenance", operation_id="getProvenance", response_model=ProvenanceView)
def get_provenance(message_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Say what made an answer what it is: model, options, and the messages that were sent."""
    found = _found(server, message_id, at_least)
    if found.provenance is None:
        raise InvalidInputError(f"Message {short(message_id)} is a prompt; answers have a provenance.")
    return JsonResponse(message_views.provenance(found.whole(), found.provenance))


@router.post(
    "/messages/{message_id}/notes",
    operation_id="writeNote",
    status_code=201,
    response_model=DoneView,
    responses=CREATED,
)
def write_note(message_id: UUID, body: NoteText, server: ServerOf, editor: EditorOf) -> Response:
    """Put a note on a message; no model is ever sent it."""
    found = _found(server, message_id, None)
    command = WriteNote(
        conversation_id=found.conversation_id, message_id=message_id, text=body.text, **editor.fields
    )
    result = give(server, command)
    return done(result, 201, location=f"/api/v1/messages/{message_id}/notes/{result.id}")


@router.put(
    "/messages/{message_id}/notes/{note_id}",
    operation_id="changeNote",
    response_model=DoneView,
    responses=DONE,
)
def change_note(
    message_id: UUID, note_id: UUID, body: NoteText, server: ServerOf, editor: EditorOf
) -> Response:
    """Let a note say something else."""
    command = ChangeNote(
        conversation_id=_with_note(server, message_id, note_id).conversation_id,
        note_id=note_id,
        message_id=message_id,
        text=body.text,
        **editor.fields,
    )
    return done(give(server, command))


@router.delete(
    "/messages/{message_id}/notes/{note_id}",
    operation_id="removeNote",
    response_model=DoneView,
    responses=DONE,
)
def remove_note(message_id: UUID, note_id: UUID, server: ServerOf, editor: EditorOf) -> Response:
    """Show a note no more; what the log holds of it goes with its conversation."""
    command = RemoveNote(
        conversation_id=_with_note(server, message_id, note_id).conversation_id,
        note_id=note_id,
        message_id=message_id,
        **editor.fields,
    )
    return done(give(server, command))


@router.get("/messages/{message_id}/notes/{note_id}", operation_id="getNote", response_model=NoteView)
def get_note(message_id: UUID, note_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show one note."""
    found = viewing.message(_with_note(server, message_id, note_id, at_least))
    return JsonResponse(next(one for one in found.notes if one.id == note_id))


@router.get("/ids/{fragment}", operation_id="findIds", response_model=FoundIdsView)
def find_ids(
    fragment: Annotated[
        str, Path(min_length=4, max_length=36, description="The beginning or the end of an id, in hex.")
    ],
    server: ServerOf,
    at_least: AtLeast,
) -> Response:
    """Find conversations, messages, projects and routines by a piece of their id."""
    digits = read_fragment(fragment)
    if digits is None:
        raise InvalidInputError("That is no piece of an id: those are 4 to 32 hex digits.")
    book = server.book
    found = [
        NamedView(id=one.id, kind="conversation", title=one.title or None)
        for one in book.conversations.find(digits, at_least=at_least)
    ]
    found += [
        NamedView(
            id=one.id,
            kind=one.kind,
            title=one.text[:_BEGINNING] or None,
            conversation_id=one.conversation_id,
        )
        for one in book.transcript.find(digits, at_least=at_least)
    ]
    found += [
        NamedView(id=one.id, kind="project", title=one.name or None)
        for one in book.projects.find(digits, at_least=at_least)
    ]
    found += [
        NamedView(id=one.id, kind="routine", title=one.name or None)
        for one in book.routines.find(digits, at_least=at_least)
    ]
    return JsonResponse(FoundIdsView(found=found))


@router.get("/latest", operation_id="getLatest", response_model=LatestView)
def get_latest(server: ServerOf, at_least: AtLeast) -> Response:
    """Say where this actor was last; what `@last` means on the command line."""
    book = server.book
    conversation = book.conversations.latest_of_actor(book.actor, at_least=at_least)
    answer = book.transcript.last_answer_of_actor(book.actor, at_least=at_least)
    return JsonResponse(
        LatestView(
            conversation_id=conversation.id if conversation else None,
            answer_id=answer.id if answer and not answer.erased else None,
        )
    )


def _with_note(server: Server, message_id: UUID, note_id: UUID, at_least: int | None = None) -> Message:
    found = _found(server, message_id, at_least)
    if all(note.id != note_id for note in found.notes):
        raise NotFoundError(f"Message {short(message_id)} has no note {short(note_id)}.")
    return found


def _found(server: Server, message_id: UUID, at_least: int | None) -> Message:
    found = server.book.transcript.message(message_id, at_least=at_least)
    if found is None:
        raise NotFoundError(f"There is no message {short(message_id)} in this book.", hint="daybook list")
    if found.erased:
        raise ContentErasedError(f"The conversation of message {short(message_id)} was erased.")
    return found
