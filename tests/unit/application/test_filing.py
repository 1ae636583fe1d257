"""Filing conversations, and a project's options and instructions, through their handlers in memory."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.errors import (
    ConflictError,
    ContentErasedError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from domain.ids import new_id
from domain.project import events as p
from tests.support.house import WHO, House


@pytest.fixture
def house() -> House:
    return House()


def file(house: House, conversation_id: UUID, **values: Any) -> c.Done:
    return house.commands.handle(c.ChangeConversation(conversation_id=conversation_id, **{**WHO, **values}))


def test_everything_changes_in_one_append(house: House) -> None:
    project = house.project()
    asked = house.asked_and_answered()
    before = house.log.size()
    done = file(
        house,
        asked.conversation_id,
        title=" Chisels ",
        move=True,
        project_id=project,
        add_tags=("work", "Home"),
        pinned=True,
        archived=True,
    )

    assert house.happened(asked.conversation_id)[-6:] == [
        e.ConversationRenamed,
        e.ConversationMoved,
        e.ConversationTagged,
        e.ConversationTagged,
        e.ConversationPinned,
        e.ConversationArchived,
    ]
    assert done.log_size == before + 6
    assert house.last(e.ConversationRenamed).title == "Chisels"
    file(house, asked.conversation_id, pinned=False, archived=False)
    assert house.happened(asked.conversation_id)[-2:] == [e.ConversationUnpinned, e.ConversationRestored]


def test_a_tag_is_the_same_in_every_spelling(house: House) -> None:
    identifier = house.asked_and_answered().conversation_id
    file(house, identifier, add_tags=("Work", "WORK"))
    assert [x.name for x in house.log.events(identifier) if isinstance(x, e.ConversationTagged)] == ["WORK"]
    size = house.log.size()
    assert file(house, identifier, add_tags=("work",)).log_size == size
    file(house, identifier, remove_tags=("wOrK", "absent"))
    assert not house.log.load(Conversation, identifier).tags


def test_all_tags_can_be_named_at_once(house: House) -> None:
    identifier = house.asked_and_answered().conversation_id
    file(house, identifier, add_tags=("one", "two"))
    file(house, identifier, tags=("two", "three"))
    assert house.happened(identifier)[-2:] == [e.ConversationUntagged, e.ConversationTagged]
    assert len(house.log.load(Conversation, identifier).tags) == 2
    file(house, identifier, tags=())
    assert not house.log.load(Conversation, identifier).tags


def test_the_same_tag_has_another_id_in_another_conversation(house: House) -> None:
    ids = set()
    for _ in range(2):
        file(house, house.asked_and_answered().conversation_id, add_tags=("work",))
        ids.add(house.last(e.ConversationTagged).tag_id)
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"add_tags": ("",)}, "is empty"),
        ({"add_tags": ("a,b",)}, "no name for a tag"),
        ({"add_tags": ("-a",)}, "no name for a tag"),
        ({"add_tags": ("x" * 61,)}, "no name for a tag"),
        ({"add_tags": ("a\x1bb",)}, "no name for a tag"),
        ({"add_tags": ("a",), "remove_tags": ("A",)}, "at once"),
        ({"tags": ("a",), "remove_tags": ("b",)}, "Either all tags"),
        ({"title": " "}, "is empty"),
    ],
)
def test_what_is_no_name_changes_nothing(house: House, values: dict[str, Any], words: str) -> None:
    identifier = house.asked_and_answered().conversation_id
    size = house.log.size()
    with pytest.raises(InvalidInputError, match=words):
        file(house, identifier, pinned=True, **values)
    assert house.log.size() == size


def test_a_change_is_refused_on_another_version(house: House) -> None:
    identifier = house.asked_and_answered().conversation_id
    with pytest.raises(ConflictError, match="has changed"):
        file(house, identifier, pinned=True, expected_version=1)


def test_answers_after_a_move_are_given_under_the_new_project(house: House) -> None:
    first = house.project(instructions="Be brief.", default_options={"seed": 1})
    second = house.project(instructions="Be long.", default_options={"seed": 2})
    asked = house.asked_and_answered(project_id=first)
    file(house, asked.conversation_id, move=True, project_id=second)
    again = house.ask(conversation_id=asked.conversation_id)

    assert again.request is not None
    assert again.request.messages[0].content == "Be long."
    assert again.request.options["seed"] == 2
    assert house.last(e.AnswerStarted).instructions_project_id == second


def test_a_move_into_an_archived_or_missing_project_is_refused(house: House) -> None:
    project = house.project()
    house.commands.handle(c.ArchiveProject(project_id=project, **WHO))
    identifier = house.asked_and_answered().conversation_id
    with pytest.raises(RefusedError, match="is archived"):
        file(house, identifier, move=True, project_id=project)
    with pytest.raises(NotFoundError):
        file(house, identifier, move=True, project_id=new_id())


def test_nothing_is_moved_out_of_a_project_that_is_held(house: House) -> None:
    project = house.project()
    identifier = house.asked_and_answered(project_id=project).conversation_id
    house.commands.handle(c.HoldProject(project_id=project, reason="a case", **WHO))
    with pytest.raises(RefusedError, match="is held"):
        file(house, identifier, move=True)
    house.commands.handle(c.ReleaseProject(project_id=project, reason="closed", **WHO))
    file(house, identifier, move=True)
    assert house.log.load(Conversation, identifier).project_id is None


def test_an_erased_project_takes_what_is_in_it_now(house: House) -> None:
    project, other = house.project(), house.project()
    away = house.asked_and_answered(project_id=project).conversation_id
    stays = house.asked_and_answered(project_id=project).conversation_id
    comes = house.asked_and_answered(project_id=other).conversation_id
    file(house, away, move=True, project_id=other)
    file(house, comes, move=True, project_id=project)
    house.commands.handle(c.EraseProject(project_id=project, **WHO))

    assert set(house.log.erased) == {project, stays, comes}


def test_what_is_moved_away_during_the_erasure_is_not_taken(house: House) -> None:
    project = house.project()
    away = house.asked_and_answered(project_id=project).conversation_id
    came = house.asked_and_answered().conversation_id

    def meanwhile() -> None:
        house.change(away, lambda x: x.move(None))
        house.change(came, lambda x: x.move(project))

    house.log.before_save = meanwhile
    house.commands.handle(c.EraseProject(project_id=project, **WHO))
    assert set(house.log.erased) == {project, came}


def test_a_latecomer_that_has_left_again_is_not_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    project = house.project()
    left = house.asked_and_answered().conversation_id
    monkeypatch.setattr(house.services.memory, "conversations_of", lambda _: [left])
    house.commands.handle(c.EraseProject(project_id=project, **WHO))
    assert set(house.log.erased) == {project}


def test_a_projects_options_hold_where_no_others_are_named(house: House) -> None:
    project = house.project(default_options={"temperature": 0.2, "seed": 1, "num_ctx": 4096})
    asked = house.asked_and_answered(project_id=project, options={"seed": 9})
    assert asked.request is not None
    assert asked.request.options == {"temperature": 0.2, "seed": 9, "num_ctx": 4096}
    assert house.last(e.AnswerStarted).options == asked.request.options
    without = house.ask()
    assert without.request is not None
    assert without.request.options == {"num_ctx": 8192}


def test_an_answer_given_again_as_before_takes_no_new_options(house: House) -> None:
    project = house.project()
    asked = house.asked_and_answered(project_id=project)
    house.commands.handle(c.SetDefaultOptions(project_id=project, options={"seed": 1}, **WHO))
    named = {"conversation_id": asked.conversation_id, "prompt_id": asked.prompt_id}
    again = house.commands.ask(c.AnswerAgain(options={"num_ctx": 8192}, **named, **WHO))
    anew = house.commands.ask(c.AnswerAgain(**named, **WHO))
    assert again.request is not None
    assert anew.request is not None
    assert again.request.options == {"num_ctx": 8192}
    assert anew.request.options == {"num_ctx": 8192, "seed": 1}


def test_default_options_are_changed_with_other_things_and_alone(house: House) -> None:
    project = house.project(default_options={"seed": 1})
    house.commands.handle(c.ChangeProject(project_id=project, default_options={}, **WHO))
    assert house.last(p.DefaultOptionsSet).options == {}
    house.commands.handle(c.SetDefaultOptions(project_id=project, options={"num_ctx": 512}, **WHO))
    assert house.last(p.DefaultOptionsSet).options == {"num_ctx": 512}
    for wrong in ({"num_ctx": 0}, {"num_ctx": True}, {"x": float("nan")}):
        with pytest.raises(InvalidInputError):
            house.commands.handle(c.SetDefaultOptions(project_id=project, options=wrong, **WHO))


def test_instructions_come_back_as_a_new_change(house: House) -> None:
    project = house.project(instructions="Be brief.")
    house.commands.handle(c.ChangeInstructions(project_id=project, instructions="Be long.", **WHO))
    done = house.commands.handle(c.RestoreInstructions(project_id=project, version=2, **WHO))

    assert done.version == 4
    changes = [x for x in house.log.events(project) if isinstance(x, p.InstructionsChanged)]
    assert [x.instructions for x in changes] == ["Be brief.", "Be long.", "Be brief."]
    with pytest.raises(NotFoundError, match="no instructions of version 1"):
        house.commands.handle(c.RestoreInstructions(project_id=project, version=1, **WHO))
    house.commands.handle(c.EraseProject(project_id=project, **WHO))
    with pytest.raises(ContentErasedError):
        house.commands.handle(c.RestoreInstructions(project_id=project, version=1, **WHO))
