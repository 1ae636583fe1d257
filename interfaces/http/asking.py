"""The three ways in which a prompt is answered over HTTP: at once with 202, when done, or as it comes.

Invariant: whatever way, prompt and start of the answer are recorded before anything is sent, and the answer
goes on when the client leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response

from application.commands import Asking
from application.conversations import Asked
from interfaces import viewing
from interfaces.http import presenting
from interfaces.http.event_stream import EventStream
from interfaces.http.found import find_living_answer
from interfaces.http.preferences import wait_of, wants_events
from interfaces.http.rendering import LOG_SIZE_HEADER, JsonResponse, answer_path
from interfaces.http.server import Server
from interfaces.http.sse import Place, StreamEvent
from interfaces.http.streams import follow, of_growing
from interfaces.record_views import AskedView
from interfaces.views import AnswerView, to_plain


async def answered(server: Server, command: Asking, *, accept: str | None, prefer: str | None) -> Response:
    """Give the command, let the answer be written, and respond in the way that the client prefers."""
    asked = await server.ask(command)
    if wants_events(accept):
        stream = EventStream(_events(server, asked), heartbeat_every=server.options.heartbeat_every)
        stream.headers["Location"] = answer_path(asked.answer_id)
        stream.headers[LOG_SIZE_HEADER] = str(asked.log_size)
        return stream
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


async def _events(server: Server, asked: Asked) -> AsyncGenerator[StreamEvent]:
    yield StreamEvent("asked", to_plain(asked_view(asked)))
    running = server.book.answering.running(asked.answer_id)
    if running is not None:
        source = of_growing(running, Place())
    else:  # it was asked before, or has ended in this very moment
        found = await asyncio.to_thread(find_living_answer, server.book, asked.answer_id)
        source = follow(server, found, Place())
    async with aclosing(source) as events:
        async for event in events:
            yield event


async def _finished(server: Server, asked: Asked, seconds: int) -> AnswerView | None:
    """Return the answer when it has ended, or None where that takes longer."""
    try:
        async with asyncio.timeout(seconds):
            running = server.book.answering.running(asked.answer_id)
            if running is not None:
                outcome = await running.ended()
                return None if outcome is None else viewing.answer(asked, outcome)
            found = await asyncio.to_thread(find_living_answer, server.book, asked.answer_id)
            if found.is_streaming:  # by another process
                async with server.growing(found) as growing:
                    await growing.ended()
                found = await asyncio.to_thread(find_living_answer, server.book, asked.answer_id)
            return None if found.is_streaming else presenting.answer(*found)
    except TimeoutError:
        return None
