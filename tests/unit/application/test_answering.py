"""An answer's life: streamed, cancelled, and ended exactly once whatever happens around it."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from application import answering
from application.errors import (
    AnswerBrokenOffError,
    DatabaseError,
    ModelServerUnreachableError,
)
from application.ports.model_server import ChatEnd, Delta, ModelCard
from application.running import Outcome
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Status
from domain.errors import ContentErasedError
from domain.event import Event
from tests.fakes.model_server import DEFAULT_CARD, ScriptedModelServer
from tests.support.desk import Desk, ended, run, until


def test_an_answer_is_streamed_and_its_end_recorded() -> None:
    desk = Desk()
    asked = desk.ask()

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        assert desk.answering.running(asked.answer_id) is running
        outcome = await ended(running)
        assert desk.answering.running(asked.answer_id) is None
        await desk.answering.close()
        return outcome

    outcome = run(scenario)

    assert (outcome.status, outcome.text, outcome.thinking) == (Status.COMPLETE, "An answer.", "Hm.")
    assert (outcome.log_size, outcome.problem, outcome.model_digest) == (4, None, DEFAULT_CARD.digest)
    event = desk.end(asked)
    assert type(event) is e.AnswerCompleted
    assert (event.text, event.thinking, event.reason) == ("An answer.", "Hm.", "stop")
    assert (event.model_digest, event.prompt_tokens, event.completion_tokens, event.total_ms) == (
        DEFAULT_CARD.digest,
        7,
        3,
        5.0,
    )
    assert event.first_token_ms is not None
    assert event.first_token_ms >= 0
    assert desk.live.pieces == {}
    assert desk.models.recall(DEFAULT_CARD.name) == DEFAULT_CARD
    assert desk.server.requests == [asked.request]
    assert desk.log.appended[-1][1] == asked.origin


def test_thinking_in_tags_is_kept_apart() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("<thi"), Delta("nk>Hm.</think>\n\nHel"), Delta("lo."), ChatEnd("stop"))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert (outcome.thinking, outcome.text) == ("Hm.", "Hello.")


def test_an_empty_answer_is_an_answer() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(ChatEnd("stop", completion_tokens=0))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert (outcome.status, outcome.text, outcome.first_token_ms) == (Status.COMPLETE, "", None)
    assert outcome.model_digest == DEFAULT_CARD.digest
    assert desk.end(asked).completion_tokens == 0


def test_what_a_server_says_of_itself_is_made_fit_to_store() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.cards[DEFAULT_CARD.name] = replace(DEFAULT_CARD, digest="a\ud83d\0b" + "c" * 300)
    desk.server.will_answer(
        Delta("x"),
        ChatEnd("st\0p\ud83d", prompt_tokens=2**70, completion_tokens=-1, total_ms=float("nan"), load_ms=1.5),
    )

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    event = desk.end(asked)
    assert event.reason == "st?p?"
    assert event.model_digest == "a??b" + "c" * 196
    assert (event.prompt_tokens, event.completion_tokens, event.load_ms) == (None, None, 1.5)
    assert event.total_ms == outcome.total_ms


def test_a_cancelled_answer_keeps_what_came_and_stops_the_model() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), Delta(" </th"), asyncio.Event(), Delta("never"))

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(lambda: running.text)
        running.cancel()
        running.cancel("shutdown")
        outcome = await ended(running)
        running.cancel()
        return outcome

    outcome = run(scenario)
    assert (outcome.status, outcome.text) == (Status.CANCELLED, "So far </th")
    assert (desk.server.cancelled, desk.server.active) == (1, 0)
    event = desk.end(asked)
    assert (type(event), event.reason, event.text) == (e.AnswerCancelled, "cancelled", "So far </th")


def test_an_answer_cancelled_before_it_begins_ends_too() -> None:
    desk = Desk()
    asked = desk.ask()

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        running.cancel()
        return await ended(running)

    assert run(scenario).status is Status.CANCELLED
    assert desk.server.requests == []
    assert type(desk.end(asked)) is e.AnswerCancelled


def test_a_cancellation_while_the_end_is_recorded_changes_nothing() -> None:
    desk = Desk()
    asked = desk.ask()
    held, reached = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert held.wait(10)

    desk.log.before_save = wait

    async def scenario() -> Outcome:
        running = desk.answering.start(asked)
        await until(reached.is_set)
        running.cancel()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.02)
        held.set()
        return await ended(running)

    assert run(scenario).status is Status.COMPLETE
    assert type(desk.end(asked)) is e.AnswerCompleted


def test_when_the_loop_is_torn_down_the_end_is_recorded_all_the_same() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), asyncio.Event())
    desk.log.before_save = lambda: time.sleep(0.05)

    async def scenario() -> None:
        running = desk.answering.start(asked)
        await until(lambda: running.text)

    run(scenario)
    event = desk.end(asked)
    assert (type(event), event.reason, event.text) == (e.AnswerInterrupted, "shutdown", "So far")


def test_a_model_server_that_fails_in_the_middle_leaves_what_came() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), AnswerBrokenOffError("It broke off."))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert (outcome.status, outcome.text) == (Status.FAILED, "So far")
    assert isinstance(outcome.problem, AnswerBrokenOffError)
    event = desk.end(asked)
    assert (type(event), event.reason, event.detail) == (e.AnswerFailed, "broken-off", "It broke off.")


def test_a_model_server_that_is_down_is_asked_for_nothing_more() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.down = ModelServerUnreachableError("Nobody there.")

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert (outcome.status, outcome.model_digest) == (Status.FAILED, None)
    assert desk.end(asked).reason == "unreachable"


def test_a_fault_of_ours_in_the_stream_ends_the_answer_as_failed() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.server.will_answer(Delta("So far"), RuntimeError("oops"))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert outcome.problem is not None
    assert "RuntimeError: oops" in outcome.problem.message
    event = desk.end(asked)
    assert (event.reason, event.text) == ("internal-error", "So far")


def test_a_fault_of_ours_in_recording_does_not_leave_watchers_waiting() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.log.failures.append(RuntimeError("oops"))

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert (outcome.text, outcome.log_size) == ("An answer.", None)
    assert outcome.problem is not None
    assert "RuntimeError: oops" in outcome.problem.message


def test_closing_ends_all_answers_as_interrupted_with_what_they_have() -> None:
    desk = Desk()
    first, second, third = desk.ask(), desk.ask(), desk.ask()
    for _ in range(2):
        desk.server.will_answer(Delta("So far"), asyncio.Event())

    async def scenario() -> list[Outcome]:
        running = [desk.answering.start(first), desk.answering.start(second)]
        await until(lambda: all(one.text for one in running))
        await desk.answering.close()
        late = desk.answering.start(third)
        await desk.answering.close()
        return [await ended(one) for one in [*running, late]]

    outcomes = run(scenario)
    assert [o.status for o in outcomes] == [Status.INTERRUPTED] * 3
    assert [o.text for o in outcomes] == ["So far", "So far", ""]
    for asked in (first, second, third):
        event = desk.end(asked)
        assert (type(event), event.reason) == (e.AnswerInterrupted, "shutdown")
        assert event.total_ms > 0
        assert (event.prompt_tokens, event.eval_ms) == (None, None)  # the server tells these at its end
    assert [desk.end(asked).first_token_ms is None for asked in (first, second, third)] == [
        False,
        False,
        True,
    ]
    assert desk.end(first).model_digest == desk.server.cards[first.model].digest


def test_closing_without_answers_is_nothing() -> None:
    desk = Desk()
    run(desk.answering.close)
    assert desk.log.size() == 0


class _SlowToShow(ScriptedModelServer):
    """Never tells what its models are."""

    async def show(self, name: str) -> ModelCard:
        await asyncio.sleep(60)
        return await super().show(name)


class _CountingToShow(ScriptedModelServer):
    """Says how often it was asked what a model is."""

    shown = 0

    async def show(self, name: str) -> ModelCard:
        self.shown += 1
        return await super().show(name)


@pytest.mark.parametrize(("step", "times"), [(1.0, 1), (2_000.0, 2)])
def test_what_a_model_is_is_asked_once_for_answers_that_begin_within_a_second(
    step: float, times: int
) -> None:
    desk = Desk(step=step)
    server = desk.answering._server = _CountingToShow()
    asked = [desk.ask(), desk.ask()]

    async def scenario() -> list[str | None]:
        outcomes = [await ended(desk.answering.start(one)) for one in asked]
        await desk.answering.close()
        return [outcome.model_digest for outcome in outcomes]

    assert run(scenario) == [DEFAULT_CARD.digest] * 2
    assert server.shown == times


class _OddToShow(ScriptedModelServer):
    """Fails in a way no port allows."""

    async def show(self, name: str) -> ModelCard:
        raise RuntimeError(name)


class _MissingToShow(ScriptedModelServer):
    """Answers, and then says that there is nobody."""

    async def show(self, name: str) -> ModelCard:
        raise ModelServerUnreachableError(name)


@pytest.mark.parametrize("server", [_SlowToShow, _OddToShow, _MissingToShow])
def test_an_answer_does_not_wait_for_its_models_digest(
    server: type[ScriptedModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "_CARD_GRACE_SECONDS", 0.02)
    desk = Desk()
    asked = desk.ask()
    desk.answering._server = server()

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    outcome = run(scenario)
    assert (outcome.status, outcome.model_digest, outcome.log_size) == (Status.COMPLETE, None, 4)


def test_a_card_that_cannot_be_kept_costs_the_digest_alone() -> None:
    desk = Desk()
    asked = desk.ask()
    desk.models.down = DatabaseError("full")

    async def scenario() -> Outcome:
        return await ended(desk.answering.start(asked))

    assert run(scenario).model_digest is None


def test_a_command_given_before_starts_nothing() -> None:
    desk = Desk()
    asked = replace(desk.ask(), request=None)

    async def scenario() -> None:
        with pytest.raises(ValueError, match="answered before"):
            desk.answering.start(asked)

    run(scenario)


def test_many_answers_at_once_each_end_once() -> None:
    desk = Desk()
    all_asked = [desk.ask() for _ in range(20)]

    async def scenario() -> None:
        running = [desk.answering.start(asked) for asked in all_asked]
        for one in running[::3]:
            one.cancel()
        await asyncio.gather(*(ended(one) for one in running))

    run(scenario)
    kinds: set[type[Event]] = {type(desk.end(asked)) for asked in all_asked}
    assert kinds == {e.AnswerCompleted, e.AnswerCancelled}


def test_an_answer_whose_conversation_is_erased_meanwhile_is_dropped() -> None:
    desk = Desk()
    asked = desk.ask()
    conversation = desk.log.load(Conversation, asked.conversation_id)
    conversation.erase("request")
    desk.log.erase([conversation], asked.origin)

    async def scenario() -> Outcome:
        outcome = await ended(desk.answering.start(asked))
        await desk.answering.close()
        return outcome

    outcome = run(scenario)

    assert (outcome.status, outcome.text, outcome.thinking) == (Status.INTERRUPTED, "", "")
    assert isinstance(outcome.problem, ContentErasedError)
    assert type(desk.log.appended[-1][0]) is e.ConversationErased
    assert desk.live.pieces == {}
