"""The one pull of a model that a process looks after, whoever watches it and for how long.

Invariant: at most one pull runs at a time; it belongs to the process and not to who asked for it.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from application.ports.model_server import ModelServer
from domain.errors import DaybookError


@dataclass(frozen=True, kw_only=True)
class PullView:
    """How far a pull is. Bytes are those of all layers seen so far; `problem` says why it ended early."""

    model: str
    status: str
    completed_bytes: int = 0
    total_bytes: int = 0
    running: bool = True
    problem: str | None = None

    @property
    def words(self) -> str:
        """How far it is, for people: `42 % of 5.2 GB`, before that the model server's own words."""
        if not self.total_bytes:
            return self.status
        return f"{100 * self.completed_bytes // self.total_bytes} % of {self.total_bytes / 1e9:.1f} GB"


@dataclass
class Pulling:
    """Pulls models, one at a time. Lives on one event loop."""

    server: ModelServer
    now: PullView | None = None
    _task: asyncio.Task[None] | None = None
    _layers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def begin(self, model: str) -> PullView:
        """Begin to pull a model, unless a pull is under way; return the one that is."""
        if self.now is None or not self.now.running:
            self._layers = {}
            self.now = PullView(model=model, status="asking the model server")
            self._task = asyncio.create_task(self._pull(model))
        return self.now

    async def over(self) -> None:
        """Wait until the pull under way has ended, well or not."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """End the pull under way. Ollama keeps what it has and goes on from there next time."""
        if self._task is not None:
            self._task.cancel()
            await self.over()

    async def _pull(self, model: str) -> None:
        stream: Any = self.server.pull(model)
        try:
            async with aclosing(stream):
                async for progress in stream:
                    if progress.digest and progress.total:
                        self._layers[progress.digest] = (progress.completed or 0, progress.total)
                    self.now = self._view(model, progress.status)
        except DaybookError as problem:
            self.now = self._view(model, "failed", running=False, problem=problem.message)
        except Exception as fault:  # noqa: BLE001 - whatever it was, it is over
            self.now = self._view(model, "failed", running=False, problem=f"A fault: {type(fault).__name__}.")
        except asyncio.CancelledError:
            self.now = self._view(model, "stopped", running=False, problem="The server stopped.")
            raise
        else:
            self.now = self._view(model, "done", running=False)

    def _view(self, model: str, status: str, *, running: bool = True, problem: str | None = None) -> PullView:
        layers = self._layers.values()
        return PullView(
            model=model,
            status=status,
            completed_bytes=sum(done for done, _ in layers),
            total_bytes=sum(total for _, total in layers),
            running=running,
            problem=problem,
        )
