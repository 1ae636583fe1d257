"""Answers that wait for their turn, and wishes to stop them that come from elsewhere."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest

from application import answering
from application import commands as c
from application.conversations import Asked
from application.errors import DatabaseError, LineFullError
from application.ports.live import Signal
from application.ports.model_server import ChatEnd, Delta
from application.running import Ended, Outcome, RunningAnswer, Standing
from domain.conversation import events as e
from domain.conversation.conversation import Status
from domain.errors import ConflictError
from domain.ids import new_id
from tests.support.desk import Desk, ended, run, until
from tests.support.house import WHO, House


def desk_for_one() -> Desk:
    desk = Desk()
    desk.turns.most = 1
    return desk


def test_an_answer_waits_for_its_turn_and_its_watchers_are_told() -> None:
    desk = desk_for_one()
    first, second, third = desk.ask(), desk.ask(), desk.ask()
    go_on = asyncio.Event()
    desk.server.will_answer(Delta("One."), go_on, ChatEnd("stop"))

    async def scenario() -> list[object]:
        one, two, three = (desk.answering.start(asked) for asked in (first, second, third))
        updates: list[object] = []

        async def watch() -> None:
            updates.extend([update async for update in three.updates()])

        watching = asyncio.create_task(watch())
        await until(lambda: one.text and two.standing == 1 and three.standing == 2)
        assert desk.server.requests == [first.request]
        go_on.set()
        await watching
        assert (await ended(two)).status is Status.COMPLETE
        await desk.answering.close()
        return updates

    updates = run(scenario)
    standings = [update.place for update in updates if isinstance(update, Standing)]
    assert standings == sorted(standings, reverse=True)
    assert (standings[0], standings[-1]) == (2, 0)
    assert isinstance(updates[-1], Ended)
    assert desk.server.requests == [first.request, second.request, third.request]
    assert desk.turns.mine == {}


def test_a_turn_given_elsewhere_is_taken_at_the_signal() -> None:
    desk = desk_for_one()
    desk.answering._line._look_every = 60.0
    elsewhere = new_id()
    desk.turns.enter(elsewhere, background=False)
    asked = desk.ask()

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: running.standing == 1)
        desk.turns.leave(elsewhere)
        desk.live.signal(Signal("saved", (asked.answer_id,)))
        desk.live.signal(Signal("turns"))
        return await ended(running)

    assert run(scenario).status is Status.COMPLETE


def test_a_signal_of_turns_wakes_nobody_where_nobody_waits() -> None:
    desk = Desk()
    asked = desk.ask()

    async def scenario() -> None:
        running = desk.answering.start(asked)
        desk.live.signal(Signal("turns"))
        await ended(running)
        await desk.answering.close()

    run(scenario)
    assert desk.turns.looks <= 1


def test_a_database_that_is_away_keeps_an_answer_waiting() -> None:
    desk = desk_for_one()
    desk.answering._line._look_every = 0.005
    elsewhere = new_id()
    desk.turns.enter(elsewhere, background=False)
    asked = desk.ask()

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: running.standing == 1)
        desk.turns.leave(elsewhere)
        desk.turns.down = DatabaseError("Gone.")
        await asyncio.sleep(0.03)
        assert running.standing == 1
        desk.turns.down = None
        return await ended(running)

    assert run(scenario).status is Status.COMPLETE


def test_a_turn_that_cannot_be_given_up_does_not_hold_the_end_up() -> None:
    desk = desk_for_one()
    asked = desk.ask()
    go_on = asyncio.Event()
    desk.server.will_answer(Delta("So"), go_on, ChatEnd("stop"))

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: running.text)
        desk.turns.down = DatabaseError("Gone.")
        go_on.set()
        return await ended(running)

    assert run(scenario).status is Status.COMPLETE


def test_an_answer_cancelled_while_it_waits_leaves_the_line() -> None:
    desk = desk_for_one()
    first, second = desk.ask(), desk.ask()
    desk.server.will_answer(Delta("One."), asyncio.Event())

    async def scenario() -> tuple[Outcome, int]:
        one, two = desk.answering.start(first), desk.answering.start(second)
        await until(lambda: one.text and two.standing == 1)
        two.cancel()
        outcome = await ended(two)
        left = two.standing
        await desk.answering.close()
        return outcome, left

    outcome, left = run(scenario)
    assert (outcome.status, outcome.text, left) == (Status.CANCELLED, "", 0)
    assert type(desk.end(second)) is e.AnswerCancelled
    assert desk.server.requests == [first.request]
    assert desk.turns.line == []


def test_closing_marks_running_and_waiting_answers_alike() -> None:
    desk = desk_for_one()
    asked = [desk.ask() for _ in range(3)]
    desk.server.will_answer(Delta("So far"), asyncio.Event())

    async def scenario() -> None:
        running = [desk.answering.start(one) for one in asked]
        await until(lambda: running[0].text and running[2].standing == 2)
        await desk.answering.close()

    run(scenario)
    assert [(type(desk.end(one)), desk.end(one).text) for one in asked] == [
        (e.AnswerInterrupted, "So far"),
        (e.AnswerInterrupted, ""),
        (e.AnswerInterrupted, ""),
    ]
    assert (desk.turns.line, desk.turns.running) == ([], [])


async def begun(desk: Desk, asked: Asked) -> RunningAnswer:
    running = desk.answering.start(asked)
    await until(lambda: running.text)
    return running


def test_where_signals_were_lost_a_wish_to_stop_is_looked_for_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answering, "_LOOK_EVERY_SAVES", 10**9)
    desk = Desk()
    desk.live.signals_come = False
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), asyncio.Event())

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: desk.live.saves)
        await asyncio.sleep(0.02)
        desk.live.want_stopped(asked.answer_id)
        desk.live.signal(Signal("missed"))
        return await ended(running)

    assert run(scenario).status is Status.CANCELLED


@pytest.mark.parametrize("signals_come", [True, False])
def test_a_wish_from_elsewhere_stops_an_answer_even_when_the_signal_is_lost(*, signals_come: bool) -> None:
    desk = Desk(save_every=60.0 if signals_come else 0.005)
    desk.live.signals_come = signals_come
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), asyncio.Event())

    async def scenario() -> Outcome:
        running = await begun(desk, asked)
        desk.live.want_stopped(new_id())
        desk.live.want_stopped(asked.answer_id)
        outcome = await ended(running)
        await desk.answering.close()
        return outcome

    outcome = run(scenario)
    assert (outcome.status, outcome.text) == (Status.CANCELLED, "So far")
    assert (desk.server.cancelled, desk.server.active) == (1, 0)
    assert asked.answer_id not in desk.live.wanted
    assert desk.live.listeners == []


def test_a_wish_to_stop_goes_to_whoever_writes_the_answer() -> None:
    desk = Desk()
    here, elsewhere = desk.ask(), new_id()
    desk.server.will_answer(Delta("So far"), asyncio.Event())

    async def scenario() -> Outcome:
        running = await begun(desk, here)
        await desk.answering.cancel(elsewhere)
        await desk.answering.cancel(here.answer_id)
        return await ended(running)

    assert run(scenario).status is Status.CANCELLED
    assert desk.live.wanted == {elsewhere}


def test_wishes_are_looked_for_again_after_the_database_was_away() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), asyncio.Event())

    async def scenario() -> Outcome:
        running = await begun(desk, asked)
        desk.live.down = DatabaseError("Gone.")
        await asyncio.sleep(0.02)
        desk.live.wanted.add(asked.answer_id)
        desk.live.down = None
        return await ended(running)

    assert run(scenario).status is Status.CANCELLED


def test_a_second_event_loop_hears_signals_too() -> None:
    desk = Desk()
    desk.server.will_answer(Delta("One"), asyncio.Event())
    desk.server.will_answer(Delta("Two"), asyncio.Event())

    async def scenario() -> Outcome:
        asked = desk.ask()
        running = await begun(desk, asked)
        desk.live.want_stopped(asked.answer_id)
        return await ended(running)

    assert [run(scenario).text for _ in range(2)] == ["One", "Two"]
    assert len(desk.live.listeners) == 1


def full_house() -> tuple[House, Any]:
    house = House()
    turns: Any = house.services.turns
    turns.most, turns.longest = 1, 1
    return house, turns


def test_a_prompt_that_cannot_be_answered_for_now_is_refused_before_anything_is_recorded() -> None:
    house, turns = full_house()
    house.ask()
    house.ask()
    size = house.log.size()

    with pytest.raises(LineFullError):
        house.ask()

    assert house.log.size() == size
    assert len(turns.mine) == 2
    house.ask(background=True)


def test_a_prompt_that_cannot_be_recorded_leaves_the_line() -> None:
    house, turns = full_house()
    house.log.failures.append(ConflictError("Somebody else was faster."))
    turns_at_leave = turns.leave

    with pytest.raises(ConflictError):
        house.ask()
    assert turns.mine == {}

    def cannot(answer_id: object) -> None:
        turns_at_leave(answer_id)
        raise DatabaseError("Gone.")

    turns.leave = cannot
    house.log.failures.append(ConflictError("Somebody else was faster."))
    with pytest.raises(ConflictError):
        house.ask()


def test_a_command_given_twice_at_the_same_moment_takes_one_place() -> None:
    house, turns = full_house()
    command = c.AskQuestion(text="Hi", idempotency_key="once", **WHO)
    twin: list[Asked] = []
    house.log.before_save = lambda: twin.append(house.commands.ask(command))

    again = house.commands.ask(command)

    assert again.request is None
    assert again.answer_id == twin[0].answer_id
    assert set(turns.mine) == {again.answer_id}


def test_an_answer_has_not_ended_before_its_turn_is_given_up() -> None:
    desk = desk_for_one()
    asked = desk.ask()
    leave = desk.turns.leave

    def slowly(answer_id: UUID) -> None:
        time.sleep(0.1)
        leave(answer_id)

    desk.turns.leave = slowly  # type: ignore[method-assign]

    async def scenario() -> None:
        await ended(desk.answering.start(asked))
        assert desk.turns.running == []

    run(scenario)
