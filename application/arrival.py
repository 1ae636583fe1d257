"""A model that is missing on its way onto the model server, and the answers that wait for it.

Invariant: an answer waits only for a model that is known to be missing and is being got, and has no turn at
the model server meanwhile. After some failures it waits no more, and fails; the tries go on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from application.ports.model_server import ModelCard, ModelServer
from application.pulling import Pulling, PullView
from application.running import RunningAnswer

LOOK_EVERY_SECONDS = 2.0
_TELL_EVERY_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 300.0
_FIRST_LOOK_SECONDS = 5.0
_FAILURES_WAITED_FOR = 3


class Arrival:
    """Gets one model, the one that answers where no other is named. On one event loop at a time.

    Args:
        server: has the model, or gets it.
        model: its name.
        unasked: whether it is got as soon as it is missed; else a person must begin the pull.
        look_every: seconds between two looks, and the first pause after a pull that failed.
    """

    def __init__(
        self, server: ModelServer, model: str, *, unasked: bool, look_every: float = LOOK_EVERY_SECONDS
    ) -> None:
        self.server = server
        self.pulling = Pulling(server)
        self._model = model
        self._unasked = unasked
        self._look_every = look_every
        self._looked = asyncio.Event()
        self._missing = False
        self._given_up = False
        self._task: asyncio.Task[None] | None = None
        self._told: Callable[[PullView], None] = _nobody

    def begin(self, told: Callable[[PullView], None] | None = None) -> None:
        """Begin to look for the model and to get it, if that is to be done unasked. Twice is once.

        What goes wrong is tried again, after pauses that grow. `told` of each pull's beginning and end.
        """
        self._told = told or self._told
        task = self._task
        if self._unasked and (task is None or task.cancelled() or (task.done() and task.exception())):
            self._looked = asyncio.Event()
            self._task = asyncio.create_task(self._get())

    def missed(self, model: str) -> bool:
        """Take note that the model server said it has no such model; True where that is being got."""
        if not self._unasked or model != self._model:
            return False
        if self._task is not None and self._task.done():
            self._task = None
        self.begin()
        return True

    async def stop(self) -> None:
        """Stop looking, and end a pull under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.pulling.stop()

    async def is_coming(self, model: str) -> bool:
        """Say whether a model is missing and being got; the first look is waited for."""
        if self._unasked and model == self._model:
            self.begin()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                    await self._looked.wait()
        return self._is_coming(model)

    async def wait(self, running: RunningAnswer, model: str) -> None:
        """Return when a model is there, or is no more to be waited for; watchers are told how far it is."""
        try:
            while self._is_coming(model):
                running.wait_for(f"the model {model}: {self._how_far(model)}")
                await asyncio.sleep(_TELL_EVERY_SECONDS)
        finally:
            running.wait_for("")

    def _is_coming(self, model: str) -> bool:
        now = self.pulling.now
        pulled = now is not None and now.running and now.model == model
        if model == self._model:
            return self._missing or (pulled and not self._given_up)
        return pulled

    def _how_far(self, model: str) -> str:
        now = self.pulling.now
        if now is None or (now.running and now.model != model):
            return "its pull is about to begin"
        return now.words if now.running or not now.problem else f"{now.problem} It is tried again"

    async def _get(self) -> None:
        pause, failures = self._look_every, 0
        try:
            while not await self._is_there():
                self._missing = failures < _FAILURES_WAITED_FOR
                self._given_up = not self._missing
                failures += await self._pull()
                self._given_up = False
                if await self._is_there():
                    break
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            self._missing = self._given_up = False
            self._looked.set()

    async def _pull(self) -> bool:
        """Pull the model, or wait for the end of another pull; say whether it was the model's."""
        begun = self.pulling.begin(self._model)
        self._looked.set()
        if begun.model == self._model:
            self._told(begun)
        await self.pulling.over()
        ended = self.pulling.now
        if ended is not None and ended.model == self._model:
            self._told(ended)
        return begun.model == self._model

    async def _is_there(self) -> bool:
        """Say whether the model server has the model, as soon as it says anything."""
        while True:
            try:
                cards = await self.server.models()
            except Exception:  # noqa: BLE001 - whatever it was, the next look may go well
                self._looked.set()
                await asyncio.sleep(self._look_every)
            else:
                return is_installed(self._model, cards)


def is_installed(model: str, cards: Iterable[ModelCard]) -> bool:
    """Say whether a model is among those of a server, however it is written."""
    return _short(model) in {_short(card.name) for card in cards}


def _short(name: str) -> str:
    """Return a name as Ollama's library has it: without what it adds by itself, and in small letters."""
    shortened = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return shortened.removesuffix(":latest")


def _nobody(_view: PullView) -> None:
    pass
