"""Prompts: recorded, and answered in the way the client prefers.

The corridor of a prompt enters here: parse, give the command, begin the answer.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from application.commands import AnswerAgain, Asking, AskQuestion, EditPrompt
from interfaces.again import as_before, last_answer
from interfaces.http.api.bodies import EditedPrompt, FirstPrompt, NewAnswer, NewPrompt
from interfaces.http.api.describing import ASKED
from interfaces.http.api.requests import CallerOf, Prefer, ServerOf
from interfaces.http.asking import answered
from interfaces.http.server import Server
from interfaces.record_views import AskedView

router = APIRouter(tags=["prompts"])


@router.post("/prompts", operation_id="ask", status_code=202, response_model=AskedView, responses=ASKED)
async def ask_in_new_conversation(
    request: Request, body: FirstPrompt, server: ServerOf, caller: CallerOf, prefer: Prefer = None
) -> Response:
    """Open a conversation with a prompt and begin its answer."""
    command = AskQuestion(
        text=body.text,
        project_id=body.project_id,
        model=body.model,
        instructions=body.instructions,
        options=body.options,
        think=body.think,
        **caller.fields,
    )
    return await _asked(server, request, command, prefer)


@router.post(
    "/conversations/{conversation_id}/prompts",
    operation_id="askQuestion",
    status_code=202,
    response_model=AskedView,
    responses=ASKED,
)
async def ask_question(
    conversation_id: UUID,
    request: Request,
    body: NewPrompt,
    server: ServerOf,
    caller: CallerOf,
    prefer: Prefer = None,
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
    return await _asked(server, request, command, prefer)


@router.post(
    "/conversations/{conversation_id}/prompts/{prompt_id}/edits",
    operation_id="editPrompt",
    status_code=202,
    response_model=AskedView,
    responses=ASKED,
)
async def edit_prompt(  # noqa: PLR0917 - what a request brings
    conversation_id: UUID,
    prompt_id: UUID,
    request: Request,
    body: EditedPrompt,
    server: ServerOf,
    caller: CallerOf,
    prefer: Prefer = None,
) -> Response:
    """Record another prompt beside this one, which stays, and begin its answer."""
    before = None
    if body.as_before:
        before = last_answer(await asyncio.to_thread(server.book.transcript.children, prompt_id))
    command = EditPrompt(
        conversation_id=conversation_id,
        prompt_id=prompt_id,
        text=body.text,
        instructions=body.instructions,
        **as_before(before, model=body.model, options=body.options, think=body.think),
        **caller.fields,
    )
    return await _asked(server, request, command, prefer)


@router.post(
    "/conversations/{conversation_id}/prompts/{prompt_id}/answers",
    operation_id="answerAgain",
    status_code=202,
    response_model=AskedView,
    responses=ASKED,
)
async def answer_again(  # noqa: PLR0917 - what a request brings
    conversation_id: UUID,
    prompt_id: UUID,
    request: Request,
    server: ServerOf,
    caller: CallerOf,
    body: NewAnswer | None = None,
    prefer: Prefer = None,
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
    return await _asked(server, request, command, prefer)


async def _asked(server: Server, request: Request, command: Asking, prefer: str | None) -> Response:
    return await answered(server, command, accept=request.headers.get("accept"), prefer=prefer)
