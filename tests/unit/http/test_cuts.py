"""Random cuts, deaths and watchers on several processes: each client ends with exactly what the log has."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports.model_server import Delta
from application.running import Outcome, RunningAnswer
from application.thinking import Reclassified
from domain.conversation.conversation import Status
from domain.ids import new_id
from interfaces.http import tails
from interfaces.http.found import find_living_answer
from interfaces.http.server import Server
from interfaces.http.sse import Place, StreamEvent
from interfaces.http.streams import follow, is_past_end
from projections.transcript.messages import Message, Timings, Usage
from tests.fakes.write_side import MemoryLiveAnswers, MemoryTurns


class World:
    """One answer in one database, its owner, and other processes that can be asked for it."""

    def __init__(self) -> None:
        self.answer_id, self.conversation_id = new_id(), new_id()
        self.live = MemoryLiveAnswers()
        self.owner: RunningAnswer | None = RunningAnswer(self.answer_id, self.conversation_id, lambda _: None)
        self.ended: Outcome | None = None
        self.servers: list[Any] = [self.server(owns=owns) for owns in (True, False, False)]

    def server(self, *, owns: bool) -> Any:
        book = SimpleNamespace(
            live=self.live,
            turns=MemoryTurns(),
            events=SimpleNamespace(size=lambda: 7),
            transcript=SimpleNamespace(message=lambda _, at_least: self.message()),
            answering=SimpleNamespace(running=lambda _: self.owner if owns else None),
            look_after=self.close_orphan,
        )
        server: Any = SimpleNamespace(book=book, tails=tails.Tails(book))  # type: ignore[arg-type] # the parts used
        server.growing = lambda found: Server.growing(server, found)
        server.tails.start()
        return server

    def message(self) -> Message:
        end = self.ended
        return Message(
            id=self.answer_id,
            conversation_id=self.conversation_id,
            parent_id=new_id(),
            kind="answer",
            status=str(end.status) if end else "streaming",
            text=end.text if end else "",
            thinking=end.thinking if end else "",
            model="m",
            at=datetime(2026, 1, 2, tzinfo=UTC),
            ended_at=None,
            log_index=1,
            actor="ada",
            source="api",
            instructions=None,
            reason=end.reason if end else None,
            detail=None,
            usage=Usage(None, None),
            timings=Timings(None, None, None, None, None),
            provenance=None,
            erased=False,
        )

    def save(self) -> None:
        if self.owner is not None and (piece := self.owner.unsaved()) is not None:
            self.live.save([piece])

    def complete(self) -> None:
        if self.owner is None:
            return
        owner, self.owner = self.owner, None
        self.ended = Outcome(Status.COMPLETE, owner.text, owner.thinking, "m", log_size=7)
        self.live.forget(self.answer_id)
        owner.finish(self.ended)

    def die(self) -> None:
        """The owner is killed: its watchers' connections break, and what it had not saved is gone."""
        if self.owner is not None:
            self.owner.let_go()
            self.owner = None

    def close_orphan(self) -> None:
        if self.owner is None and self.ended is None:
            saved = self.live.read(self.answer_id, self.conversation_id)
            self.ended = Outcome(
                Status.INTERRUPTED, saved.text, saved.thinking, "m", "process-died", log_size=7
            )
            self.live.forget(self.answer_id)


@dataclass
class Client:
    """A browser's EventSource: comes back with the last id it has, wherever it is sent."""

    world: World
    draw: random.Random
    thinking: str = ""
    text: str = ""
    last_id: str | None = None
    end: dict[str, Any] = field(default_factory=dict)
    had_everything: bool = False

    async def visit(self, most: int) -> None:
        server = self.draw.choice(self.world.servers)
        place = Place.parse(self.last_id)
        found = find_living_answer(server.book, self.world.answer_id)
        running = server.book.answering.running(self.world.answer_id)
        if running is None and is_past_end(found, place):
            self.had_everything = True
            return
        async with contextlib.aclosing(follow(server, found, place)) as events:
            async for event in events:
                self.take(event)
                most -= 1
                if most <= 0:
                    return

    def take(self, event: StreamEvent) -> None:
        if event.place is not None:
            self.last_id = str(event.place)
        if event.name == "reset":
            self.thinking = self.text = ""
        elif event.name == "delta":
            self.thinking += event.data.get("thinking", "")
            self.text += event.data.get("text", "")
        elif event.name in {"done", "failed"}:
            self.end = dict(event.data)


@given(
    seed=st.integers(0, 2**32),
    pieces=st.lists(st.text("ab☃\ud83d", min_size=1, max_size=5), min_size=1, max_size=10),
    thinking=st.integers(0, 10),
    reclassified=st.booleans(),
    dies=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_each_client_ends_with_what_the_log_has(
    *, seed: int, pieces: list[str], thinking: int, reclassified: bool, dies: bool
) -> None:
    asyncio.run(_scenario(random.Random(seed), pieces, thinking, reclassified=reclassified, dies=dies))


async def _scenario(
    draw: random.Random, pieces: list[str], thinking: int, *, reclassified: bool, dies: bool
) -> None:
    world = World()
    clients = [Client(world, random.Random(draw.random())) for _ in range(3)]
    visits: set[asyncio.Task[None]] = set()

    for number, piece in enumerate(pieces):
        assert world.owner is not None
        if number == thinking and number > 0 and reclassified:
            world.owner.add(Reclassified())
        as_thinking = number < thinking and not reclassified
        world.owner.add(Delta(thinking=piece) if as_thinking else Delta(text=piece))
        for _ in range(draw.randint(0, 3)):
            await _something_happens(world, clients, visits, draw)
        await asyncio.sleep(0.002 * draw.random())
    if dies and draw.random() < 0.5:
        world.save()
    world.die() if dies else world.complete()
    for task in list(visits):
        task.cancel()
    await asyncio.gather(*visits, return_exceptions=True)
    for client in clients:
        async with asyncio.timeout(20):
            while not client.end and not client.had_everything:
                await client.visit(draw.randint(1, 6))
        assert world.ended is not None
        assert (client.thinking, client.text) == (world.ended.thinking, world.ended.text)
    for server in world.servers:
        server.tails.stop()
    assert all(not server.tails._tails for server in world.servers)
    assert world.ended is not None
    assert world.ended.status is (Status.INTERRUPTED if dies else Status.COMPLETE)


async def _something_happens(
    world: World, clients: list[Client], visits: set[asyncio.Task[None]], draw: random.Random
) -> None:
    waiting = [client for client in clients if not client.end]
    what = draw.random()
    if what < 0.4 and not visits and waiting:
        task = asyncio.create_task(draw.choice(waiting).visit(draw.randint(1, 6)))
        visits.add(task)
        task.add_done_callback(visits.discard)
    elif what < 0.5:
        for task in visits:
            task.cancel()
    elif what < 0.7:
        world.save()
    else:
        await asyncio.sleep(0)
