"""Operations that take long: their progress as events where the client wants them, else their result.

Invariants: what only reads is given up when its client leaves; what changes something is not, and goes on to
its end whoever watches; a server that stops lets each go on to its next safe place (every step leaves a book
that is whole) and no further.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from application.errors import StoppingError
from interfaces.http import problems
from interfaces.http.event_stream import EventStream
from interfaces.http.logs import tell
from interfaces.http.preferences import wants_events
from interfaces.http.rendering import JsonResponse
from interfaces.http.server import Server
from interfaces.http.sse import StreamEvent
from interfaces.views import to_plain


class AbandonedError(Exception):
    """Nobody waits for the result any more."""


T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """What an operation gave: the view to show, and what belongs into the headers."""

    view: Any
    status: int = 200
    log_size: int | None = None
    version: int | None = None


@dataclass
class Report:
    """How far an operation is. Told from whatever thread it runs in; shown on the event loop."""

    ending: threading.Event
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    abandoned: threading.Event = field(default_factory=threading.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    news: dict[str, Any] = field(default_factory=dict)

    def __call__(self, done: int, total: int) -> None:
        """Say how many are done, of how many.

        Raises:
            StoppingError: the server stops; what was done so far is safe.
        """
        self.step(done_count=done, total_count=total)

    def step(self, **news: Any) -> None:
        """Say anything else; the errors are the same."""
        if self.abandoned.is_set():
            raise AbandonedError
        if self.ending.is_set():
            raise StoppingError(
                "The server is stopping, so this was not finished. What was done so far is safe; start it "
                "again when the server is back."
            )
        self.loop.call_soon_threadsafe(self._took, news)

    def _took(self, news: dict[str, Any]) -> None:
        self.news = news
        self.changed.set()


NOBODY_READS = 499
"""The status of a response to a client that has left; only the server's own log sees it."""

Work = Callable[[Report], Awaitable[Result]]


def in_thread(server: Server, function: Callable[[Report], Result]) -> Work:
    """Return a function that blocks as work that does not."""

    async def work(report: Report) -> Result:
        return await report.loop.run_in_executor(server.workers, function, report)

    return work


async def respond(server: Server, request: Request, operation: str, work: Work, *, reads: bool) -> Response:
    """Carry an operation out and respond as the client wants it. `reads`: it changes nothing."""
    report = Report(server.ending)
    task = asyncio.create_task(_timed(operation, work, report, request))
    server.work.add(task)
    task.add_done_callback(server.work.discard)
    task.add_done_callback(_seen)
    if wants_events(request.headers.get("accept")):
        events = _events(request, report, task, reads=reads)
        return EventStream(events, heartbeat_every=server.options.heartbeat_every)
    if not reads:
        result = await asyncio.shield(task)
    else:
        try:
            result = await watched(request, report, task)
        except AbandonedError:
            return Response(status_code=NOBODY_READS)
    return JsonResponse(result.view, result.status, log_size=result.log_size, version=result.version)


async def _timed(operation: str, work: Work, report: Report, request: Request) -> Result:
    began, outcome = time.perf_counter(), "failed"
    try:
        result = await work(report)
        outcome = "done"
    except (AbandonedError, asyncio.CancelledError):
        outcome = "abandoned"
        raise
    else:
        return result
    finally:
        tell(
            "work-ended",
            operation=operation,
            outcome=outcome,
            duration_ms=round((time.perf_counter() - began) * 1000, 1),
            correlation_id=request.scope.get(problems.CORRELATION),
        )


def _seen(task: asyncio.Task[Result]) -> None:
    """Take note of an error that nobody may be there to be told of; `work-ended` has told it."""
    if not task.cancelled():
        task.exception()


async def watched(request: Request, report: Report, task: asyncio.Future[T]) -> T:
    """Return what work gives, and give it up when the client leaves.

    Raises:
        AbandonedError: it left.
    """
    leaving = asyncio.create_task(_left(request))
    try:
        both: set[asyncio.Future[Any]] = {task, leaving}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            _abandon(report, task)
            raise AbandonedError
        return task.result()
    finally:
        leaving.cancel()


def _abandon(report: Report, task: asyncio.Future[T]) -> None:
    """Give work up: what waits is cancelled, what runs in a thread ends at its next report."""
    report.abandoned.set()
    task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _events(
    request: Request, report: Report, task: asyncio.Task[Result], *, reads: bool
) -> AsyncGenerator[StreamEvent]:
    try:
        while not task.done():
            changed = asyncio.create_task(report.changed.wait())
            both: set[asyncio.Future[Any]] = {task, changed}
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
            if report.changed.is_set():
                report.changed.clear()
                yield StreamEvent("progress", report.news)
        yield _last(request, task)
    finally:
        if reads and not task.done():
            _abandon(report, task)


def _last(request: Request, task: asyncio.Task[Result]) -> StreamEvent:
    if task.cancelled():
        gone = StoppingError("The server is stopping, so this was not finished.")
        return StreamEvent("failed", problems.in_stream(request.scope, gone))
    error = task.exception()
    if error is not None:
        return StreamEvent("failed", problems.in_stream(request.scope, error))
    result = task.result()
    return StreamEvent("done", to_plain(result.view))
