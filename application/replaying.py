"""Running a replay: its prompts are asked again, one after the other, behind everything that people wait for.

Algorithm. What is left of the replay is asked in order, each prompt rendered from the ids that its recorded
answer names. A prompt has a place in the line as a title has: behind every answer; and while the model
writes, it is dropped as soon as somebody comes to wait, and asked once more when nobody does.

Invariants: each new answer is one append that expects the version which this process knows, so a replay that
was cancelled, erased or taken over is noticed before anything is added; one process runs a replay, by a claim
that goes with its death; the book's conversations are only read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from application.context import rendered
from application.errors import (
    LineFullError,
    ModelMissingError,
    ModelServerError,
    ModelServerOverloadedError,
    ModelServerUnreachableError,
    RequestUnknownError,
)
from application.line import LOOK_EVERY_SECONDS, Line
from application.ports.clock import Clock
from application.ports.log import Log, Origin
from application.ports.memory import Memory, RecordedAnswer
from application.ports.model_server import ChatEnd, ChatMessage, ChatRequest, ModelServer
from application.ports.replays import Manner, Replays
from application.ports.turns import Turns
from application.recorded_request import render_again
from application.running import RunningAnswer
from application.thinking import Reclassified, ThinkSplitter
from application.threads import in_thread
from domain.errors import (
    ConflictError,
    ContentDamagedError,
    ContentErasedError,
    RefusedError,
    WrongVersionError,
)
from domain.ids import new_id, short
from domain.replay.likeness import likeness
from domain.replay.replay import Replay, ReplayStatus, Run

_SERVER_IS_AWAY = (
    ModelServerUnreachableError,
    ModelMissingError,
    ModelServerOverloadedError,
    LineFullError,
)
"""Says nothing of the prompt: the replay stops, and can be resumed."""


@dataclass(frozen=True)
class Step:
    """How far a replay has come: runs that are done, of how many."""

    done: int
    of: int


Told = Callable[[Step], None]


@dataclass(frozen=True)
class _Said:
    """What a model said."""

    text: str
    thinking: str
    end: ChatEnd
    first_token_ms: float | None
    total_ms: float


class Replaying:
    """Runs replays on one event loop. Databases are called from threads, never from the loop."""

    def __init__(
        self,
        log: Log,
        memory: Memory,
        replays: Replays,
        server: ModelServer,
        turns: Turns,
        clock: Clock,
        *,
        look_every: float = LOOK_EVERY_SECONDS,
    ) -> None:
        self._log = log
        self._memory = memory
        self._replays = replays
        self._server = server
        self._turns = turns
        self._clock = clock
        self._look_every = look_every

    async def run(self, replay_id: UUID, origin: Origin, told: Told = lambda _: None) -> ReplayStatus:
        """Ask what is left of a replay; return what became of it. Cancelled, it can be run again.

        Raises:
            ConflictError: another process runs it.
            RefusedError: it was cancelled or is complete.
            ContentErasedError, NotFoundError: it was erased, or there is none.
            ModelServerError: the server is away, or does not have the model; the replay can be resumed.
        """
        claim = self._replays.claimed(replay_id)
        if not await in_thread(claim.__enter__):
            await in_thread(lambda: claim.__exit__(None, None, None))
            raise ConflictError(
                f"Replay {short(replay_id)} is being run by another process. Nothing was changed.",
                hint=f"daybook replay show {short(replay_id)}",
            )
        try:
            return await self._run(replay_id, origin, told)
        finally:
            await in_thread(lambda: claim.__exit__(None, None, None))

    async def _run(self, replay_id: UUID, origin: Origin, told: Told) -> ReplayStatus:
        replay = await in_thread(lambda: self._log.load(Replay, replay_id))
        replay.must_go_on()
        manner = await in_thread(lambda: self._replays.manner(replay_id))
        digest = (await self._server.show(manner.model)).digest
        whole = len(replay.answer_ids) * replay.repeat
        told(Step(len(replay.done), whole))
        while (run := next(replay.pending(), None)) is not None:
            try:
                await self._ask_again(replay, run, manner, origin, digest)
            except (WrongVersionError, _MovedOnError):
                replay = await in_thread(lambda: self._log.load(Replay, replay_id))
                if replay.status is not ReplayStatus.OPEN or replay.erased:
                    return replay.status
                continue
            told(Step(len(replay.done), whole))
        await in_thread(lambda: self._end(replay, origin))
        return replay.status

    def _end(self, replay: Replay, origin: Origin) -> None:
        replay.complete()
        self._log.save([replay], origin)

    async def _ask_again(
        self, replay: Replay, run: Run, manner: Manner, origin: Origin, digest: str | None
    ) -> None:
        try:
            request, recorded = await in_thread(lambda: self._request(run, manner))
        except ContentErasedError:
            return await self._skip(replay, run, "erased", origin)
        except ContentDamagedError:
            return await self._skip(replay, run, "altered", origin)
        except (RequestUnknownError, RefusedError):
            return await self._skip(replay, run, "unknown", origin)
        try:
            said = await self._asked(replay, request)
        except _SERVER_IS_AWAY:
            raise
        except ModelServerError as problem:
            replay.fail(run, reason=problem.reason, detail=problem.message)
            return await self._save(replay, origin)
        alike = await in_thread(lambda: likeness(recorded, said.text))
        request_hash = self._log.request_hash(replay.id, rendered(request))
        replay.answer(
            run,
            text=said.text,
            thinking=said.thinking,
            likeness=alike,
            request_hash=request_hash,
            reason=said.end.reason,
            model_digest=digest,
            **_figures(said),
        )
        return await self._save(replay, origin)

    def _request(self, run: Run, manner: Manner) -> tuple[ChatRequest, str]:
        """Return what the model is to be asked, and what was answered then."""
        (known,) = self._memory.recorded([run.answer_id])
        if not isinstance(known, RecordedAnswer):
            raise RequestUnknownError("Prompts have no answers to be held against.")
        then = render_again(self._log, self._memory, run.answer_id).request
        return changed(then, manner, run.repeat), known.text

    async def _asked(self, replay: Replay, request: ChatRequest) -> _Said:
        """Return what the model says, however often it must stand back for people."""
        while True:
            said = await self._asked_once(replay, request)
            if said is not None:
                return said

    async def _asked_once(self, replay: Replay, request: ChatRequest) -> _Said | None:
        place = new_id()
        line = Line(self._turns, look_every=self._look_every)
        await in_thread(lambda: self._turns.enter(place, background=True))
        try:
            waiting = asyncio.create_task(line.turn(RunningAnswer(place, replay.id, _nothing)))
            await self._until(waiting, replay)
            asking = asyncio.create_task(self._said(request))
            said: _Said | None = await self._until(asking, replay, people=True)
            return said
        finally:
            await line.leave(place)
            await line.close()

    async def _until(self, work: asyncio.Task[Any], replay: Replay, *, people: bool = False) -> Any:
        """Wait for work; drop it (None) where somebody came to wait, or it is not wanted any more."""
        try:
            while True:
                await asyncio.wait([work], timeout=self._look_every)
                if work.done():
                    return work.result()
                if await in_thread(lambda: self._replays.moved_on(replay.id, replay.version)):
                    raise _MovedOnError
                if people and await in_thread(self._turns.people_wait):
                    return None
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait([work])

    async def _said(self, request: ChatRequest) -> _Said:
        began, first = self._clock.monotonic_ms(), None
        splitter, end = ThinkSplitter(), ChatEnd(reason="stop")
        texts: list[str] = []
        thoughts: list[str] = []

        def take(piece: Any) -> None:
            if isinstance(piece, Reclassified):
                thoughts.extend(texts)
                texts.clear()
            else:
                texts.append(piece.text)
                thoughts.append(piece.thinking)

        stream: Any = self._server.chat(request)
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, ChatEnd):
                    end = item
                    continue
                if first is None and (item.text or item.thinking):
                    first = self._clock.monotonic_ms() - began
                for piece in splitter.feed(item):
                    take(piece)
        for piece in splitter.end():
            take(piece)
        total = self._clock.monotonic_ms() - began
        return _Said("".join(texts), "".join(thoughts), end, first, total)

    async def _skip(self, replay: Replay, run: Run, reason: str, origin: Origin) -> None:
        replay.skip(run.answer_id, reason)
        await self._save(replay, origin)

    async def _save(self, replay: Replay, origin: Origin) -> None:
        await in_thread(lambda: self._log.save([replay], origin))


class _MovedOnError(Exception):
    """Somebody recorded something of the replay."""


def changed(then: ChatRequest, manner: Manner, repeat: int) -> ChatRequest:
    """Return a recorded request as it is to be asked now.

    A seed that was wanted counts up with the repeats, or all of them would say the same.
    """
    messages = list(then.messages)
    if manner.instructions is not None:
        messages = [one for one in messages if one.role != "system"]
        if manner.instructions:
            messages.insert(0, ChatMessage("system", manner.instructions))
    options = {**then.options, **manner.options}
    seed = manner.options.get("seed")
    if isinstance(seed, int):
        options["seed"] = seed + repeat - 1
    return replace(then, model=manner.model, messages=tuple(messages), options=options)


def _figures(said: _Said) -> Mapping[str, Any]:
    return {
        "prompt_tokens": said.end.prompt_tokens,
        "completion_tokens": said.end.completion_tokens,
        "total_ms": said.end.total_ms or said.total_ms,
        "load_ms": said.end.load_ms,
        "prompt_eval_ms": said.end.prompt_eval_ms,
        "eval_ms": said.end.eval_ms,
        "first_token_ms": said.first_token_ms,
    }


def _nothing(_reason: str) -> None:
    """Nobody stops it from outside."""
