"""An answer's life after its start is recorded: stream it from the model, save it as it grows, record its end.

Invariants: the task that generates belongs to this object, not to whoever watches; an answer ends in exactly one
event, tried again while the database is away; text that has come is never thrown away, however the answer ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import UUID

from application.conversations import Asked
from application.deciding import settle
from application.errors import DatabaseError, ModelServerError
from application.ports.clock import Clock
from application.ports.live import LiveAnswers
from application.ports.log import Log
from application.ports.memory import ModelMemory
from application.ports.model_server import ChatEnd, ChatRequest, ModelCard, ModelServer
from application.running import Outcome, RunningAnswer
from application.thinking import ThinkSplitter
from domain.conversation.conversation import Conversation, Status
from domain.errors import ConflictError, DaybookError

SAVE_EVERY_SECONDS = 0.25
DATABASE_PATIENCE_SECONDS = 20.0
_CARD_GRACE_SECONDS = 1.0


class Answering:
    """Generates answers on one event loop. Databases are called from threads, never from the loop."""

    def __init__(
        self,
        log: Log,
        live: LiveAnswers,
        models: ModelMemory,
        server: ModelServer,
        clock: Clock,
        *,
        save_every: float = SAVE_EVERY_SECONDS,
        patience: float = DATABASE_PATIENCE_SECONDS,
    ) -> None:
        self._log = log
        self._live = live
        self._models = models
        self._server = server
        self._clock = clock
        self._save_every = save_every
        self._patience = patience
        self._running: dict[UUID, RunningAnswer] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._saver: asyncio.Task[None] | None = None
        self._saving = asyncio.Lock()
        self._recorded: set[UUID] = set()

    def start(self, asked: Asked) -> RunningAnswer:
        """Begin to generate what was asked; returns at once. `asked.request` must be there (not a replayed command)."""
        if asked.request is None:
            raise ValueError("this command was answered before; there is nothing to generate")
        running = RunningAnswer(
            asked.answer_id, asked.conversation_id, lambda reason: self._stop(asked, reason)
        )
        self._running[asked.answer_id] = running
        self._tasks[asked.answer_id] = asyncio.create_task(self._live_and_die(asked, asked.request, running))
        if self._saver is None or self._saver.done():
            self._saver = asyncio.create_task(self._save_now_and_then())
        return running

    def running(self, answer_id: UUID) -> RunningAnswer | None:
        """Return an answer that this process is writing, or None."""
        return self._running.get(answer_id)

    async def close(self, reason: str = "shutdown") -> None:
        """Stop all answers, keeping what they have, and wait until each end is recorded."""
        tasks = list(self._tasks.values())
        for running in list(self._running.values()):
            running.cancel(reason)
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._saver is not None:
            self._saver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._saver

    def _stop(self, asked: Asked, reason: str) -> None:
        task = self._tasks.get(asked.answer_id)
        if task is not None and not task.done():
            task.cancel(reason)

    async def _live_and_die(self, asked: Asked, request: ChatRequest, running: RunningAnswer) -> None:
        began = self._clock.monotonic_ms()
        card = asyncio.create_task(self._card(request.model, running))
        end: ChatEnd | None = None
        problem: DaybookError | None = None
        status, reason = Status.COMPLETE, ""
        try:
            end = await self._stream(request, running, began)
            reason = end.reason
        except asyncio.CancelledError as cancellation:
            # The one cancellation is answered here; what follows must run to its end.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            reason = str(cancellation.args[0]) if cancellation.args else "cancelled"
            status = Status.CANCELLED if reason == "cancelled" else Status.INTERRUPTED
        except ModelServerError as error:
            status, reason, problem = Status.FAILED, error.reason, error
        if end is not None:
            running.begun.set()
        digest = await self._digest(card) if running.begun.is_set() else None
        card.cancel()
        outcome = Outcome(
            status=status,
            text=running.text,
            thinking=running.thinking,
            model=request.model,
            model_digest=digest,
            end=end,
            first_token_ms=None if running.first_token_at is None else running.first_token_at - began,
            total_ms=self._clock.monotonic_ms() - began,
            problem=problem,
        )
        running.finish(await self._record(asked, outcome, reason))
        self._running.pop(asked.answer_id, None)
        self._tasks.pop(asked.answer_id, None)
        self._recorded.discard(asked.answer_id)

    async def _stream(self, request: ChatRequest, running: RunningAnswer, began: float) -> ChatEnd:
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
        try:
            card = await self._server.show(model)
            await asyncio.to_thread(self._models.remember, card)
        except (ModelServerError, DatabaseError):
            return None
        return card

    async def _digest(self, card: asyncio.Task[ModelCard | None]) -> str | None:
        try:
            known = await asyncio.wait_for(card, _CARD_GRACE_SECONDS)
        except TimeoutError:
            return None
        return known.digest if known else None

    async def _record(self, asked: Asked, outcome: Outcome, reason: str) -> Outcome:
        """Record the end, trying again while the database is away; what cannot be recorded is said in the outcome."""
        deadline = self._clock.monotonic_ms() + self._patience * 1000
        pause = 0.1
        while True:
            try:
                log_size = await asyncio.to_thread(self._settle, asked, outcome, reason)
            except DatabaseError as problem:
                if self._clock.monotonic_ms() > deadline:
                    return replace(outcome, problem=problem)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            except ConflictError as problem:
                # Somebody held us for dead and closed the answer first; only a completion may still win.
                return replace(outcome, status=Status.INTERRUPTED, problem=outcome.problem or problem)
            except DaybookError as problem:
                return replace(outcome, problem=problem)
            else:
                async with self._saving:
                    self._recorded.add(asked.answer_id)
                    with contextlib.suppress(DatabaseError):
                        await asyncio.to_thread(self._live.forget, asked.answer_id)
                return replace(outcome, log_size=log_size)

    def _settle(self, asked: Asked, outcome: Outcome, reason: str) -> int:
        def decide(conversation: Conversation) -> None:
            if outcome.status is Status.INTERRUPTED:
                conversation.interrupt_answer(
                    asked.answer_id, text=outcome.text, thinking=outcome.thinking, reason=reason
                )
                return
            values = _ending(outcome, reason)
            if outcome.status is Status.COMPLETE:
                conversation.complete_answer(asked.answer_id, **values)
            elif outcome.status is Status.CANCELLED:
                conversation.cancel_answer(asked.answer_id, **values)
            else:
                detail = outcome.problem.message if outcome.problem else ""
                conversation.fail_answer(asked.answer_id, **values, detail=detail)

        return settle(self._log, Conversation, asked.conversation_id, decide, asked.origin)

    async def _save_now_and_then(self) -> None:
        while self._running:
            await asyncio.sleep(self._save_every)
            async with self._saving:
                growing = [one for one in self._running.values() if one.answer_id not in self._recorded]
                pieces = [piece for running in growing if (piece := running.unsaved()) is not None]
                if pieces:
                    # A database that is away must not stop the answer; its end is tried again on its own.
                    with contextlib.suppress(DaybookError):
                        await asyncio.to_thread(self._live.save, pieces)


def _ending(outcome: Outcome, reason: str) -> dict[str, Any]:
    end = outcome.end
    return {
        "text": outcome.text,
        "thinking": outcome.thinking,
        "reason": reason,
        "model_digest": outcome.model_digest,
        "prompt_tokens": end.prompt_tokens if end else None,
        "completion_tokens": end.completion_tokens if end else None,
        "total_ms": (end.total_ms if end else None) or outcome.total_ms,
        "load_ms": end.load_ms if end else None,
        "prompt_eval_ms": end.prompt_eval_ms if end else None,
        "eval_ms": end.eval_ms if end else None,
        "first_token_ms": outcome.first_token_ms,
    }
