"""The write side in memory, with shorthands for what tests ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from application import commands as c
from application.conversations import Asked
from application.handlers import Commands
from application.ports.log import Origin
from application.services import Services
from domain.conversation.conversation import Conversation
from domain.event import Event
from tests.fakes.write_side import MemoryWriteLog, memory_services

WHO: dict[str, Any] = {"actor": "ada", "source": "cli"}
OTHERS = Origin("bob", "web")
OUTCOME: dict[str, Any] = {
    "thinking": "Hm.",
    "reason": "stop",
    "model_digest": None,
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_ms": 1.0,
    "load_ms": None,
    "prompt_eval_ms": None,
    "eval_ms": None,
    "first_token_ms": None,
}


class House:
    """A write side with shorthands."""

    def __init__(self) -> None:
        self.services: Services = memory_services()
        self.commands = Commands(self.services)

    @property
    def log(self) -> MemoryWriteLog:
        assert isinstance(self.services.log, MemoryWriteLog)
        return self.services.log

    def ask(self, text: str = "Hi", **values: Any) -> Asked:
        return self.commands.ask(c.AskQuestion(text=text, **WHO, **values))

    def answer(self, asked: Asked, text: str = "Hello.") -> None:
        self.change(asked.conversation_id, lambda x: x.complete_answer(asked.answer_id, text=text, **OUTCOME))

    def asked_and_answered(self, **values: Any) -> Asked:
        asked = self.ask(**values)
        self.answer(asked)
        return asked

    def change(self, conversation_id: UUID, change: Callable[[Conversation], None]) -> None:
        conversation = self.log.load(Conversation, conversation_id)
        change(conversation)
        self.log.save([conversation], OTHERS)

    def project(self, **values: Any) -> UUID:
        return self.commands.handle(c.CreateProject(name="Sailing", **WHO, **values)).id

    def happened(self, stream_id: UUID) -> list[type[Event]]:
        return [type(event) for event in self.log.events(stream_id)]

    def last(self, kind: type[Event]) -> Any:
        return [event for event, _ in self.log.appended if isinstance(event, kind)][-1]
