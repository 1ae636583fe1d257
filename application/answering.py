"""An answer's life after its start is recorded: stream it, save it as it grows, record its end.

Invariants: the task that generates belongs to this object, not to whoever watches; an answer ends in exactly
one event, tried again while the database is away; text that has come is never thrown away. A wish to stop it,
from whichever process, is heard by signal, and looked for now and then, at once where signals were lost.

An answer has two tasks. One streams from the model, and is what a cancellation stops. The other waits for it
and records the end: nobody cancels that one, and when the event loop is torn down around it, it still comes
to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from application.arrival import Arrival
from application.conversations import Asked
from application.deciding import settle
from application.errors import DatabaseError, ModelMissingError, ModelServerError
from application.line import Line
from application.ports.clock import Clock
from application.ports.live import LiveAnswers, Piece, Signal
from application.ports.log import Log
from application.ports.memory import ModelMemory
from application.ports.model_server import ChatEnd, ChatRequest, ModelCard
from application.ports.turns import Turns
from application.running import Outcome, RunningAnswer
from application.thinking import ThinkSplitter
from application.threads import in_thread, leave_if_cancelled
from domain.conversation.conversation import Conversation, Status
from domain.errors import ConflictError, ContentErasedError, DaybookError, WrongVersionError
from domain.ids import short

SAVE_EVERY_SECONDS = 0.25
DATABASE_PATIENCE_SECONDS = 20.0
CANCELLED = "cancelled"
SHUTDOWN = "shutdown"
_CARD_GRACE_SECONDS = 1.0
_CARD_HOLDS_MS = 1_000.0
_LOOK_EVERY_SAVES = 4
_LONGEST_PAUSE_SECONDS = 2.0
_LONGEST_WORD = 200
_MOST_STORED = 2**53

N = TypeVar("N", int, float)


@dataclass
class _Life:
    """One answer's tasks. `reason` is why it was stopped, empty while nobody did; the first reason stands."""

    asked: Asked
    running: RunningAnswer
    stream: asyncio.Task[ChatEnd]
    began: float
    reason: str = ""

    def stop(self, reason: str) -> None:
        if not self.reason and not self.stream.done():
            self.reason = reason
            self.stream.cancel()


class Answering:
    """Generates answers on one event loop. Databases are called from threads, never from the loop."""

    def __init__(
        self,
        log: Log,
        live: LiveAnswers,
        models: ModelMemory,
        arrival: Arrival,
        clock: Clock,
        turns: Turns,
        *,
        save_every: float = SAVE_EVERY_SECONDS,
        patience: float = DATABASE_PATIENCE_SECONDS,
    ) -> None:
        self._log = log
        self._live = live
        self._models = models
        self._arrival = arrival
        self._server = arrival.server
        self._clock = clock
        self._save_every = save_every
        self._patience = patience
        self._lives: dict[UUID, _Life] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._saver: asyncio.Task[None] | None = None
        self._saving = asyncio.Lock()
        self._recorded: set[UUID] = set()
        self._closing = False
        self._line = Line(turns)
        self._cards: dict[str, tuple[float, asyncio.Task[ModelCard | None]]] = {}
        self._saves_to_look = 0
        self._unheard: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, asked: Asked) -> RunningAnswer:
        """Begin to generate what was asked; returns at once.

        `asked.request` must be there: a command that was given before is being answered already.
        """
        if asked.request is None:
            raise ValueError("this command was answered before; there is nothing to generate")
        began = self._clock.monotonic_ms()
        self._listen()

        def stop(reason: str) -> None:
            life.stop(reason)

        running = RunningAnswer(asked.answer_id, asked.conversation_id, stop)
        stream = asyncio.create_task(self._stream(asked.request, running, began))
        life = _Life(asked, running, stream, began)
        self._lives[asked.answer_id] = life
        task = asyncio.create_task(self._see_to_its_end(life, asked.request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._saver is None or self._saver.done():
            self._saver = asyncio.create_task(self._save_now_and_then())
        if self._closing:
            life.stop(SHUTDOWN)
        return running

    def running(self, answer_id: UUID) -> RunningAnswer | None:
        """Return an answer that this process is writing, or None."""
        life = self._lives.get(answer_id)
        return life.running if life else None

    async def cancel(self, answer_id: UUID) -> None:
        """Stop an answer, whichever process writes it; what it has is kept and its end recorded there."""
        life = self._lives.get(answer_id)
        if life is not None:
            life.stop(CANCELLED)
        else:
            await in_thread(lambda: self._live.want_stopped(answer_id))

    async def close(self, reason: str = SHUTDOWN) -> None:
        """Stop all answers, keeping what they have, and wait until each end is recorded or cannot be."""
        self._closing = True
        for life in list(self._lives.values()):
            life.stop(reason)
        while self._tasks:
            await asyncio.wait(list(self._tasks))
        if self._saver is not None:
            self._saver.cancel()
            await asyncio.wait([self._saver])
        for _, looking in self._cards.values():
            looking.cancel()
        await self._line.close()
        self._unheard()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._unheard()
            self._loop = loop

            def told(signal: Signal) -> None:
                loop.call_soon_threadsafe(self._told, signal)

            self._unheard = self._live.listen(told)

    def _told(self, signal: Signal) -> None:
        if signal.kind == "stop":
            self._stop_wanted(set(signal.answer_ids))
        elif signal.kind == "turns":
            self._line.wake()
        elif signal.kind == "missed":
            self._saves_to_look = 0

    def _stop_wanted(self, answer_ids: set[UUID]) -> None:
        for answer_id in answer_ids & self._lives.keys():
            self._lives[answer_id].stop(CANCELLED)

    async def _see_to_its_end(self, life: _Life, request: ChatRequest) -> None:
        card = asyncio.create_task(self._card(request.model, life.running))
        while not life.stream.done():
            try:
                await asyncio.wait([life.stream])
            except asyncio.CancelledError:
                self._torn_down(life)
        leaving = asyncio.create_task(self._line.leave(life.asked.answer_id))
        outcome = self._ended(life, request.model)
        if outcome.end is not None:
            life.running.begun.set()
        outcome = replace(outcome, model_digest=await self._digest(card, life.running))
        try:
            final = await self._record(life.asked, outcome)
        except Exception as error:  # noqa: BLE001 (a fault of ours must not leave watchers waiting for ever)
            final = replace(outcome, problem=_fault(life.asked, error))
        await self._left(leaving)
        life.running.finish(final)
        self._lives.pop(life.asked.answer_id, None)
        self._recorded.discard(life.asked.answer_id)
        if final.log_size is None and isinstance(final.problem, DatabaseError):
            await self._record_late(life.asked, outcome)

    def _ended(self, life: _Life, model: str) -> Outcome:
        """Return how the stream ended."""
        status, reason = Status.COMPLETE, ""
        end: ChatEnd | None = None
        problem: DaybookError | None = None
        try:
            end = life.stream.result()
            reason = _word(end.reason)
        except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 (whatever happened, it has an end)
            if life.reason or isinstance(error, asyncio.CancelledError):
                reason = life.reason or SHUTDOWN
                status = Status.CANCELLED if reason == CANCELLED else Status.INTERRUPTED
            elif isinstance(error, ModelServerError):
                status, reason, problem = Status.FAILED, error.reason, error
            else:
                status, reason, problem = Status.FAILED, "internal-error", _fault(life.asked, error)
        running = life.running
        return Outcome(
            status=status,
            reason=reason,
            text=running.text,
            thinking=running.thinking,
            model=model,
            end=end,
            first_token_ms=None if running.first_token_at is None else running.first_token_at - life.began,
            total_ms=self._clock.monotonic_ms() - life.began,
            problem=problem,
        )

    @staticmethod
    async def _left(leaving: asyncio.Task[None]) -> None:
        """Wait until the turn is given up, so that nothing of this answer runs when it has ended."""
        while not leaving.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([leaving])

    def _torn_down(self, life: _Life) -> None:
        """Nobody of ours cancels the task that ends an answer: the event loop around it is closing."""
        self._closing = True
        life.stop(SHUTDOWN)

    async def _stream(self, request: ChatRequest, running: RunningAnswer, began: float) -> ChatEnd:
        await self._turn(request.model, running)
        try:
            return await self._said(request, running, began)
        except ModelMissingError:
            if not self._arrival.missed(request.model):
                raise
        await self._turn(request.model, running)
        return await self._said(request, running, began)

    async def _turn(self, model: str, running: RunningAnswer) -> None:
        """Return when the model may be asked. While it is still on its way, others have their turns."""
        if await self._arrival.is_coming(model):
            await self._line.leave(running.answer_id)
            leave_if_cancelled()
            await self._arrival.wait(running, model)
            await self._line.enter(running.answer_id)
        await self._line.turn(running)

    async def _said(self, request: ChatRequest, running: RunningAnswer, began: float) -> ChatEnd:
        splitter = ThinkSplitter()
        end = ChatEnd(reason="stop")
        stream: Any = self._server.chat(request)
        async with aclosing(stream):
            try:
                async for item in stream:
                    if isinstance(item, ChatEnd):
                        end = item
                        continue
                    if running.first_token_at is None and (item.text or item.thinking):
                        running.first_token_at = max(began, self._clock.monotonic_ms())
                    for piece in splitter.feed(item):
                        running.add(piece)
            finally:
                for piece in splitter.end():
                    running.add(piece)
        return end

    async def _card(self, model: str, running: RunningAnswer) -> ModelCard | None:
        # Asked for beside the answer and after its first word, which must not wait for it.
        await running.begun.wait()
        now = self._clock.monotonic_ms()
        self._cards = {name: known for name, known in self._cards.items() if now < known[0] + _CARD_HOLDS_MS}
        if model not in self._cards:
            self._cards[model] = (now, asyncio.create_task(self._look_up(model)))
        return await asyncio.shield(self._cards[model][1])

    async def _look_up(self, model: str) -> ModelCard | None:
        """Ask what a model is, once for all answers that begin within a second: it is dear."""
        try:
            card = await self._server.show(model)
            await asyncio.to_thread(self._models.remember, card)
        except (ModelServerError, DatabaseError):
            return None
        return card

    async def _digest(self, card: asyncio.Task[ModelCard | None], running: RunningAnswer) -> str | None:
        """Return the model's digest if its server tells it soon.

        Nothing that goes wrong here is worth an answer.
        """
        if running.begun.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([card], timeout=_CARD_GRACE_SECONDS)
        if card.cancel() or card.cancelled() or card.exception() is not None:
            return None
        known = card.result()
        return _word(known.digest) if known else None

    async def _record(self, asked: Asked, outcome: Outcome) -> Outcome:
        """Record the end, trying again while the database is away.

        What cannot be recorded is said in the outcome.
        """
        deadline = self._clock.monotonic_ms() + self._patience * 1000
        pause = 0.1
        while True:
            try:
                log_size = await in_thread(lambda: self._settle(asked, outcome))
            except (DatabaseError, WrongVersionError) as problem:
                if self._clock.monotonic_ms() > deadline:
                    return replace(outcome, problem=problem)
                await self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            except ConflictError as problem:
                # Somebody held us for dead and closed the answer first; only a completion may still win.
                return replace(outcome, status=Status.INTERRUPTED, problem=outcome.problem or problem)
            except ContentErasedError as problem:
                # Erased while it was being written: what came is dropped, here and where it was saved.
                await self._forget(asked.answer_id)
                return replace(outcome, status=Status.INTERRUPTED, text="", thinking="", problem=problem)
            except DaybookError as problem:
                return replace(outcome, problem=problem)
            else:
                await self._forget(asked.answer_id)
                return replace(outcome, log_size=log_size)

    async def _record_late(self, asked: Asked, outcome: Outcome) -> None:
        """Go on trying after everybody was told that the end is not recorded, until this process ends."""
        recorded = False
        while not recorded and not self._closing:
            await self._pause(_LONGEST_PAUSE_SECONDS)
            try:
                await in_thread(lambda: self._settle(asked, outcome))
                recorded = True
            except (DatabaseError, WrongVersionError):
                continue
            except DaybookError:
                return
        if recorded:
            await self._forget(asked.answer_id)

    async def _pause(self, seconds: float) -> None:
        """Sleep; when the event loop is torn down meanwhile, what follows is the last try."""
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self._closing = True

    def _settle(self, asked: Asked, outcome: Outcome) -> int:
        def decide(conversation: Conversation) -> None:
            values = _ending(outcome)
            if outcome.status is Status.INTERRUPTED:
                conversation.interrupt_answer(asked.answer_id, **values)
            elif outcome.status is Status.COMPLETE:
                conversation.complete_answer(asked.answer_id, **values)
            elif outcome.status is Status.CANCELLED:
                conversation.cancel_answer(asked.answer_id, **values)
            else:
                detail = outcome.problem.message if outcome.problem else ""
                conversation.fail_answer(asked.answer_id, **values, detail=detail)

        try:
            return settle(self._log, Conversation, asked.conversation_id, decide, asked.origin)
        except WrongVersionError:
            raise
        except ConflictError:
            conversation = self._log.load(Conversation, asked.conversation_id)
            if conversation.message(asked.answer_id).status is outcome.status:
                # An earlier try was recorded, and only its acknowledgement was lost.
                return self._log.size()
            raise

    async def _forget(self, answer_id: UUID) -> None:
        self._recorded.add(answer_id)
        with contextlib.suppress(DatabaseError, asyncio.CancelledError):
            async with self._saving:  # a save under way is over, and the next one leaves this answer out
                await in_thread(lambda: self._live.forget(answer_id))

    async def _save_now_and_then(self) -> None:
        while self._lives:
            await asyncio.sleep(self._save_every)
            async with self._saving:
                growing = [life.running for key, life in self._lives.items() if key not in self._recorded]
                pieces = {running: piece for running in growing if (piece := running.unsaved()) is not None}
                if pieces:
                    await self._save(pieces)
            self._saves_to_look -= 1
            if self._saves_to_look < 0:
                self._saves_to_look = _LOOK_EVERY_SAVES - 1
                await self._look_for_stops([running.answer_id for running in growing])

    async def _look_for_stops(self, answer_ids: list[UUID]) -> None:
        with contextlib.suppress(DatabaseError):
            if answer_ids:
                self._stop_wanted(await in_thread(lambda: self._live.stops_wanted(answer_ids)))

    async def _save(self, pieces: dict[RunningAnswer, Piece]) -> None:
        try:
            await in_thread(lambda: self._live.save(list(pieces.values())))
        except DaybookError:
            # A database that is away must not stop the answers; their ends are tried again on their own.
            for running in pieces:
                running.not_saved()


def _fault(asked: Asked, error: BaseException) -> DaybookError:
    return DaybookError(
        f"Answer {short(asked.answer_id)} ended by a fault of Daybook's ({type(error).__name__}: {error}). "
        "What came of "
        "it is kept where it could be.",
        hint=f"daybook show {short(asked.conversation_id)}",
    )


def _told(number: N | None) -> N | None:
    """Return a number of the model server's, or None where it is none that can be stored."""
    return number if number is not None and 0 <= number < _MOST_STORED else None


def _word(text: str) -> str:
    """Return a word of the model server's as it may be stored in plain: one printable line, not long."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST_WORD])


def _ending(outcome: Outcome) -> dict[str, Any]:
    end = outcome.end or ChatEnd(reason="")
    return {
        "text": outcome.text,
        "thinking": outcome.thinking,
        "reason": outcome.reason,
        "model_digest": outcome.model_digest,
        "prompt_tokens": _told(end.prompt_tokens),
        "completion_tokens": _told(end.completion_tokens),
        "total_ms": _told(end.total_ms) or outcome.total_ms,
        "load_ms": _told(end.load_ms),
        "prompt_eval_ms": _told(end.prompt_eval_ms),
        "eval_ms": _told(end.eval_ms),
        "first_token_ms": outcome.first_token_ms,
    }
