"""Answers: how they stand, their stream, stopping them, answering once more, and how they are found."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from starlette.responses import Response, StreamingResponse

from application.commands import AnswerAgain, RateAnswer
from application.running import RunningAnswer
from interfaces.again import as_before
from interfaces.explanation_views import ExplanationView
from interfaces.http.api.bodies import NewAnswer, Rating
from interfaces.http.api.describing import ASKED, DONE, events
from interfaces.http.api.giving import give
from interfaces.http.api.requests import AtLeast, CallerOf, EditorOf, Prefer, ServerOf
from interfaces.http.asking import answered
from interfaces.http.event_stream import EventStream
from interfaces.http.found import as_far_as_it_is, find_answer, find_living_answer
from interfaces.http.presenting import answer
from interfaces.http.rendering import JsonResponse, done
from interfaces.http.sse import Place
from interfaces.http.streams import follow, is_past_end, of_growing
from interfaces.record_views import AskedView
from interfaces.views import AnswerView, DoneView

router = APIRouter(prefix="/answers", tags=["answers"])

_END_SECONDS = 10.0
_STREAM = {
    200: {
        "description": "The answer from where the client left it, and how it ended.",
        "content": events(
            status="how the answer stands, and its `position` in the line",
            delta="new characters of `thinking` or `text`; its id says how far the stream has come",
            reset="what came does not hold, and comes again",
            done="the end of a good answer",
            failed="any other end",
        ),
    },
    204: {"description": "The answer has ended, and `Last-Event-ID` says that everything was received."},
}


@router.get("/{answer_id}", operation_id="getAnswer", response_model=AnswerView)
def get_answer(answer_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Show an answer as far as it has come; one whose process died is closed at once."""
    book = server.book
    if at_least is not None:
        book.transcript.message(answer_id, at_least=at_least)
    running = book.answering.running(answer_id)
    found = find_answer(book, answer_id) if running else find_living_answer(book, answer_id)
    return JsonResponse(as_far_as_it_is(book, found, running), log_size=found.log_size)


@router.get(
    "/{answer_id}/stream",
    operation_id="streamAnswer",
    response_class=StreamingResponse,
    responses=_STREAM,  # type: ignore[arg-type]
)
async def stream_answer(
    answer_id: UUID,
    server: ServerOf,
    last_event_id: Annotated[
        str | None, Header(description="The id of the last event received; the stream goes on behind it.")
    ] = None,
) -> Response:
    """Follow an answer as Server-Sent Events, from its beginning or from where the client left it."""
    place = Place.parse(last_event_id)
    every = server.options.heartbeat_every
    running = server.book.answering.running(answer_id)
    if (
        running is not None
    ):  # nothing that the database says is needed, and its first word must not wait for it
        return EventStream(of_growing(running, place), heartbeat_every=every)
    found = await asyncio.to_thread(find_living_answer, server.book, answer_id)
    if is_past_end(found, place):
        return Response(status_code=204)
    return EventStream(follow(server, found, place), heartbeat_every=every)


@router.post("/{answer_id}/cancel", operation_id="cancelAnswer", response_model=AnswerView)
async def cancel_answer(answer_id: UUID, server: ServerOf, caller: CallerOf) -> Response:  # noqa: ARG001 - refuses while stopping
    """Stop an answer, whichever process writes it; returns when that is recorded. An ended one stays."""
    found = await asyncio.to_thread(find_living_answer, server.book, answer_id)
    if found.is_streaming:
        async with server.growing(found) as growing:
            await server.book.answering.cancel(answer_id)
            await _ended(growing)
        found = await asyncio.to_thread(find_answer, server.book, answer_id)
    return JsonResponse(answer(*found), log_size=found.log_size)


async def _ended(growing: RunningAnswer) -> None:
    """Wait for the end, but not for ever: its recording is tried again while the database is away."""
    try:
        async with asyncio.timeout(_END_SECONDS):
            await growing.ended()
    except TimeoutError:
        return


@router.post(
    "/{answer_id}/retry",
    operation_id="retryAnswer",
    status_code=202,
    response_model=AskedView,
    responses=ASKED,
)
async def retry_answer(
    answer_id: UUID,
    request: Request,
    server: ServerOf,
    caller: CallerOf,
    body: NewAnswer | None = None,
    prefer: Prefer = None,
) -> Response:
    """Answer the same prompt once more, beside this answer, which stays; in the same way where not told."""
    found = await asyncio.to_thread(find_living_answer, server.book, answer_id)
    wanted = body or NewAnswer()
    message = found.message
    command = AnswerAgain(
        conversation_id=message.conversation_id,
        prompt_id=message.parent_id or message.id,
        **as_before(message, model=wanted.model, options=wanted.options, think=wanted.think),
        **caller.fields,
    )
    return await answered(server, command, accept=request.headers.get("accept"), prefer=prefer)


@router.get("/{answer_id}/explanation", operation_id="explainAnswer", response_model=ExplanationView)
def explain_answer(answer_id: UUID, server: ServerOf, at_least: AtLeast) -> Response:
    """Say what made an answer: the very request, whether its hash proves it, how long it took, who asked."""
    return JsonResponse(server.book.explaining.explain(answer_id, at_least=at_least))


@router.put("/{answer_id}/rating", operation_id="rateAnswer", response_model=DoneView, responses=DONE)
def rate_answer(answer_id: UUID, body: Rating, server: ServerOf, editor: EditorOf) -> Response:
    """Say that an answer is good or bad, or take that back; returns its conversation."""
    found = find_answer(server.book, answer_id)
    command = RateAnswer(
        conversation_id=found.message.conversation_id,
        answer_id=answer_id,
        rating=body.rating,
        words=body.words,
        **editor.fields,
    )
    return done(give(server, command))
