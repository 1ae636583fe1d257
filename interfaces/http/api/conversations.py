"""Conversations and their prompts. A prompt's walk enters here: parse, give the command, begin the answer."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from application.commands import (
    AnswerAgain,
    ArchiveConversation,
    AskQuestion,
    RenameConversation,
    RestoreConversation,
    StartConversation,
)
from application.conversations import Asked
from domain.errors import NotFoundError
from domain.ids import short
from interfaces import viewing
from interfaces.http.api.requests import (
    AtLeast,
    CallerOf,
    ConversationChanges,
    Cursor,
    Limit,
    NewAnswer,
    NewConversation,
    NewPrompt,
    ServerOf,
)
from interfaces.http.presenting import (
    AskedView,
    TranscriptPageView,
    must_not_be_erased,
    transcript_page,
)
from interfaces.http.rendering import JsonResponse, answer_path, done
from interfaces.views import ConversationListView, DoneView

router = APIRouter(prefix="/conversations", tags=["conversations"])

Archived = Annotated[
    Literal["exclude", "include", "only"], Query(description="Whether archived ones are listed.")
]


@router.post("", operation_id="startConversation", status_code=201, response_model=DoneView)
def start_conversation(server: ServerOf, caller: CallerOf, body: NewConversation | None = None) -> Response:
    """Open a conversation."""
    wanted = body or NewConversation(title=None)
    command = StartConversation(title=wanted.title, project_id=wanted.project_id, **caller.fields)
    result = server.book.commands.handle(command)
    return done(result, 201, location=f"/api/v1/conversations/{result.id}")


@router.get("", operation_id="listConversations", response_model=ConversationListView)
def list_conversations(
    server: ServerOf,
    at_least: AtLeast,
    limit: Limit = 50,
    cursor: Cursor = None,
    project_id: UUID | None = None,
    archived: Archived = "exclude",
) -> Response:
    """List conversations, the one with the latest event first."""
    page = server.book.conversations.newest(
        project_id=project_id, archived=archived, limit=limit, cursor=cursor, at_least=at_least
    )
    return JsonResponse(viewing.conversation_list(page))


@router.get("/{conversation_id}", operation_id="getConversation", response_model=TranscriptPageView)
def get_conversation(
    conversation_id: UUID,
    server: ServerOf,
    at_least: AtLeast,
    limit: Limit = 100,
    cursor: Annotated[UUID | None, Query(description="`next_cursor`: show the messages before.")] = None,
) -> Response:
    """Show a conversation with the last messages of its current branch."""
    found = server.book.conversations.get(conversation_id, at_least=at_least)
    if found is None:
        raise NotFoundError(
            f"There is no conversation {short(conversation_id)} in this book.", hint="daybook list"
        )
    must_not_be_erased("Conversation", found)
    messages = server.book.transcript.branch(conversation_id, cursor, limit=limit + 1, at_least=at_least)
    return JsonResponse(transcript_page(found, messages, limit))


@router.patch("/{conversation_id}", operation_id="changeConversation", response_model=DoneView)
def change_conversation(
    conversation_id: UUID, body: ConversationChanges, server: ServerOf, caller: CallerOf
) -> Response:
    """Give a conversation another title."""
    command = RenameConversation(conversation_id=conversation_id, title=body.title, **caller.fields)
    return done(server.book.commands.handle(command))


@router.post("/{conversation_id}/archive", operation_id="archiveConversation", response_model=DoneView)
def archive_conversation(conversation_id: UUID, server: ServerOf, caller: CallerOf) -> Response:
    """Put a conversation out of the way."""
    return done(
        server.book.commands.handle(ArchiveConversation(conversation_id=conversation_id, **caller.fields))
    )


@router.post("/{conversation_id}/restore", operation_id="restoreConversation", response_model=DoneView)
def restore_conversation(conversation_id: UUID, server: ServerOf, caller: CallerOf) -> Response:
    """Bring an archived conversation back."""
    return done(
        server.book.commands.handle(RestoreConversation(conversation_id=conversation_id, **caller.fields))
    )


@router.post(
    "/{conversation_id}/prompts", operation_id="askQuestion", status_code=202, response_model=AskedView
)
async def ask_question(
    conversation_id: UUID, body: NewPrompt, server: ServerOf, caller: CallerOf
) -> Response:
    """Record a prompt and begin its answer, which is found at `Location` and goes on without watchers."""
    command = AskQuestion(
        text=body.text,
        conversation_id=conversation_id,
        parent_id=body.parent_id,
        model=body.model,
        instructions=body.instructions,
        options=body.options,
        think=body.think,
        **caller.fields,
    )
    return accepted(await server.ask(command))


@router.post(
    "/{conversation_id}/prompts/{prompt_id}/answers",
    operation_id="answerAgain",
    status_code=202,
    response_model=AskedView,
)
async def answer_again(
    conversation_id: UUID,
    prompt_id: UUID,
    server: ServerOf,
    caller: CallerOf,
    body: NewAnswer | None = None,
) -> Response:
    """Begin another answer to a prompt that is there; the earlier ones stay."""
    wanted = body or NewAnswer()
    command = AnswerAgain(
        conversation_id=conversation_id,
        prompt_id=prompt_id,
        model=wanted.model,
        options=wanted.options,
        think=wanted.think,
        **caller.fields,
    )
    return accepted(await server.ask(command))


def accepted(asked: Asked) -> JsonResponse:
    """Return what was recorded for a prompt that is to be answered."""
    view = AskedView(
        conversation_id=asked.conversation_id,
        prompt_id=asked.prompt_id,
        answer_id=asked.answer_id,
        model=asked.model,
        cut_count=asked.cut_count,
        log_size=asked.log_size,
        replayed=asked.request is None,
    )
    return JsonResponse(view, 202, log_size=asked.log_size, location=answer_path(asked.answer_id))
