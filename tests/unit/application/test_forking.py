"""Edits, forks, ratings and notes through their handlers, on a write side in memory."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application import forking
from application.deciding import TRIES
from application.errors import ChangedMeanwhileError, IdempotencyMismatchError
from application.ports.model_server import ChatMessage
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Kind
from domain.errors import (
    ConflictError,
    ContentErasedError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    WrongVersionError,
)
from domain.ids import new_id
from tests.fakes.write_side import LogMemory
from tests.support.house import WHO, House


@pytest.fixture
def house() -> House:
    return House()


def edit(conversation_id: UUID, prompt_id: UUID, text: str = "Bye", **values: Any) -> c.EditPrompt:
    return c.EditPrompt(conversation_id=conversation_id, prompt_id=prompt_id, text=text, **WHO, **values)


def fork(conversation_id: UUID, message_id: UUID, **values: Any) -> c.ForkConversation:
    return c.ForkConversation(conversation_id=conversation_id, message_id=message_id, **WHO, **values)


def of(house: House, conversation_id: UUID) -> Conversation:
    return house.log.load(Conversation, conversation_id)


class TestEditing:
    def test_an_edit_is_a_sibling_with_its_own_answer_in_one_append(self, house: House) -> None:
        first = house.asked_and_answered()
        second = house.asked_and_answered(text="And?", conversation_id=first.conversation_id)
        before = house.log.size()
        edited = house.commands.ask(edit(first.conversation_id, second.prompt_id, "Or?"))

        assert house.happened(first.conversation_id)[before:] == [e.PromptAdded, e.AnswerStarted]
        tree = of(house, first.conversation_id)
        assert tree.message(edited.prompt_id).parent_id == first.answer_id
        assert tree.message(second.prompt_id).parent_id == first.answer_id
        assert tree.current_id == edited.answer_id
        assert edited.request is not None
        assert [m.content for m in edited.request.messages] == ["Hi", "Hello.", "Or?"]

    def test_an_edited_first_prompt_is_a_second_root(self, house: House) -> None:
        first = house.asked_and_answered()
        edited = house.commands.ask(edit(first.conversation_id, first.prompt_id))

        assert of(house, first.conversation_id).message(edited.prompt_id).parent_id is None
        assert edited.request is not None
        assert edited.request.messages == (ChatMessage("user", "Bye"),)

    @pytest.mark.parametrize(("given", "holds"), [(None, "Be brief."), ("Be long.", "Be long.")])
    def test_the_instructions_of_the_old_prompt_hold_where_none_are_given(
        self, house: House, given: str | None, holds: str
    ) -> None:
        first = house.asked_and_answered(instructions="Be brief.")
        edited = house.commands.ask(edit(first.conversation_id, first.prompt_id, instructions=given))

        assert house.last(e.PromptAdded).instructions == holds
        assert edited.request is not None
        assert edited.request.messages[0] == ChatMessage("system", holds)

    def test_an_answer_is_not_edited_and_nothing_is_not_recorded(self, house: House) -> None:
        first = house.asked_and_answered()

        with pytest.raises(InvalidInputError, match="prompts are edited"):
            house.commands.ask(edit(first.conversation_id, first.answer_id))
        with pytest.raises(InvalidInputError, match="empty"):
            house.commands.ask(edit(first.conversation_id, first.prompt_id, " "))
        with pytest.raises(NotFoundError):
            house.commands.ask(edit(first.conversation_id, new_id()))

    def test_two_edits_at_the_same_moment_both_stay(self, house: House) -> None:
        first = house.asked_and_answered()
        other: list[Any] = []
        house.log.before_save = lambda: other.append(
            house.commands.ask(edit(first.conversation_id, first.prompt_id, "Theirs"))
        )
        mine = house.commands.ask(edit(first.conversation_id, first.prompt_id, "Mine"))

        tree = of(house, first.conversation_id)
        roots = [one.id for one in tree.messages.values() if one.parent_id is None]
        assert roots == [first.prompt_id, other[0].prompt_id, mine.prompt_id]

    def test_an_edit_gives_up_in_the_end_and_says_so(self, house: House) -> None:
        first = house.asked_and_answered()
        house.log.failures.extend(WrongVersionError("again") for _ in range(TRIES))

        with pytest.raises(ConflictError, match="was not recorded"):
            house.commands.ask(edit(first.conversation_id, first.prompt_id))

    def test_the_same_edit_again_is_the_same(self, house: House) -> None:
        first = house.asked_and_answered()
        command = edit(first.conversation_id, first.prompt_id, idempotency_key="once")

        assert house.commands.ask(command).answer_id == house.commands.ask(command).answer_id


class TestForking:
    def test_a_fork_is_the_branch_alone_under_ids_of_its_own(self, house: House) -> None:
        first = house.asked_and_answered(options={"seed": 7}, instructions="Be brief.")
        second = house.asked_and_answered(text="And?", conversation_id=first.conversation_id)
        house.answer(house.ask(conversation_id=first.conversation_id, parent_id=first.answer_id))
        done = house.commands.handle(fork(first.conversation_id, second.answer_id, title=" My  fork "))

        copy = of(house, done.id)
        branch = [*copy.branch(copy.current_id)][::-1]
        assert [one.kind for one in branch] == [Kind.PROMPT, Kind.ANSWER] * 2
        assert len(copy.messages) == 4
        assert not set(copy.messages) & set(of(house, first.conversation_id).messages)
        began = house.last(e.ConversationStarted)
        assert (began.origin_conversation_id, began.title) == (first.conversation_id, "My fork")
        assert began.origin_message_id == second.answer_id
        assert house.last(e.ConversationForked).fork_id == done.id
        prompts = [x for x in house.log.events(done.id) if isinstance(x, e.PromptCopied)]
        assert [(x.text, x.instructions) for x in prompts] == [("Hi", "Be brief."), ("And?", None)]
        answers = [x for x in house.log.events(done.id) if isinstance(x, e.AnswerCopied)]
        assert [x.origin_message_id for x in answers] == [first.answer_id, second.answer_id]
        assert answers[0].options == {"seed": 7, "num_ctx": 8192}
        assert answers[1].sent_message_ids == tuple(one.id for one in branch[:3])
        assert (answers[1].status, answers[1].text, answers[1].thinking) == ("complete", "Hello.", "Hm.")
        assert done.version == 5

    def test_it_goes_on_like_any_other(self, house: House) -> None:
        first = house.asked_and_answered()
        done = house.commands.handle(fork(first.conversation_id, first.answer_id))
        asked = house.ask("And?", conversation_id=done.id)

        assert asked.request is not None
        assert [m.content for m in asked.request.messages] == ["Hi", "Hello.", "And?"]
        again = house.commands.handle(fork(done.id, asked.prompt_id))
        assert len(of(house, again.id).messages) == 3

    def test_a_fork_at_a_prompt_can_be_answered(self, house: House) -> None:
        first = house.asked_and_answered(instructions="Be brief.")
        done = house.commands.handle(fork(first.conversation_id, first.prompt_id))
        prompt_id = of(house, done.id).current_id
        assert prompt_id is not None

        with pytest.raises(InvalidInputError, match="follows an answer") as refused:
            house.ask("And?", conversation_id=done.id)
        assert "daybook retry" in refused.value.hint
        asked = house.commands.ask(c.AnswerAgain(conversation_id=done.id, prompt_id=prompt_id, **WHO))
        assert asked.request is not None
        assert [m.content for m in asked.request.messages] == ["Be brief.", "Hi"]

    def test_title_and_project_are_those_of_its_origin_where_no_others_are_given(self, house: House) -> None:
        project, other = house.project(), house.project()
        first = house.asked_and_answered(project_id=project)
        house.change(first.conversation_id, lambda one: one.rename("Tides"))
        house.commands.handle(fork(first.conversation_id, first.answer_id))
        began = house.last(e.ConversationStarted)
        assert (began.title, began.project_id) == ("Tides", project)

        house.commands.handle(fork(first.conversation_id, first.answer_id, project_id=other))
        assert house.last(e.ConversationStarted).project_id == other

    def test_an_archived_project_takes_no_fork(self, house: House) -> None:
        first = house.asked_and_answered(project_id=house.project())
        began = house.last(e.ConversationStarted)
        house.commands.handle(c.ArchiveProject(project_id=began.project_id, **WHO))

        with pytest.raises(RefusedError, match="archived"):
            house.commands.handle(fork(first.conversation_id, first.answer_id))

    def test_the_same_fork_again_is_the_same(self, house: House) -> None:
        first = house.asked_and_answered()
        command = fork(first.conversation_id, first.answer_id, idempotency_key="once")
        done = house.commands.handle(command)
        size = house.log.size()

        assert house.commands.handle(command) == done
        assert house.log.size() == size
        with pytest.raises(IdempotencyMismatchError):
            house.commands.handle(fork(first.conversation_id, first.prompt_id, idempotency_key="once"))

    def test_two_of_the_same_at_the_same_moment_are_one(self, house: House) -> None:
        first = house.asked_and_answered()
        command = fork(first.conversation_id, first.answer_id, idempotency_key="once")
        twin: list[c.Done] = []
        house.log.before_save = lambda: twin.append(house.commands.handle(command))

        assert house.commands.handle(command).id == twin[0].id

    def test_who_writes_there_meanwhile_does_not_stop_it(self, house: House) -> None:
        first = house.asked_and_answered()
        house.log.before_save = lambda: house.answer(house.ask(conversation_id=first.conversation_id))
        done = house.commands.handle(fork(first.conversation_id, first.answer_id))

        assert len(of(house, done.id).messages) == 2

    def test_it_gives_up_in_the_end(self, house: House) -> None:
        first = house.asked_and_answered()
        house.log.failures.extend(WrongVersionError("again") for _ in range(TRIES))

        with pytest.raises(WrongVersionError):
            house.commands.handle(fork(first.conversation_id, first.answer_id))

    def test_nothing_is_copied_out_of_what_is_erased_meanwhile(self, house: House) -> None:
        first = house.asked_and_answered()
        erase = c.EraseConversation(conversation_id=first.conversation_id, **WHO)
        house.log.before_save = lambda: house.commands.handle(erase)

        with pytest.raises(ContentErasedError):
            house.commands.handle(fork(first.conversation_id, first.answer_id))
        assert not [x for x, _ in house.log.appended if isinstance(x, e.AnswerCopied)]

    def test_what_cannot_be_read_is_not_copied(self, house: House) -> None:
        first = house.asked_and_answered()
        memory = house.services.memory
        assert isinstance(memory, LogMemory)
        memory.erased.add(first.prompt_id)

        with pytest.raises(ContentErasedError):
            house.commands.handle(fork(first.conversation_id, first.answer_id))

    def test_a_branch_that_is_too_large_is_refused(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(forking, "MAX_FORK_BYTES", 9)
        first = house.asked_and_answered(text="Hello there")

        with pytest.raises(InvalidInputError, match="too large"):
            house.commands.handle(fork(first.conversation_id, first.answer_id))


class TestRemarks:
    def test_an_answer_is_rated_in_words(self, house: House) -> None:
        first = house.asked_and_answered()
        rate = {"conversation_id": first.conversation_id, "answer_id": first.answer_id, **WHO}
        house.commands.handle(c.RateAnswer(rating="up", words="Clear.", **rate))
        assert house.last(e.AnswerRated).words == "Clear."
        house.commands.handle(c.RateAnswer(rating="down", words=" ", **rate))
        assert house.last(e.AnswerRated).words is None
        with pytest.raises(InvalidInputError, match="belong to a rating"):
            house.commands.handle(c.RateAnswer(rating=None, words="x", **rate))

    def test_a_note_has_an_id_that_stays(self, house: House) -> None:
        first = house.asked_and_answered()
        here = {"conversation_id": first.conversation_id, **WHO}
        write = c.WriteNote(message_id=first.prompt_id, text="Why?", idempotency_key="once", **here)
        note = house.commands.handle(write)
        assert note.id == house.last(e.NoteWritten).note_id
        assert house.commands.handle(write).id == note.id

        changed = house.commands.handle(c.ChangeNote(note_id=note.id, text="Because.", **here))
        assert (changed.id, house.last(e.NoteChanged).text) == (note.id, "Because.")
        removed = house.commands.handle(c.RemoveNote(note_id=note.id, **here))
        assert removed.id == note.id
        assert of(house, first.conversation_id).notes == {}

    def test_two_of_the_same_note_at_the_same_moment_are_one(self, house: House) -> None:
        first = house.asked_and_answered()
        write = c.WriteNote(
            conversation_id=first.conversation_id,
            message_id=first.prompt_id,
            text="Why?",
            idempotency_key="once",
            **WHO,
        )
        twin: list[c.Done] = []
        house.log.before_save = lambda: twin.append(house.commands.handle(write))

        assert house.commands.handle(write).id == twin[0].id
        assert len(of(house, first.conversation_id).notes) == 1

    def test_a_note_decided_on_an_older_state_is_refused(self, house: House) -> None:
        first = house.asked_and_answered()

        with pytest.raises(ChangedMeanwhileError):
            house.commands.handle(
                c.WriteNote(
                    conversation_id=first.conversation_id,
                    message_id=first.prompt_id,
                    text="Why?",
                    expected_version=1,
                    **WHO,
                )
            )
