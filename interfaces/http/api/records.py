"""Messages as they are recorded: with what made them, and those that were erased or altered among them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from domain.errors import InvalidInputError
from interfaces.http.api.conversations import found_conversation
from interfaces.http.api.past import AsOf, seen
from interfaces.http.api.requests import LAST, AtLeast, Limit, ServerOf, fragment_of
from interfaces.http.rendering import JsonResponse
from interfaces.record_views import RecordedMessagesView, recorded_messages

router = APIRouter(tags=["messages"])


@router.get("/messages", operation_id="findMessages", response_model=RecordedMessagesView)
def find_messages(
    server: ServerOf,
    at_least: AtLeast,
    id: Annotated[  # noqa: A002 - the word of the interface
        str | None,
        Query(
            min_length=4,
            max_length=36,
            description="How its id begins or ends, in hex; `@last`: the last answer you asked for.",
        ),
    ] = None,
    parent_id: Annotated[UUID | None, Query(description="What follows this message, oldest first.")] = None,
    limit: Limit = 5,
    as_of: AsOf = None,
) -> Response:
    """Find messages by a piece of their id, or those that follow a message."""
    transcript = seen(server, as_of)[0].transcript
    if (id is None) == (parent_id is None):
        raise InvalidInputError("Say either `id` or `parent_id`.")
    if parent_id is not None:
        return JsonResponse(recorded_messages(transcript.children(parent_id, at_least=at_least)))
    if id is None or id == LAST:
        last = transcript.last_answer_of_actor(server.book.actor, at_least=at_least)
        return JsonResponse(recorded_messages(() if last is None else (last,)))
    return JsonResponse(recorded_messages(transcript.find(fragment_of(id), limit=limit, at_least=at_least)))


@router.get(
    "/conversations/{conversation_id}/messages",
    operation_id="listMessages",
    response_model=RecordedMessagesView,
)
def list_messages(
    conversation_id: UUID,
    server: ServerOf,
    at_least: AtLeast,
    *,
    limit: Limit = 100,
    cursor: Annotated[UUID | None, Query(description="`next_cursor`: show the messages before.")] = None,
    leaf_id: Annotated[
        UUID | None, Query(description="Show the branch that ends in this message, not the current one.")
    ] = None,
    as_of: AsOf = None,
) -> Response:
    """List the last messages of a branch, root first, as they are recorded."""
    shown, _ = seen(server, as_of)
    found = found_conversation(shown, conversation_id, at_least)
    messages = shown.transcript.branch(
        conversation_id, cursor or leaf_id, limit=limit + 1, at_least=found.last_index + 1
    )
    return JsonResponse(recorded_messages(messages, limit=limit))
