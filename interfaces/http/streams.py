"""An answer as events, from wherever it is: this process's memory, another's saved text, the transcript.

Invariant: whoever follows the events (starting anew at a `reset`) has every character once, in order, and
learns how the answer ended. A slow reader holds nothing: each step takes what is new since the last one it
took.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple
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


class Found(NamedTuple):
    """An answer, as the log had it when it was of this size."""

    message: Message
    log_size: int

    @property
    def is_streaming(self) -> bool:
        """Whether it has not ended."""
        return self.message.status == str(Status.STREAMING)


def find_answer(book: Book, answer_id: UUID) -> Found:
    """Return an answer as the log has it now.

    Raises:
        NotFoundError: there is none of this id.
    """
    size = book.events.size()
    message = book.transcript.message(answer_id, at_least=size)
    return Found(presenting.must_be_answer(answer_id, message), size)


def is_past_end(found: Found, place: Place) -> bool:
    """Tell whether a client at this place has all of an answer, its end included."""
    if found.is_streaming:
        return False
    message = found.message
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
    async with aclosing(running.updates(place.thinking, place.text)) as updates:
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


def of_ended(found: Found, place: Place) -> Iterator[StreamEvent]:
    """Tell the rest of an answer that has ended."""
    message = found.message
    yield _status(message.id, message.status)
    yield from catch_up(place, message.thinking, message.text)
    yield _last_of(found)


async def of_elsewhere(
    book: Book, found: Found, place: Place, stopping: asyncio.Event
) -> AsyncGenerator[StreamEvent]:
    """Follow an answer that another process writes, by the text it saves; end when the server stops."""
    answer_id, conversation_id = found.message.id, found.message.conversation_id
    yield _status(answer_id, _STREAMING)
    while not stopping.is_set():
        saved = await asyncio.to_thread(book.live.read, answer_id, conversation_id)
        # Saved text goes when the end is recorded, so the end must be looked for after it.
        found = await asyncio.to_thread(find_answer, book, answer_id)
        now = saved if found.is_streaming else found.message
        # What a client has seen of a running answer may not be saved yet: then it waits.
        if not found.is_streaming or (place.thinking <= len(now.thinking) and place.text <= len(now.text)):
            for event in catch_up(place, now.thinking, now.text):
                yield event
            place = Place(len(now.thinking), len(now.text))
        if not found.is_streaming:
            yield _last_of(found)
            return
        await _pause(stopping)


async def follow(
    book: Book, found: Found, place: Place, stopping: asyncio.Event
) -> AsyncGenerator[StreamEvent]:
    """Follow an answer from a place on, wherever it is."""
    running = book.answering.running(found.message.id)
    if running is not None:
        events = of_running(running, place)
    elif found.is_streaming:
        events = of_elsewhere(book, found, place, stopping)
    else:
        for event in of_ended(found, place):
            yield event
        return
    async with aclosing(events):
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


def _last_of(found: Found) -> StreamEvent:
    message = found.message
    ending = presenting.ending_of_message(message, found.log_size)
    return _last(ending, Place(len(message.thinking), len(message.text)))


async def _pause(stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), POLL_SECONDS)
    except TimeoutError:
        return
