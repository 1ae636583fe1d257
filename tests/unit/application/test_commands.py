"""All other commands through their handlers, on a write side in memory."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application.deciding import TRIES
from application.errors import IdempotencyMismatchError
from application.handlers import HANDLERS
from application.ports.model_server import ChatMessage
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.errors import ContentDamagedError, WrongVersionError
from domain.project.project import Project
from tests.fakes.write_side import LogMemory
from tests.support.house import WHO, House


@pytest.fixture
def house() -> House:
    return House()


def test_every_command_has_a_handler() -> None:
    assert set(HANDLERS) == {*c.Command.__subclasses__(), *c.Edit.__subclasses__()} - {c.Edit}


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


def test_a_prompt_that_cannot_be_read_is_not_asked_again(house: House) -> None:
    first = house.asked_and_answered()
    assert isinstance(house.services.memory, LogMemory)
    house.services.memory.erased.add(first.prompt_id)
    before = house.log.size()

    with pytest.raises(ContentDamagedError, match="cannot be read"):
        house.commands.ask(
            c.AnswerAgain(conversation_id=first.conversation_id, prompt_id=first.prompt_id, **WHO)
        )
    assert house.log.size() == before


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
