"""A model server in memory that answers from a queue, for tests that need no HTTP."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from application.errors import ModelMissingError, ModelServerError
from application.ports.model_server import ChatEnd, ChatRequest, Delta, ModelCard, PullProgress

Step: TypeAlias = "Delta | ChatEnd | float | Exception | asyncio.Event"
"""Told as it is; a number is a pause in seconds, an exception is raised, an event is waited for."""

DEFAULT_CARD = ModelCard(
    name="deepseek-r1:8b",
    digest="6995872bfe4c" + "0" * 52,
    size=5_200_000_000,
    family="qwen3",
    context_length=131072,
    capabilities=("completion", "thinking"),
)


@dataclass
class ScriptedModelServer:
    """Answers each chat with the next script of the queue, or with `fallback` when the queue is empty.

    `requests` holds what was asked; `cancelled` counts answers whose reader left before their end.
    """

    cards: dict[str, ModelCard] = field(default_factory=lambda: {DEFAULT_CARD.name: DEFAULT_CARD})
    scripts: deque[Sequence[Step]] = field(default_factory=deque)
    fallback: Sequence[Step] = (
        Delta(thinking="Hm."),
        Delta(text="An "),
        Delta(text="answer."),
        ChatEnd("stop", prompt_tokens=7, completion_tokens=3, total_ms=5.0),
    )
    requests: list[ChatRequest] = field(default_factory=list)
    active: int = 0
    cancelled: int = 0
    closed: bool = False
    down: ModelServerError | None = None

    def will_answer(self, *steps: Step) -> None:
        """Queue one answer."""
        self.scripts.append(steps)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta | ChatEnd, None]:
        """Play the next script."""
        self.requests.append(request)
        self._check(request.model)
        steps = self.scripts.popleft() if self.scripts else self.fallback
        self.active += 1
        finished = False
        try:
            for step in steps:
                if isinstance(step, Exception):
                    finished = True
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, float | int):
                    await asyncio.sleep(step)
                else:
                    finished = isinstance(step, ChatEnd)
                    yield step
        finally:
            self.active -= 1
            self.cancelled += not finished

    async def models(self) -> Sequence[ModelCard]:
        self._check()
        return list(self.cards.values())

    async def show(self, name: str) -> ModelCard:
        self._check(name)
        return self.cards[name]

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        self._check()
        yield PullProgress("pulling manifest")
        if "missing" in name:
            raise ModelMissingError(f"There is no model “{name}” to pull.", hint="daybook models recommend")
        for completed in (0, 50, 100):
            yield PullProgress("pulling 0123456789ab", "sha256:" + "01" * 32, 100, completed)
        self.cards[name] = ModelCard(name=name, digest="01" * 32, size=100, context_length=4096)
        yield PullProgress("success")

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        self._check(model)
        if model == DEFAULT_CARD.name:
            raise ModelServerError(f"The model “{model}” cannot do this.", hint="daybook models list")
        return [[float(len(text)), 1.0] for text in texts]

    async def version(self) -> str:
        self._check()
        return "0.0-scripted"

    async def close(self) -> None:
        self.closed = True

    def _check(self, model: str | None = None) -> None:
        if self.down is not None:
            raise self.down
        if model is not None and model not in self.cards:
            raise ModelMissingError(f"No model “{model}”.", hint=f"daybook models pull {model}")
