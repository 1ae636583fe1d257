"""Everything an answer needs, in memory, and how to wait for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from application import commands as c
from application.answering import Answering
from application.arrival import Arrival
from application.conversations import Asked
from application.handlers import Commands
from application.ports.log import Origin
from application.running import Ended, Outcome, RunningAnswer
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from tests.fakes.model_server import ScriptedModelServer
from tests.fakes.write_side import (
    FixedClock,
    MemoryLiveAnswers,
    MemoryModels,
    MemoryTurns,
    MemoryWriteLog,
    memory_services,
)

T = TypeVar("T")
ENDS = (e.AnswerCompleted, e.AnswerCancelled, e.AnswerFailed, e.AnswerInterrupted)


class Desk:
    """Everything an answer needs, in memory."""

    def __init__(
        self,
        *,
        patience: float = 5.0,
        save_every: float = 0.005,
        step: float = 1.0,
        server: ScriptedModelServer | None = None,
        unasked: bool = False,
    ) -> None:
        services = memory_services()
        assert isinstance(services.log, MemoryWriteLog)
        assert isinstance(services.live, MemoryLiveAnswers)
        assert isinstance(services.models, MemoryModels)
        assert isinstance(services.turns, MemoryTurns)
        self.log, self.live, self.models = services.log, services.live, services.models
        self.turns = services.turns
        self.commands = Commands(services)
        self.server = server or ScriptedModelServer()
        self.arrival = Arrival(self.server, "deepseek-r1:8b", unasked=unasked, look_every=0.01)
        self.answering = Answering(
            self.log,
            self.live,
            self.models,
            self.arrival,
            FixedClock(step=step),
            services.turns,
            save_every=save_every,
            patience=patience,
        )

    def ask(self) -> Asked:
        return self.commands.ask(c.AskQuestion(text="Hi", actor="ada", source="cli"))

    def ends(self, asked: Asked) -> list[Any]:
        return [event for event in self.log.events(asked.conversation_id) if isinstance(event, ENDS)]

    def end(self, asked: Asked) -> Any:
        [event] = self.ends(asked)
        return event

    def other(self, asked: Asked, change: Callable[[Conversation], None]) -> None:
        conversation = self.log.load(Conversation, asked.conversation_id)
        change(conversation)
        self.log.save([conversation], Origin("bob", "web"))

    def interrupt(self, asked: Asked) -> None:
        self.other(
            asked, lambda x: x.interrupt_answer(asked.answer_id, text="", thinking="", reason="process-died")
        )


async def ended(running: RunningAnswer) -> Outcome:
    async with asyncio.timeout(10):
        async for update in running.updates():
            if isinstance(update, Ended):
                return update.outcome
    raise AssertionError("the updates ended without an end")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (conditions are of all kinds)
            await asyncio.sleep(0.002)


def run(scenario: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await scenario()

    return asyncio.run(main())
