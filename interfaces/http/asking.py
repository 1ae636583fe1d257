"""The three ways in which a prompt is answered over HTTP: at once with 202, when done, or as it comes.

Invariant: whatever way, prompt and start of the answer are recorded before anything is sent, and the answer
goes on when the client leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response, StreamingResponse

from application.conversations import Asked
from application.running import Ended, Outcome, RunningAnswer
from interfaces import viewing
from interfaces.http import presenting
from interfaces.http.preferences import EVENT_STREAM, wait_of, wants_events
from interfaces.http.presenting import AskedView
from interfaces.http.rendering import LOG_SIZE_HEADER, JsonResponse, answer_path
from interfaces.http.server import Server
from interfaces.http.sse import FIRST_LINE, HEARTBEAT, Place, StreamEvent
from interfaces.http.streams import find_answer, follow, of_running, with_heartbeats
from interfaces.views import AnswerView, to_plain

_FAR = 2**62


async def answered(server: Server, asked: Asked, *, accept: str | None, prefer: str | None) -> Response:
    """Begin the answer and respond in the way that the client prefers."""
    server.begin(asked)
    if wants_events(accept):
        return StreamingResponse(_lines(server, asked), media_type=EVENT_STREAM, headers=_headers(asked))
    wait = wait_of(prefer)
    if wait is None:
        return _accepted(asked)
    applied = {"Preference-Applied": f"wait={wait}"}
    view = await _finished(server, asked, wait)
    if view is None:
        response = _accepted(asked)
        response.headers.update(applied)
        return response
    where = answer_path(asked.answer_id)
    return JsonResponse(
        view, log_size=view.log_size, location=where, headers={**applied, "Content-Location": where}
    )


def asked_view(asked: Asked) -> AskedView:
    """Show what was recorded for a prompt."""
    return AskedView(
        conversation_id=asked.conversation_id,
        prompt_id=asked.prompt_id,
        answer_id=asked.answer_id,
        model=asked.model,
        cut_count=asked.cut_count,
        log_size=asked.log_size,
        replayed=asked.request is None,
    )


def _accepted(asked: Asked) -> JsonResponse:
    return JsonResponse(
        asked_view(asked), 202, log_size=asked.log_size, location=answer_path(asked.answer_id)
    )


def _headers(asked: Asked) -> dict[str, str]:
    return {
        "Location": answer_path(asked.answer_id),
        LOG_SIZE_HEADER: str(asked.log_size),
        "X-Accel-Buffering": "no",
        "Cache-Control": "no-store",
    }


async def _lines(server: Server, asked: Asked) -> AsyncGenerator[bytes]:
    yield FIRST_LINE
    yield StreamEvent("asked", to_plain(asked_view(asked))).encode()
    running = server.book.answering.running(asked.answer_id)
    if running is not None:
        events = of_running(running, Place())
    else:  # it was asked before, or has ended in this very moment
        found = await asyncio.to_thread(find_answer, server.book, asked.answer_id)
        events = follow(server.book, found, Place(), server.stopping)
    async with (
        aclosing(events),
        aclosing(with_heartbeats(events, server.options.heartbeat_every)) as beating,
    ):
        async for event in beating:
            yield HEARTBEAT if event is None else event.encode()


async def _finished(server: Server, asked: Asked, seconds: int) -> AnswerView | None:
    """Return the answer when it has ended, or None where that takes longer."""
    try:
        async with asyncio.timeout(seconds):
            running = server.book.answering.running(asked.answer_id)
            if running is not None:
                return viewing.answer(asked, await _outcome(running))
            found = await asyncio.to_thread(find_answer, server.book, asked.answer_id)
            if found.is_streaming:  # by another process
                async with aclosing(follow(server.book, found, Place(), server.stopping)) as events:
                    async for _ in events:
                        continue
                found = await asyncio.to_thread(find_answer, server.book, asked.answer_id)
            return None if found.is_streaming else presenting.answer(*found)
    except TimeoutError:
        return None


async def _outcome(running: RunningAnswer) -> Outcome:
    async with aclosing(running.updates(_FAR, _FAR)) as updates:
        async for update in updates:
            if isinstance(update, Ended):
                return update.outcome
    raise AssertionError("an answer's updates end with its outcome")
