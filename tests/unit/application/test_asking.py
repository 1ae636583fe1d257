"""Questions through their handler, on a write side in memory."""

from __future__ import annotations

from typing import Any

import pytest

from application import commands as c
from application.conversations import Asked
from application.deciding import TRIES
from application.errors import IdempotencyMismatchError
from application.ports.model_server import ChatMessage, ModelCard
from domain.conversation import events as e
from domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    WrongVersionError,
)
from domain.ids import new_id
from tests.fakes.write_side import MemoryModels
from tests.support.house import WHO, House


@pytest.fixture
def house() -> House:
    return House()


def test_a_question_opens_a_conversation_and_starts_its_answer_in_one_append(house: House) -> None:
    asked = house.ask("What is a tide?", options={"seed": 1}, think=True)

    assert house.happened(asked.conversation_id) == [e.ConversationStarted, e.PromptAdded, e.AnswerStarted]
    started = house.last(e.AnswerStarted)
    assert started.message_id == asked.answer_id
    assert started.owner_id == house.services.live.own()
    assert started.sent_message_ids == (asked.prompt_id,)
    assert (started.think, started.options) == (True, {"seed": 1, "num_ctx": 8192})
    assert asked.request is not None
    assert asked.request.messages == (ChatMessage("user", "What is a tide?"),)
    assert (asked.request.options, asked.request.think) == ({"seed": 1, "num_ctx": 8192}, True)
    assert (asked.model, asked.log_size, asked.cut_count) == ("deepseek-r1:8b", 3, 0)
    assert len(started.request_hash) == 32
    _, origin = house.log.appended[-1]
    assert (origin.actor, origin.source) == ("ada", "cli")


def test_a_question_goes_on_from_the_current_answer(house: House) -> None:
    first = house.asked_and_answered()
    second = house.ask("And?", conversation_id=first.conversation_id)

    assert second.request is not None
    assert [m.content for m in second.request.messages] == ["Hi", "Hello.", "And?"]
    assert house.last(e.PromptAdded).parent_id == first.answer_id


def test_a_question_may_go_on_from_any_answer(house: House) -> None:
    first = house.asked_and_answered()
    house.answer(house.ask("And?", conversation_id=first.conversation_id))
    house.ask("Or?", conversation_id=first.conversation_id, parent_id=first.answer_id)

    assert house.last(e.PromptAdded).parent_id == first.answer_id


def test_an_empty_answer_can_be_followed(house: House) -> None:
    first = house.ask()
    house.answer(first, text="")
    second = house.ask("And?", conversation_id=first.conversation_id)

    assert second.request is not None
    assert [m.content for m in second.request.messages] == ["Hi", "And?"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"text": ""}, "prompt is empty", id="empty"),
        pytest.param({"text": " \n"}, "prompt is empty", id="blank"),
        pytest.param({"text": "a\0"}, "NUL", id="NUL"),
        pytest.param({"text": "a\ud83d"}, "surrogate", id="surrogate"),
        pytest.param({"text": "x" * 10_000_000}, "too large", id="10 MB"),
        pytest.param({"text": "x", "instructions": "\0"}, "instructions holds", id="instructions"),
        pytest.param({"text": "x", "model": " "}, "model name is empty", id="model"),
        pytest.param({"text": "x", "think": "a lot"}, "no way to think", id="think"),
        pytest.param({"text": "x", "options": {"a": float("inf")}}, "options cannot", id="options"),
        pytest.param({"text": "x", "options": {"num_ctx": "8k"}}, "num_ctx", id="num_ctx text"),
        pytest.param({"text": "x", "options": {"num_ctx": True}}, "num_ctx", id="num_ctx true"),
        pytest.param({"text": "x", "options": {"num_ctx": 0}}, "num_ctx", id="num_ctx 0"),
        pytest.param({"text": "x", "options": {"num_ctx": 2**31}}, "num_ctx", id="num_ctx huge"),
        pytest.param({"text": "x", "idempotency_key": ""}, "idempotency key", id="key"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_nothing_is_recorded(
    house: House, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        house.ask(**values)
    assert house.log.size() == 0


def test_a_question_to_what_is_not_there(house: House) -> None:
    with pytest.raises(NotFoundError, match="no conversation"):
        house.ask(conversation_id=new_id())
    with pytest.raises(NotFoundError, match="no project"):
        house.ask(project_id=new_id())
    with pytest.raises(NotFoundError, match="no message"):
        house.ask(parent_id=new_id())


def test_a_question_while_the_answer_streams_is_a_conflict(house: House) -> None:
    first = house.ask()

    with pytest.raises(ConflictError, match="still being written"):
        house.ask("And?", conversation_id=first.conversation_id)


def test_of_two_questions_at_once_one_is_told_to_look_again(house: House) -> None:
    first = house.asked_and_answered()
    house.log.before_save = lambda: house.asked_and_answered(conversation_id=first.conversation_id)

    with pytest.raises(ConflictError, match="same moment") as refused:
        house.ask("And?", conversation_id=first.conversation_id)
    assert type(refused.value) is ConflictError
    assert "daybook show" in refused.value.hint


def test_a_change_beside_the_question_is_no_conflict(house: House) -> None:
    first = house.asked_and_answered()
    house.log.before_save = lambda: house.change(first.conversation_id, lambda x: x.rename("Tides"))

    second = house.ask("And?", conversation_id=first.conversation_id)

    assert house.last(e.PromptAdded).message_id == second.prompt_id


def test_a_question_with_its_parent_named_is_tried_again(house: House) -> None:
    first = house.asked_and_answered()
    house.log.before_save = lambda: house.asked_and_answered(conversation_id=first.conversation_id)

    house.ask("And?", conversation_id=first.conversation_id, parent_id=first.answer_id)

    assert house.last(e.PromptAdded).parent_id == first.answer_id


def test_a_question_is_not_tried_for_ever(house: House) -> None:
    first = house.asked_and_answered()
    house.log.failures.extend(WrongVersionError("x") for _ in range(TRIES))

    with pytest.raises(ConflictError, match="same moment"):
        house.ask("And?", conversation_id=first.conversation_id)
    assert not house.log.failures


def test_an_archived_conversation_takes_no_question(house: House) -> None:
    first = house.asked_and_answered()
    house.commands.handle(c.ArchiveConversation(conversation_id=first.conversation_id, **WHO))

    with pytest.raises(RefusedError, match="archived"):
        house.ask(conversation_id=first.conversation_id)

    house.commands.handle(c.RestoreConversation(conversation_id=first.conversation_id, **WHO))
    house.ask(conversation_id=first.conversation_id)


def test_the_same_key_again_answers_the_same_and_asks_no_model(house: House) -> None:
    first = house.ask(idempotency_key="k")
    again = house.ask(idempotency_key="k")

    assert again.request is None
    assert (again.conversation_id, again.prompt_id, again.answer_id, again.model, again.log_size) == (
        first.conversation_id,
        first.prompt_id,
        first.answer_id,
        first.model,
        first.log_size,
    )
    assert house.log.size() == 3


def test_the_same_key_for_another_command_is_refused(house: House) -> None:
    house.ask(idempotency_key="k")

    with pytest.raises(IdempotencyMismatchError):
        house.ask("Something else", idempotency_key="k")
    with pytest.raises(IdempotencyMismatchError):
        house.commands.handle(c.CreateProject(name="x", idempotency_key="k", **WHO))


def test_a_twin_that_was_done_between_look_and_append_is_found_by_the_append(house: House) -> None:
    house.log.before_save = lambda: twin.append(house.ask(idempotency_key="k"))
    twin: list[Asked] = []

    asked = house.ask(idempotency_key="k")

    assert asked.request is None
    assert asked.answer_id == twin[0].answer_id
    assert house.log.size() == 3


def test_a_twin_that_stands_in_the_way_is_found_after_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked before either was done; the second then finds the first one's answer in its way."""
    first = house.asked_and_answered()
    twin = house.ask("And?", conversation_id=first.conversation_id, idempotency_key="k")
    looks: list[bool] = []
    answered = house.log.answered

    def blind_at_first(*given: Any) -> Any:
        looks.append(True)
        return None if len(looks) == 1 else answered(*given)

    monkeypatch.setattr(house.log, "answered", blind_at_first)
    asked = house.ask("And?", conversation_id=first.conversation_id, idempotency_key="k")

    assert (asked.answer_id, asked.request) == (twin.answer_id, None)
    assert len(looks) == 2


def test_a_conflict_with_a_fresh_key_stays_a_conflict(house: House) -> None:
    first = house.ask()

    with pytest.raises(ConflictError, match="still being written"):
        house.ask("And?", conversation_id=first.conversation_id, idempotency_key="k")


def test_models_are_chosen_by_the_asker_the_conversation_the_project_the_book(house: House) -> None:
    project = house.project(default_model="project:1b")
    assert house.ask().model == "deepseek-r1:8b"
    first = house.asked_and_answered(project_id=project)
    assert first.model == "project:1b"
    second = house.ask("And?", conversation_id=first.conversation_id, model=" chosen:1b ")
    assert second.model == "chosen:1b"
    house.answer(second)
    assert house.ask("And?", conversation_id=first.conversation_id).model == "chosen:1b"


def test_the_context_is_at_most_the_models_own(house: House) -> None:
    assert isinstance(house.services.models, MemoryModels)
    house.services.models.remember(ModelCard("small:1b", "d", context_length=2048))
    house.services.models.remember(ModelCard("silent:1b", "d"))

    for model, options, expected in [
        ("small:1b", {}, 2048),
        ("small:1b", {"num_ctx": 512}, 512),
        ("silent:1b", {}, 8192),
        ("unknown:1b", {"num_ctx": 16384}, 16384),
    ]:
        asked = house.ask(model=model, options=options)
        assert asked.request is not None
        assert asked.request.options["num_ctx"] == expected
        assert house.last(e.AnswerStarted).context_length == expected


def test_what_does_not_fit_is_counted(house: House) -> None:
    first = house.ask("x" * 30_000)
    house.answer(first)
    second = house.ask("And?", conversation_id=first.conversation_id)

    assert second.cut_count == 2
    assert house.last(e.AnswerStarted).cut_count == 2
    assert house.last(e.AnswerStarted).sent_message_ids == (second.prompt_id,)


def test_a_projects_instructions_are_sent_and_named(house: House) -> None:
    project = house.project(instructions="Be brief.")
    asked = house.ask(project_id=project)

    assert asked.request is not None
    assert asked.request.messages[0] == ChatMessage("system", "Be brief.")
    started = house.last(e.AnswerStarted)
    assert (started.instructions_project_id, started.instructions_version) == (project, 2)


def test_instructions_of_a_prompt_stand_over_the_projects(house: House) -> None:
    project = house.project(instructions="Be brief.")
    asked = house.ask(project_id=project, instructions="Be long.")

    assert asked.request is not None
    assert asked.request.messages[0] == ChatMessage("system", "Be long.")
    assert house.last(e.AnswerStarted).instructions_version is None


def test_a_project_without_instructions_sends_none(house: House) -> None:
    asked = house.ask(project_id=house.project())

    assert asked.request is not None
    assert [m.role for m in asked.request.messages] == ["user"]
    assert house.last(e.AnswerStarted).instructions_project_id is None


def test_an_archived_project_takes_no_new_conversation(house: House) -> None:
    project = house.project()
    first = house.asked_and_answered(project_id=project)
    house.commands.handle(c.ArchiveProject(project_id=project, **WHO))

    with pytest.raises(RefusedError, match="archived"):
        house.ask(project_id=project)
    with pytest.raises(RefusedError, match="archived"):
        house.commands.handle(c.StartConversation(project_id=project, **WHO))

    house.ask(conversation_id=first.conversation_id)
    house.commands.handle(c.RestoreProject(project_id=project, **WHO))
    house.ask(project_id=project)


def test_a_conversation_does_not_change_its_project_by_being_asked(house: House) -> None:
    project = house.project()
    first = house.asked_and_answered(project_id=project)

    house.answer(house.ask(conversation_id=first.conversation_id, project_id=project))
    with pytest.raises(InvalidInputError, match="is not in project"):
        house.ask(conversation_id=first.conversation_id, project_id=house.project())
