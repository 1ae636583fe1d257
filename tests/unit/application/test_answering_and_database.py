"""An answer whose database is away, slow, or told by somebody else that the answer is over."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from application import answering, deciding
from application.errors import (
    AnswerBrokenOffError,
    DatabaseError,
    DatabaseUnreachableError,
    KeyringError,
)
from application.ports.model_server import ChatEnd, Delta
from application.running import Outcome
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Status
from domain.errors import ConflictError, ContentErasedError, WrongVersionError
from tests.support.desk import Desk, ended, run, until


def test_a_database_that_comes_back_gets_the_end() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.log.failures.extend([DatabaseUnreachableError("away"), WrongVersionError("busy")])

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert (outcome.log_size, outcome.problem) == (4, None)
    assert type(desk.end(asked)) is e.AnswerCompleted


def test_a_stream_of_events_that_others_write_to_all_the_time_gets_the_end() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.log.failures.extend(WrongVersionError("busy") for _ in range(deciding.TRIES + 1))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    assert run(scenario).log_size == 4
    assert type(desk.end(asked)) is e.AnswerCompleted


@pytest.mark.parametrize("how", ["complete", "cancel", "shutdown", "fail"])
def test_an_end_whose_acknowledgement_was_lost_is_recorded_once(how: str) -> None:
    desk = Desk()
    asked = desk.ask()
    desk.log.acknowledgements_lost.append(DatabaseUnreachableError("perhaps"))
    last: Any = {"complete": ChatEnd("stop"), "fail": AnswerBrokenOffError("x")}.get(how, asyncio.Event())
    desk.server.will_answer(Delta("So far"), last)

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: running.text)
        if how == "cancel":
            running.cancel()
        if how == "shutdown":
            await desk.answering.close()
        return await ended(running)

    outcome = run(scenario)
    assert outcome.log_size == 4
    assert not isinstance(outcome.problem, ConflictError)
    assert (
        desk.log.load(Conversation, asked.conversation_id).message(asked.answer_id).status is outcome.status
    )
    assert len(desk.ends(asked)) == 1


def test_a_database_that_stays_away_is_told_and_gets_the_end_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answering, "_LONGEST_PAUSE_SECONDS", 0.02)
    desk = Desk(patience=0)
    asked = desk.ask()
    desk.log.failures.extend(DatabaseUnreachableError("away") for _ in range(4))

    async def scenario() -> Outcome:
        outcome = await ended(desk.answering.start(asked))
        assert desk.ends(asked) == []
        await until(lambda: desk.ends(asked))
        await until(lambda: desk.live.pieces == {})
        return outcome

    outcome = run(scenario)
    assert (outcome.status, outcome.text, outcome.log_size) == (Status.COMPLETE, "An answer.", None)
    assert isinstance(outcome.problem, DatabaseError)
    assert desk.end(asked).text == "An answer."


def test_closing_gives_a_database_that_is_away_one_more_chance_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answering, "_LONGEST_PAUSE_SECONDS", 0.02)
    desk = Desk(patience=0)
    asked = desk.ask()
    desk.log.failures.extend(DatabaseUnreachableError("away") for _ in range(1000))

    async def scenario() -> None:
        await ended(desk.answering.start(asked))
        await asyncio.sleep(0.03)
        async with asyncio.timeout(5):
            await desk.answering.close()

    run(scenario)
    assert desk.ends(asked) == []
    assert 0 < len(desk.log.failures) < 1000


def test_a_loop_that_is_torn_down_does_not_wait_for_a_database_that_is_away() -> None:
    desk = Desk(patience=0)
    asked = desk.ask()
    desk.log.failures.extend(DatabaseUnreachableError("away") for _ in range(1000))

    async def scenario() -> None:
        await ended(desk.answering.start(asked))

    began = time.monotonic()
    run(scenario)

    assert time.monotonic() - began < 1.5
    assert len(desk.log.failures) > 990


def test_an_end_that_came_too_late_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_LONGEST_PAUSE_SECONDS", 0.02)
    desk = Desk(patience=0)
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), AnswerBrokenOffError("x"))
    desk.log.failures.extend(DatabaseUnreachableError("away") for _ in range(2))

    async def scenario() -> None:
        await ended(desk.answering.start(asked))
        desk.log.failures.clear()
        desk.interrupt(asked)
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 (tasks have no event)
            await asyncio.sleep(0.005)

    run(scenario)
    assert type(desk.end(asked)) is e.AnswerInterrupted


def test_a_completion_wins_over_an_interruption_by_others() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("Hel"), 0.05, Delta("lo."), ChatEnd("stop"))

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: running.text)
        desk.interrupt(asked)
        return await ended(running)

    outcome = run(scenario)
    assert (outcome.status, outcome.problem) == (Status.COMPLETE, None)
    assert [type(event) for event in desk.ends(asked)] == [e.AnswerInterrupted, e.AnswerCompleted]


def test_a_cancellation_after_an_interruption_by_others_says_so() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("Hel"), asyncio.Event())

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: running.text)
        desk.interrupt(asked)
        running.cancel()
        return await ended(running)

    outcome = run(scenario)
    assert (outcome.status, outcome.text, outcome.log_size) == (Status.INTERRUPTED, "Hel", None)
    assert isinstance(outcome.problem, ConflictError)


def test_the_end_of_an_erased_conversation_is_dropped() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.log.failures.append(ContentErasedError("gone"))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert isinstance(outcome.problem, ContentErasedError)
    assert desk.ends(asked) == []


def test_an_end_that_cannot_be_recorded_at_all_is_told() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.log.failures.append(KeyringError("no key"))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert isinstance(outcome.problem, KeyringError)
    assert outcome.text
    assert desk.ends(asked) == []


def test_an_answer_ends_in_an_archived_conversation() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.other(asked, Conversation.archive)

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    assert run(scenario).log_size == 5
    assert type(desk.end(asked)) is e.AnswerCompleted


def test_a_growing_answer_is_saved_now_and_then() -> None:
    desk = Desk()
    asked = desk.ask()
    go_on = asyncio.Event()
    desk.server.will_answer(Delta("Hel"), go_on, Delta("lo."), asyncio.Event())

    async def scenario() -> None:
        running = desk.answering.start(asked)
        await until(lambda: desk.live.read(asked.answer_id, asked.conversation_id).text == "Hel")
        go_on.set()
        await until(lambda: desk.live.read(asked.answer_id, asked.conversation_id).text == "Hello.")
        saves = desk.live.saves
        await asyncio.sleep(0.03)
        assert desk.live.saves == saves
        running.cancel()
        await ended(running)

    run(scenario)
    assert desk.live.pieces == {}


def test_what_could_not_be_saved_is_saved_with_the_next_piece() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("Hel"), 0.05, Delta("lo."), asyncio.Event())
    desk.live.down = DatabaseUnreachableError("away")
    tries: list[int] = []
    desk.live.on_save = lambda: tries.append(1)

    async def scenario() -> None:
        running = desk.answering.start(asked)
        await until(lambda: len(tries) >= 2)
        await until(lambda: running.text == "Hello.")
        desk.live.down = None
        await until(lambda: desk.live.read(asked.answer_id, asked.conversation_id).text == "Hello.")
        running.cancel()
        await ended(running)

    run(scenario)


def test_nothing_is_saved_of_an_answer_whose_end_is_recorded() -> None:
    desk = Desk(save_every=0.0)
    asked = desk.ask()
    desk.server.will_answer(*[Delta(f"{n} ") for n in range(200)], ChatEnd("stop"))
    forgotten = desk.live.forget

    def slow(answer_id: Any) -> None:
        forgotten(answer_id)
        time.sleep(0.03)

    desk.live.forget = slow  # type: ignore[method-assign]

    async def scenario() -> None:
        await ended(desk.answering.start(asked))
        await asyncio.sleep(0.01)
        await desk.answering.close()

    run(scenario)
    assert desk.live.pieces == {}


def test_saved_text_that_cannot_be_dropped_does_not_undo_the_end() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.live.down = DatabaseUnreachableError("away")

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    assert run(scenario).log_size == 4


def test_the_saver_is_woken_again_by_a_later_answer() -> None:
    desk = Desk()

    async def scenario() -> None:
        for _ in range(2):
            asked = desk.ask()
            desk.server.will_answer(Delta("Hel"), asyncio.Event())
            running = desk.answering.start(asked)
            await until(lambda asked=asked: desk.live.pieces.get(asked.answer_id))
            running.cancel()
            await ended(running)
            await asyncio.sleep(0.02)

    run(scenario)
