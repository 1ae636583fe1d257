"""An answer as events, from wherever it is: this process's memory, another's saved text, the transcript.

Invariant: whoever follows the events (starting anew at a `reset`) has every character once, in order, and
learns how the answer ended. A slow reader holds nothing: each step takes what is new since the last one it
took.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.running import Ended, Progress, Restarted, RunningAnswer
from domain.conversation.conversation import Status
from interfaces.http import presenting
from interfaces.http.sse import RESET, Place, StreamEvent, catch_up, deltas, goes_on

if TYPE_CHECKING:
    from interfaces.book import Book
    from projections.transcript.messages import Message

POLL_SECONDS = 0.3
_STREAMING = str(Status.STREAMING)
_GOOD_ENDS = frozenset({str(Status.COMPLETE), str(Status.CANCELLED)})


def find_answer(book: Book, answer_id: UUID) -> Message:
    """Return an answer as the log has it now.

    Raises:
        NotFoundError: there is none of this id.
    """
    message = book.transcript.message(answer_id, at_least=book.events.size())
    return presenting.must_be_answer(answer_id, message)


def is_past_end(message: Message, place: Place) -> bool:
    """Tell whether a client at this place has all of an answer, its end included."""
    if message.status == _STREAMING:
        return False
    thinking, text = len(message.thinking), len(message.text)
    if place.ended:
        return (place.thinking, place.text) == (thinking, text)
    # An owner that died may have shown more than it had saved; its readers must learn that.
    beyond = place.thinking > thinking or place.text > text
    return beyond and message.status != str(Status.INTERRUPTED)


async def of_running(running: RunningAnswer, place: Place) -> AsyncGenerator[StreamEvent]:
    """Follow an answer that this process writes."""
    yield _status(running.answer_id, _STREAMING)
    if not goes_on(place, len(running.thinking), len(running.text)):
        yield RESET
        place = Place()
    async with aclosing(running.updates(place.thinking, place.text)) as updates:  # type: ignore[type-var]
        async for update in updates:
            match update:
                case Progress():
                    for event in deltas(update.thinking, update.text, place):
                        yield event
                    place = Place(update.thinking_to, update.text_to)
                case Restarted():
                    yield RESET
                    place = Place()
                case Ended():
                    ending = presenting.ending_of_outcome(running, update.outcome)
                    yield _last(ending, place, recorded=update.outcome.log_size is not None)


def of_ended(message: Message, place: Place) -> Iterator[StreamEvent]:
    """Tell the rest of an answer that has ended."""
    yield _status(message.id, message.status)
    yield from catch_up(place, message.thinking, message.text)
    yield _last(presenting.ending_of_message(message), Place(len(message.thinking), len(message.text)))


async def of_elsewhere(
    book: Book, message: Message, place: Place, stopping: asyncio.Event
) -> AsyncGenerator[StreamEvent]:
    """Follow an answer that another process writes, by the text it saves; end when the server stops."""
    yield _status(message.id, _STREAMING)
    while not stopping.is_set():
        saved = await asyncio.to_thread(book.live.read, message.id, message.conversation_id)
        # Saved text goes when the end is recorded, so the end must be looked for after it.
        message = await asyncio.to_thread(find_answer, book, message.id)
        thinking, text = saved.thinking, saved.text
        if message.status != _STREAMING:
            thinking, text = message.thinking, message.text
        elif place.thinking > len(thinking) or place.text > len(text):
            # What a client has seen may not be saved yet.
            await _pause(stopping)
            continue
        for event in catch_up(place, thinking, text):
            yield event
        place = Place(len(thinking), len(text))
        if message.status != _STREAMING:
            yield _last(presenting.ending_of_message(message), place)
            return
        await _pause(stopping)


async def follow(
    book: Book, message: Message, place: Place, stopping: asyncio.Event
) -> AsyncGenerator[StreamEvent]:
    """Follow an answer from a place on, wherever it is."""
    running = book.answering.running(message.id)
    if running is not None:
        async with aclosing(of_running(running, place)) as events:
            async for event in events:
                yield event
    elif message.status != _STREAMING:
        for event in of_ended(message, place):
            yield event
    else:
        async with aclosing(of_elsewhere(book, message, place, stopping)) as events:
            async for event in events:
                yield event


async def with_heartbeats(
    events: AsyncGenerator[StreamEvent], every: float
) -> AsyncGenerator[StreamEvent | None]:
    """Yield the events, and None whenever so many seconds pass without one."""
    coming: asyncio.Task[StreamEvent | None] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(events))
            done, _ = await asyncio.wait({coming}, timeout=every)
            if not done:
                yield None
                continue
            event, coming = coming.result(), None
            if event is None:
                return
            yield event
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _next(events: AsyncGenerator[StreamEvent]) -> StreamEvent | None:
    return await anext(events, None)


def _status(answer_id: UUID, status: str | None) -> StreamEvent:
    return StreamEvent("status", {"answer_id": answer_id, "status": status})


def _last(ending: dict[str, Any], place: Place, *, recorded: bool = True) -> StreamEvent:
    good = ending["status"] in _GOOD_ENDS and recorded
    return StreamEvent("done" if good else "failed", ending, Place(place.thinking, place.text, ended=True))


async def _pause(stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), POLL_SECONDS)
    except TimeoutError:
        return
