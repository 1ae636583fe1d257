"""Commands that were decided on one version, and what comes of them when it is not the newest any more."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from application import commands as c
from application.errors import ChangedMeanwhileError
from domain.conversation.conversation import Conversation
from domain.errors import RefusedError
from domain.project import events as p
from domain.project.project import Project
from tests.support.house import WHO, House


@pytest.fixture
def house() -> House:
    return House()


def test_a_command_on_the_version_it_names_is_carried_out_and_tells_the_new_one(house: House) -> None:
    project = house.project()

    done = house.commands.handle(c.RenameProject(project_id=project, name="A", expected_version=1, **WHO))
    after = house.commands.handle(c.RenameProject(project_id=project, name="B", expected_version=2, **WHO))

    assert (done.version, after.version) == (2, 3)


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_command_on_another_version_changes_nothing(house: House, expected: int) -> None:
    project = house.project()
    house.commands.handle(c.RenameProject(project_id=project, name="A", **WHO))

    with pytest.raises(ChangedMeanwhileError, match=r"Project .* has changed since you read it") as told:
        house.commands.handle(c.RenameProject(project_id=project, name="B", expected_version=expected, **WHO))

    assert told.value.hint.startswith("daybook project show ")
    assert house.last(p.ProjectRenamed).name == "A"


def test_who_comes_between_the_look_and_the_append_is_noticed(house: House) -> None:
    first = house.asked_and_answered()
    version = house.log.load(Conversation, first.conversation_id).version
    house.log.before_save = lambda: house.change(first.conversation_id, lambda one: one.rename("theirs"))

    with pytest.raises(ChangedMeanwhileError) as told:
        house.commands.handle(
            c.RenameConversation(
                conversation_id=first.conversation_id, title="ours", expected_version=version, **WHO
            )
        )

    assert told.value.hint.startswith("daybook show ")
    assert house.log.load(Conversation, first.conversation_id).version == version + 1


def _conversation(house: House) -> tuple[UUID, Callable[[int], c.Command]]:
    which = house.asked_and_answered().conversation_id
    return which, lambda version: c.EraseConversation(conversation_id=which, expected_version=version, **WHO)


def _project(house: House) -> tuple[UUID, Callable[[int], c.Command]]:
    which = house.project()
    return which, lambda version: c.EraseProject(project_id=which, expected_version=version, **WHO)


@pytest.mark.parametrize("made", [_conversation, _project])
def test_what_changed_since_it_was_looked_at_is_not_erased(
    house: House, made: Callable[[House], tuple[UUID, Callable[[int], c.Command]]]
) -> None:
    which, erase = made(house)
    version = len(house.happened(which))

    with pytest.raises(ChangedMeanwhileError):
        house.commands.handle(erase(version - 1))
    assert which not in house.log.erased
    assert house.commands.handle(erase(version)).version == version + 1
    assert which in house.log.erased


def test_several_changes_of_a_project_are_one_append(house: House) -> None:
    project = house.project(default_model="m:1b")
    command = c.ChangeProject(
        project_id=project,
        name=" Boats ",
        description="About boats",
        instructions="",
        default_model="",
        expected_version=2,
        idempotency_key="k",
        **WHO,
    )

    done = house.commands.handle(command)

    assert house.happened(project)[2:] == [
        p.ProjectRenamed,
        p.ProjectDescribed,
        p.InstructionsChanged,
        p.DefaultModelSet,
    ]
    assert house.log.load(Project, project).default_model is None
    assert house.last(p.ProjectRenamed).name == "Boats"
    assert done.version == 6
    again = house.commands.handle(command)
    assert (again, again.version) == (done, None)


def test_what_is_not_named_stays_as_it_is(house: House) -> None:
    project = house.project(default_model="m:1b")

    house.commands.handle(c.ChangeProject(project_id=project, **WHO))
    house.commands.handle(c.ChangeProject(project_id=project, default_model="n:1b", **WHO))

    assert house.happened(project)[2:] == [p.DefaultModelSet]
    house.commands.handle(c.ArchiveProject(project_id=project, **WHO))
    with pytest.raises(RefusedError):
        house.commands.handle(c.ChangeProject(project_id=project, name="x", **WHO))
