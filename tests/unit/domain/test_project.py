from __future__ import annotations

from typing import Any

import pytest

from domain.errors import InvalidInputError, RefusedError
from domain.ids import new_id
from domain.project import events as e
from domain.project.project import Project
from tests.unit.domain.given import given, rebuilt


def opened() -> Project:
    return Project.create(new_id(), name="Sailing")


def archived() -> Project:
    project = opened()
    project.archive()
    return project


def test_a_project_is_created_with_a_name() -> None:
    project = opened()
    [event] = project.collect_events()
    assert isinstance(event, e.ProjectCreated)
    assert event.name == "Sailing"
    assert (project.default_model, project.instructions_version, project.archived) == (None, None, False)


@pytest.mark.parametrize("name", ["", " \n"], ids=["none", "white space"])
def test_a_project_needs_a_name(name: str) -> None:
    with pytest.raises(InvalidInputError, match="needs a name"):
        Project.create(new_id(), name=name)
    given(opened()).when(lambda p: p.rename(name)).then_refused(InvalidInputError, "needs a name")


def test_name_and_description_can_be_changed() -> None:
    given(opened()).when(lambda p: p.rename("Boats")).then((e.ProjectRenamed, {"name": "Boats"}))
    given(opened()).when(lambda p: p.describe("About boats")).then(
        (e.ProjectDescribed, {"description": "About boats"})
    )
    given(opened()).when(lambda p: p.describe("")).then((e.ProjectDescribed, {"description": ""}))


def test_instructions_are_numbered_by_the_version_that_set_them() -> None:
    project = (
        given(opened())
        .when(lambda p: p.change_instructions("Be brief."))
        .then((e.InstructionsChanged, {"instructions": "Be brief."}))
    )
    assert project.instructions_version == 2
    project.rename("Boats")
    project.change_instructions("")
    assert project.instructions_version == 4


def test_the_default_model_is_set_once() -> None:
    project = (
        given(opened())
        .when(lambda p: p.set_default_model("qwen3:4b"))
        .then((e.DefaultModelSet, {"model": "qwen3:4b"}))
    )
    given(project).when(lambda p: p.set_default_model("qwen3:4b")).then_nothing()
    given(project).when(lambda p: p.set_default_model(None)).then((e.DefaultModelSet, {"model": None}))


def test_default_options_are_all_that_was_set_last() -> None:
    given(opened()).when(lambda p: p.set_default_options({"seed": 1})).then(
        (e.DefaultOptionsSet, {"options": {"seed": 1}})
    )


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda p: p.rename("x"), id="rename"),
        pytest.param(lambda p: p.describe("x"), id="describe"),
        pytest.param(lambda p: p.change_instructions("x"), id="change_instructions"),
        pytest.param(lambda p: p.set_default_model("x"), id="set_default_model"),
        pytest.param(lambda p: p.set_default_options({"seed": 1}), id="set_default_options"),
    ],
)
def test_an_archived_project_changes_in_no_way(command: Any) -> None:
    given(archived()).when(command).then_refused(RefusedError, "is archived")


def test_archiving_and_restoring_twice_is_doing_it_once() -> None:
    project = given(opened()).when(Project.archive).then((e.ProjectArchived, {}))
    given(project).when(Project.archive).then_nothing()
    given(project).when(Project.restore).then((e.ProjectRestored, {}))
    given(project).when(Project.restore).then_nothing()


def test_loading_the_events_gives_the_same_project() -> None:
    project = opened()
    project.describe("d")
    project.change_instructions("i")
    project.set_default_model("m")
    project.archive()
    events: list[Any] = list(project.collect_events())

    loaded = rebuilt(Project, events)

    assert (loaded.default_model, loaded.instructions_version, loaded.archived) == ("m", 3, True)
