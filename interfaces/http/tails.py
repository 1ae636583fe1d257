"""Answers that other processes write, followed from what these save: one reader an answer and process.

Invariant: however many watch, each piece is read and opened once; who watches gets it from memory, as if the
answer were written here. A signal wakes the reader; a look of its own stands behind it. Where nothing new
comes, the reader sees whether the owner still lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from application.errors import DatabaseError
from application.ports.live import Piece, Signal
from application.running import Outcome, RunningAnswer
from domain.conversation.conversation import Status
from domain.errors import DaybookError
from interfaces.http.found import Found, find_answer

if TYPE_CHECKING:
    from interfaces.book import WholeBook

LOOK_EVERY_SECONDS = 0.5

# After so many looks without anything new the owner is looked for.
_SILENT_LOOKS = 2
_log = logging.getLogger("daybook.http")


class Tails:
    """All answers of other processes that are watched here. Lives on one event loop."""

    def __init__(self, book: WholeBook) -> None:
        self._book = book
        self._tails: dict[UUID, _Tail] = {}
        self._unheard: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to hear signals. Called on the event loop."""
        loop = asyncio.get_running_loop()

        def told(signal: Signal) -> None:
            loop.call_soon_threadsafe(self._told, signal)

        self._unheard = self._book.live.listen(told)

    def stop(self) -> None:
        """Follow nothing any more; the streams end, and their clients come back to another process."""
        self._unheard()
        for tail in self._tails.values():
            tail.task.cancel()
            tail.answer.let_go()
            tail.looked.set()

    @asynccontextmanager
    async def following(self, found: Found) -> AsyncGenerator[RunningAnswer]:
        """Lend the answer as it grows, once it was looked at; it is read as long as somebody has it."""
        key = found.message.id
        tail = self._tails.get(key)
        if tail is None:
            tail = self._tails[key] = _Tail(self._book, found)
        tail.watchers += 1
        try:
            await tail.looked.wait()
            yield tail.answer
        finally:
            tail.watchers -= 1
            if not tail.watchers:
                tail.task.cancel()
                del self._tails[key]

    def _told(self, signal: Signal) -> None:
        if signal.kind in {"saved", "ended"}:
            for answer_id in self._tails.keys() & set(signal.answer_ids):
                self._tails[answer_id].woken.set()
        elif signal.kind in {"turns", "missed"}:
            for tail in self._tails.values():
                if tail.answer.standing or signal.kind == "missed":
                    tail.woken.set()


class _News(NamedTuple):
    pieces: Sequence[Piece]
    standing: int
    end: Found | None


class _Tail:
    """One answer, read by one task."""

    def __init__(self, book: WholeBook, found: Found) -> None:
        self._book = book
        self._model = found.message.model or ""
        self.answer = RunningAnswer(found.message.id, found.message.conversation_id, lambda _: None)
        self.watchers = 0
        self.woken = asyncio.Event()
        self.looked = asyncio.Event()
        self._seq = -1
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        silent = 0
        while True:
            self.woken.clear()
            anxious = silent >= _SILENT_LOOKS
            try:
                news = await asyncio.to_thread(self._look, anxious)
            except DatabaseError as problem:
                _log.warning("a watched answer cannot be read for now: %s", problem.message)
            except DaybookError as problem:
                self._end(Outcome(Status.INTERRUPTED, "", "", self._model, problem=problem))
                return
            else:
                silent = 0 if news.pieces or anxious else silent + 1
                if news.end is not None:
                    self._end(news.end.outcome)
                    return
                self._take(news)
            self.looked.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await self.woken.wait()

    def _look(self, anxious: bool) -> _News:  # noqa: FBT001 - called through a thread
        answer_id = self.answer.answer_id
        pieces = self._book.live.read_on(answer_id, self.answer.conversation_id, self._seq)
        if pieces:
            return _News(pieces, 0, None)
        # Saved text goes when the end is recorded, so the end must be looked for after it.
        if anxious:
            self._book.look_after()
        found = find_answer(self._book, answer_id)
        if not found.is_streaming:
            return _News((), 0, found)
        return _News((), self._book.turns.standing_anywhere(answer_id) or 0, None)

    def _take(self, news: _News) -> None:
        for piece in news.pieces:
            self._seq = piece.seq
            self.answer.become(
                self.answer.thinking[: piece.thinking_from] + piece.thinking,
                self.answer.text[: piece.text_from] + piece.text,
            )
        self.answer.stand(news.standing)

    def _end(self, outcome: Outcome) -> None:
        self.looked.set()
        self.answer.become(outcome.thinking, outcome.text)
        self.answer.finish(outcome)
