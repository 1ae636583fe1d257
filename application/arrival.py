"""A model that is missing on its way onto the model server, and the answers that wait for it.

Invariant: an answer waits only while its model is being pulled, or before the first look at the model server.
A pull that fails lets it go on, to be told that the model is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from application.errors import ModelServerError
from application.ports.model_server import ModelCard, ModelServer
from application.pulling import Pulling, PullView
from application.running import RunningAnswer

LOOK_EVERY_SECONDS = 2.0
_TELL_EVERY_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 300.0
_FIRST_LOOK_SECONDS = 5.0


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
        self.pulling = Pulling(server)
        self.server = server
        self._model = model
        self._unasked = unasked
        self._look_every = look_every
        self._looked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, told: Callable[[PullView], None] = lambda _view: None) -> None:
        """Begin to look for the model and to get it, if that is to be done unasked. Twice is once.

        What goes wrong is tried again, after pauses that grow. `told` of each pull's beginning and end.
        """
        if self._unasked and (self._task is None or self._task.cancelled()):
            self._looked = asyncio.Event()
            self._task = asyncio.create_task(self._get(told))

    async def stop(self) -> None:
        """Stop looking, and end a pull under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.pulling.stop()

    async def wait(self, running: RunningAnswer, model: str) -> None:
        """Return when an answer may be asked of the model; its watchers are told what it waits for."""
        self.begin()
        if self._task is not None and model == self._model:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                    await self._looked.wait()
        try:
            while (now := self.pulling.now) is not None and now.running and now.model == model:
                running.wait_for(f"the model {model}: {now.words}")
                await asyncio.sleep(_TELL_EVERY_SECONDS)
        finally:
            running.wait_for("")

    async def _get(self, told: Callable[[PullView], None]) -> None:
        pause = self._look_every
        while not await self._is_there():
            if not await self._pulled(told):
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._looked.set()

    async def _pulled(self, told: Callable[[PullView], None]) -> bool:
        begun = self.pulling.begin(self._model)
        self._looked.set()
        if begun.model == self._model:
            told(begun)
        await self.pulling.over()
        ended = self.pulling.now
        if ended is not None and ended.model == self._model:
            told(ended)
        return ended is not None and ended.problem is None

    async def _is_there(self) -> bool:
        """Say whether the model server has the model, as soon as it says anything."""
        while True:
            try:
                cards = await self.server.models()
            except ModelServerError:
                self._looked.set()
                await asyncio.sleep(self._look_every)
            else:
                return is_installed(self._model, cards)


def is_installed(model: str, cards: Iterable[ModelCard]) -> bool:
    """Say whether a model is among those of a server; `:latest` need not be named."""
    return any(model in {card.name, card.name.removesuffix(":latest")} for card in cards)
