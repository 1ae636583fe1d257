"""What the contract needs from each implementation: a server that can be asked for every kind of answer."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import httpx

from application.errors import AnswerBrokenOffError, ContextTooLongError, ModelServerOverloadedError
from application.ports.model_server import ChatEnd, ChatMessage, ChatRequest, Delta, ModelServer
from infrastructure.ollama.model_server import OllamaModelServer
from infrastructure.simulator.options import SimulatorOptions
from infrastructure.simulator.server import RunningSimulator
from tests.fakes.model_server import ScriptedModelServer

MODEL = "deepseek-r1:8b"


def asking(model: str = MODEL, text: str = "What is a book?", **options: Any) -> ChatRequest:
    return ChatRequest(model, [ChatMessage("user", text)], options)


class Harness(Protocol):
    def server(self) -> ModelServer: ...
    def normal(self) -> ChatRequest: ...
    def empty(self) -> ChatRequest: ...
    def endless(self) -> ChatRequest: ...
    def breaking(self) -> ChatRequest: ...
    def busy(self) -> ChatRequest: ...
    def too_long(self) -> ChatRequest: ...
    def activity(self) -> tuple[int, int]: ...


class ScriptedHarness:
    """Queues on the fake what each request is to be answered with."""

    def __init__(self) -> None:
        self._server = ScriptedModelServer()

    def server(self) -> ModelServer:
        return self._server

    def normal(self) -> ChatRequest:
        return asking()

    def empty(self) -> ChatRequest:
        self._server.will_answer(ChatEnd("stop"))
        return asking()

    def endless(self) -> ChatRequest:
        self._server.will_answer(Delta(text="It goes "), asyncio.Event())
        return asking()

    def breaking(self) -> ChatRequest:
        self._server.will_answer(Delta(text="It goes "), AnswerBrokenOffError("Broken off."))
        return asking()

    def busy(self) -> ChatRequest:
        self._server.will_answer(ModelServerOverloadedError("Busy."))
        return asking()

    def too_long(self) -> ChatRequest:
        self._server.will_answer(ContextTooLongError("Too long."))
        return asking()

    def activity(self) -> tuple[int, int]:
        return self._server.active, self._server.cancelled


class SimulatorHarness:
    """Asks the real adapter and the real HTTP server for the same, by the names of the simulator's models."""

    def __init__(self) -> None:
        self._simulator = RunningSimulator(SimulatorOptions(rate=0, pull_seconds=0.05, fault_models=True))
        self._simulator.start()

    def stop(self) -> None:
        self._simulator.stop()

    def server(self) -> ModelServer:
        return OllamaModelServer(self._simulator.url, busy_delays=(0.01, 0.01))

    def normal(self) -> ChatRequest:
        return asking()

    def empty(self) -> ChatRequest:
        return asking("simulator-empty")

    def endless(self) -> ChatRequest:
        return asking("simulator-stall")

    def breaking(self) -> ChatRequest:
        return asking("simulator-failing")

    def busy(self) -> ChatRequest:
        return asking("simulator-busy")

    def too_long(self) -> ChatRequest:
        return asking(text="word " * 2000, num_ctx=1024)

    def activity(self) -> tuple[int, int]:
        state = httpx.get(f"{self._simulator.url}/simulator/state").json()
        return state["active"], state["cancelled"]
