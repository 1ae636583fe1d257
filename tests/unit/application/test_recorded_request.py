"""Requests rendered again from what is recorded, on a write side in memory."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application.errors import RequestUnknownError
from application.import_commands import ImportConversations
from application.ported import PortedMessage
from application.ports.model_server import ChatMessage
from application.recorded_request import Check, RecordedRequest, render_again
from domain.conversation import events as e
from domain.errors import ContentErasedError, InvalidInputError
from domain.ids import derived_id, new_id
from tests.fakes.write_side import LogMemory
from tests.support.house import OUTCOME, WHO, House
from tests.support.ported import answer, conversation, prompt


@pytest.fixture
def house() -> House:
    return House()


def again(house: House, answer_id: UUID) -> RecordedRequest:
    return render_again(house.log, house.services.memory, answer_id)


def forked(house: House, conversation_id: UUID, message_id: UUID) -> UUID:
    """Fork a branch and return the copy of its last answer."""
    house.commands.handle(c.ForkConversation(conversation_id=conversation_id, message_id=message_id, **WHO))
    copied: UUID = house.last(e.AnswerCopied).message_id
    return copied


def taken_in(house: House, *messages: PortedMessage) -> UUID:
    """Take a conversation in and return its last message."""
    said = conversation(*messages)
    house.commands.take_in(ImportConversations(conversations=(said,), **WHO))
    return derived_id(said.id, messages[-1].id)


def forget(house: House, *message_ids: UUID) -> None:
    assert isinstance(house.services.memory, LogMemory)
    house.services.memory.erased |= set(message_ids)


class TestTheRequest:
    @pytest.mark.parametrize("think", [None, True, "low"])
    def test_is_the_one_that_was_sent(self, house: House, think: Any) -> None:
        first = house.asked_and_answered(text="Hi", options={"seed": 7, "temperature": 0.5})
        asked = house.ask(
            text="And?",
            conversation_id=first.conversation_id,
            model="other:1b",
            think=think,
            options={"a": [1]},
        )
        found = again(house, asked.answer_id)

        assert found.request == asked.request
        assert found.check is Check.SAME
        assert found.prompt_id == asked.prompt_id
        assert found.sent_message_ids == (first.prompt_id, first.answer_id, asked.prompt_id)
        assert (found.instructions, found.instructions_of_prompt) == (None, False)

    def test_leaves_out_what_was_cut_then(self, house: House) -> None:
        first = house.asked_and_answered(text="x" * 1000)
        asked = house.ask(text="y", conversation_id=first.conversation_id, options={"num_ctx": 64})
        assert asked.cut_count == 2

        found = again(house, asked.answer_id)
        assert [m.content for m in found.request.messages] == ["y"]
        assert found.check is Check.SAME

    def test_has_the_projects_instructions_of_then(self, house: House) -> None:
        project_id = house.project(instructions="Be brief.")
        asked = house.asked_and_answered(project_id=project_id)
        house.commands.handle(c.ChangeInstructions(project_id=project_id, instructions="Be long.", **WHO))
        found = again(house, asked.answer_id)

        assert found.request.messages[0] == ChatMessage("system", "Be brief.")
        assert (found.instructions, found.instructions_of_prompt) == ("Be brief.", False)
        assert found.check is Check.SAME

    def test_has_the_prompts_own_instructions_over_the_projects(self, house: House) -> None:
        project_id = house.project(instructions="Be brief.")
        asked = house.ask(project_id=project_id, instructions="Rhyme.")
        found = again(house, asked.answer_id)

        assert found.request.messages[0] == ChatMessage("system", "Rhyme.")
        assert (found.instructions, found.instructions_of_prompt) == ("Rhyme.", True)
        assert found.check is Check.SAME

    def test_has_none_where_the_prompt_came_with_empty_ones(self, house: House) -> None:
        asked = house.ask(project_id=house.project(instructions="Be brief."), instructions="")
        found = again(house, asked.answer_id)

        assert [m.role for m in found.request.messages] == ["user"]
        assert (found.instructions, found.instructions_of_prompt) == (None, True)
        assert found.check is Check.SAME

    def test_is_not_the_one_where_an_answer_in_it_was_completed_since(self, house: House) -> None:
        first = house.ask()
        values = OUTCOME | {"text": "Hel", "reason": "owner-died"}
        house.change(first.conversation_id, lambda x: x.interrupt_answer(first.answer_id, **values))
        asked = house.ask(text="And?", conversation_id=first.conversation_id)
        assert again(house, asked.answer_id).check is Check.SAME

        house.answer(first, "Hello.")
        assert again(house, asked.answer_id).check is Check.DIFFERENT


class TestCopies:
    def test_are_checked_under_the_key_of_the_conversation_they_were_asked_in(self, house: House) -> None:
        first = house.asked_and_answered()
        asked = house.asked_and_answered(text="And?", conversation_id=first.conversation_id)
        copied = forked(house, asked.conversation_id, asked.answer_id)
        twice = forked(house, house.last(e.AnswerCopied).stream_id, copied)

        for one in (copied, twice):
            found = again(house, one)
            assert found.request == asked.request
            assert found.check is Check.SAME
            assert set(found.sent_message_ids).isdisjoint({first.prompt_id, first.answer_id, asked.prompt_id})

    def test_cannot_be_checked_once_that_key_is_destroyed(self, house: House) -> None:
        asked = house.asked_and_answered()
        copied = forked(house, asked.conversation_id, asked.answer_id)
        house.commands.handle(
            c.EraseConversation(conversation_id=asked.conversation_id, with_derived=False, **WHO)
        )
        found = again(house, copied)
        assert found.request == asked.request
        assert found.check is Check.KEY_DESTROYED


class TestFromFiles:
    def test_they_are_rendered_and_cannot_be_checked(self, house: House) -> None:
        said = prompt(text="Hi", instructions="Rhyme.")
        here = taken_in(house, said, answer(said.id, sent_message_ids=(said.id,)))
        found = again(house, here)

        assert [m.content for m in found.request.messages] == ["Rhyme.", "Hi"]
        assert found.check is Check.KEY_ELSEWHERE

        copied = forked(house, house.last(e.ConversationStarted).stream_id, here)
        assert again(house, copied).check is Check.KEY_ELSEWHERE

    def test_without_the_messages_that_were_sent_nothing_is_rendered(self, house: House) -> None:
        said = prompt()
        first = answer(said.id, sent_message_ids=())
        with pytest.raises(RequestUnknownError, match="does not say which messages were sent"):
            again(house, taken_in(house, said, first))

        more = prompt(first.id, "And?")
        with pytest.raises(RequestUnknownError):
            again(
                house,
                taken_in(house, said, first, more, answer(more.id, sent_message_ids=(said.id, first.id))),
            )

    def test_instructions_of_a_project_elsewhere_are_not_guessed(self, house: House) -> None:
        said = prompt()
        told = {"instructions_project_id": new_id(), "instructions_version": 3}
        with pytest.raises(RequestUnknownError, match="instructions of a project"):
            again(house, taken_in(house, said, answer(said.id, sent_message_ids=(said.id,), **told)))


class TestWithoutARequest:
    def test_a_prompt_has_none(self, house: House) -> None:
        with pytest.raises(InvalidInputError, match="is a prompt"):
            again(house, house.asked_and_answered().prompt_id)

    def test_what_was_sent_may_be_erased(self, house: House) -> None:
        first = house.asked_and_answered()
        asked = house.asked_and_answered(text="And?", conversation_id=first.conversation_id)
        forget(house, first.answer_id)
        with pytest.raises(ContentErasedError, match="what was sent was erased"):
            again(house, asked.answer_id)

    def test_the_projects_instructions_may_be_erased(self, house: House) -> None:
        project_id = house.project(instructions="Be brief.")
        asked = house.asked_and_answered(project_id=project_id)
        house.log.streams[project_id] = []
        with pytest.raises(ContentErasedError, match="the project whose instructions were sent was erased"):
            again(house, asked.answer_id)
