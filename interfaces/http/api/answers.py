"""Answers: how they stand, their stream, and stopping them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header
from starlette.responses import Response, StreamingResponse

from application.running import RunningAnswer
from domain.errors import ConflictError
from domain.ids import short
from interfaces.http.api.describing import events
from interfaces.http.api.requests import AtLeast, CallerOf, ServerOf
from interfaces.http.presenting import answer, must_be_answer
from interfaces.http.rendering import JsonResponse
from interfaces.http.server import Server
from interfaces.http.sse import FIRST_LINE, HEARTBEAT, Place
from interfaces.http.streams import Found, find_answer, follow, is_past_end, with_heartbeats
from interfaces.views import AnswerView

router = APIRouter(prefix="/answers", tags=["answers"])

_END_SECONDS = 10.0
_STREAM = {
    200: {
        "description": "The answer from where the client left it, and how it ended.",
        "content": events(
            status="how the answer stands",
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
    """Show an answer as far as it has come."""
    running = server.book.answering.running(answer_id)
    size = server.book.events.size()
    found = must_be_answer(
        answer_id, server.book.transcript.message(answer_id, at_least=max(size, at_least or 0))
    )
    return JsonResponse(answer(found, size, running), log_size=size)


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
    found = await asyncio.to_thread(find_answer, server.book, answer_id)
    if server.book.answering.running(answer_id) is None and is_past_end(found, place):
        return Response(status_code=204)
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(_lines(server, found, place), media_type="text/event-stream", headers=headers)


@router.post("/{answer_id}/cancel", operation_id="cancelAnswer", response_model=AnswerView)
async def cancel_answer(answer_id: UUID, server: ServerOf, caller: CallerOf) -> Response:  # noqa: ARG001 - refuses while stopping
    """Stop an answer, keeping what it has; returns when that is recorded. An ended one stays."""
    running = server.book.answering.running(answer_id)
    if running is not None:
        running.cancel()
        await _ended(running)
    found = await asyncio.to_thread(find_answer, server.book, answer_id)
    if running is None and found.is_streaming:
        raise ConflictError(
            f"Answer {short(answer_id)} is being written by another process, "
            "which alone can stop it. It goes on."
        )
    return JsonResponse(answer(*found), log_size=found.log_size)


async def _ended(running: RunningAnswer) -> None:
    """Wait for the end, but not for ever: its recording is tried again while the database is away."""
    try:
        async with asyncio.timeout(_END_SECONDS):
            async for _ in running.updates(len(running.thinking), len(running.text)):
                continue
    except TimeoutError:
        return


async def _lines(server: Server, found: Found, place: Place) -> AsyncGenerator[bytes]:
    yield FIRST_LINE
    async with (
        aclosing(follow(server.book, found, place, server.stopping)) as following,
        aclosing(with_heartbeats(following, server.options.heartbeat_every)) as beating,
    ):
        async for event in beating:
            yield HEARTBEAT if event is None else event.encode()
