"""A default model that is missing: it is got, answers wait for it, and a failed pull is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from application import arrival
from application.arrival import Arrival
from application.errors import ModelMissingError, ModelServerError, ModelServerUnreachableError
from application.ports.model_server import PullProgress
from application.pulling import PullView
from application.running import Outcome, Standing
from domain.conversation.conversation import Status
from tests.fakes.model_server import DEFAULT_CARD, ScriptedModelServer
from tests.support.desk import Desk, ended, run, until

MODEL = DEFAULT_CARD.name


class SlowServer(ScriptedModelServer):
    """Lacks the model until its pull is let go on; the first pulls fail."""

    def __init__(self, *, failures: int = 0) -> None:
        super().__init__(cards={})
        self.go_on = asyncio.Event()
        self.failures = failures

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        if self.failures:
            self.failures -= 1
            raise ModelServerError("The disk is full.")
        yield PullProgress("pulling manifest")
        yield PullProgress("pulling 01", "sha256:01", 5_000_000_000, 1_000_000_000)
        await self.go_on.wait()
        self.cards[name] = DEFAULT_CARD
        yield PullProgress("success")


def test_an_answer_waits_for_a_missing_model_and_its_watchers_are_told_how_far_it_is() -> None:
    server = SlowServer()
    desk = Desk(server=server, unasked=True)
    asked = desk.ask()

    async def scenario() -> list[object]:
        running = desk.answering.start(asked)
        updates: list[object] = []

        async def watch() -> None:
            updates.extend([update async for update in running.updates()])

        watching = asyncio.create_task(watch())
        await until(lambda: "20 %" in running.waits_for)
        assert server.requests == []
        server.go_on.set()
        await watching
        await desk.answering.close()
        return updates

    updates = run(scenario)
    standings = [update for update in updates if isinstance(update, Standing)]
    assert f"the model {MODEL}: 20 % of 5.0 GB" in {one.waits_for for one in standings}
    assert standings[-1] == Standing(0)
    assert desk.end(asked).text == "An answer."


def test_without_the_wish_it_is_told_to_be_missing() -> None:
    desk = Desk(server=SlowServer(), unasked=False)

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(desk.ask()))

    outcome = run(scenario)
    assert outcome.status is Status.FAILED
    assert isinstance(outcome.problem, ModelMissingError)


def test_an_answer_does_not_wait_for_a_server_that_is_away() -> None:
    down = ModelServerUnreachableError("Nobody answers.")
    desk = Desk(server=ScriptedModelServer(down=down), unasked=True)

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(desk.ask()))

    assert isinstance(run(scenario).problem, ModelServerUnreachableError)


def test_a_waiting_answer_can_be_stopped() -> None:
    desk = Desk(server=SlowServer(), unasked=True)

    async def scenario() -> Outcome:
        running = desk.answering.start(desk.ask())
        await until(lambda: bool(running.waits_for))
        running.cancel()
        return await ended(running)

    assert run(scenario).status is Status.CANCELLED


def test_what_fails_is_tried_again_and_told() -> None:
    async def scenario() -> list[PullView]:
        server = SlowServer(failures=2)
        server.go_on.set()
        told: list[PullView] = []
        arriving = Arrival(server, MODEL, unasked=True, look_every=0.001)
        arriving.begin(told.append)
        arriving.begin()
        await until(lambda: MODEL in server.cards and told[-1].status == "done")
        await arriving.stop()
        return told

    told = asyncio.run(scenario())
    assert [one.problem for one in told if not one.running] == ["The disk is full."] * 2 + [None]


def test_it_waits_for_the_server_and_pulls_nothing_that_is_there() -> None:
    async def scenario() -> list[PullView]:
        server = ScriptedModelServer(down=ModelServerUnreachableError("Nobody answers."))
        told: list[PullView] = []
        arriving = Arrival(server, MODEL, unasked=True, look_every=0.001)
        arriving.begin(told.append)
        await asyncio.sleep(0.01)
        server.down = None
        await asyncio.sleep(0.01)
        await arriving.stop()
        return told

    assert asyncio.run(scenario()) == []


def test_latest_need_not_be_named() -> None:
    cards = [DEFAULT_CARD, type(DEFAULT_CARD)(name="llama3.2:latest", digest="01")]
    assert arrival.is_installed("llama3.2", cards)
    assert arrival.is_installed("llama3.2:latest", cards)
    assert not arrival.is_installed("llama3", cards)
