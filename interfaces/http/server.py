"""One server's state: the open book, its options, and the work behind the requests.

Invariant: answers belong to this object's event loop and not to a connection; when the server stops, they
are ended and recorded before connections are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from application import scopes
from application.access import Guarded, Principal
from application.commands import Asking, Command
from application.conversations import Asked
from application.errors import AlreadyUnderWayError
from application.pulling import Pulling, PullView
from application.running import RunningAnswer
from domain.errors import ConflictError, DaybookError
from interfaces.admitted import AdmittedBook
from interfaces.http.found import Found
from interfaces.http.growth import Growth
from interfaces.http.logs import tell
from interfaces.http.metrics import Metrics
from interfaces.http.options import HttpOptions
from interfaces.http.paths import Paths
from interfaces.http.replays_running import RunningReplays
from interfaces.http.tails import Tails
from interfaces.http.tries import Tries

if TYPE_CHECKING:
    from fastapi import APIRouter

    from interfaces.book import WholeBook

_PARTS = (
    "actor",
    "admission",
    "access",
    "commands",
    "arrival",
    "answering",
    "titling",
    "live",
    "turns",
    "events",
    "read_models",
    "conversations",
    "projects",
    "routines",
    "transcript",
    "search",
    "replays",
    "replay_claims",
    "replaying",
    "past",
    "trail",
    "keys",
    "audit",
)
_WORK_SECONDS = 3.0
_WORKERS = 4


class Server:
    """Made with the application; runs between `start` and `stop`."""

    def __init__(self, book: WholeBook, options: HttpOptions) -> None:
        self.book = book
        self.options = options
        self.stopping = asyncio.Event()
        self.tries = Tries()
        self.whole = self
        self.principal: Principal | None = None
        self.tails = Tails(book)
        self.growth = Growth(book)
        self.pump_problem: str | None = None
        self.metrics = Metrics()
        self.replays = RunningReplays(book)
        self.ending = threading.Event()
        self.work: set[asyncio.Task[Any]] = set()
        # Apart from the threads that record answers, which must never wait for these.
        self.workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="daybook-work")
        self.routers: Sequence[tuple[str, APIRouter]] = ()
        self.document: Callable[[], dict[str, Any]] = dict
        self._stop_pump = threading.Event()
        self._pump: threading.Thread | None = None
        self._caring: asyncio.Task[None] | None = None
        self._titling: asyncio.Task[None] | None = None
        self._going_on: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()
        self._answers_closed = False
        self._prepared = False
        self._watchers: set[asyncio.Task[None]] = set()
        self._given: set[tuple[str, str]] = set()
        self._giving = threading.Lock()

    @cached_property
    def paths(self) -> Paths:
        """The table of all paths."""
        return Paths(self.routers)

    @cached_property
    def pulling(self) -> Pulling:
        """The pull of a model under way, or the last one."""
        if self.principal is None:
            return self.book.arrival.pulling
        guarded = Guarded(self.whole.pulling, scopes.PULLING, self.principal, "pulling")
        return cast("Pulling", guarded)

    def prepare(self) -> None:
        """Make all parts of the book here; left alone they are made when used, by two threads at once."""
        if self._prepared:
            return
        self._prepared = True
        for part in _PARTS:
            getattr(self.book, part)
        self.book.watch_appends(self.metrics.appended)
        self.metrics.look_at(self.book)

    def as_seen_by(self, principal: Principal) -> Server:
        """Return this server with its book as a principal may use it: what endpoints are given."""
        seen = copy.copy(self)
        seen.book = cast("WholeBook", AdmittedBook(self.book, principal))
        vars(seen).pop("pulling", None)
        seen.whole, seen.principal = self, principal
        return seen

    def start(self) -> None:
        """Begin to keep the read models up and to look for orphans. Called on the event loop."""
        self.prepare()
        self.tails.start()
        self._pump = threading.Thread(target=self._pumping, name="daybook-pump", daemon=True)
        self._pump.start()
        self._caring = asyncio.create_task(self._care())
        if self.options.titles:
            self._titling = asyncio.create_task(self._entitle())
        self.book.arrival.begin(_tell_of_pull)
        self._going_on = asyncio.create_task(self.replays.go_on())

    async def ask(self, command: Asking) -> Asked:
        """Give a command that starts an answer, and let that be written; nobody need wait for it.

        The errors are those of the command. Where an answer stands in its way whose process has died, that is
        closed first.
        """
        try:
            asked = await asyncio.to_thread(self._ask_once, command)
        except AlreadyUnderWayError:
            raise
        except ConflictError:
            # Only for that: a prompt must not land on what somebody else has just written.
            if not await asyncio.to_thread(self._closed_an_orphan, command.conversation_id):
                raise
            asked = await asyncio.to_thread(self._ask_once, command)
        if asked.request is not None:
            running = self.book.answering.start(asked)
            watcher = asyncio.create_task(self.whole.see_to_its_end(running, asked))
            self._watchers.add(watcher)
            watcher.add_done_callback(self._watchers.discard)
        return asked

    def _ask_once(self, command: Asking) -> Asked:
        with self.once(command):
            return self.book.commands.ask(command)

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

    def _closed_an_orphan(self, conversation_id: UUID | None) -> bool:
        def unfinished() -> set[UUID]:
            answers = self.book.transcript.streaming_answers()
            return {one.answer_id for one in answers if one.conversation_id == conversation_id}

        before = unfinished()
        self.book.look_after()
        return bool(before - unfinished())

    @contextlib.asynccontextmanager
    async def growing(self, found: Found) -> AsyncGenerator[RunningAnswer]:
        """Lend an answer that has not ended, as it grows: written here, or followed from elsewhere."""
        running = self.book.answering.running(found.message.id)
        if running is not None:
            yield running
        else:
            async with self.tails.following(found) as growing:
                yield growing

    async def close_answers(self) -> None:
        """End all running answers, keeping what they have; their watchers are told. Twice is harmless."""
        self.stopping.set()
        self.tails.stop()
        self.growth.stop()
        if self._answers_closed:
            return
        self._answers_closed = True
        self.ending.set()
        tell("stopping", running_answer_count=len(self._watchers))
        if self._titling is not None:
            self._answered.set()
            self.book.titling.close()
            self._titling.cancel()
            await asyncio.wait([self._titling], timeout=1.0)
        if self._going_on is not None:
            await asyncio.wait([self._going_on], timeout=1.0)
        await self.replays.stop()
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
        await self.book.arrival.stop()
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

    async def see_to_its_end(self, running: RunningAnswer, asked: Asked) -> None:
        """Count an answer and tell of its end."""
        with self.metrics.answers_running.track_inprogress():
            outcome = await running.ended()
            if outcome is not None:
                self._answered.set()
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

    async def _entitle(self) -> None:
        """Give titles whenever an answer has ended here, and now and then for what was answered elsewhere."""
        while not self.stopping.is_set():
            self._answered.clear()
            try:
                await self.book.titling.give()
            except Exception as problem:  # noqa: BLE001 - whatever it was, a title is not worth more
                tell("look-failed", logging.WARNING, detail=type(problem).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.options.look_after_every):
                    await self._answered.wait()


def _tell_of_pull(pull: PullView) -> None:
    level = logging.WARNING if pull.problem else logging.INFO
    tell("pull", level, model=pull.model, status=pull.status, detail=pull.problem)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
