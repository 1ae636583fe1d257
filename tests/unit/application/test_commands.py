"""Commands through their handlers, on a write side in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application.conversations import Asked
from application.deciding import TRIES
from application.errors import IdempotencyMismatchError
from application.handlers import HANDLERS, Commands
from application.ports.log import Origin
from application.ports.model_server import ChatMessage, ModelCard
from application.services import Services
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    WrongVersionError,
)
from domain.event import Event
from domain.ids import new_id
from domain.project.project import Project
from tests.fakes.write_side import MemoryModels, MemoryWriteLog, memory_services

WHO: dict[str, Any] = {"actor": "ada", "source": "cli"}
OTHERS = Origin("bob", "web")
OUTCOME: dict[str, Any] = {
    "thinking": "Hm.",
    "reason": "stop",
    "model_digest": None,
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_ms": 1.0,
    "load_ms": None,
    "prompt_eval_ms": None,
    "eval_ms": None,
    "first_token_ms": None,
}


class House:
    """A write side with shorthands."""

    def __init__(self) -> None:
        self.services: Services = memory_services()
        self.commands = Commands(self.services)

    @property
    def log(self) -> MemoryWriteLog:
        assert isinstance(self.services.log, MemoryWriteLog)
        return self.services.log

    def ask(self, text: str = "Hi", **values: Any) -> Asked:
        return self.commands.ask(c.AskQuestion(text=text, **WHO, **values))

    def answer(self, asked: Asked, text: str = "Hello.") -> None:
        self.change(asked.conversation_id, lambda x: x.complete_answer(asked.answer_id, text=text, **OUTCOME))

    def asked_and_answered(self, **values: Any) -> Asked:
        asked = self.ask(**values)
        self.answer(asked)
        return asked

    def change(self, conversation_id: UUID, change: Callable[[Conversation], None]) -> None:
        conversation = self.log.load(Conversation, conversation_id)
        change(conversation)
        self.log.save([conversation], OTHERS)

    def project(self, **values: Any) -> UUID:
        return self.commands.handle(c.CreateProject(name="Sailing", **WHO, **values)).id

    def happened(self, stream_id: UUID) -> list[type[Event]]:
        return [type(event) for event in self.log.events(stream_id)]

    def last(self, kind: type[Event]) -> Any:
        return [event for event, _ in self.log.appended if isinstance(event, kind)][-1]


@pytest.fixture
def house() -> House:
    return House()


def test_every_command_has_a_handler() -> None:
    assert set(HANDLERS) == set(c.Command.__subclasses__())


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


def test_answering_again_keeps_the_first_answer(house: House) -> None:
    first = house.asked_and_answered(instructions="Be brief.")
    again = house.commands.ask(
        c.AnswerAgain(
            conversation_id=first.conversation_id, prompt_id=first.prompt_id, model="other:1b", **WHO
        )
    )

    assert again.prompt_id == first.prompt_id
    assert again.request is not None
    assert again.request.messages == (ChatMessage("system", "Be brief."), ChatMessage("user", "Hi"))
    conversation = house.log.load(Conversation, first.conversation_id)
    assert {m.parent_id for m in conversation.messages.values() if m.status} == {first.prompt_id}
    assert conversation.current_id == again.answer_id


def test_answering_again_is_tried_again_but_not_for_ever(house: House) -> None:
    first = house.asked_and_answered()
    command = c.AnswerAgain(conversation_id=first.conversation_id, prompt_id=first.prompt_id, **WHO)
    house.log.failures.append(WrongVersionError("x"))
    house.commands.ask(command)
    house.log.failures.extend(WrongVersionError("x") for _ in range(TRIES))
    with pytest.raises(WrongVersionError):
        house.commands.ask(command)


def test_answering_again_under_a_key_is_done_once(house: House) -> None:
    first = house.asked_and_answered()
    command = c.AnswerAgain(
        conversation_id=first.conversation_id, prompt_id=first.prompt_id, idempotency_key="k", **WHO
    )

    assert house.commands.ask(command).answer_id == house.commands.ask(command).answer_id


def test_a_conversation_can_be_started_without_asking(house: House) -> None:
    project = house.project()
    command = c.StartConversation(title=" The \n tides ", project_id=project, idempotency_key="k", **WHO)
    done = house.commands.handle(command)

    assert house.last(e.ConversationStarted).title == "The tides"
    assert house.commands.handle(command) == done
    assert house.commands.handle(c.StartConversation(**WHO)).id != done.id
    assert house.last(e.ConversationStarted).title is None


def test_conversations_are_renamed_and_gone_on_from(house: House) -> None:
    first = house.asked_and_answered()

    done = house.commands.handle(
        c.RenameConversation(conversation_id=first.conversation_id, title="Tides", **WHO)
    )
    assert (done.id, done.log_size) == (first.conversation_id, 5)
    assert house.last(e.ConversationRenamed).title == "Tides"
    house.commands.handle(c.GoOnFrom(conversation_id=first.conversation_id, message_id=None, **WHO))
    assert house.log.load(Conversation, first.conversation_id).current_id is None


def test_a_project_is_made_with_all_that_is_known_in_one_append(house: House) -> None:
    command = c.CreateProject(
        name="Sailing",
        description="Boats",
        instructions="Be brief.",
        default_model="m:1b",
        idempotency_key="k",
        **WHO,
    )
    done = house.commands.handle(command)

    project = house.log.load(Project, done.id)
    assert (project.default_model, project.instructions_version, done.log_size) == ("m:1b", 3, 4)
    assert house.commands.handle(command) == done
    assert house.log.size() == 4


def test_a_project_is_changed(house: House) -> None:
    project = house.project()
    for command in (
        c.RenameProject(project_id=project, name="Boats", **WHO),
        c.DescribeProject(project_id=project, description="About boats", **WHO),
        c.ChangeInstructions(project_id=project, instructions="Be brief.", **WHO),
        c.SetDefaultModel(project_id=project, model=" m:1b ", **WHO),
        c.ArchiveProject(project_id=project, **WHO),
    ):
        house.commands.handle(command)

    found = house.log.load(Project, project)
    assert (found.default_model, found.instructions_version, found.archived, found.version) == (
        "m:1b",
        4,
        True,
        6,
    )
    house.commands.handle(c.RestoreProject(project_id=project, **WHO))
    house.commands.handle(c.SetDefaultModel(project_id=project, model=None, **WHO))
    assert house.log.load(Project, project).default_model is None


def test_a_change_is_decided_again_when_somebody_was_faster(house: House) -> None:
    first = house.asked_and_answered()
    command = c.RenameConversation(conversation_id=first.conversation_id, title="Tides", **WHO)
    house.log.before_save = lambda: house.change(first.conversation_id, lambda x: x.rename("Waves"))

    house.commands.handle(command)
    assert house.last(e.ConversationRenamed).title == "Tides"

    house.log.failures.extend(WrongVersionError("x") for _ in range(TRIES))
    with pytest.raises(WrongVersionError):
        house.commands.handle(command)


def test_a_change_under_a_key_is_done_once(house: House) -> None:
    first = house.asked_and_answered()
    command = c.RenameConversation(
        conversation_id=first.conversation_id, title="Tides", idempotency_key="k", **WHO
    )
    done = house.commands.handle(command)
    house.ask("And?", conversation_id=first.conversation_id)

    assert house.commands.handle(command) == done


def test_a_change_that_changes_nothing_uses_its_key_up(house: House) -> None:
    first = house.asked_and_answered()
    values: dict[str, Any] = {"conversation_id": first.conversation_id, "idempotency_key": "k", **WHO}
    house.commands.handle(c.RestoreConversation(**values))

    with pytest.raises(IdempotencyMismatchError):
        house.commands.handle(c.ArchiveConversation(**values))


def test_the_canonical_form_of_a_command_never_changes() -> None:
    """Keyed hashes of it are kept for as long as the log: a new release must give the same bytes."""
    full = c.AskQuestion(
        text="H\u00e9 \ud83d",
        conversation_id=UUID(int=1),
        project_id=UUID(int=2),
        parent_id=UUID(int=3),
        model="m:1b",
        instructions="",
        options={"b": 1, "a": [None, 0.5]},
        think=False,
        idempotency_key="k",
        **WHO,
    ).idempotency
    least = c.AskQuestion(text="Hi", idempotency_key="k", actor="bob", source="web").idempotency

    assert full is not None
    assert least is not None
    assert full.command == (
        b'["AskQuestion",{"conversation_id":"00000000-0000-0000-0000-000000000001","instructions":"","model":"m:1b",'
        b'"options":{"a":[null,0.5],"b":1},"parent_id":"00000000-0000-0000-0000-000000000003",'
        b'"project_id":"00000000-0000-0000-0000-000000000002","text":"H\\u00e9 \\ud83d","think":false}]'
    )
    assert least.command == b'["AskQuestion",{"text":"Hi"}]'


def test_a_command_without_a_key_is_not_idempotent(house: House) -> None:
    assert c.AskQuestion(text="Hi", **WHO).idempotency is None
    assert house.ask().conversation_id != house.ask().conversation_id
