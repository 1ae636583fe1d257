"""Answers that a server writes, followed over its stream of events.

Invariant: every character comes once, over however many connections: each one begins where the last one
ended, by the id of the last event. The answer is the server's: whoever leaves, or loses the connection for
good, leaves it there to be finished; only a cancellation ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.ports.model_server import ChatEnd, Delta
from application.running import Outcome, RunningAnswer
from domain.conversation.conversation import Status
from domain.errors import DaybookError
from interfaces.remote.connection import QUIET_SECONDS
from interfaces.remote.decoding import view
from interfaces.remote.events import EventLines, ServerEvent
from interfaces.remote.losses import reason
from interfaces.remote.problems import MARK, body_of, error_of, foreign, of_ending, slug_of
from interfaces.server_errors import ServerUnreachableError
from interfaces.views import AnswerView, TimingsView, UsageView

if TYPE_CHECKING:
    import httpx

    from application.conversations import Asked
    from interfaces.remote.connection import Connection

CANCELLED = "cancelled"
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 3.0
_CANCEL_TRIES = 5
_ENDED = 204
_ERROR = 400
_BUSY = frozenset({"stopping", "database-unreachable", "database-error", "read-model-stalled"})


class RemoteAnswering:
    """Follows answers. Bound to the event loop it is first used on."""

    def __init__(self, connection: Connection, *, patience: float = PATIENCE_SECONDS) -> None:
        self._connection = connection
        self._patience = patience
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, asked: Asked) -> RunningAnswer:
        """Lend an answer that was just asked for, as it grows; returns at once."""

        def stop(why: str) -> None:
            if why == CANCELLED:
                self._keep(asyncio.create_task(follower.cancel()))
            else:  # the terminal is closed, not the answer
                follower.leave()

        running = RunningAnswer(asked.answer_id, asked.conversation_id, stop)
        follower = _Follower(self._connection, running, asked.model, self._patience)
        self._keep(asyncio.create_task(follower.follow()))
        return running

    async def cancel(self, answer_id: UUID) -> None:
        """Have an answer stopped; returns when its end is recorded, or after a while."""
        await asyncio.to_thread(self._connection.asked, "POST", f"answers/{answer_id}/cancel")

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Follower:
    """One answer's stream, over as many connections as it takes."""

    def __init__(self, connection: Connection, running: RunningAnswer, model: str, patience: float) -> None:
        self._connection = connection
        self._running = running
        self._model = model
        self._patience = patience
        self._last_id: str | None = None
        self._lost_since: float | None = None

    async def follow(self) -> None:
        """Feed the answer until it has ended, or patience has."""
        try:
            await self._follow_patiently()
        except DaybookError as problem:
            self._end(Status.INTERRUPTED, problem=problem)
        except Exception as problem:
            # Whoever watches waits for an outcome, whatever was wrong here.
            self._end(Status.INTERRUPTED, problem=DaybookError("The answer cannot be followed any more."))
            raise problem from None

    async def _follow_patiently(self) -> None:
        import httpx

        pause = _PAUSE_SECONDS
        async with httpx.AsyncClient(**self._connection.client_options(quiet=QUIET_SECONDS)) as client:
            while True:
                why = "the server ended it"
                try:
                    await self._read_some(client)
                except httpx.TransportError as problem:
                    why = reason(problem)
                except _BusyError as problem:
                    why = problem.why
                if self._running.outcome is not None:
                    return
                if self._lost_since is None:
                    self._lost_since, pause = time.monotonic(), _PAUSE_SECONDS
                if time.monotonic() - self._lost_since > self._patience:
                    raise ServerUnreachableError(
                        f"The connection to {self._connection.url} was lost: {why}. Your prompt is recorded. "
                        "A server that still runs goes on with the answer; of one that was ended, what came "
                        "of it is kept."
                    )
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def cancel(self) -> None:
        """Have the answer stopped; its end comes by the stream."""
        for _ in range(_CANCEL_TRIES):
            with contextlib.suppress(DaybookError):
                await asyncio.to_thread(
                    self._connection.asked, "POST", f"answers/{self._running.answer_id}/cancel"
                )
                return
            if self._running.outcome is not None:
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    def leave(self) -> None:
        """Follow it no more; the server goes on."""
        if self._running.outcome is None:
            self._end(Status.INTERRUPTED, why="left")

    async def _read_some(self, client: httpx.AsyncClient) -> None:
        """Read one connection's worth of events."""
        headers = {"Accept": "text/event-stream"}
        if self._last_id is not None:
            headers["Last-Event-ID"] = self._last_id
        path = f"/api/v1/answers/{self._running.answer_id}/stream"
        async with client.stream("GET", path, headers=headers) as response:
            if response.status_code >= _ERROR or MARK not in response.headers:
                await response.aread()
                self._refuse(response)
            if response.status_code == _ENDED:
                await self._fetch_the_end()
                return
            lines = EventLines()
            async for line in response.aiter_lines():
                self._lost_since = None
                event = lines.take(line)
                if event is not None:
                    self._take(event)
                if self._running.outcome is not None:
                    return

    def _take(self, event: ServerEvent) -> None:
        if event.id is not None:
            self._last_id = event.id
        match event.name:
            case "status":
                self._running.wait_for(str(event.data.get("waits_for") or ""))
                self._running.stand(int(event.data.get("position") or 0))
            case "delta":
                thinking, text = str(event.data.get("thinking", "")), str(event.data.get("text", ""))
                self._running.add(Delta(text=text, thinking=thinking))
            case "reset":
                self._running.become("", "")
            case "done" | "failed":
                self._ended(event.data)

    def _ended(self, ending: dict[str, Any]) -> None:
        if "answer_id" not in ending:  # a problem, as a response would have it
            from interfaces.remote.problems import of_problem

            self._end(Status.INTERRUPTED, problem=of_problem(ending, int(ending.get("status", 500))))
            return
        usage, timings = view(ending["usage"], UsageView), view(ending["timings"], TimingsView)
        self._running.finish(
            self._outcome(
                status=Status(ending["status"]),
                why=str(ending.get("reason") or ""),
                model=str(ending.get("model") or self._model),
                model_digest=ending.get("model_digest"),
                usage=usage,
                timings=timings,
                log_size=ending.get("log_size"),
                problem=of_ending(ending),
            )
        )
        if ending.get("log_size") is not None:
            self._connection.saw(int(ending["log_size"]))

    async def _fetch_the_end(self) -> None:
        """Get how it ended: all of its text has come, and the event that said so has not."""
        found = await asyncio.to_thread(
            self._connection.get, f"answers/{self._running.answer_id}", AnswerView
        )
        if (found.thinking, found.text) != (self._running.thinking, self._running.text):
            self._running.become(found.thinking, found.text)
        ending = {"detail": found.detail, "reason": found.reason, "model": found.model}
        self._running.finish(
            self._outcome(
                status=Status(found.status),
                why=found.reason or "",
                model=found.model,
                model_digest=found.model_digest,
                usage=found.usage,
                timings=found.timings,
                log_size=found.log_size,
                problem=of_ending(ending),
            )
        )

    def _outcome(
        self,
        *,
        status: Status,
        why: str,
        model: str,
        model_digest: str | None,
        usage: UsageView,
        timings: TimingsView,
        log_size: int | None,
        problem: DaybookError | None,
    ) -> Outcome:
        return Outcome(
            status=status,
            text=self._running.text,
            thinking=self._running.thinking,
            model=model,
            reason=why,
            model_digest=model_digest,
            end=ChatEnd(
                reason=why,
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                total_ms=timings.total_ms,
                load_ms=timings.load_ms,
                prompt_eval_ms=timings.prompt_eval_ms,
                eval_ms=timings.eval_ms,
            ),
            first_token_ms=timings.first_token_ms,
            total_ms=timings.total_ms,
            log_size=log_size,
            problem=problem,
        )

    def _end(self, status: Status, *, why: str = "", problem: DaybookError | None = None) -> None:
        self._running.finish(
            Outcome(
                status, self._running.text, self._running.thinking, self._model, reason=why, problem=problem
            )
        )

    def _refuse(self, response: httpx.Response) -> None:
        body = body_of(response)
        if body is not None and slug_of(body) in _BUSY:
            raise _BusyError(str(body.get("detail", "")))
        error = (
            error_of(response, self._connection.url)
            if body is not None
            else foreign(response, self._connection.url)
        )
        if isinstance(error, ServerUnreachableError):
            raise _BusyError(error.message)
        raise error


class _BusyError(Exception):
    """The server is there and cannot do it now."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why
