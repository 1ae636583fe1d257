"""An answer as events, from wherever it is: this process's memory, another's saved text, the transcript.

Invariant: whoever follows the events (starting anew at a `reset`) has every character once, in order, and
learns how the answer ended. A slow reader holds nothing: each step takes what is new since the last one it
took.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.running import Ended, Progress, Restarted, RunningAnswer, Standing
from domain.conversation.conversation import Status
from interfaces.http import presenting
from interfaces.http.found import Found
from interfaces.http.sse import RESET, Place, StreamEvent, catch_up, deltas

if TYPE_CHECKING:
    from interfaces.http.server import Server

_STREAMING = str(Status.STREAMING)
_QUEUED = str(Status.QUEUED)
_GOOD_ENDS = frozenset({str(Status.COMPLETE), str(Status.CANCELLED)})


def is_past_end(found: Found, place: Place) -> bool:
    """Tell whether a client at this place has all of an answer, its end included."""
    if found.is_streaming:
        return False
    message = found.message
    thinking, text = len(message.thinking), len(message.text)
    if place.ended:
        return (place.thinking, place.text) == (thinking, text)
    # An owner that died may have shown more than it had saved, and who has text and lacks thinking saw what
    # has turned out to be thinking: their readers must learn that.
    beyond = place.thinking > thinking or place.text > text
    return beyond and place.thinking >= thinking and message.status != str(Status.INTERRUPTED)


async def of_growing(growing: RunningAnswer, place: Place) -> AsyncGenerator[StreamEvent]:
    """Follow an answer that grows: written by this process, or read from what another one saves."""
    if not growing.standing and not growing.waits_for:
        yield _status(growing.answer_id, _STREAMING)
    async with aclosing(growing.updates(place.thinking, place.text)) as updates:
        async for update in updates:
            match update:
                case Progress():
                    for event in deltas(update.thinking, update.text, place):
                        yield event
                    place = Place(update.thinking_to, update.text_to)
                case Restarted():
                    yield RESET
                    place = Place()
                case Standing(0, ""):
                    yield _status(growing.answer_id, _STREAMING)
                case Standing(0):
                    yield _status(growing.answer_id, _QUEUED, waits_for=update.waits_for)
                case Standing():
                    yield _status(growing.answer_id, _QUEUED, position=update.place)
                case Ended():
                    ending = presenting.ending_of_outcome(growing, update.outcome)
                    yield _last(ending, place, recorded=update.outcome.log_size is not None)


def of_ended(found: Found, place: Place) -> Iterator[StreamEvent]:
    """Tell the rest of an answer that has ended."""
    message = found.message
    yield _status(message.id, message.status)
    yield from catch_up(place, message.thinking, message.text)
    ending = presenting.ending_of_message(message, found.log_size)
    yield _last(ending, Place(len(message.thinking), len(message.text)))


async def follow(server: Server, found: Found, place: Place) -> AsyncGenerator[StreamEvent]:
    """Follow an answer from a place on, wherever it is."""
    if not found.is_streaming:
        for event in of_ended(found, place):
            yield event
        return
    async with server.growing(found) as growing, aclosing(of_growing(growing, place)) as events:
        async for event in events:
            yield event


def _status(answer_id: UUID, status: str | None, **more: int | str) -> StreamEvent:
    return StreamEvent("status", {"answer_id": answer_id, "status": status, **more})


def _last(ending: dict[str, Any], place: Place, *, recorded: bool = True) -> StreamEvent:
    good = ending["status"] in _GOOD_ENDS and recorded
    return StreamEvent("done" if good else "failed", ending, Place(place.thinking, place.text, ended=True))
