"""One server's state: the open book, its options, and the work behind the requests.

Invariant: answers belong to this object's event loop and not to a connection; when the server stops, they
are ended and recorded before connections are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from application.commands import Command
from application.conversations import Asked
from application.errors import AlreadyUnderWayError
from application.running import Ended, RunningAnswer
from domain.errors import DaybookError
from interfaces.http.logs import tell
from interfaces.http.metrics import Metrics
from interfaces.http.options import HttpOptions
from interfaces.http.paths import Paths
from interfaces.http.web.pulling import Pulling

if TYPE_CHECKING:
    from fastapi import APIRouter

    from interfaces.book import Book

_PARTS = (
    "actor",
    "commands",
    "answering",
    "live",
    "events",
    "read_models",
    "conversations",
    "projects",
    "transcript",
    "search",
    "keys",
    "audit",
)
_FAR = 2**62
_WORK_SECONDS = 3.0
_WORKERS = 4


class Server:
    """Made with the application; runs between `start` and `stop`."""

    def __init__(self, book: Book, options: HttpOptions) -> None:
        self.book = book
        self.options = options
        self.stopping = asyncio.Event()
        self.pump_problem: str | None = None
        self.metrics = Metrics()
        self.ending = threading.Event()
        self.work: set[asyncio.Task[Any]] = set()
        # Apart from the threads that record answers, which must never wait for these.
        self.workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="daybook-work")
        self._stop_pump = threading.Event()
        self._pump: threading.Thread | None = None
        self._caring: asyncio.Task[None] | None = None
        self._answers_closed = False
        self._prepared = False
        self._watchers: set[asyncio.Task[None]] = set()
        self.routers: Sequence[tuple[str, APIRouter]] = ()
        self.document: Callable[[], dict[str, Any]] = dict
        self._given: set[tuple[str, str]] = set()
        self._giving = threading.Lock()

    @cached_property
    def paths(self) -> Paths:
        """The table of all paths."""
        return Paths(self.routers)

    @cached_property
    def pulling(self) -> Pulling:
        """The pull of a model under way, or the last one."""
        return Pulling(self.book.model_server)

    def prepare(self) -> None:
        """Make all parts of the book here; left alone they are made when used, by two threads at once."""
        if self._prepared:
            return
        self._prepared = True
        for part in _PARTS:
            getattr(self.book, part)
        self.book.watch_appends(self.metrics.appended)
        self.metrics.look_at(self.book)

    def start(self) -> None:
        """Begin to keep the read models up and to look for orphans. Called on the event loop."""
        self.prepare()
        self._pump = threading.Thread(target=self._pumping, name="daybook-pump", daemon=True)
        self._pump.start()
        self._caring = asyncio.create_task(self._care())

    def begin(self, asked: Asked) -> None:
        """Let the answer be written; nobody need wait for it."""
        if asked.request is None:
            return
        running = self.book.answering.start(asked)
        watcher = asyncio.create_task(self._see_to_its_end(running, asked))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    @contextlib.contextmanager
    def once(self, command: Command) -> Iterator[None]:
        """Let a command under an idempotency key be carried out, but not twice at the same moment.

        Raises:
            AlreadyUnderWayError: it is being carried out.
        """
        if command.idempotency_key is None:
            yield
            return
        this = (command.actor, command.idempotency_key)
        with self._giving:
            if this in self._given:
                raise AlreadyUnderWayError(
                    "The command under this idempotency key is being carried out. This one was not; the "
                    "first goes on.",
                    hint="Send it again in a moment, under the same key, for its result.",
                )
            self._given.add(this)
        try:
            yield
        finally:
            with self._giving:
                self._given.discard(this)

    async def close_answers(self) -> None:
        """End all running answers, keeping what they have; their watchers are told. Twice is harmless."""
        self.stopping.set()
        if self._answers_closed:
            return
        self._answers_closed = True
        self.ending.set()
        tell("stopping", running_answer_count=len(self._watchers))
        try:
            await asyncio.wait_for(self.book.answering.close(), self.options.stop_within)
        except TimeoutError:
            # What they had is saved; the next look after this process's death closes them with it.
            tell("answers-left", logging.WARNING)

    async def stop(self) -> None:
        """End everything that `start` began, and the answers."""
        await self.close_answers()
        if self.work:
            await asyncio.wait(self.work, timeout=_WORK_SECONDS)
        self.workers.shutdown(wait=False, cancel_futures=True)
        if self._watchers:
            await asyncio.wait(self._watchers, timeout=1.0)
        if "pulling" in vars(self):
            await self.pulling.stop()
        self._stop_pump.set()
        if self._caring is not None:
            self._caring.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._caring
        if self._pump is not None:
            await asyncio.to_thread(self._pump.join, 2.0)
        with contextlib.suppress(Exception):
            await self.book.model_server.close()

    def _pumping(self) -> None:
        try:
            self.book.read_models.run(self._stop_pump)
        except DaybookError as problem:
            self.pump_problem = problem.message
            tell("pump-stopped", logging.ERROR, detail=problem.message)

    async def _see_to_its_end(self, running: RunningAnswer, asked: Asked) -> None:
        """Count an answer and tell of its end. Woken by its pieces, it takes none of them."""
        with self.metrics.answers_running.track_inprogress():
            async for update in running.updates(_FAR, _FAR):
                if not isinstance(update, Ended):
                    continue
                outcome = update.outcome
                self.metrics.answer_ended(outcome)
                tell(
                    "answer-ended",
                    answer_id=asked.answer_id,
                    conversation_id=asked.conversation_id,
                    correlation_id=asked.origin.correlation_id,
                    actor=asked.origin.actor,
                    model=asked.model,
                    status=str(outcome.status),
                    reason=outcome.reason or None,
                    first_token_ms=_rounded(outcome.first_token_ms),
                    total_ms=_rounded(outcome.total_ms),
                    completion_tokens=outcome.end.completion_tokens if outcome.end else None,
                )

    async def _care(self) -> None:
        while True:
            await asyncio.sleep(self.options.look_after_every)
            try:
                await asyncio.to_thread(self.book.look_after)
            except Exception as problem:  # noqa: BLE001 - whatever it was, the next look comes
                told = problem.message if isinstance(problem, DaybookError) else type(problem).__name__
                tell("look-failed", logging.WARNING, detail=told)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
