"""The model server behind a Daybook server: what is there, what can be got, and what fits its machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from application.model_sizes import SIZES, ModelSize, Recommendation, Verdict
from application.ports.model_server import ModelCard, PullProgress
from interfaces.model_views import ModelListView, ModelView, RecommendationView

if TYPE_CHECKING:
    from interfaces.remote.connection import Connection


class RemoteModels:
    """What is on the model server. `owned`: the connection is closed with it."""

    def __init__(self, connection: Connection, *, owned: bool = False) -> None:
        self._connection = connection
        self._owned = owned

    async def models(self) -> Sequence[ModelCard]:
        """Return the models that are installed."""
        found = await asyncio.to_thread(self._connection.get, "models", ModelListView)
        return [_card(one) for one in found.models]

    async def show(self, name: str) -> ModelCard:
        """Return one model's card, or raise `ModelMissingError`."""
        return _card(await asyncio.to_thread(self._connection.get, f"models/{quote(name)}", ModelView))

    async def pull(self, name: str) -> AsyncIterator[PullProgress]:
        """Have the server get a model, telling how far it is; the pull ends when nobody listens any more."""
        loop = asyncio.get_running_loop()
        steps: asyncio.Queue[PullProgress | None] = asyncio.Queue()

        def told(news: dict[str, Any]) -> None:
            step = PullProgress(
                status=str(news.get("status", "")),
                digest=news.get("digest"),
                total=news.get("total_bytes"),
                completed=news.get("completed_bytes"),
            )
            loop.call_soon_threadsafe(steps.put_nowait, step)

        def pulled() -> None:
            try:
                self._connection.long("models/pull", body={"model": name}, told=told, again=True)
            finally:
                loop.call_soon_threadsafe(steps.put_nowait, None)

        pulling = asyncio.create_task(asyncio.to_thread(pulled))
        while (step := await steps.get()) is not None:
            yield step
        await pulling

    async def close(self) -> None:
        """Release the connection, unless it is the book's."""
        if self._owned:
            self._connection.close()


def installed_names(connection: Connection) -> list[str]:
    """Return the names of the models behind a server."""
    return [one.name for one in connection.get("models", ModelListView).models]


def recommendation(connection: Connection) -> Recommendation:
    """Return which sizes fit the machine that the server runs on."""
    found = connection.get("models/recommendation", RecommendationView)
    sizes = {one.name: one for one in SIZES}
    verdicts = tuple(
        Verdict(
            size=sizes.get(one.name) or ModelSize(one.name.rpartition(":")[2], one.download_bytes, 0),
            memory_bytes=one.memory_bytes,
            fits=one.fits,
            where=one.where,  # type: ignore[arg-type] # one of the words of `Where`
            why=one.why,
        )
        for one in found.models
    )
    best = next((one.size for one in verdicts if one.size.name == found.best), None)
    return Recommendation(verdicts, best)


def _card(found: ModelView) -> ModelCard:
    return ModelCard(
        name=found.name,
        digest=found.digest,
        size=found.size_bytes,
        family=found.family,
        parameter_size=found.parameter_size,
        quantization=found.quantization,
        context_length=found.context_length,
        capabilities=tuple(found.capabilities),
        modified_at=found.modified_at,
    )
