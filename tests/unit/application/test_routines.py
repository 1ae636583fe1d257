"""Routines through their handlers, on a write side in memory."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from application import commands as c
from application.conversations import Asked
from application.errors import ChangedMeanwhileError, IdempotencyMismatchError
from application.ports.model_server import ChatMessage
from domain.conversation import events as e
from domain.errors import (
    ContentErasedError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    WrongVersionError,
)
from domain.ids import new_id
from domain.routine import events as r
from tests.support.house import WHO, House


@pytest.fixture
def house() -> House:
    return House()


def save(house: House, **values: Any) -> c.Done:
    told = {"name": "translate", "prompt": "Say it in {{lang}}.", **WHO, **values}
    return house.commands.handle(c.CreateRoutine(**told))


def change(house: House, routine_id: UUID, **values: Any) -> c.Done:
    return house.commands.handle(c.ChangeRoutine(routine_id=routine_id, **WHO, **values))


def run(house: House, routine_id: UUID, **values: Any) -> Asked:
    told = {"variables": {"lang": "French"}, **WHO, **values}
    return house.commands.ask(c.RunRoutine(routine_id=routine_id, **told))


def sent(asked: Asked) -> list[ChatMessage]:
    assert asked.request is not None
    return list(asked.request.messages)


def test_a_routine_is_saved_in_one_event(house: House) -> None:
    done = save(house, description=" d ", instructions="i", model=" m  n ", options={"seed": 1}, think="low")
    saved = house.last(r.RoutineSaved)
    assert (done.id, done.log_size, done.version) == (saved.stream_id, 1, 1)
    assert (saved.name, saved.prompt, saved.description) == ("translate", "Say it in {{lang}}.", " d ")
    assert (saved.instructions, saved.model, saved.options, saved.think) == ("i", "m n", {"seed": 1}, "low")
    save(house, name="other", model="", think="")
    assert (house.last(r.RoutineSaved).model, house.last(r.RoutineSaved).think) == (None, None)


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": ""},
        {"prompt": "a\0"},
        {"name": "No Name"},
        {"options": {"a": object()}},
        {"think": "no way"},
    ],
)
def test_what_cannot_be_a_routine_is_refused(house: House, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        save(house, **values)
    assert house.log.size() == 0


def test_no_two_living_routines_have_one_name(house: House) -> None:
    first = save(house)
    other = save(house, name="other")
    with pytest.raises(RefusedError, match="a routine translate already"):
        save(house)
    with pytest.raises(RefusedError, match="a routine translate already"):
        change(house, other.id, name="translate")
    house.commands.handle(c.RemoveRoutine(routine_id=first.id, **WHO))
    assert change(house, other.id, name="translate").version == 2
    assert house.happened(first.id) == [r.RoutineSaved, r.RoutineRemoved]


def test_of_two_that_save_a_name_in_one_moment_the_second_takes_it_back(house: House) -> None:
    first: list[c.Done] = []
    house.log.before_save = lambda: first.append(save(house))
    with pytest.raises(RefusedError, match="a routine translate already"):
        save(house)
    assert house.services.memory.routines_named("translate") == [first[0].id]
    assert house.log.size() == 3


def test_a_refused_save_is_refused_under_its_key_again(house: House) -> None:
    first: list[c.Done] = []
    house.log.before_save = lambda: first.append(save(house))
    for _ in range(2):
        with pytest.raises(RefusedError, match="a routine translate already"):
            save(house, idempotency_key="k")
    assert house.log.size() == 3


def test_a_save_that_was_undone_since_is_answered_as_it_was(house: House) -> None:
    first = save(house, idempotency_key="k")
    house.commands.handle(c.RemoveRoutine(routine_id=first.id, **WHO))
    assert save(house, idempotency_key="k").id == first.id


def test_the_same_key_saves_once(house: House) -> None:
    first = save(house, idempotency_key="k")
    again = save(house, idempotency_key="k")
    assert (again.id, again.version, house.log.size()) == (first.id, None, 1)
    with pytest.raises(IdempotencyMismatchError):
        save(house, name="other", idempotency_key="k")


def test_a_twin_that_saved_meanwhile_is_the_one(house: House) -> None:
    first: list[c.Done] = []
    house.log.before_save = lambda: first.append(save(house, idempotency_key="k"))
    second = save(house, idempotency_key="k")
    assert (second.id, second.version) == (first[0].id, None)


def test_a_change_leaves_what_it_does_not_name(house: House) -> None:
    routine = save(house, model="m", think=True, options={"seed": 1}, instructions="i").id
    change(house, routine, prompt="New {{lang=en}}")
    changed = house.last(r.RoutineChanged)
    assert (changed.prompt, changed.model, changed.think) == ("New {{lang=en}}", "m", True)
    assert (changed.options, changed.instructions, changed.name) == ({"seed": 1}, "i", "translate")
    change(house, routine, model="", think="", options={}, instructions="", name="say")
    changed = house.last(r.RoutineChanged)
    assert (changed.model, changed.think, changed.options, changed.instructions) == (None, None, {}, "")
    assert (changed.name, changed.version) == ("say", 3)


def test_saying_the_same_again_is_no_new_version(house: House) -> None:
    routine = save(house, model="m").id
    done = change(house, routine, model="m", prompt="Say it in {{lang}}.", name="translate")
    assert (done.version, house.log.size()) == (1, 1)


def test_a_change_means_the_same_on_a_newer_version(house: House) -> None:
    routine = save(house).id
    house.log.before_save = lambda: change(house, routine, description="d") and None
    assert change(house, routine, model="m").version == 3
    assert house.last(r.RoutineChanged).description == "d"
    with pytest.raises(ChangedMeanwhileError):
        change(house, routine, model="x", expected_version=2)


def test_a_removed_or_erased_routine_is_neither_changed_nor_run(house: House) -> None:
    routine = save(house).id
    house.commands.handle(c.RemoveRoutine(routine_id=routine, **WHO))
    for act in (lambda: change(house, routine, model="m"), lambda: run(house, routine)):
        with pytest.raises(RefusedError, match="was removed"):
            act()
    done = house.commands.handle(c.EraseRoutine(routine_id=routine, **WHO))
    assert (done.version, house.log.erased) == (3, {routine: "ada"})
    with pytest.raises(ContentErasedError, match="was erased"):
        run(house, routine)
    with pytest.raises(ContentErasedError):
        house.commands.handle(c.EraseRoutine(routine_id=routine, **WHO))


def test_erasing_under_the_same_key_is_done_once(house: House) -> None:
    routine = save(house).id
    command = c.EraseRoutine(routine_id=routine, idempotency_key="k", **WHO)
    first = house.commands.handle(command)
    assert house.commands.handle(command).log_size == first.log_size
    assert house.happened(routine) == [r.RoutineSaved, r.RoutineErased]


def test_a_run_is_a_conversation_that_knows_its_routine(house: House) -> None:
    routine = save(house, prompt="{{lang}}, {{tone=kind}}: {{input}}", instructions="In {{lang}}.").id
    asked = run(house, routine, input="Hello")
    assert house.happened(asked.conversation_id) == [
        e.ConversationStarted,
        e.PromptAdded,
        e.RoutineRun,
        e.AnswerStarted,
    ]
    made = house.last(e.RoutineRun)
    assert (made.message_id, made.routine_id, made.routine_version) == (asked.prompt_id, routine, 1)
    assert made.variables == {"lang": "French", "tone": "kind"}
    assert sent(asked) == [ChatMessage("system", "In French."), ChatMessage("user", "French, kind: Hello")]


def test_a_run_is_of_the_newest_version_or_of_one_that_is_named(house: House) -> None:
    routine = save(house).id
    change(house, routine, prompt="Once more in {{lang}}.")
    assert sent(run(house, routine))[-1].content == "Once more in French."
    assert sent(run(house, routine, version=1))[-1].content == "Say it in French."
    assert house.last(e.RoutineRun).routine_version == 1
    with pytest.raises(NotFoundError, match="no version 7"):
        run(house, routine, version=7)


def test_a_run_is_answered_as_the_routine_says_unless_it_says_otherwise(house: House) -> None:
    project = house.project(default_model="p", instructions="Of the project.")
    routine = save(house, model="m", options={"seed": 1, "top_k": 2}, think=False).id
    run(house, routine, project_id=project)
    started = house.last(e.AnswerStarted)
    assert (started.model, started.think) == ("m", False)
    assert started.options == {"seed": 1, "top_k": 2, "num_ctx": 8192}
    assert started.instructions_project_id == project
    asked = run(house, routine, model="x", options={"seed": 9}, think=True)
    started = house.last(e.AnswerStarted)
    assert (asked.model, started.think) == ("x", True)
    assert started.options == {"seed": 9, "top_k": 2, "num_ctx": 8192}
    other = save(house, name="plain").id
    assert run(house, other, project_id=project).model == "p"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"variables": {}}, "needs a value for lang"),
        ({"variables": {"lang": "x", "no": "y"}}, "has no variable no"),
        ({"variables": {"lang": "a\0"}}, "value of lang holds a NUL"),
        ({"input": "\ud800"}, "input is not valid"),
        ({"options": {"a": object()}}, "options cannot be sent"),
        ({"variables": {"lang": "x" * 2_000_000}, "input": "y" * 200_000}, "asks too much"),
        ({"variables": {"lang": "é" * 1_500_000}}, "too large"),
    ],
)
def test_nothing_is_recorded_of_a_run_that_is_refused(
    house: House, values: dict[str, Any], words: str
) -> None:
    routine = save(house).id
    with pytest.raises(InvalidInputError, match=words):
        run(house, routine, **values)
    assert house.log.size() == 1


def test_a_prompt_that_comes_to_nothing_is_refused(house: House) -> None:
    routine = save(house, prompt="{{lang}}").id
    with pytest.raises(InvalidInputError, match="routine translate makes of this is empty"):
        run(house, routine, variables={"lang": " "})


def test_a_run_needs_a_routine_and_an_open_project(house: House) -> None:
    with pytest.raises(NotFoundError):
        run(house, new_id())
    project = house.project()
    house.commands.handle(c.ArchiveProject(project_id=project, **WHO))
    with pytest.raises(RefusedError, match="archived"):
        run(house, save(house).id, project_id=project)


def test_the_same_key_runs_once(house: House) -> None:
    routine = save(house).id
    first = run(house, routine, idempotency_key="k")
    change(house, routine, prompt="Other {{lang}}")
    again = run(house, routine, idempotency_key="k")
    assert (again.answer_id, again.request) == (first.answer_id, None)


def test_routines_make_prompts_only(house: House) -> None:
    asked = house.ask()
    with pytest.raises(InvalidInputError, match="routines make prompts"):
        house.change(
            asked.conversation_id,
            lambda x: x.note_routine(asked.answer_id, routine_id=new_id(), routine_version=1, variables={}),
        )


def test_an_erasure_that_others_are_in_the_way_of_is_tried_again(house: House) -> None:
    routine = save(house).id
    house.log.failures.append(WrongVersionError("Somebody was faster."))
    assert house.commands.handle(c.EraseRoutine(routine_id=routine, **WHO)).version == 2
