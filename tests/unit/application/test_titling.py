"""Titles made by a model: for what nobody named, and never in anybody's way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application import commands as c
from application.conversations import Asked
from application.errors import ModelServerUnreachableError
from application.ports.model_server import ChatEnd, Delta
from application.titling import LONGEST_TITLE, REQUEST, Titling, _request, cleaned
from domain.conversation import events as e
from domain.errors import WrongVersionError
from domain.ids import new_id
from tests.fakes.model_server import ScriptedModelServer
from tests.fakes.write_side import FixedClock, MemoryTurns
from tests.support.desk import run, until
from tests.support.house import WHO, House


class Study:
    """A house with somebody in it who gives titles."""

    def __init__(self) -> None:
        self.house = House()
        self.server = ScriptedModelServer()
        services = self.house.services
        assert isinstance(services.turns, MemoryTurns)
        self.turns = services.turns
        self.titling = Titling(
            services.log, services.memory, self.server, services.turns, FixedClock(), look_every=0.005
        )

    def asked(self, **values: Any) -> Asked:
        asked = self.house.asked_and_answered(**values)
        self.turns.leave(asked.answer_id)
        return asked

    def says(self, *texts: str, reason: str = "stop") -> None:
        self.server.will_answer(*(Delta(text) for text in texts), ChatEnd(reason))

    def give(self) -> int:
        return run(self.titling.give)

    def titles(self, asked: Asked) -> list[Any]:
        events = self.house.log.events(asked.conversation_id)
        return [x.title for x in events if isinstance(x, e.ConversationTitled)]


@pytest.fixture
def study() -> Study:
    return Study()


def test_a_conversation_gets_a_title_after_its_first_answer(study: Study) -> None:
    asked = study.asked(text="How do I sharpen a chisel?", options={"num_ctx": 2048})
    study.says('"Sharpening', ' a chisel."\n', "And more.")

    assert study.give() == 1

    assert study.titles(asked) == ["Sharpening a chisel"]
    event, origin = study.house.log.appended[-1]
    assert isinstance(event, e.ConversationTitled)
    assert (origin.actor, origin.source, event.model) == ("system", "system", "deepseek-r1:8b")
    [request] = study.server.requests
    assert request.think is False
    assert request.options["num_ctx"] == 2048  # another would make the server load the model anew
    assert request.options["num_predict"] < 100
    assert request.messages[0].content.startswith(REQUEST)
    assert "sharpen a chisel?" in request.messages[0].content
    assert study.turns.mine == {}
    assert study.give() == 0


def test_a_conversation_without_an_ended_answer_gets_none(study: Study) -> None:
    study.house.ask()
    asked = study.asked()
    study.house.change(asked.conversation_id, lambda x: x.rename("My own"))
    named = study.house.commands.handle(c.StartConversation(title="Named", **WHO)).id
    answered = study.house.ask(conversation_id=named)
    study.house.answer(answered)

    assert study.give() == 0
    assert study.server.requests == []


def test_an_answer_that_failed_is_not_the_first(study: Study) -> None:
    asked = study.asked()
    other = study.house.ask()
    study.house.change(
        other.conversation_id,
        lambda x: x.interrupt_answer(other.answer_id, text="", thinking="", reason="x"),
    )
    assert study.titling._request(other.conversation_id) is None
    assert study.titling._request(asked.conversation_id) is not None


def test_one_that_got_its_title_elsewhere_is_left_alone(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = study.asked()
    study.house.change(asked.conversation_id, lambda x: x.rename("My own"))
    monkeypatch.setattr(study.house.services.memory, "untitled", lambda _: [asked.conversation_id])
    assert study.give() == 0
    assert study.server.requests == []


def test_a_person_who_names_it_meanwhile_is_not_overruled(study: Study) -> None:
    asked = study.asked()
    study.says("By the model")
    study.house.log.before_save = lambda: study.house.change(
        asked.conversation_id, lambda x: x.rename("By a person")
    )

    assert study.give() == 0
    assert study.titles(asked) == []


def test_it_gives_up_where_others_always_write(study: Study) -> None:
    asked = study.asked()
    study.says("By the model")
    study.house.log.failures.extend(WrongVersionError("x") for _ in range(20))
    assert study.give() == 0
    assert study.titles(asked) == []


@pytest.mark.parametrize("said", ["", " \n ", '""', "**", "<think>Hm"])
def test_nothing_usable_is_no_title_and_is_asked_for_twice(study: Study, said: str) -> None:
    asked = study.asked()
    for _ in range(3):
        study.says(said)
        assert study.give() == 0
    assert study.titles(asked) == []
    assert len(study.server.requests) == 2


def test_thinking_is_stripped_and_what_was_cut_off_is_not_taken(study: Study) -> None:
    asked = study.asked()
    study.says("Okay, they want ", "a title.</think>", "Chisels")
    assert study.give() == 1
    assert study.titles(asked) == ["Chisels"]
    other = study.asked()
    study.says("Okay, the user wants a title for", reason="length")
    assert study.give() == 0
    assert study.titles(other) == []


def test_a_model_server_that_is_away_harms_nothing(study: Study) -> None:
    study.asked()
    study.server.down = ModelServerUnreachableError("Nobody is there.")
    assert study.give() == 0
    assert study.turns.mine == {}


def test_it_waits_behind_all_that_people_wait_for(study: Study) -> None:
    asked = study.asked()
    study.turns.most = 1
    study.turns.enter(somebody := new_id(), background=False)
    study.says("Chisels")

    async def scenario() -> None:
        giving = asyncio.create_task(study.titling.give())
        await until(lambda: len(study.turns.mine) == 2)
        await asyncio.sleep(0.03)
        assert study.server.requests == []
        study.turns.leave(somebody)
        assert await giving == 1

    run(scenario)
    assert study.titles(asked) == ["Chisels"]


def test_it_is_dropped_as_soon_as_somebody_waits(study: Study) -> None:
    asked = study.asked()
    study.turns.most = 1
    study.server.will_answer(Delta("Chis"), asyncio.Event())

    async def scenario() -> None:
        giving = asyncio.create_task(study.titling.give())
        await until(lambda: study.server.active)
        study.turns.enter(somebody := new_id(), background=False)
        assert await giving == 0
        assert study.turns.standing_anywhere(somebody) == 0

    run(scenario)
    assert study.titles(asked) == []
    assert study.server.cancelled == 1


def test_it_is_dropped_when_the_process_ends(study: Study) -> None:
    asked = [study.asked(), study.asked()]
    study.server.will_answer(asyncio.Event())

    async def scenario() -> None:
        giving = asyncio.create_task(study.titling.give())
        await until(lambda: study.server.active)
        study.titling.close()
        assert await giving == 0
        giving = asyncio.create_task(study.titling.give())
        assert await giving == 0

    run(scenario)
    assert [study.titles(one) for one in asked] == [[], []]
    assert (len(study.server.requests), study.turns.mine) == (1, {})


def test_it_begins_nothing_that_was_closed_while_it_looked(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.asked()
    real = study.turns.enter

    def enter(answer_id: Any, *, background: bool) -> None:
        real(answer_id, background=background)
        study.titling.close()

    monkeypatch.setattr(study.turns, "enter", enter)
    assert study.give() == 0
    assert (study.server.requests, study.turns.mine) == ([], {})


def test_a_cancelled_one_gives_its_place_up(study: Study) -> None:
    study.asked()
    study.server.will_answer(asyncio.Event())

    async def scenario() -> None:
        giving = asyncio.create_task(study.titling.give())
        await until(lambda: study.server.active)
        giving.cancel()
        await asyncio.wait([giving])
        assert giving.cancelled()

    run(scenario)
    assert study.turns.mine == {}
    assert study.server.cancelled == 1


def test_only_an_answer_is_titled() -> None:
    with pytest.raises(TypeError):
        _request([object(), object()])


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Chisels", "Chisels"),
        ("\n\n  **Title:** Sharpening a chisel. \n", "Sharpening a chisel"),
        ("Titel: „Meißel schärfen“", "Meißel schärfen"),
        ("# A heading", "A heading"),
        ("Rust: a language", "Rust: a language"),
        ("a\x00b\x1b[31m\ud800c", "a b [31m c"),
        ("word " * 60, ("word " * 16).strip()[: LONGEST_TITLE - 1].rpartition(" ")[0] + "…"),
        ("x" * 400, ""),
        ("", ""),
    ],
)
def test_what_a_model_says_becomes_one_line(said: str, title: str) -> None:
    found = cleaned(said)
    if title or not said:
        assert found == title
    assert len(found) <= LONGEST_TITLE
    assert found.isprintable()
