"""A default model that is missing: it is got, answers wait for it, and a failed pull is tried again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from application import arrival
from application import commands as c
from application.arrival import Arrival
from application.errors import (
    DatabaseError,
    LineFullError,
    ModelMissingError,
    ModelServerError,
    ModelServerUnreachableError,
)
from application.ports.model_server import PullProgress
from application.pulling import PullView
from application.running import Outcome, RunningAnswer, Standing
from domain.conversation.conversation import Status
from domain.ids import new_id
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


def test_meanwhile_others_have_their_turns() -> None:
    small = type(DEFAULT_CARD)(name="small:1b", digest="01")
    server = SlowServer()
    server.cards = {small.name: small}
    desk = Desk(server=server, unasked=True)
    desk.turns.most = 1
    waits = desk.ask()
    goes = desk.commands.ask(c.AskQuestion(text="Hi", actor="ada", source="cli", model=small.name))

    async def scenario() -> list[Outcome]:
        waiting = desk.answering.start(waits)
        await until(lambda: bool(waiting.waits_for))
        outcomes = [await ended(desk.answering.start(goes))]
        server.go_on.set()
        return [*outcomes, await ended(waiting)]

    assert [one.status for one in run(scenario)] == [Status.COMPLETE] * 2
    assert desk.turns.mine == {}


def test_it_takes_its_place_again_as_soon_as_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SlowServer()
    desk = Desk(server=server, unasked=True)
    enter, refused = desk.turns.enter, [LineFullError("Full."), DatabaseError("Away.")]

    def refusing(answer_id: UUID, *, background: bool) -> None:
        if refused:
            raise refused.pop()
        enter(answer_id, background=background)

    asked = desk.ask()
    monkeypatch.setattr(desk.turns, "enter", refusing)
    server.go_on.set()

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    assert run(scenario).status is Status.COMPLETE
    assert refused == []


def test_a_stop_is_heard_while_the_place_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(server=SlowServer(), unasked=True)
    leave, began, go_on = desk.turns.leave, threading.Event(), threading.Event()

    def slowly(answer_id: UUID) -> None:
        began.set()
        go_on.wait(5)
        leave(answer_id)

    monkeypatch.setattr(desk.turns, "leave", slowly)

    async def scenario() -> Outcome:
        running = desk.answering.start(desk.ask())
        await until(began.is_set)
        running.cancel()
        await asyncio.sleep(0)
        go_on.set()
        return await ended(running)

    assert run(scenario).status is Status.CANCELLED


def test_a_stop_is_heard_while_it_takes_its_place_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SlowServer()
    server.go_on.set()
    desk = Desk(server=server, unasked=True)
    asked, tried = desk.ask(), threading.Event()

    def away(_answer_id: UUID, *, background: bool) -> None:
        tried.set()
        raise DatabaseError(f"Away, {background}.")

    monkeypatch.setattr(desk.turns, "enter", away)

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(tried.is_set)
        running.cancel()
        return await ended(running)

    assert run(scenario).status is Status.CANCELLED


def test_a_pull_that_hangs_after_some_failures_holds_nobody_up() -> None:
    server = SlowServer(failures=3)

    async def scenario() -> Outcome:
        desk = Desk(server=server, unasked=True)
        first = await ended(desk.answering.start(desk.ask()))
        await until(lambda: server.failures == 0)
        await until(lambda: (pull := desk.arrival.pulling.now) is not None and pull.running)
        second = await ended(desk.answering.start(desk.ask()))
        await desk.answering.close()
        assert isinstance(first.problem, ModelMissingError)
        return second

    assert isinstance(asyncio.run(scenario()).problem, ModelMissingError)


def test_a_pull_that_fails_once_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "_TELL_EVERY_SECONDS", 0.001)
    server = SlowServer(failures=2)
    server.go_on.set()
    desk = Desk(server=server, unasked=True)
    said: set[str] = set()

    async def scenario() -> Outcome:
        running = desk.answering.start(desk.ask())
        async for update in running.updates():
            if isinstance(update, Standing):
                said.add(update.waits_for)
        return await ended(running)

    assert run(scenario).status is Status.COMPLETE
    assert f"the model {MODEL}: The disk is full. It is tried again" in said


def test_after_some_failures_it_is_told_that_the_model_is_missing() -> None:
    desk = Desk(server=SlowServer(failures=100), unasked=True)

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(desk.ask()))

    assert isinstance(run(scenario).problem, ModelMissingError)


def test_a_model_that_was_taken_away_is_got_again() -> None:
    server = SlowServer()
    server.cards = {MODEL: DEFAULT_CARD}
    server.go_on.set()
    desk = Desk(server=server, unasked=True)

    async def scenario() -> list[Outcome]:
        first = await ended(desk.answering.start(desk.ask()))
        del server.cards[MODEL]
        return [first, await ended(desk.answering.start(desk.ask()))]

    assert [one.status for one in run(scenario)] == [Status.COMPLETE] * 2


def test_only_the_default_model_is_got_when_it_is_missed() -> None:
    async def scenario() -> list[bool]:
        arriving = Arrival(SlowServer(), MODEL, unasked=True)
        missed = [arriving.missed("another"), arriving.missed(MODEL), arriving.missed(MODEL)]
        await until(lambda: arriving.pulling.now is not None)
        await arriving.stop()
        return missed

    assert asyncio.run(scenario()) == [False, True, True]


def test_what_never_began_can_be_stopped() -> None:
    async def scenario() -> bool:
        arriving = Arrival(SlowServer(), MODEL, unasked=False)
        arriving.begin()
        await arriving.stop()
        return await arriving.is_coming(MODEL)

    assert not asyncio.run(scenario())


def test_another_model_is_pulled_first() -> None:
    server = SlowServer()

    async def scenario() -> str:
        arriving = Arrival(server, MODEL, unasked=True, look_every=0.001)
        arriving.pulling.begin("another")
        running = RunningAnswer(new_id(), new_id(), lambda _reason: None)
        assert await arriving.is_coming(MODEL)
        waiting = asyncio.create_task(arriving.wait(running, MODEL))
        await until(lambda: bool(running.waits_for))
        said = running.waits_for
        server.go_on.set()
        await waiting
        await arriving.stop()
        return said

    assert asyncio.run(scenario()) == f"the model {MODEL}: its pull is about to begin"


def test_a_pull_that_brings_nothing_is_not_repeated_at_once() -> None:
    class Barren(ScriptedModelServer):
        """Says that it has pulled, and has not."""

        pulls = 0

        async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
            self.pulls += 1
            yield PullProgress(f"success with {name}")

    async def scenario() -> int:
        server = Barren(cards={})
        arriving = Arrival(server, MODEL, unasked=True, look_every=0.02)
        arriving.begin()
        await asyncio.sleep(0.2)
        await arriving.stop()
        return server.pulls

    assert 1 < asyncio.run(scenario()) < 6


def test_a_fault_in_a_pull_ends_it_and_is_told() -> None:
    class Faulty(ScriptedModelServer):
        """Raises what no model server should."""

        async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
            yield PullProgress(f"pulling {name}")
            raise ZeroDivisionError

    async def scenario() -> list[PullView]:
        told: list[PullView] = []
        arriving = Arrival(Faulty(cards={}), MODEL, unasked=True, look_every=60)
        arriving.begin(told.append)
        await until(lambda: bool(told) and not told[-1].running)
        await arriving.stop()
        return told

    assert asyncio.run(scenario())[-1].problem == "A fault: ZeroDivisionError."


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


def test_a_name_may_be_written_in_other_ways() -> None:
    cards = [DEFAULT_CARD, type(DEFAULT_CARD)(name="llama3.2:latest", digest="01")]
    assert arrival.is_installed("llama3.2", cards)
    assert arrival.is_installed("llama3.2:latest", cards)
    assert arrival.is_installed("library/Llama3.2", cards)
    assert not arrival.is_installed("llama3", cards)
